//! Which nodes are there. Each node holds an advisory lock under its number for as long as its session lives; a node that
//! dies, or is cut off, loses it.

use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::refresh::NodeId;

use crate::StoreError;

/// Taken by the node itself, on a session that it keeps. Dead peers are noticed within half a minute.
pub(crate) fn enter(NodeId(node): NodeId) -> String {
    format!(
        "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
         SELECT pg_advisory_lock({node})"
    )
}

#[derive(diesel::QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    is_free: bool,
}

/// Whether a node is there. To be asked in a transaction: for its length nobody else learns that a node is gone.
pub(crate) async fn is_there(connection: &mut AsyncPgConnection, NodeId(node): NodeId) -> Result<bool, StoreError> {
    let taken = diesel::sql_query("SELECT pg_try_advisory_xact_lock($1) AS is_free")
        .bind::<BigInt, _>(node)
        .get_result::<Taken>(connection)
        .await?;
    Ok(!taken.is_free)
}
