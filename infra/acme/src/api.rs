//! The API: orders, customers and a blob.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path, Query},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::{
    shop::{self, Kind, Shop},
    state::{Caller, State, Stranger},
};

/// Records per page: by default and at most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

#[derive(Deserialize)]
pub(crate) struct ListQuery {
    limit: Option<usize>,
    after: Option<String>,
    updated_since: Option<String>,
}

/// `GET /me`: who the token speaks for.
pub(crate) async fn me(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match allowed(&request, &state, "profile").await {
        Ok(caller) => HttpResponse::Ok().json(json!({ "sub": caller.account, "name": caller.name })),
        Err(refusal) => refusal,
    }
}

/// `GET /v1/orders`
pub(crate) async fn list_orders(request: HttpRequest, state: Data<State>, query: Query<ListQuery>) -> HttpResponse {
    list(&request, &state, &query, Kind::Orders, "orders:read").await
}

/// `GET /v1/customers`
pub(crate) async fn list_customers(request: HttpRequest, state: Data<State>, query: Query<ListQuery>) -> HttpResponse {
    list(&request, &state, &query, Kind::Customers, "customers:read").await
}

async fn list(request: &HttpRequest, state: &State, query: &ListQuery, kind: Kind, scope: &str) -> HttpResponse {
    let caller = match allowed(request, state, scope).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let after = match query.after.as_deref().map(parse_place) {
        Some(None) => return bad("after is not a cursor that this API gave"),
        after => after.flatten(),
    };
    let since = match query.updated_since.as_deref().map(parse_time) {
        Some(None) => return bad("updated_since is not an RFC 3339 time"),
        since => since.flatten(),
    };
    let limit = query.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let body = state.shop(&caller.account, |shop| {
        let (page, next) = shop.listing(kind).page(after, since, limit);
        let mut body = String::with_capacity(page.len() * 560 + 64);
        body.push_str(r#"{"data":["#);
        for (at, (number, entry)) in page.iter().enumerate() {
            if at > 0 {
                body.push(',');
            }
            shop.write(kind, *number, entry, &mut body);
        }
        body.push_str(r#"],"next":"#);
        match next {
            Some((time, number)) => body.push_str(&format!("\"{time}.{number}\"}}")),
            None => body.push_str("null}"),
        }
        body
    });
    HttpResponse::Ok().content_type("application/json").body(body)
}

/// `GET /v1/orders/{id}`
pub(crate) async fn get_order(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    match allowed(&request, &state, "orders:read").await {
        Ok(caller) => state.shop(&caller.account, |shop| order(shop, &id)),
        Err(refusal) => refusal,
    }
}

/// `POST /v1/orders/{id}/cancel`: cancels once; a second time is 409.
pub(crate) async fn cancel_order(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let caller = match allowed(&request, &state, "orders:write").await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    state.shop(&caller.account, |shop| {
        let number = shop::number(Kind::Orders, &id);
        let Some((number, entry)) = number.and_then(|number| Some((number, shop.orders.get(number)?))) else {
            return missing();
        };
        if entry.cancelled {
            return HttpResponse::Conflict()
                .json(json!({ "error": "already_cancelled", "message": format!("Order {id} is cancelled.") }));
        }
        shop.touch(Kind::Orders, number, |entry| entry.cancelled = true);
        order(shop, &id)
    })
}

/// `GET /v1/blob/{size}`: that many bytes, `1k`, `64k` or `10m`, up to 64 MiB.
pub(crate) async fn blob(request: HttpRequest, state: Data<State>, size: Path<String>) -> HttpResponse {
    if let Err(refusal) = allowed(&request, &state, "profile").await {
        return refusal;
    }
    let (digits, unit) = match size.strip_suffix('k') {
        Some(digits) => (digits, 1024),
        None => size.strip_suffix('m').map_or((size.as_str(), 1), |digits| (digits, 1024 * 1024)),
    };
    match digits.parse::<usize>().ok().and_then(|count| count.checked_mul(unit)) {
        Some(1024) => {
            HttpResponse::Ok().content_type("application/octet-stream").body(Bytes::from_static(&[b'x'; 1024]))
        }
        Some(bytes) if bytes <= 64 * 1024 * 1024 => {
            HttpResponse::Ok().content_type("application/octet-stream").body(vec![b'x'; bytes])
        }
        _ => bad("a size is a number, or one with k or m, up to 64m"),
    }
}

fn order(shop: &Shop, id: &str) -> HttpResponse {
    let found = shop::number(Kind::Orders, id).and_then(|number| Some((number, shop.orders.get(number)?)));
    let Some((number, entry)) = found else { return missing() };
    let mut body = String::new();
    shop.write(Kind::Orders, number, entry, &mut body);
    HttpResponse::Ok().content_type("application/json").body(body)
}

/// The caller behind the bearer token, or the answer that refuses (RFC 6750, section 3).
pub(crate) async fn allowed(request: &HttpRequest, state: &State, scope: &str) -> Result<Caller, HttpResponse> {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let Some(token) = token else {
        return Err(HttpResponse::Unauthorized()
            .insert_header((header::WWW_AUTHENTICATE, "Bearer"))
            .json(json!({ "error": "unauthorized", "message": "Send an access token." })));
    };
    let caller = match state.caller(token).await {
        Ok(caller) => caller,
        Err(Stranger::Unknown) => {
            return Err(HttpResponse::Unauthorized()
                .insert_header((header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""))
                .json(json!({ "error": "invalid_token", "message": "The access token is unknown or has expired." })));
        }
        Err(Stranger::Unreachable(error)) => {
            return Err(HttpResponse::ServiceUnavailable()
                .json(json!({ "error": "issuer_unreachable", "message": error.to_string() })));
        }
    };
    if caller.scope.as_ref().is_some_and(|granted| !granted.split(' ').any(|one| one == scope)) {
        return Err(HttpResponse::Forbidden()
            .insert_header((
                header::WWW_AUTHENTICATE,
                format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""),
            ))
            .json(json!({ "error": "insufficient_scope", "message": format!("This needs the scope {scope}.") })));
    }
    Ok(caller)
}

fn parse_place(text: &str) -> Option<(u64, u64)> {
    let (time, number) = text.split_once('.')?;
    Some((time.parse().ok()?, number.parse().ok()?))
}

fn parse_time(text: &str) -> Option<u64> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(u64::try_from(time.timestamp()).unwrap_or(0))
}

fn bad(message: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "error": "bad_request", "message": message }))
}

fn missing() -> HttpResponse {
    HttpResponse::NotFound().json(json!({ "error": "not_found", "message": "There is no such order." }))
}
