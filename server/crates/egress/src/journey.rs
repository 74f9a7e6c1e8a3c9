//! One exchange with all its hops: budget, place, credential, redirects, and what of the answer is checked before its body.

use std::{collections::VecDeque, time::Duration};

use domain::{breaker::Change, entropy::Entropy};
use http::{
    HeaderMap, Method, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, USER_AGENT},
};
use tokio::time::Instant;
use url::Url;

use crate::{
    breaker::{self, Pass},
    client::{Clients, Egress, Shared},
    credential::{Credential, Touched},
    error::EgressError,
    fault, headers,
    reach::{check_url, host_for_log},
    request::{Body, CollectError, Redirects, Request},
    response::{ResponseBody, StreamingResponse},
    sign::{Moment, NeedsBody},
    slots::Place,
    trace::Trace,
};

/// The longest body that is collected to be signed, in bytes. What is longer is sent unsigned where the scheme knows a
/// way to say so, and else not at all.
const LONGEST_SIGNED: usize = 8 << 20;

/// One exchange with all its hops.
pub(crate) struct Journey<'a> {
    shared: &'a Shared,
    clients: &'a Clients,
    entropy: Option<&'a dyn Entropy>,
    request: Request,
    started: Instant,
    deadline: Duration,
    max_wait: Duration,
    hops_left: u8,
}

