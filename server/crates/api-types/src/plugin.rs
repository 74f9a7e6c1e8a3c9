//! Plugins that are pushed to an environment: signed versions, who may sign them, and which is in force.

use chrono::{DateTime, Utc};
use ids::PluginKeyId;

crate::api! {
/// A key whose signatures this environment trusts on plugins.
pub struct PluginKey {
    /// Its id.
    pub id: PluginKeyId,
    /// What you call it.
    pub name: String,
    /// The public key: `ed25519:` and base64 of its 32 bytes.
    pub public_key: String,
    /// A short name by which people compare keys.
    pub fingerprint: String,
    /// Who registered it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Since when nothing that it signed is taken any more.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key to trust.
pub struct CreatePluginKey {
    /// What to call it: whose it is, or where it lies.
    pub name: String,
    /// The public key as `patchbay plugin keygen` prints it: `ed25519:` and base64 of its 32 bytes.
    pub public_key: String,
}

/// A key that was revoked.
pub struct RevokedPluginKey {
    /// The key.
    pub key: PluginKey,
    /// Versions that it signed and that are in force: they stay until you pin others.
    pub still_pinned: Vec<PinnedVersion>,
}

/// A version of a plugin that is in force.
#[derive(Eq)]
pub struct PinnedVersion {
    /// The plugin: the provider's slug.
    pub plugin: String,
    /// Its version.
    pub version: String,
}

/// A plugin that was pushed.
pub struct Plugin {
    /// The provider's slug.
    pub slug: String,
    /// The version in force, if any is pinned.
    pub pinned: Option<String>,
    /// The highest version that was pushed and not withdrawn.
    pub newest: Option<String>,
    /// How many versions there are, withdrawn ones too.
    pub versions: u32,
}

/// Where a version stands.
#[derive(Copy, Eq)]
#[serde(rename_all = "snake_case")]
pub enum PluginVersionState {
    /// It can be pinned.
    Ready,
    /// It asks for more than the version before: approve it, then it can be pinned.
    NeedsApproval,
    /// Its component was removed; its number stays taken.
    Withdrawn,
}

/// A version of a plugin. It never changes.
pub struct PluginVersion {
    /// The plugin: the provider's slug.
    pub plugin: String,
    /// Its number, by Semantic Versioning.
    pub version: String,
    /// Where it stands.
    pub state: PluginVersionState,
    /// Whether it is in force.
    pub is_pinned: bool,
    /// What it asks for beyond the version before. See `state`.
    pub asks: Vec<PluginAsk>,
    /// The version of the contract that the component speaks.
    pub abi: String,
    /// SHA-256 of the component, hexadecimal.
    pub component_sha256: String,
    /// The component's size in bytes.
    pub component_bytes: u64,
    /// The public key that signed it.
    pub signed_by: String,
    /// The signature, base64.
    pub signature: String,
    /// Who pushed it.
    pub author: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who approved what it asks for.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// The manifest, TOML; only where one version is asked for.
    pub manifest: Option<String>,
}

/// Something that a version asks for beyond the version before.
#[derive(Eq)]
pub struct PluginAsk {
    /// What kind of thing.
    pub kind: PluginAskKind,
    /// Which.
    pub what: String,
}

/// Kinds of things that a version may ask for.
#[derive(Copy, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum PluginAskKind {
    /// Another host is asked, and may be given the credential.
    Host,
    /// The provider is asked for another scope, or for more by a parameter of its own.
    Scope,
    /// Accounts are connected or told apart in another way.
    Auth,
    /// The credential is fetched, goes along with requests or is revoked in another way, or something else is taken for the
    /// provider's own webhooks.
    Credential,
    /// Integrations or end users have to fill something in that they did not have to before.
    Variable,
    /// Another action can be called, or one takes another input or is repeated in doubt.
    Action,
    /// A stream is gone: its syncs fail from then on, their records stay.
    StreamRemoved,
    /// A stream is pulled in full from now on: records that a run does not see are deleted.
    StreamFull,
}

/// A version to put in force.
pub struct PinPlugin {
    /// Its number.
    pub version: String,
    /// The version that is replaced. If another is in force by now, nothing is changed; absent replaces any.
    #[serde(default)]
    pub expected_version: Option<String>,
}

/// Back to an earlier version.
pub struct RollbackPlugin {
    /// Which; the one that was in force before the present one if absent.
    #[serde(default)]
    pub to: Option<String>,
}

/// What is in force.
pub struct PluginPin {
    /// The plugin: the provider's slug.
    pub plugin: String,
    /// The version in force.
    pub version: String,
    /// The version that was in force until then.
    pub replaced: Option<String>,
    /// Who decided that.
    pub pinned_by: String,
    /// Since when.
    pub pinned_at: DateTime<Utc>,
}
}
