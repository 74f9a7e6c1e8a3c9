//! SQL in our own words that is prepared once for each connection. diesel prepares what it did not build itself anew each
//! time, in case its text is made from data: one round trip more, and planned from the beginning. The texts wrapped here
//! are constants.
//!
//! A plan that is kept was made for the table as it was. So this is for what has but one sensible plan: inserts, looking up
//! a key, and comparing a page of keys, which says itself that it goes by the index and not through a table that was small
//! when the plan was made.

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::Untyped,
};

/// A query of [`diesel::sql_query`] whose text is a constant.
pub(crate) struct Prepared<Q>(pub(crate) Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();

    // The connection tells statements apart by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Prepared<Q> {
    type SqlType = Untyped;
}
