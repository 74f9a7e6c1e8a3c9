//! What a tenant notes on a connection: tags, by which it finds it again, and metadata.

use std::collections::BTreeMap;

use api_types::event::EventKind;
use domain::{connect::EndUser, reach::check_tags};
use ids::ConnectionId;
use serde_json::{Map, Value, json};
use store::{ConnectionRow, StoreError};

use crate::{Ctx, audit, event};

/// The most that metadata may weigh, in bytes of its JSON text.
const MOST_METADATA: usize = 16 * 1024;

/// A change of a whole: put in its place, or merged into it.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<T> {
    /// What was there is gone.
    Replace(T),
    /// As RFC 7396 has it: what is null is taken away, the rest is put beside what is there.
    Merge(Map<String, Value>),
}

/// What to change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ConnectionChanges {
    /// What the tenant calls the end user.
    pub end_user_name: Option<String>,
    /// Labels.
    pub tags: Option<Change<BTreeMap<String, String>>>,
    /// The tenant's own notes.
    pub metadata: Option<Change<Map<String, Value>>>,
}

/// Why a connection was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// A field is not what it must be.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// No such connection in this environment.
    #[error("there is no such connection")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for UpdateError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// Changes what the tenant notes on a connection. Its credential and its health are not touched.
///
/// # Errors
/// [`UpdateError`].
pub async fn update(ctx: Ctx<'_>, id: ConnectionId, changes: ConnectionChanges) -> Result<(), UpdateError> {
    let services = ctx.services;
    let mut tx = services.store.begin(ctx.scope).await?;
    let mut row = tx.connections().lock(id).await?;
    let changed = apply(&mut row, changes)?;
    if changed.is_empty() {
        return Ok(tx.commit().await?);
    }
    if let Some(reach) = services.store.reach() {
        reach.check_tags(&row.tags).map_err(|outside| UpdateError::Field("tags", outside.to_string()))?;
    }
    row.updated_at = services.now();
    tx.connections().update(&row).await?;
    let data = json!({
        "connection_id": id,
        "integration_id": row.integration,
        "end_user_id": row.end_user.id,
        "changed": changed,
    });
    event::emit(&mut tx, services, EventKind::ConnectionUpdated, Some(id), data).await?;
    tx.audit(audit::row(services, ctx.actor, "connection.updated", id, json!({ "changed": changed }))).await?;
    tx.commit().await?;
    services.connections.forget(id);
    Ok(())
}

/// Changes the row; gives the names of what is not as it was.
fn apply(row: &mut ConnectionRow, changes: ConnectionChanges) -> Result<Vec<&'static str>, UpdateError> {
    let mut changed = Vec::new();
    if let Some(name) = changes.end_user_name {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 255 || name.contains(char::is_control) {
            return Err(UpdateError::Field("end_user_name", "write 1 to 255 printable characters".into()));
        }
        if row.end_user.name.as_deref() != Some(name) {
            row.end_user = EndUser { id: row.end_user.id.clone(), name: Some(name.to_owned()) };
            changed.push("end_user_name");
        }
    }
    if let Some(change) = changes.tags {
        let tags = tags(&row.tags, change)?;
        if tags != row.tags {
            row.tags = tags;
            changed.push("tags");
        }
    }
    if let Some(change) = changes.metadata {
        let metadata = match change {
            Change::Replace(all) => Value::Object(all),
            Change::Merge(patch) => {
                let mut metadata = row.metadata.clone();
                merge(&mut metadata, Value::Object(patch));
                metadata
            }
        };
        if metadata.to_string().len() > MOST_METADATA {
            return Err(UpdateError::Field("metadata", format!("may have {MOST_METADATA} bytes of JSON at most")));
        }
        if metadata != row.metadata {
            row.metadata = metadata;
            changed.push("metadata");
        }
    }
    Ok(changed)
}

fn tags(
    before: &BTreeMap<String, String>,
    change: Change<BTreeMap<String, String>>,
) -> Result<BTreeMap<String, String>, UpdateError> {
    let tags = match change {
        Change::Replace(all) => all,
        Change::Merge(patch) => {
            let mut tags = before.clone();
            for (name, value) in patch {
                match value {
                    Value::Null => {
                        tags.remove(&name);
                    }
                    Value::String(value) => {
                        tags.insert(name, value);
                    }
                    _ => return Err(UpdateError::Field("tags_merge", format!("`{name}` must be a text or null"))),
                }
            }
            tags
        }
    };
    check_tags(&tags).map_err(|rule| UpdateError::Field("tags", rule.into()))?;
    Ok(tags)
}

/// RFC 7396 section 2.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_9_metadata_is_merged_as_the_rfc_has_it() {
        // RFC 7396 appendix A, the cases whose target is an object.
        for (before, patch, after) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut target = before.clone();
            merge(&mut target, patch.clone());
            assert_eq!(target, after, "{before} with {patch}");
        }
    }
}
