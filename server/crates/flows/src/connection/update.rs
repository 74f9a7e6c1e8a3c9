//! What a tenant notes on a connection: tags, by which it finds it again, and metadata.

use std::collections::BTreeMap;

use api_types::event::EventKind;
use domain::{connect::EndUser, reach::check_tags};
use ids::ConnectionId;
use serde_json::{Map, Value, json};
use store::{ConnectionRow, StoreError};

use crate::{Ctx, Services, audit, event};

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
    let changes = changes.checked()?;
    let mut tx = services.store.begin(ctx.scope).await?;
    let mut row = tx.connections().lock(id).await?;
    let changed = apply(services, &mut row, &changes)?;
    if changed.is_empty() {
        return Ok(tx.commit().await?);
    }
    tx.connections().update(&row).await?;
    let data = told(&row, &changed);
    event::emit(&mut tx, services, EventKind::ConnectionUpdated, Some(id), data).await?;
    tx.audit(audit::row(services, ctx.actor, "connection.updated", id, json!({ "changed": changed }))).await?;
    tx.commit().await?;
    services.connections.forget(id);
    Ok(())
}

/// What the event says of a connection that was changed.
pub(super) fn told(row: &ConnectionRow, changed: &[&'static str]) -> Value {
    json!({
        "connection_id": row.id,
        "integration_id": row.integration,
        "end_user_id": row.end_user.id,
        "changed": changed,
    })
}

impl ConnectionChanges {
    /// The same, checked as far as it is the same for every connection.
    ///
    /// # Errors
    /// [`UpdateError::Field`].
    pub(super) fn checked(mut self) -> Result<Self, UpdateError> {
        if let Some(name) = &mut self.end_user_name {
            let trimmed = name.trim();
            if trimmed.is_empty() || trimmed.chars().count() > 255 || trimmed.contains(char::is_control) {
                return Err(UpdateError::Field("end_user_name", "write 1 to 255 printable characters".into()));
            }
            *name = trimmed.to_owned();
        }
        match &self.tags {
            Some(Change::Replace(all)) => check(all)?,
            Some(Change::Merge(patch)) => {
                if let Some((name, _)) = patch.iter().find(|(_, value)| !value.is_string() && !value.is_null()) {
                    return Err(UpdateError::Field("tags_merge", format!("`{name}` must be a text or null")));
                }
            }
            None => {}
        }
        if let Some(Change::Replace(all)) = &self.metadata {
            weigh(&Value::Object(all.clone()))?;
        }
        Ok(self)
    }
}

/// Changes the row, if it stays within its bounds and within the reach of who asks; gives the names of what is not as it
/// was.
///
/// # Errors
/// [`UpdateError::Field`]; the row is not to be used any more.
pub(super) fn apply(
    services: &Services,
    row: &mut ConnectionRow,
    changes: &ConnectionChanges,
) -> Result<Vec<&'static str>, UpdateError> {
    let mut changed = Vec::new();
    if let Some(name) = &changes.end_user_name
        && row.end_user.name.as_ref() != Some(name)
    {
        row.end_user = EndUser { id: row.end_user.id.clone(), name: Some(name.clone()) };
        changed.push("end_user_name");
    }
    if let Some(change) = &changes.tags {
        let tags = tags(&row.tags, change);
        check(&tags)?;
        if tags != row.tags {
            row.tags = tags;
            changed.push("tags");
        }
    }
    if let Some(change) = &changes.metadata {
        let metadata = match change {
            Change::Replace(all) => Value::Object(all.clone()),
            Change::Merge(patch) => {
                let mut metadata = row.metadata.clone();
                merge(&mut metadata, Value::Object(patch.clone()));
                weigh(&metadata)?;
                metadata
            }
        };
        if metadata != row.metadata {
            row.metadata = metadata;
            changed.push("metadata");
        }
    }
    if changed.is_empty() {
        return Ok(changed);
    }
    if let Some(reach) = services.store.reach() {
        reach.check_tags(&row.tags).map_err(|outside| UpdateError::Field("tags", outside.to_string()))?;
    }
    row.updated_at = services.now();
    Ok(changed)
}

fn check(tags: &BTreeMap<String, String>) -> Result<(), UpdateError> {
    check_tags(tags).map_err(|rule| UpdateError::Field("tags", rule.into()))
}

fn weigh(metadata: &Value) -> Result<(), UpdateError> {
    if metadata.to_string().len() > MOST_METADATA {
        return Err(UpdateError::Field("metadata", format!("may have {MOST_METADATA} bytes of JSON at most")));
    }
    Ok(())
}

fn tags(before: &BTreeMap<String, String>, change: &Change<BTreeMap<String, String>>) -> BTreeMap<String, String> {
    match change {
        Change::Replace(all) => all.clone(),
        Change::Merge(patch) => {
            let mut tags = before.clone();
            for (name, value) in patch {
                match value {
                    Value::String(value) => tags.insert(name.clone(), value.clone()),
                    _ => tags.remove(name),
                };
            }
            tags
        }
    }
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
