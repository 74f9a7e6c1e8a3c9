//! States with their words and colours.

use api_types::connection::{HealthState, RevocationState};
use api_types::event::{DeliveryState, EventKind};
use api_types::sync::RunState;
use web_components::Tone;

/// Every health, in the order in which they matter to someone who looks.
pub const HEALTHS: [HealthState; 6] = [
    HealthState::Active,
    HealthState::NeedsReauth,
    HealthState::Paused,
    HealthState::Pending,
    HealthState::Revoked,
    HealthState::Deleting,
];

/// Every state of a delivery.
pub const DELIVERIES: [DeliveryState; 3] = [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Parked];

/// Every event that an endpoint can be told of.
pub const EVENTS: [EventKind; 12] = [
    EventKind::ConnectionCreated,
    EventKind::ConnectionRecovered,
    EventKind::ConnectionNeedsReauth,
    EventKind::ConnectionUpdated,
    EventKind::ConnectionDeleted,
    EventKind::ConnectionRevoked,
    EventKind::ConnectionRevocationFinished,
    EventKind::ActionFinished,
    EventKind::ConnectInstallArrived,
    EventKind::SyncSucceeded,
    EventKind::SyncFailed,
    EventKind::WebhookReceived,
];

/// Every scope that a member can give a key. Reading credentials is not among them: members cannot do it themselves, and
/// nobody gives what they do not have.
pub const SCOPES: [&str; 16] = [
    "integrations:read",
    "integrations:write",
    "connect:read",
    "connect:write",
    "connections:read",
    "connections:write",
    "syncs:read",
    "syncs:write",
    "records:read",
    "actions:read",
    "actions:run",
    "proxy",
    "events:read",
    "events:write",
    "keys:read",
    "keys:write",
];

/// Those of the scopes that a key may have which reaches a part of the environment alone; `integrations_alone`: whether it
/// is bound to integrations and to nothing else.
#[must_use]
pub fn scopes_within(integrations_alone: bool) -> Vec<&'static str> {
    let fits = |scope: &&str| {
        let is_wide = scope.starts_with("events:") || scope.starts_with("keys:");
        !is_wide && (integrations_alone || *scope != "integrations:write")
    };
    SCOPES.into_iter().filter(fits).collect()
}

/// What a key may do, in words. `is_bound`: whether it reaches a part of the environment alone.
#[must_use]
pub fn scopes(scopes: &[String], is_bound: bool) -> String {
    let has = |scope: &str| scopes.iter().any(|s| s == scope);
    let has_all_within = || {
        let all = scopes_within(has("integrations:write"));
        scopes.len() == all.len() && all.into_iter().all(has)
    };
    if has("*") {
        crate::text::KEY_EVERYTHING.to_owned()
    } else if (SCOPES.iter().all(|scope| has(scope)) && !has("credentials:read")) || (is_bound && has_all_within()) {
        crate::text::KEY_MOST.to_owned()
    } else {
        scopes.join(", ")
    }
}

/// How a person reads a health.
#[must_use]
pub const fn health(state: HealthState) -> (Tone, &'static str) {
    match state {
        HealthState::Pending => (Tone::Busy, "Pending"),
        HealthState::Active => (Tone::Good, "Active"),
        HealthState::NeedsReauth => (Tone::Bad, "Must reconnect"),
        HealthState::Paused => (Tone::Warn, "Paused"),
        HealthState::Revoked => (Tone::Plain, "Revoked"),
        HealthState::Deleting => (Tone::Plain, "Deleting"),
    }
}

/// How a person reads where a revocation stands.
#[must_use]
pub const fn revocation(state: RevocationState) -> (Tone, &'static str) {
    match state {
        RevocationState::Pending => (Tone::Busy, "Being revoked"),
        RevocationState::Revoked => (Tone::Good, "Revoked"),
        RevocationState::Unsupported => (Tone::Warn, "Cannot be revoked there"),
        RevocationState::Nothing => (Tone::Plain, "Nothing to revoke"),
        RevocationState::Failed => (Tone::Bad, "Not revoked"),
    }
}

