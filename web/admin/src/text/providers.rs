//! Providers and their manifests.

words! {
    PROVIDERS_DETAIL = "Every API that can be connected in this environment.";
    DESCRIBE_PROVIDER = "Describe a provider";
    OURS = "Yours";
    ORIGIN = "Origin";
    ORIGIN_INSTALLED = "Installed on this server";
    ORIGIN_ENVIRONMENT = "Described for this environment";
    ORIGIN_PUSHED = "Pushed to this environment, as a plugin";
    AUTH_MODE = "How accounts are connected";
    CATEGORY = "Category";
    CLIENT = "OAuth client";
    CLIENT_WITH_SECRET = "Client id and secret";
    CLIENT_ID_ALONE = "Client id";
    CLIENT_MAY = "Client id and secret, if you have them";
    CLIENT_NONE = "Not needed";
    DEFAULT_SCOPES = "Scopes asked for";
    STREAMS = "What can be synced";
    YOU_FILL_IN = "You fill in once";
    USERS_FILL_IN = "Your users fill in";
    REDIRECT_URI_LATER = "Each integration has its own. It is shown as soon as you have added one; register it with the provider exactly so.";
    MANIFEST = "Manifest";
    VERSIONS = "Versions";
    VERSION_IN_FORCE = "in force";
    SHOW_VERSION = "Show";
    RESTORE = "Restore this version";
    RESTORED = "The version is in force again.";
    NOT_ACCEPTED = "This server no longer accepts this manifest";
    NOT_ACCEPTED_DETAIL = "Edit it: saving says what has to change.";
    EDIT_MANIFEST = "Edit manifest";
    NEW_MANIFEST = "Describe a provider";
    NEW_MANIFEST_DETAIL = "One TOML file says where the API is and how accounts are connected. It counts for this environment, at once, without a restart.";
    EDIT_MANIFEST_DETAIL = "Saving makes a new version, in force at once. Earlier versions stay and can be restored.";
    SCHEMA = "Schema";
    MANIFEST_REFUSED = "Not saved: the manifest has to be mended";
    MANIFEST_NO_SLUG = "Begin with a line such as slug = \"my-provider\": lower-case letters, digits and dashes.";
    SHOW_LINE = "Go to line";
    MANIFEST_SAVED = "Saved. It is in force now.";
    DELETE_PROVIDER = "Delete provider";
    DELETE_PROVIDER_DETAIL = "All its versions go. If a provider of the same name is installed on this server, that one counts again; otherwise it must not be in use.";
}

/// How accounts are connected.
#[must_use]
pub fn auth_mode(key: &str) -> &str {
    match key {
        "oauth2_code" => "Sign-in at the provider (OAuth 2)",
        "oauth2_client_credentials" => "Client credentials (OAuth 2)",
        "oauth2_device" => "Code entered at the provider (OAuth 2)",
        "oauth1" => "Sign-in at the provider (OAuth 1)",
        "key" => "Keys or passwords",
        "session" => "Sign-in on the user's behalf",
        "jwt" => "Signed tokens (JWT)",
        "app_installation" => "App installation",
        "mcp" => "MCP server",
        "none" => "Nothing to connect",
        other => other,
    }
}

/// What OAuth client an integration needs.
#[must_use]
pub fn client(need: Option<&str>) -> &'static str {
    match need {
        Some("with_secret") => CLIENT_WITH_SECRET,
        Some("id_alone") => CLIENT_ID_ALONE,
        Some(_) => CLIENT_MAY,
        None => CLIENT_NONE,
    }
}

/// A version by its number.
#[must_use]
pub fn version(n: i32) -> String {
    format!("Version {n}")
}

/// Where a manifest is wrong.
#[must_use]
pub fn line(n: usize) -> String {
    format!("Line {n}")
}
