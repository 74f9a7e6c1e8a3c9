//! A connection is taken away and brought back: exported to a key of the tenant's own, decrypted as the tenant would, and
//! imported again. Of every way in a few.

use std::{
    collections::BTreeMap,
    io::Read as _,
    sync::{Mutex, PoisonError},
};

use flows::{
    Ctx,
    connection::{self, Format, Rows},
    credentials,
};
use futures_util::StreamExt as _;
use ids::ConnectionId;

use super::walk::Walk;

/// Entries of each mode that go this way.
const OF_EACH: u32 = 3;

impl Walk<'_> {
    /// After a round trip the same secrets are there, and the provider takes them.
    pub(super) async fn moved(&self, ctx: Ctx<'_>, id: ConnectionId) -> Result<(), String> {
        static MOVED: Mutex<BTreeMap<&'static str, u32>> = Mutex::new(BTreeMap::new());
        let (mode, slug, is_direct) = self.provider(|provider| {
            let manifest = &provider.script.manifest;
            (manifest.auth.mode(), manifest.slug.clone(), flows::connect::is_direct(&manifest.auth))
        });
        let is_one_more = {
            let mut moved = MOVED.lock().unwrap_or_else(PoisonError::into_inner);
            let count = moved.entry(mode).or_default();
            *count += 1;
            *count <= OF_EACH || slug.starts_with("sim-")
        };
        if !is_one_more {
            return Ok(());
        }
        let before = credentials::fresh(ctx, id).await.map_err(|error| format!("before the export: {error}"))?;
        let key = age::x25519::Identity::generate();
        let integration = self.integration.to_string();
        let export = connection::export(ctx, &key.to_public().to_string(), Some(&integration)).await;
        let mut export = std::pin::pin!(export.map_err(|error| format!("the export: {error}"))?);
        let mut sealed = Vec::new();
        while let Some(bytes) = export.next().await {
            sealed.extend_from_slice(&bytes.map_err(|error| format!("the export: {error}"))?);
        }
        let mut plain = Vec::new();
        let decryptor = age::Decryptor::new(&sealed[..]).map_err(|error| error.to_string())?;
        let reader = decryptor.decrypt(std::iter::once(&key as &dyn age::Identity)).map_err(|error| error.to_string());
        reader?.read_to_end(&mut plain).map_err(|error| format!("the export is not whole: {error}"))?;
        for secret in before.material.fields.values().chain(before.material.tokens.iter().map(|t| &t.access_token)) {
            let secret = secret.expose().as_bytes();
            if secret.len() > 7 && sealed.windows(secret.len()).any(|window| window == secret) {
                return Err("the export is not encrypted".into());
            }
        }
        let rows: Vec<_> = Rows::of(Format::JsonLines, &plain[..]).unwrap().map(Result::unwrap).collect();
        let [row] = &rows[..] else { return Err(format!("{} rows were exported", rows.len())) };
        let said = row.said.as_ref().map_err(|wrong| format!("the export is no row: {wrong:?}"))?;
        if said.external_id != Some(id.to_string()) {
            return Err(format!("the row is of {:?}", said.external_id));
        }
        let mut import = said.import.clone();
        import.integration = integration;
        import.connection = Some(id);
        let back = connection::import(ctx, import).await.map_err(|error| format!("the import: {error:?}"))?;
        let after = credentials::fresh(ctx, back).await.map_err(|error| format!("after the import: {error}"))?;
        let is_stored = before.generation > 0;
        if (is_stored && after.generation == before.generation) || after.material.fields != before.material.fields {
            return Err("the import brought other fields".into());
        }
        if !is_direct && after.material.tokens != before.material.tokens {
            return Err("the import brought other tokens".into());
        }
        self.first_call(ctx, back).await.map_err(|error| format!("after the import: {error}"))
    }
}