/// How a person reads a run's state.
#[must_use]
pub const fn run(state: RunState) -> (Tone, &'static str) {
    match state {
        RunState::Running => (Tone::Busy, "Running"),
        RunState::Succeeded => (Tone::Good, "Succeeded"),
        RunState::Failed => (Tone::Bad, "Failed"),
        RunState::Cancelled => (Tone::Plain, "Cancelled"),
    }
}

/// How the API spells a delivery's state.
#[must_use]
pub const fn delivery_key(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "pending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Parked => "parked",
    }
}

/// How a person reads a delivery's state.
#[must_use]
pub const fn delivery(state: DeliveryState) -> (Tone, &'static str) {
    match state {
        DeliveryState::Pending => (Tone::Busy, "Being tried"),
        DeliveryState::Delivered => (Tone::Good, "Delivered"),
        DeliveryState::Parked => (Tone::Bad, "Given up"),
    }
}

/// How the API spells an event.
#[must_use]
pub const fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::ConnectionCreated => "connection.created",
        EventKind::ConnectionRecovered => "connection.recovered",
        EventKind::ConnectionNeedsReauth => "connection.needs_reauth",
        EventKind::ConnectionUpdated => "connection.updated",
        EventKind::ConnectionDeleted => "connection.deleted",
        EventKind::ConnectionRevoked => "connection.revoked",
        EventKind::ConnectionRevocationFinished => "connection.revocation_finished",
        EventKind::ActionFinished => "action.finished",
        EventKind::ConnectInstallArrived => "connect.install_arrived",
        EventKind::SyncSucceeded => "sync.succeeded",
        EventKind::SyncFailed => "sync.failed",
        EventKind::WebhookReceived => "webhook.received",
        EventKind::EndpointTest => "endpoint.test",
    }
}

/// The colour of a log line.
#[must_use]
pub fn level(level: &str) -> Tone {
    match level {
        "error" => Tone::Bad,
        "warn" => Tone::Warn,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(value: impl serde::Serialize) -> String {
        serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn a_bound_key_is_offered_nothing_that_concerns_the_whole_environment() {
        assert_eq!(scopes_within(true).len(), 12);
        assert!(scopes_within(true).contains(&"integrations:write"));
        assert!(!scopes_within(false).contains(&"integrations:write") && scopes_within(false).contains(&"proxy"));
    }

    #[test]
    fn a_keys_scopes_are_told_in_words_only_if_they_are_exactly_those() {
        let all: Vec<String> = SCOPES.iter().map(|s| (*s).to_owned()).collect();
        assert_eq!(scopes(&["*".to_owned()], false), crate::text::KEY_EVERYTHING);
        assert_eq!(scopes(&all, false), crate::text::KEY_MOST);
        assert_eq!(scopes(&all[..2], false), "integrations:read, integrations:write");
        // Within a reach there is less to give, and all of that is most again.
        for by_integration in [true, false] {
            let most: Vec<String> = scopes_within(by_integration).into_iter().map(str::to_owned).collect();
            assert_eq!(scopes(&most, true), crate::text::KEY_MOST);
            assert_ne!(scopes(&most, false), crate::text::KEY_MOST);
            assert_ne!(scopes(&most[1..], true), crate::text::KEY_MOST);
        }
        assert_ne!(scopes(&[all, vec!["credentials:read".to_owned()]].concat(), false), crate::text::KEY_MOST);
    }

    #[test]
    fn states_are_spelled_as_the_api_spells_them() {
        for state in HEALTHS {
            assert_eq!(spelled(state), state.as_str());
        }
        for state in DELIVERIES {
            assert_eq!(spelled(state), delivery_key(state));
        }
        for kind in EVENTS.into_iter().chain([EventKind::EndpointTest]) {
            assert_eq!(spelled(kind), event(kind));
        }
    }
}
