//! HTTP for a plugin that performs an action, with a watch over what leaves: whether a call may have had an effect is not
//! the plugin's to say.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::action::Sent;
use plugin_host::{HostHttp, HttpFault, HttpRequest, HttpResponse};

/// What left so far. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Sent>>);

impl Watch {
    /// What left so far.
    pub(super) fn sent(&self) -> Sent {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, sent: Sent) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sent;
    }
}

/// The HTTP of a plugin, watched.
pub(super) struct Watched<H> {
    inner: H,
    watch: Watch,
}

impl<H> Watched<H> {
    pub(super) fn new(inner: H, watch: Watch) -> Self {
        Self { inner, watch }
    }
}

#[async_trait]
impl<H: HostHttp> HostHttp for Watched<H> {
    async fn fetch(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        if matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
            return self.inner.fetch(request).await;
        }
        let before = self.watch.sent();
        // Until there is an answer; dropped half-way, it stays like this.
        self.watch.note(Sent::Unanswered);
        let answer = self.inner.fetch(request).await;
        let has_left = match &answer {
            Ok(_) => Some(Sent::Answered),
            // Too large is an answer, but who knows which.
            Err(HttpFault::Timeout | HttpFault::TooLarge | HttpFault::Transport(_)) => Some(Sent::Unanswered),
            Err(HttpFault::Denied(_) | HttpFault::Exhausted | HttpFault::Throttled(_) | HttpFault::Unauthorized) => {
                None
            }
        };
        self.watch.note(match (before, has_left) {
            // One that was never answered is not forgotten because a later one was.
            (Sent::Unanswered, _) | (_, Some(Sent::Unanswered)) => Sent::Unanswered,
            (_, Some(sent)) => sent,
            (before, None) => before,
        });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Says these in turn; without one it never answers.
    struct Script(Vec<Result<HttpResponse, HttpFault>>);

    #[async_trait]
    impl HostHttp for Script {
        async fn fetch(&mut self, _: HttpRequest) -> Result<HttpResponse, HttpFault> {
            if self.0.is_empty() {
                return std::future::pending().await;
            }
            self.0.remove(0)
        }
    }

    fn ok(status: u16) -> Result<HttpResponse, HttpFault> {
        Ok(HttpResponse { status, headers: Vec::new(), body: Vec::new() })
    }

    async fn sent(methods: &[&str], says: Vec<Result<HttpResponse, HttpFault>>) -> Sent {
        let watch = Watch::default();
        let mut http = Watched::new(Script(says), watch.clone());
        for method in methods {
            let request = HttpRequest { method: (*method).into(), url: "/".into(), headers: Vec::new(), body: None };
            let _ = tokio::time::timeout(Duration::from_millis(20), http.fetch(request)).await;
        }
        watch.sent()
    }

    #[tokio::test]
    async fn e_7_what_left_is_watched() {
        assert_eq!(sent(&["GET", "HEAD"], vec![ok(200), Err(HttpFault::Timeout)]).await, Sent::Nothing);
        assert_eq!(sent(&["GET", "POST"], vec![ok(200), ok(500)]).await, Sent::Answered);
        assert_eq!(sent(&["POST"], vec![Err(HttpFault::Timeout)]).await, Sent::Unanswered);
        assert_eq!(sent(&["POST"], vec![Err(HttpFault::Unauthorized)]).await, Sent::Nothing);
        let throttled = || Err(HttpFault::Throttled(Duration::from_secs(1)));
        assert_eq!(sent(&["POST", "PUT"], vec![ok(200), throttled()]).await, Sent::Answered);
        let lost = || Err(HttpFault::Transport("cut".into()));
        assert_eq!(sent(&["POST", "POST"], vec![lost(), ok(200)]).await, Sent::Unanswered, "not forgotten");
        assert_eq!(sent(&["DELETE"], vec![]).await, Sent::Unanswered, "broken off while it was on its way");
    }
}
