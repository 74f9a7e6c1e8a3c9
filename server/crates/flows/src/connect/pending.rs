//! What an attempt keeps sealed until its end: what the mode needs, and the secrets that were typed in before the end user
//! left for the provider.

use std::borrow::Cow;

use auth::{Kept, Secrets, secrets_from_bytes, secrets_to_bytes};
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

/// Both, as texts.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    kept: Cow<'a, str>,
    #[serde(borrow)]
    fields: Cow<'a, str>,
}

/// Where it lies.
const fn place(id: AttemptId) -> Place {
    Place { table: "connect_attempts", column: "kept", row: id.uuid() }
}

impl Pending {
    /// Seals it for the attempt's row.
    pub(super) async fn seal(&self, ctx: Ctx<'_>, id: AttemptId) -> Result<Vec<u8>, SealError> {
        let (kept, fields) = (self.kept.to_bytes(), secrets_to_bytes(&self.fields));
        let written = Written { kept: String::from_utf8_lossy(&kept), fields: String::from_utf8_lossy(&fields) };
        let bytes = Zeroizing::new(serde_json::to_vec(&written).unwrap_or_default());
        Ok(seal(ctx, place(id), &bytes).await?.into_bytes())
    }

    /// Opens what the attempt's row holds. An attempt that has ended keeps nothing.
    pub(super) async fn open(ctx: Ctx<'_>, id: AttemptId, sealed: Option<&Vec<u8>>) -> Result<Self, SealError> {
        let Some(bytes) = sealed else { return Ok(Self::default()) };
        let sealed = Sealed::from_bytes(bytes.clone())?;
        let opened = open(ctx, place(id), &sealed).await?;
        // The seal says that we wrote it; what cannot be read all the same is as if nothing had been kept.
        let Ok(written) = serde_json::from_slice::<Written<'_>>(&opened) else { return Ok(Self::default()) };
        Ok(Self {
            kept: Kept::from_bytes(written.kept.as_bytes()).unwrap_or_default(),
            fields: secrets_from_bytes(written.fields.as_bytes()).unwrap_or_default(),
        })
    }
}
