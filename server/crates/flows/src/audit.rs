//! What is written into the audit log.

use ids::AuditId;
use serde_json::Value;
use store::NewAudit;

use crate::{Actor, Services};

/// A row for the audit log: who did what to which thing, now. `detail` never holds a secret.
pub(crate) fn row(
    services: &Services,
    actor: Actor,
    action: &'static str,
    subject: impl ToString,
    detail: Value,
) -> NewAudit {
    NewAudit {
        id: services.mint.id(AuditId::new),
        actor: actor.to_string(),
        action,
        subject: subject.to_string(),
        detail,
        at: services.now(),
    }
}
