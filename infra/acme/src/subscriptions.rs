//! Webhook subscriptions: an app registers an address for the shop's webhooks, and takes it back. Nothing is sent there.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{api::allowed, state::State};

/// A subscription.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Subscription {
    id: String,
    pub(crate) url: String,
}

#[derive(Deserialize)]
pub(crate) struct Subscribe {
    url: String,
}

/// `GET /v1/webhooks`
pub(crate) async fn list(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match allowed(&request, &state, "orders:read").await {
        Ok(caller) => state
            .shop(&caller.account, |shop| HttpResponse::Ok().json(json!({ "data": shop.subscriptions, "next": null }))),
        Err(refusal) => refusal,
    }
}

/// `POST /v1/webhooks`: an address is registered once; a second time is 409.
pub(crate) async fn subscribe(request: HttpRequest, state: Data<State>, wish: Json<Subscribe>) -> HttpResponse {
    let caller = match allowed(&request, &state, "orders:read").await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let Subscribe { url } = wish.into_inner();
    state.shop(&caller.account, |shop| {
        if shop.subscriptions.iter().any(|one| one.url == url) {
            let message = "This address is registered already.";
            return HttpResponse::Conflict().json(json!({ "error": "already_registered", "message": message }));
        }
        shop.subscribed += 1;
        let one = Subscription { id: format!("sub_{:06}", shop.subscribed), url };
        let answer = HttpResponse::Created().json(&one);
        shop.subscriptions.push(one);
        answer
    })
}

/// `DELETE /v1/webhooks/{id}`
pub(crate) async fn unsubscribe(request: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let caller = match allowed(&request, &state, "orders:read").await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    state.shop(&caller.account, |shop| {
        let before = shop.subscriptions.len();
        shop.subscriptions.retain(|one| one.id != *id);
        if shop.subscriptions.len() == before {
            let message = "There is no such subscription.";
            return HttpResponse::NotFound().json(json!({ "error": "not_found", "message": message }));
        }
        HttpResponse::NoContent().finish()
    })
}
