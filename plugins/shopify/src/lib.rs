//! Shopify: products, orders and customers of a store, and two actions. After Shopify's GraphQL Admin API reference.

mod api;
mod streams;

use std::collections::BTreeMap;

use patchbay_plugin::{Connection, Failure, Identity, Page, Provider, Route, Value, Webhook, json, read_input};
use serde::Deserialize;

struct Shopify;
patchbay_plugin::export!(Shopify);

impl Provider for Shopify {
    fn pull(_: &Connection, stream: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        match stream {
            "products" => streams::all(&streams::PRODUCTS, cursor),
            "orders" => streams::changed(&streams::ORDERS, cursor),
            "customers" => streams::changed(&streams::CUSTOMERS, cursor),
            other => Err(Failure::plugin(format!("Shopify has no stream `{other}` here."))),
        }
    }

    fn act(_: &Connection, action: &str, input: Value) -> Result<Value, Failure> {
        match action {
            "add_tags" => tag(ADD_TAGS, "tagsAdd", input),
            "remove_tags" => tag(REMOVE_TAGS, "tagsRemove", input),
            other => Err(Failure::plugin(format!("Shopify has no action `{other}` here."))),
        }
    }

    fn verify(_: &Connection) -> Result<(), Failure> {
        shop().map(drop)
    }

    fn identify(_: &Connection) -> Result<Option<Identity>, Failure> {
        let shop = shop()?;
        Ok(Some(Identity { account: shop.myshopify_domain, name: shop.name }))
    }

    fn route_webhook(webhook: &Webhook) -> Result<Vec<Route>, Failure> {
        let topic = webhook.header("x-shopify-topic").unwrap_or_default();
        let streams: &[&str] = match topic.split('/').next().unwrap_or_default() {
            "products" => &["products"],
            "orders" => &["orders"],
            "customers" => &["customers"],
            _ => return Ok(Vec::new()),
        };
        Ok(webhook.header("x-shopify-shop-domain").map(|shop| Route::of(shop, streams)).into_iter().collect())
    }

    fn classify_error(status: u16, body: &[u8]) -> Option<Failure> {
        api::failure(status, body, None)
    }
}

#[derive(Deserialize)]
struct Data {
    shop: Shop,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shop {
    name: String,
    myshopify_domain: String,
}

fn shop() -> Result<Shop, Failure> {
    let answer = api::ask("{ shop { id name myshopifyDomain } }", &json!({}))?;
    Ok(api::data::<Data>(&answer)?.shop)
}

const ADD_TAGS: &str = "mutation AddTags($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } } }";
const REMOVE_TAGS: &str = "mutation RemoveTags($id: ID!, $tags: [String!]!) { tagsRemove(id: $id, tags: $tags) { node { id } userErrors { field message } } }";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tags {
    /// A product's, an order's or a customer's: `gid://shopify/Order/1`.
    id: String,
    tags: Vec<String>,
}

/// Gives the id of what was tagged. What a mutation refuses stands in `userErrors` of an answer that is a success.
fn tag(mutation: &str, name: &str, input: Value) -> Result<Value, Failure> {
    let Tags { id, tags } = read_input(input, "{\"id\": \"gid://shopify/Order/1\", \"tags\": [\"…\"]}")?;
    let answer = api::ask(mutation, &json!({ "id": id, "tags": tags }))?;
    let Done { node, user_errors } = api::data::<BTreeMap<String, Done>>(&answer)?
        .remove(name)
        .ok_or_else(|| Failure::provider(format!("Shopify's answer does not say what came of {name}.")))?;
    if user_errors.is_empty() {
        return Ok(json!({ "id": node.map(|node| node.id) }));
    }
    let said: Vec<String> = user_errors.into_iter().map(|error| error.message).collect();
    Err(Failure::tenant(format!("Shopify refuses: {}", said.join("; "))))
}

/// What came of a mutation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    node: Option<Node>,
    user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

#[derive(Deserialize)]
struct UserError {
    message: String,
}
