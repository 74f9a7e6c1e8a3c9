//! Providers' limits, shared by all nodes: the book of what has been handed out lately (`domain::budget`), one row for each
//! limit, locked while somebody is handed calls. And what nodes tell each other of providers: that one asked to be left
//! alone, that one keeps failing.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use domain::budget::{Book, Grant, Limit, Unused};
use ids::{ConnectionId, IntegrationId};
use serde::{Deserialize, Serialize};

use crate::{Notice, StoreError, System, Tx, listen, prepared::Prepared};

/// Calls that were handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeasedCalls {
    /// The calls.
    pub grant: Grant,
    /// For so long the provider asked not to be called.
    pub closed_for: Option<Duration>,
}

/// What a node found out about a provider, and the others want to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderWord {
    /// It asked not to be called for so many milliseconds: about one connection, or the integration as a whole.
    Close {
        /// The integration.
        integration: IntegrationId,
        /// The connection.
        connection: Option<ConnectionId>,
        /// How long.
        wait_ms: u64,
    },
    /// A host keeps failing and is left alone for so many milliseconds.
    Rest {
        /// The integration.
        integration: IntegrationId,
        /// The host, with the port where it is not the usual one.
        host: String,
        /// How long.
        wait_ms: u64,
    },
    /// A host that failed is well again.
    Well {
        /// The integration.
        integration: IntegrationId,
        /// The host.
        host: String,
    },
}

impl ProviderWord {
    /// The word in a notice, if it is one.
    #[must_use]
    pub fn heard(notice: &Notice) -> Option<Self> {
        match notice {
            Notice::Heard { channel, payload } if channel == listen::PROVIDERS => payload.parse().ok(),
            _ => None,
        }
    }
}

impl FromStr for ProviderWord {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

#[derive(QueryableByName)]
struct BookColumns {
    #[diesel(sql_type = BigInt)]
    slot_micros: i64,
    #[diesel(sql_type = Array<BigInt>)]
    slots: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    calls: Vec<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    closed_until: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

/// The clock is read before the row is waited for: a grant is then dated too early rather than too late, so it is never
/// counted for too short a time.
const LOCK: &str = "
SELECT slot_micros, slots, calls, closed_until, clock_timestamp() AS now FROM rate_budgets WHERE budget_id = $1 FOR UPDATE";
/// Nothing is added for an integration or connection that is not there.
const ADD: &str = "
INSERT INTO rate_budgets (budget_id, tenant_id, environment_id, integration_id, connection_id, slot_micros, slots, calls)
SELECT coalesce($2, i.integration_id), i.tenant_id, i.environment_id, i.integration_id, c.connection_id, 1, '{}', '{}'
FROM integrations i LEFT JOIN connections c ON c.connection_id = $2
WHERE i.integration_id = $1 AND ($2 IS NULL OR c.connection_id IS NOT NULL)
ON CONFLICT DO NOTHING";
const WRITE: &str = "UPDATE rate_budgets SET slot_micros = $2, slots = $3, calls = $4 WHERE budget_id = $1";
const CLOSE: &str = "
UPDATE rate_budgets SET closed_until = greatest(closed_until, clock_timestamp() + $2 * interval '1 millisecond')
WHERE budget_id = $1";

impl Tx<System> {
    /// Hands out up to so many calls of a limit, and takes unused ones back: of one connection, or of an integration as a
    /// whole. The database's clock counts.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such integration or connection; or a query failed.
    pub async fn lease_calls(
        &mut self,
        (integration, connection): (IntegrationId, Option<ConnectionId>),
        limit: Limit,
        want: u32,
        unused: &[Unused],
    ) -> Result<LeasedCalls, StoreError> {
        let id = budget_id(integration, connection);
        let row = match self.lock_book(id).await? {
            Some(row) => row,
            None => {
                Prepared(diesel::sql_query(ADD).bind::<Uuid, _>(integration).bind::<Nullable<Uuid>, _>(connection))
                    .execute(self.connection())
                    .await?;
                self.lock_book(id).await?.ok_or(StoreError::NotFound)?
            }
        };
        let mut book = Book::read(row.slot_micros, &row.slots, &row.calls);
        let grant = book.grant(limit, row.now.timestamp_micros(), want, unused);
        let (slot_micros, slots, calls) = book.columns();
        Prepared(
            diesel::sql_query(WRITE)
                .bind::<Uuid, _>(id)
                .bind::<BigInt, _>(slot_micros)
                .bind::<Array<BigInt>, _>(slots)
                .bind::<Array<BigInt>, _>(calls),
        )
        .execute(self.connection())
        .await?;
        let closed_for = row.closed_until.and_then(|until| (until - row.now).to_std().ok());
        Ok(LeasedCalls { grant, closed_for: closed_for.filter(|wait| !wait.is_zero()) })
    }

    async fn lock_book(&mut self, id: uuid::Uuid) -> Result<Option<BookColumns>, StoreError> {
        let query = Prepared(diesel::sql_query(LOCK).bind::<Uuid, _>(id));
        Ok(query.get_result(self.connection()).await.optional()?)
    }

    /// Tells all nodes, once this commits, what was found out about a provider. What concerns a limit is written down with
    /// it too, for nodes that do not hear it.
    ///
    /// # Errors
    /// A query failed.
    pub async fn tell_of_provider(&mut self, word: &ProviderWord) -> Result<(), StoreError> {
        if let ProviderWord::Close { integration, connection, wait_ms } = word {
            diesel::sql_query(CLOSE)
                .bind::<Uuid, _>(budget_id(*integration, *connection))
                .bind::<BigInt, _>(i64::try_from(*wait_ms).unwrap_or(i64::MAX))
                .execute(self.connection())
                .await?;
        }
        let payload = serde_json::to_string(word).unwrap_or_default();
        diesel::sql_query("SELECT pg_notify($1, $2)")
            .bind::<Text, _>(listen::PROVIDERS)
            .bind::<Text, _>(payload)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn budget_id(integration: IntegrationId, connection: Option<ConnectionId>) -> uuid::Uuid {
    connection.map_or(integration.uuid(), |connection| connection.uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_heard_as_it_was_told_and_nothing_else_is() {
        let word = ProviderWord::Rest {
            integration: IntegrationId::new(1, [1; 10]),
            host: "api.example.com".into(),
            wait_ms: 5_000,
        };
        let notice = |channel: &str, payload: String| Notice::Heard { channel: channel.into(), payload };
        let told = serde_json::to_string(&word).unwrap();
        assert_eq!(ProviderWord::heard(&notice(listen::PROVIDERS, told.clone())), Some(word));
        assert_eq!(ProviderWord::heard(&notice(listen::CHANGED, told)), None);
        assert_eq!(ProviderWord::heard(&notice(listen::PROVIDERS, "{}".into())), None);
        assert_eq!(ProviderWord::heard(&Notice::Gap { listening: true }), None);
    }
}