impl<'a> Journey<'a> {
    pub(crate) fn new(egress: &'a Egress, mut request: Request, started: Instant) -> Result<Self, EgressError> {
        let shared = &egress.shared;
        let config = &shared.config;
        check_url(&request.url, &request.reach, &shared.policy, config.allow_http)?;
        headers::strip_request(&mut request.headers, request.body.is_known());
        if !request.headers.contains_key(USER_AGENT) {
            request.headers.insert(USER_AGENT, shared.user_agent.clone());
        }
        if request.mask.is_some() {
            request.headers.remove(ACCEPT_ENCODING);
        }
        let hops_left = match request.redirects {
            Redirects::Return => 0,
            Redirects::Follow(most) => most.min(config.max_redirects),
        };
        let deadline = request.deadline.unwrap_or_else(|| config.deadline());
        let max_wait = request.max_wait.unwrap_or_else(|| config.max_wait());
        let (clients, entropy) = (&egress.clients, egress.entropy.as_deref());
        Ok(Self { shared, clients, entropy, request, started, deadline, max_wait, hops_left })
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.started.elapsed())
    }

    fn patience(&self) -> Duration {
        self.max_wait.saturating_sub(self.started.elapsed()).min(self.left())
    }

    pub(crate) async fn run(&mut self) -> Result<(reqwest::Response, Place), EgressError> {
        if let Some(budget) = &self.request.budget {
            self.shared.budgets.wait(budget, self.patience()).await?;
        }
        self.collect().await?;
        let mut may_repeat = self.request.credential.as_ref().is_some_and(Credential::may_ask_again);
        loop {
            let (response, place) = self.hop(may_repeat).await?;
            let signed = self.request.credential.as_ref();
            let asks_again = signed.is_some_and(|signed| signed.seen(response.status(), response.headers()));
            if asks_again && may_repeat && !self.request.body.is_spent() {
                may_repeat = false;
                continue;
            }
            if self.request.redirects == Redirects::Return || !is_redirect(response.status()) {
                return Ok((response, place));
            }
            let Some(location) = response.headers().get(LOCATION) else { return Ok((response, place)) };
            let from = self.request.credential.as_ref().and_then(|c| c.sent_path(&self.request.url));
            let from = from.as_ref().unwrap_or(&self.request.url);
            let next = location.to_str().ok().and_then(|to| from.join(to).ok());
            let next = next.ok_or_else(|| self.stuck("redirects to what is not a URL"))?;
            self.redirect(response.status(), next)?;
        }
    }

    /// Reads a streamed body into memory where the credential covers it.
    async fn collect(&mut self) -> Result<(), EgressError> {
        let Some(credential) = &self.request.credential else { return Ok(()) };
        if self.request.body.is_known() {
            return Ok(());
        }
        let announced = self.request.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        match credential.needs_body(&self.request.url, &self.request.headers) {
            NeedsBody::No => return Ok(()),
            NeedsBody::UnlessLong if announced.is_some_and(|length| length > LONGEST_SIGNED) => return Ok(()),
            NeedsBody::UnlessLong | NeedsBody::Whole => {}
        }
        let host = host_for_log(&self.request.url).to_owned();
        let left = self.left();
        match tokio::time::timeout(left, self.request.body.collect(LONGEST_SIGNED)).await {
            Err(_) => Err(EgressError::Timeout { host, after: self.deadline }),
            Ok(Err(CollectError::TooLong)) => Err(EgressError::Unsigned {
                host,
                reason: "its body is longer than 8 MiB, and the credential covers the body",
            }),
            Ok(Err(CollectError::Failed(source))) => {
                Err(EgressError::Transport { host, kind: crate::TransportKind::RequestBody, source: Some(source) })
            }
            Ok(Ok(())) => {
                self.request.headers.remove(CONTENT_LENGTH);
                Ok(())
            }
        }
    }

    /// One request and the head of its answer. `is_kept` says that the same request may be sent once more.
    async fn hop(&mut self, is_kept: bool) -> Result<(reqwest::Response, Place), EgressError> {
        let shared = self.shared;
        let pass = self.admit()?;
        let place = shared.slots.take(host_for_log(&self.request.url), self.patience()).await?;
        let request = &mut self.request;
        let mut url = request.url.clone();
        // The last hop needs no copy kept.
        let is_last = self.hops_left == 0 && !is_kept;
        let mut headers = if is_last { std::mem::take(&mut request.headers) } else { request.headers.clone() };
        let mut changed = None;
        if let Some(credential) = &request.credential {
            let touched =
                Touched { method: &request.method, headers: &mut headers, url: &mut url, body: request.body.bytes() };
            let now = self.shared.clock.now();
            changed = credential.apply(touched, self.entropy.map(|entropy| Moment { now, entropy }))?;
        }
        let identified = match &request.identity {
            Some(identity) if url.scheme() == "https" => {
                Some(self.clients.identified.client(identity, || self.shared.secure_builder())?)
            }
            _ => None,
        };
        let client = match (url.scheme(), &self.clients.plain, &identified) {
            ("http", Some(plain), _) => plain,
            (_, _, Some(identified)) => identified,
            _ => &self.clients.secure,
        };
        let mut outbound = reqwest::Request::new(request.method.clone(), url);
        *outbound.headers_mut() = headers;
        *outbound.body_mut() = changed.map(Into::into).or_else(|| request.body.send());
        *outbound.timeout_mut() = Some(self.left());
        let began = Instant::now();
        let answer = client.execute(outbound).await.map_err(|error| {
            let host = host_for_log(&self.request.url);
            if fault::is_head_too_large(&error) {
                return self.too_many_headers();
            }
            fault::translate(error, host, self.deadline)
        });
        if let Some(pass) = pass {
            let (took, slow) = (began.elapsed(), Duration::from_millis(shared.config.slow_ms));
            let said = match &answer {
                Ok(response) => breaker::judge(response.status(), response.headers(), took, slow),
                Err(error) => breaker::judge_error(error, took),
            };
            self.tell(pass.ended(said));
        }
        let response = answer?;
        if response.headers().len() > self.shared.config.max_headers {
            return Err(self.too_many_headers());
        }
        Ok((response, place))
    }

    /// Leave to call the provider, where the call is made for an integration.
    fn admit(&self) -> Result<Option<Pass<'a>>, EgressError> {
        let Some(budget) = &self.request.budget else { return Ok(None) };
        let host = host_for_log(&self.request.url);
        let resting = |retry_after| EgressError::Resting { host: host.to_owned(), retry_after };
        self.shared.breakers.admit(budget.integration, host).map(Some).map_err(resting)
    }

    /// Says it here and to the other nodes when a provider is left alone from now on, or no more.
    fn tell(&self, change: Change) {
        let Some(integration) = self.request.budget.as_ref().map(|budget| budget.integration) else { return };
        let host = host_for_log(&self.request.url);
        let rest = match change {
            Change::None => return,
            Change::Opened(rest) => {
                tracing::warn!(integration.id = %integration, host, rest_s = rest.as_secs(), "a provider keeps failing and is left alone");
                Some(rest)
            }
            Change::Closed => {
                tracing::info!(integration.id = %integration, host, "a provider that failed is well again");
                None
            }
        };
        if let Some(shared) = self.shared.budgets.shared() {
            let host = host.to_owned();
            tokio::spawn(async move {
                match rest {
                    Some(rest) => shared.opened(integration, &host, rest).await,
                    None => shared.closed(integration, &host).await,
                }
            });
        }
    }

    /// Turns the request into the one that the redirect asks for.
    fn redirect(&mut self, status: StatusCode, next: Url) -> Result<(), EgressError> {
        if self.hops_left == 0 {
            return Err(self.stuck("redirects too often"));
        }
        self.hops_left -= 1;
        if self.request.url.scheme() == "https" && next.scheme() == "http" {
            return Err(EgressError::Denied {
                host: host_for_log(&next).to_owned(),
                reason: crate::DenyReason::PlainHttp,
            });
        }
        check_url(&next, &self.request.reach, &self.shared.policy, self.shared.config.allow_http)?;
        let is_get = matches!(self.request.method, Method::GET | Method::HEAD);
        let becomes_get = match status {
            StatusCode::SEE_OTHER => !is_get,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.request.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            self.request.method = Method::GET;
            self.request.body = Body::empty();
            for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING] {
                self.request.headers.remove(name);
            }
        }
        if next.origin() != self.request.url.origin() {
            if !self.request.body.is_empty() {
                return Err(self.stuck("redirects a request with a body to another origin"));
            }
            let secret = self.request.credential.as_ref().map(Credential::masker);
            if secret.is_some_and(|secret| secret.finds(next.as_str())) {
                return Err(self.stuck("redirects to another origin with the credential in the URL"));
            }
            self.request.credential = None;
            self.request.identity = None;
            headers::strip_for_other_origin(&mut self.request.headers);
        }
        if self.request.body.is_spent() {
            return Err(self.stuck("redirects a streamed body"));
        }
        self.request.url = next;
        Ok(())
    }

    pub(crate) fn arrive(
        self,
        response: reqwest::Response,
        place: Place,
        mut trace: Trace,
    ) -> Result<StreamingResponse, EgressError> {
        let host = host_for_log(&self.request.url).to_owned();
        let limit = self.request.max_response.unwrap_or(self.shared.config.max_response);
        let (parts, inner) = http::Response::<reqwest::Body>::from(response).into_parts();
        let (status, mut headers) = (parts.status, parts.headers);
        let retry_after = self.shared.budgets.observe(
            self.request.budget.as_ref(),
            status,
            &headers,
            self.shared.clock.now(),
            Duration::from_millis(self.shared.config.max_gate_ms),
        );
        if let Err(error) = self.check_head(&headers, limit, &host) {
            trace.end(error.code(), 0);
            return Err(error);
        }
        headers::strip_hop_by_hop(&mut headers);
        if let Some(mask) = &self.request.mask {
            mask.mask_headers(&mut headers);
        }
        let mask = self.request.mask.as_ref().map(crate::Masker::stream);
        let body = ResponseBody {
            ahead: VecDeque::new(),
            inner,
            limit,
            seen: 0,
            mask,
            host,
            deadline: self.deadline,
            is_done: false,
            trace,
            place: Some(place),
        };
        Ok(StreamingResponse { status, headers, body, retry_after })
    }

    /// What can be refused before the body is read.
    fn check_head(&self, headers: &HeaderMap, limit: u64, host: &str) -> Result<(), EgressError> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
        if self.request.method != Method::HEAD && announced.is_some_and(|length| length > limit) {
            return Err(EgressError::TooLarge { host: host.to_owned(), limit });
        }
        let is_encoded =
            headers.get_all(CONTENT_ENCODING).iter().any(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity"));
        if self.request.mask.is_some() && is_encoded {
            return Err(EgressError::Encoded { host: host.to_owned() });
        }
        Ok(())
    }

    fn stuck(&self, reason: &'static str) -> EgressError {
        EgressError::Redirect { host: host_for_log(&self.request.url).to_owned(), reason }
    }

    fn too_many_headers(&self) -> EgressError {
        EgressError::TooManyHeaders {
            host: host_for_log(&self.request.url).to_owned(),
            limit: self.shared.config.max_headers,
        }
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
