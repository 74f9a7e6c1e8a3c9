//! What a delivery tells of: by the manifest's routes, or by what the plugin says.

use std::sync::Arc;

use domain::manifest::WebhookSpec;
use plugin_host::{Capabilities, LogBuffer, NoHttp, PluginError, PluginLimits, Route, Webhook};
use store::{HookRow, InboundRow};
use url::{Url, form_urlencoded};

use super::Kept;
use crate::{Services, plugin::ProviderPlugin};

/// The longest id of a record, in bytes; as in pages.
const LONGEST_ID: usize = 512;

/// What the manifest's routes say of a delivery. The account is the one that the manifest found in it.
pub(super) fn by_manifest(spec: &WebhookSpec, row: &InboundRow, kept: &Kept, url: &Url) -> Vec<Route> {
    let headers = kept.header_map();
    let at = auth::webhook::reader(spec, &headers, &kept.body, url);
    let fits = spec.routes.iter().find(|route| {
        route.is_about(row.event.as_deref())
            && route.present.as_deref().is_none_or(|place| at(place).is_some())
            && route.absent.as_deref().is_none_or(|place| at(place).is_none())
    });
    let Some(route) = fits else { return Vec::new() };
    let gone = route.deleted.as_deref().and_then(&at);
    let gone = gone.filter(|id| id.len() <= LONGEST_ID && !id.contains('\0'));
    let deleted = match gone {
        Some(id) => route.streams.iter().map(|stream| (stream.clone(), vec![id.clone()])).collect(),
        None => Vec::new(),
    };
    vec![Route { account: row.account.clone(), streams: route.streams.clone(), deleted }]
}

/// What the plugin says of a delivery. It works for no connection yet, so it cannot call the provider.
pub(super) async fn by_plugin(
    services: &Services,
    plugin: &ProviderPlugin,
    spec: &WebhookSpec,
    hook: &HookRow,
    row: &InboundRow,
    kept: Kept,
) -> Result<Vec<Route>, PluginError> {
    let capabilities = Capabilities {
        http: Box::new(NoHttp),
        log: Box::new(LogBuffer::default()),
        clock: Arc::clone(&services.clock),
        entropy: Arc::clone(&services.entropy),
    };
    let mut session = plugin.session(capabilities, PluginLimits::default()).await?;
    let id_header = spec.id_header.as_deref().unwrap_or_default();
    let id = kept.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(id_header));
    let webhook = Webhook {
        connection: hook.connection.map(|id| id.to_string()),
        id: id.map(|(_, value)| value.clone()),
        event: row.event.clone(),
        account: row.account.clone(),
        query: form_urlencoded::parse(kept.query.as_bytes()).into_owned().collect(),
        headers: kept.headers,
        body: kept.body,
    };
    session.route_webhook(webhook).await
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::run::InboundState;
    use ids::{HookId, InboundId, IntegrationId};
    use serde_json::{Value, json};

    use super::*;

    fn told(event: Option<&str>, body: &Value) -> Vec<Route> {
        let spec: WebhookSpec = serde_json::from_value(json!({
            "scheme": "token", "header": "x-token", "event": "query.event", "routes": [
                { "event": "post.*", "present": "body.post.previous.id", "absent": "body.post.current.id",
                  "streams": ["posts"], "deleted": "body.post.previous.id" },
                { "event": "post.*", "streams": ["posts", "tags"] },
            ],
        }))
        .unwrap();
        let row = InboundRow {
            id: InboundId::new(1, [1; 10]),
            hook: HookId::new(1, [1; 10]),
            integration: IntegrationId::new(1, [1; 10]),
            connection: None,
            is_repeat: false,
            kept: None,
            state: InboundState::Waiting,
            reason: None,
            event: event.map(Into::into),
            account: Some("shop".into()),
            syncs: 0,
            received_at: DateTime::UNIX_EPOCH,
            processed_at: None,
        };
        let kept = Kept { headers: vec![], query: String::new(), body: body.to_string().into_bytes() };
        by_manifest(&spec, &row, &kept, &Url::parse("https://hooks.example/inbound/x").unwrap())
    }

    #[test]
    fn f_3_the_first_route_that_fits_counts() {
        let changed =
            told(Some("post.edited"), &json!({ "post": { "current": { "id": "1" }, "previous": { "id": "1" } } }));
        let [route] = changed.as_slice() else { panic!("{changed:?}") };
        assert_eq!(
            (route.streams.as_slice(), route.deleted.len()),
            (["posts".to_owned(), "tags".to_owned()].as_slice(), 0)
        );
        assert_eq!(route.account.as_deref(), Some("shop"));
        let gone = told(Some("post.deleted"), &json!({ "post": { "current": {}, "previous": { "id": 17 } } }));
        let [route] = gone.as_slice() else { panic!("{gone:?}") };
        assert_eq!(route.deleted, [("posts".to_owned(), vec!["17".to_owned()])]);
        assert_eq!(told(Some("member.added"), &json!({})), []);
        assert_eq!(told(None, &json!({ "post": {} })), []);
        let long = told(Some("post.deleted"), &json!({ "post": { "previous": { "id": "x".repeat(LONGEST_ID + 1) } } }));
        assert_eq!(long[0].deleted, [], "no record has such an id");
    }
}
