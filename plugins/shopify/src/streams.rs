//! Streams: a connection of GraphQL's, in full or by change.

use patchbay_plugin::{Changes, Failure, Item, Page, Walk, json, json::Record, time};
use serde::Deserialize;

use crate::api;

/// The query of a stream, which gives its connection by the name `found`.
pub struct Query(&'static str);

/// In the order of ids: a product that is made meanwhile pushes no other from page to page.
pub const PRODUCTS: Query = Query(
    "query Products($after: String) { found: products(first: 100, after: $after, sortKey: ID) { nodes { id legacyResourceId title handle status productType vendor tags createdAt updatedAt publishedAt totalInventory } pageInfo { hasNextPage endCursor } } }",
);

/// Orders of the last 60 days, unless the app was granted `read_all_orders`.
pub const ORDERS: Query = Query(
    "query Orders($after: String, $query: String) { found: orders(first: 100, after: $after, query: $query, sortKey: UPDATED_AT) { nodes { id legacyResourceId name email createdAt updatedAt processedAt cancelledAt closedAt displayFinancialStatus displayFulfillmentStatus currencyCode tags note currentTotalPriceSet { shopMoney { amount currencyCode } } customer { id } } pageInfo { hasNextPage endCursor } } }",
);

/// Customers.
pub const CUSTOMERS: Query = Query(
    "query Customers($after: String, $query: String) { found: customers(first: 100, after: $after, query: $query, sortKey: UPDATED_AT) { nodes { id legacyResourceId displayName firstName lastName createdAt updatedAt numberOfOrders state tags note amountSpent { amount currencyCode } defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } } pageInfo { hasNextPage endCursor } } }",
);

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    found: Connection<'a>,
}

/// How GraphQL lists.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection<'a> {
    #[serde(borrow)]
    nodes: Vec<Record<'a, Head>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct Head {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl Connection<'_> {
    fn take(self) -> (Vec<Item>, Option<String>) {
        let next = self.page_info.end_cursor.filter(|_| self.page_info.has_next_page);
        (self.nodes.into_iter().map(|node| Item::raw(node.head.id, node.text)).collect(), next)
    }
}

/// One page of all there is. Every run begins anew, and the host finds out what is gone.
pub fn all(query: &Query, cursor: Option<&str>) -> Result<Page, Failure> {
    let answer = api::ask(query.0, &json!({ "after": Walk::at(cursor)?.next }))?;
    let (items, next) = api::data::<Data<'_>>(&answer)?.found.take();
    Walk::page(items, next)
}

/// Search is a moment behind what is stored: a run begins so much before the last one did.
const OVERLAP: u64 = 60_000;

/// One page of what changed, in that order. What changes meanwhile moves to the end and is seen again. A run begins when
/// its first answer came, by Shopify's clock.
pub fn changed(query: &Query, cursor: Option<&str>) -> Result<Page, Failure> {
    let mut at = Changes::at(cursor)?;
    let since = at.since.as_ref().map(|since| format!("updated_at:>='{since}'"));
    let answer = api::ask(query.0, &json!({ "after": at.after, "query": since }))?;
    at.began.get_or_insert_with(|| time::rfc3339(answer.date().saturating_sub(OVERLAP)));
    let (items, next) = api::data::<Data<'_>>(&answer)?.found.take();
    at.page(Page::of(items), next)
}
