//! What an attempt keeps sealed until its end: what the mode needs, and the secrets that were typed in before the end user
//! left for the provider.

use auth::{Kept, Secrets};
use ids::AttemptId;
use serde::{Deserialize, Serialize};
use vault::{Place, Sealed};
use zeroize::Zeroizing;

use crate::{
    Ctx,
    credentials::{SealError, open, seal},
};

/// What an attempt keeps.
#[derive(Default)]
pub(super) struct Pending {
    pub kept: Kept,
    pub fields: Secrets,
}

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    kept: std::borrow::Cow<'a, str>,
    fields: std::collections::BTreeMap<String, String>,
}

/// Where it lies.
const fn place(id: AttemptId) -> Place {
    Place { table: "connect_attempts", column: "kept", row: id.uuid() }
}

impl Pending {
    /// Seals it for the attempt's row.
    pub(super) async fn seal(&self, ctx: Ctx<'_>, id: AttemptId) -> Result<Vec<u8>, SealError> {
        let kept = self.kept.to_bytes();
        let kept = String::from_utf8_lossy(&kept);
        let fields = self.fields.iter().map(|(name, secret)| (name.clone(), secret.expose().to_owned())).collect();
        let bytes = Zeroizing::new(serde_json::to_vec(&Written { kept, fields }).unwrap_or_default());
        Ok(seal(ctx, place(id), &bytes).await?.into_bytes())
    }

    /// Opens what the attempt's row holds. An attempt that has ended keeps nothing.
    pub(super) async fn open(ctx: Ctx<'_>, id: AttemptId, sealed: Option<&Vec<u8>>) -> Result<Self, SealError> {
        let Some(bytes) = sealed else { return Ok(Self::default()) };
        let sealed = Sealed::from_bytes(bytes.clone())?;
        let opened = open(ctx, place(id), &sealed).await?;
        // The seal says that we wrote it; what cannot be read all the same is as if nothing had been kept.
        let Ok(written) = serde_json::from_slice::<Written<'_>>(&opened) else { return Ok(Self::default()) };
        let fields = written.fields.into_iter().map(|(name, text)| (name, domain::secret::Secret::new(text))).collect();
        Ok(Self { kept: Kept::from_bytes(written.kept.as_bytes()).unwrap_or_default(), fields })
    }
}
