use std::{num::NonZeroU32, sync::Arc, time::Duration};

use http::{HeaderName, Method};
use ids::{ConnectionId, IntegrationId};
use patchbay_egress::{
    EgressError, Reach, Request,
    budget::{Budget, GateScope, Rate, RateLimits},
};

use crate::{
    bounds::egress,
    server::{Server, answer},
};

fn request(server: &Server, limits: &Arc<RateLimits>) -> Request {
    let mut request = Request::new(Method::GET, server.url("/"), Reach::Any);
    request.max_wait = Some(Duration::from_millis(10));
    request.budget = Some(Budget {
        integration: IntegrationId::new(1, [1; 10]),
        connection: Some(ConnectionId::new(1, [1; 10])),
        limits: Arc::clone(limits),
    });
    request
}

#[tokio::test]
async fn c_5_a_provider_that_says_later_is_left_alone_until_then() {
    // By the stopped clock it is 08:00:00.
    for (status, headers) in [
        (429, vec![("retry-after", "120")]),
        (503, vec![("retry-after", "Fri, 15 Jan 2027 08:02:00 GMT")]),
        (403, vec![("x-left", "0"), ("x-reset", "1800000120")]),
        (200, vec![("x-left", "0"), ("x-reset", "120")]),
    ] {
        let server = Server::start(move |_| answer(status, &headers, "later")).await;
        let limits = Arc::new(RateLimits {
            remaining: Some(HeaderName::from_static("x-left")),
            reset: Some(HeaderName::from_static("x-reset")),
            gate: GateScope::Connection,
            ..RateLimits::default()
        });
        let egress = egress();
        let first = egress.send(request(&server, &limits)).await.unwrap();
        assert_eq!((first.status.as_u16(), first.retry_after), (status, Some(Duration::from_secs(120))));
        match egress.send(request(&server, &limits)).await {
            Err(EgressError::Throttled { retry_after }) => {
                assert!(retry_after > Duration::from_secs(118), "{retry_after:?}")
            }
            other => panic!("{status}: {other:?}"),
        }
        assert_eq!(server.received().len(), 1, "nothing was sent");
    }
}

#[tokio::test]
async fn eg_4_the_budget_holds_under_many_at_once() {
    let server = Server::start(|_| answer(200, &[], "")).await;
    let per_minute = Rate { calls: NonZeroU32::new(5).unwrap(), per: Duration::from_secs(60) };
    let limits = Arc::new(RateLimits { connection: Some(per_minute), ..RateLimits::default() });
    let egress = egress();
    let all = (0..40).map(|_| egress.send(request(&server, &limits)));
    let sent = futures_util::future::join_all(all).await.into_iter().filter(Result::is_ok).count();
    assert_eq!((sent, server.received().len()), (5, 5));
}
