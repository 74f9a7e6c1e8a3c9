//! Proxied calls: with the credential where the manifest puts it, page after page, and held back when the provider asks.

use std::time::Duration;

use bytes::Bytes;
use domain::manifest::PaginationSpec;
use egress::{EgressError, Response};
use flows::{
    Ctx,
    proxy::{self, ProxyCall, ProxyError},
};
use http::{HeaderMap, HeaderValue, Method};
use ids::ConnectionId;
use serde_json::Value;

use super::{
    api::{PAGES, THINGS, TOO_MANY, WAIT},
    provider::Role,
    walk::Walk,
};

impl Walk<'_> {
    async fn call(&self, ctx: Ctx<'_>, id: ConnectionId, target: &str) -> Result<Response, ProxyError> {
        let posts = self.provider(|provider| provider.posts());
        let mut headers = HeaderMap::new();
        if posts {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        let call = ProxyCall {
            connection: id,
            method: if posts { Method::POST } else { Method::GET },
            target: target.to_owned(),
            headers,
            body: if posts { Bytes::from_static(b"{}").into() } else { egress::Body::empty() },
            is_bodiless: !posts,
            deadline: Duration::from_secs(30),
        };
        Ok(proxy::send(ctx, &self.services.egress, call).await?.whole().await?)
    }

    async fn page(&self, ctx: Ctx<'_>, id: ConnectionId, target: &str) -> Result<Response, String> {
        let answer = self.call(ctx, id, target).await.map_err(|error| format!("the call: {error}"))?;
        if answer.status.is_success() { Ok(answer) } else { Err(format!("the call is answered {}", answer.status)) }
    }

    fn first_target(&self) -> String {
        self.provider(|provider| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(provider.page_param());
            query.extend_pairs(provider.size_param().map(|name| (name, "2")));
            let query = query.finish();
            if query.is_empty() { THINGS.to_owned() } else { format!("{THINGS}?{query}") }
        })
    }

    /// A call with the first credential.
    pub(super) async fn first_call(&self, ctx: Ctx<'_>, id: ConnectionId) -> Result<(), String> {
        self.page(ctx, id, &self.first_target()).await.map(|_| ())
    }

    /// All pages, with what is the credential then.
    pub(super) async fn pages(&self, ctx: Ctx<'_>, id: ConnectionId) -> Result<(), String> {
        let Some(spec) = self.provider(|provider| provider.pagination().cloned()) else {
            return self.page(ctx, id, THINGS).await.map(|_| ());
        };
        let size = self.provider(|provider| provider.size_param());
        let param = self.provider(|provider| provider.page_param()).map(|(name, _)| name).unwrap_or_default();
        let mut target = self.first_target();
        let mut found = Vec::new();
        for number in 1..=PAGES {
            let answer = self.page(ctx, id, &target).await.map_err(|error| format!("page {number}: {error}"))?;
            let body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
            let items = match self.provider(|provider| provider.items_path()) {
                Some(path) => auth::path::find(&body, &path).cloned().unwrap_or(Value::Null),
                None => body.clone(),
            };
            let items = items.as_array().cloned().ok_or_else(|| format!("no list in {body}"))?;
            found.extend(items.iter().filter_map(|item| item["id"].as_u64()));
            let at = |value: String| {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                query.append_pair(&param, &value);
                query.extend_pairs(size.iter().map(|name| (name, "2")));
                format!("{THINGS}?{}", query.finish())
            };
            let next = match &spec {
                PaginationSpec::Page { first, .. } => Some(at((*first as usize + number).to_string())),
                PaginationSpec::Offset { .. } => Some(at((number * 2).to_string())),
                PaginationSpec::Cursor { next, .. } => auth::path::text(&body, next).map(at),
                PaginationSpec::NextUrl { next, .. } => auth::path::text(&body, next),
                PaginationSpec::Link { .. } => {
                    let link = answer.headers.get("link").and_then(|link| link.to_str().ok());
                    link.and_then(|link| Some(link.strip_prefix('<')?.split('>').next()?.to_owned()))
                }
            };
            let ends = number == PAGES && !matches!(spec, PaginationSpec::Page { .. } | PaginationSpec::Offset { .. });
            match next {
                Some(_) if ends => return Err("the last page leads on".into()),
                Some(next) => target = next,
                None if number < PAGES => return Err(format!("page {number} leads nowhere")),
                None => {}
            }
        }
        let all: Vec<u64> = (0..PAGES as u64 * 2).collect();
        let asked = self.provider(|provider| provider.count(&Role::Things)) as usize;
        if found != all || asked != PAGES + 1 {
            return Err(format!("{asked} calls brought {found:?}"));
        }
        Ok(())
    }

    /// When the provider has had enough, the next call stays here until it may go.
    pub(super) async fn asked_to_wait(&self, ctx: Ctx<'_>, id: ConnectionId) -> Result<(), String> {
        let first = self.call(ctx, id, TOO_MANY).await.map_err(|error| format!("too many: {error}"))?;
        let spec = self.provider(|provider| provider.script.manifest.rate_limit.clone());
        let wanted = spec.map_or(vec![429], |spec| spec.throttled_statuses);
        if !wanted.contains(&first.status.as_u16()) {
            return Err(format!("too many is answered {}", first.status));
        }
        let wait = u64::try_from(WAIT).unwrap_or_default();
        match self.call(ctx, id, TOO_MANY).await {
            Err(ProxyError::Egress(EgressError::Throttled { retry_after }))
                if (wait - 30..=wait + 1).contains(&retry_after.as_secs()) =>
            {
                Ok(())
            }
            Err(other) => Err(format!("asked to wait {WAIT} s, and then: {other:?}")),
            Ok(answer) => {
                Err(format!("asked to wait {WAIT} s, the next call went out and was answered {}", answer.status))
            }
        }
    }
}
