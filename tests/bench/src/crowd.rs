//! A hundred thousand connections, each with a credential of its own that is sealed as the server seals it.

use std::{iter, path::PathBuf, str::FromStr as _, sync::Arc, time::SystemTime};

use chrono::{DateTime, Utc};
use domain::{Scope, clock::Clock, entropy::Entropy};
use ids::{ConnectionId, DataKeyId, EnvironmentId, TenantId};
use serde_json::Value;
use uuid::Uuid;
use vault::{DataKeyRecord, FileKeyring, Place, Sealed, Sealer, WrappedKey, file_keyring::OnMissing};

use crate::{
    Outcome,
    figures::thousands,
    load::{Load, SECONDS},
    places,
    resident::memory,
    stack::{Stack, announce},
    table::Table,
    tenant::Tenant,
};

/// Connections, the first one aside.
pub const CONNECTIONS: u32 = 100_000;
/// How many of them are read.
const READ: usize = 10_000;

/// Adds its row.
pub fn measure(stack: &mut Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("100,000 connections …");
    let rows = add(stack, tenant, CONNECTIONS, &[])?;
    // A server that has been up for long would count in what it did before.
    stack.start_server()?;
    let every = (rows.len() / READ).max(1);
    let read: Vec<Uuid> = rows.into_iter().step_by(every).collect();
    let script = reading(stack, &read)?;
    let load = Load {
        url: stack.origin.clone(),
        headers: vec![tenant.header()],
        connections: 32,
        seconds: SECONDS,
        script: Some(&script),
    };
    load.run()?;
    let what = format!("resident memory, {} connections, {} of them read", thousands(CONNECTIONS.into()), read.len());
    table.add(memory(what, stack.server()?.resident()?, 100.0));
    Ok(())
}

/// Adds so many connections as copies of the one that was made, with ids and credentials of their own. They have no syncs.
/// Each has the same token set as the first one, but for as many of them as there are token sets `minted`.
pub fn add(stack: &Stack<'_>, tenant: &Tenant, count: u32, minted: &[Value]) -> Outcome<Vec<Uuid>> {
    let first = ConnectionId::from_str(&tenant.connection).map_err(|error| error.to_string())?.uuid();
    let columns = "c.connection_id, c.tenant_id, c.environment_id, k.data_key_id, k.wrapped, encode(c.sealed, 'hex')";
    let line = stack.sql(&format!(
        "SELECT {columns} FROM credentials c JOIN data_keys k USING (environment_id) \
         WHERE k.retired_at IS NULL AND c.connection_id = '{first}'"
    ))?;
    let copied = First::parse(&line).ok_or_else(|| format!("the credential is not as expected: {line}"))?;
    let listed = stack.sql(&format!(
        "INSERT INTO connections SELECT (jsonb_populate_record(c, jsonb_build_object('connection_id', gen_random_uuid(), \
         'end_user_id', 'user-' || gen_random_uuid()))).* FROM connections c, generate_series(1, {count}) n \
         WHERE c.connection_id = '{first}' RETURNING connection_id"
    ))?;
    let rows: Vec<Uuid> = listed.lines().filter_map(|line| line.parse().ok()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let sealed = runtime.block_on(copied.sealed_for(stack, &rows, minted)).map_err(|error| error.to_string())?;
    stack.script(&format!(
        "CREATE TABLE bench_sealed (connection_id uuid, sealed bytea);\nCOPY bench_sealed FROM STDIN;\n{sealed}\\.\n\
         INSERT INTO credentials SELECT (jsonb_populate_record(c, jsonb_build_object('connection_id', s.connection_id, \
         'sealed', s.sealed::text))).* FROM credentials c, bench_sealed s WHERE c.connection_id = '{first}';\n\
         DROP TABLE bench_sealed;\nANALYZE;\n"
    ))?;
    Ok(rows)
}

/// Writes what has `wrk` read the credentials of these connections in turn.
pub fn reading(stack: &Stack<'_>, rows: &[Uuid]) -> Outcome<PathBuf> {
    let script = stack.places.folder.join("spread.lua");
    let list = rows.iter().map(|row| format!("\"{}\",\n", ConnectionId::from_uuid(*row))).collect::<String>();
    let lua = format!(
        "local ids = {{\n{list}}}\nlocal at = 0\nfunction request()\n  at = at % #ids + 1\n  \
         return wrk.format('GET', '/v1/connections/' .. ids[at] .. '/credential')\nend\n"
    );
    places::write(&script, &lua)?;
    Ok(script)
}

/// The credential that the others are copies of.
struct First {
    row: Uuid,
    scope: Scope,
    key: DataKeyRecord,
    sealed: Sealed,
}

impl First {
    fn parse(line: &str) -> Option<Self> {
        let mut columns = line.split('|');
        let row = columns.next()?.parse().ok()?;
        let tenant = TenantId::from_uuid(columns.next()?.parse().ok()?);
        let environment = EnvironmentId::from_uuid(columns.next()?.parse().ok()?);
        let id = DataKeyId::from_uuid(columns.next()?.parse().ok()?);
        let wrapped = WrappedKey::from_text(columns.next()?.to_owned());
        let sealed = Sealed::from_bytes(hex::decode(columns.next()?).ok()?).ok()?;
        Some(Self { row, scope: Scope { tenant, environment }, key: DataKeyRecord { id, wrapped }, sealed })
    }

    /// Lines for `COPY`: a row's id and its token set, sealed for that row.
    async fn sealed_for(&self, stack: &Stack<'_>, rows: &[Uuid], minted: &[Value]) -> Result<String, vault::KeyError> {
        let entropy: Arc<dyn Entropy> = Arc::new(Machine);
        let keys = FileKeyring::open(&stack.keyring, OnMissing::Refuse, Arc::clone(&entropy))?;
        let sealer = Sealer::new(Arc::new(keys), entropy, Arc::new(Machine));
        let opened = sealer.open(self.scope, &self.key, place(self.row), &self.sealed).await?;
        let mut lines = String::new();
        let own = minted.iter().map(|minted| with_tokens(&opened, minted)).chain(iter::repeat(opened.to_vec()));
        for (row, own) in rows.iter().zip(own) {
            let sealed = sealer.seal(self.scope, &self.key, place(*row), &own).await?;
            lines.push_str(&format!("{row}\t\\\\x{}\n", hex::encode(sealed.as_bytes())));
        }
        Ok(lines)
    }
}

/// What is sealed, with the tokens of another token response.
fn with_tokens(opened: &[u8], minted: &Value) -> Vec<u8> {
    let mut material: Value = serde_json::from_slice(opened).unwrap_or_default();
    for name in ["access_token", "refresh_token"] {
        if let (Some(token), Some(place)) = (minted.get(name), material.pointer_mut(&format!("/tokens/{name}"))) {
            place.clone_from(token);
        }
    }
    material.to_string().into_bytes()
}

/// Where the server puts credentials.
const fn place(row: Uuid) -> Place {
    Place { table: "credentials", column: "sealed", row }
}

/// The machine's clock and randomness.
pub struct Machine;

impl Clock for Machine {
    #[expect(clippy::disallowed_methods, reason = "there is no server here that would hand a clock in")]
    fn now(&self) -> DateTime<Utc> {
        SystemTime::now().into()
    }
}

impl Entropy for Machine {
    fn fill(&self, buffer: &mut [u8]) {
        if aws_lc_rs::rand::fill(buffer).is_err() {
            std::process::abort();
        }
    }
}
