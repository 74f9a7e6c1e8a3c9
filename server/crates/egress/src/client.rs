//! The client itself.

use std::{collections::VecDeque, fs, sync::Arc, time::Duration};

use domain::{clock::Clock, entropy::Entropy};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, USER_AGENT},
};
use tokio::time::Instant;
use url::Url;

use crate::{
    address::AddressPolicy,
    budget::Budgets,
    config::EgressConfig,
    credential::{Credential, Touched},
    error::{EgressError, SetupError},
    fault, headers,
    identity::Identities,
    reach::{check_url, host_for_log},
    request::{Body, CollectError, Redirects, Request},
    resolver::{CheckedResolver, Lookup, SystemLookup},
    response::{Response, ResponseBody, StreamingResponse},
    sign::{Moment, NeedsBody},
    slots::{Place, Slots},
    trace::Trace,
    witness::{Asked, Witness},
};

/// All outbound HTTP of a process. Cheap to clone; clones share connections, places and budgets.
#[derive(Clone)]
pub struct Egress {
    shared: Arc<Shared>,
    clients: Arc<Clients>,
    entropy: Option<Arc<dyn Entropy>>,
    witness: Option<Arc<dyn Witness>>,
}

/// The longest body that is collected to be signed, in bytes. What is longer is sent unsigned where the scheme knows a
/// way to say so, and else not at all.
const LONGEST_SIGNED: usize = 8 << 20;

struct Shared {
    config: EgressConfig,
    user_agent: HeaderValue,
    policy: Arc<AddressPolicy>,
    lookup: Arc<dyn Lookup>,
    clock: Arc<dyn Clock>,
    budgets: Budgets,
    slots: Slots,
    roots: Vec<reqwest::Certificate>,
}

struct Clients {
    secure: reqwest::Client,
    /// Speaks plain http, and only with addresses in the operator's ranges. Made only if that is allowed at all.
    plain: Option<reqwest::Client>,
    /// Shows a certificate.
    identified: Identities,
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

impl Egress {
    /// Outbound HTTP with the system's name resolver.
    ///
    /// # Errors
    /// A setting that makes no sense, a certificate file that cannot be read, or no root certificates.
    pub fn new(config: EgressConfig, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        Self::with_lookup(config, clock, Arc::new(SystemLookup))
    }

    /// Outbound HTTP with names looked up elsewhere. The answers are checked all the same.
    ///
    /// # Errors
    /// As for [`Egress::new`].
    pub fn with_lookup(
        config: EgressConfig,
        clock: Arc<dyn Clock>,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, SetupError> {
        config.validate()?;
        let user_agent = HeaderValue::from_str(&config.user_agent)
            .map_err(|_| SetupError::Config { field: "user_agent", problem: "does not fit into a header".into() })?;
        let roots = read_roots(&config)?;
        let shared = Arc::new(Shared {
            user_agent,
            policy: Arc::new(AddressPolicy::new(config.allow_ranges.clone())),
            lookup,
            clock,
            budgets: Budgets::default(),
            slots: Slots::new(config.max_exchanges, config.max_exchanges_per_host),
            roots,
            config,
        });
        let clients = Arc::new(shared.clients().map_err(SetupError::Client)?);
        Ok(Self { shared, clients, entropy: None, witness: None })
    }

    /// Hands in the randomness that signatures need. Without it no request is signed, and those that must be are not sent.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = Some(entropy);
        self
    }

    /// Has someone look on: exchanges whose answer is read to its end are told. For a developer's tool alone.
    #[must_use]
    pub fn with_witness(mut self, witness: Arc<dyn Witness>) -> Self {
        self.witness = Some(witness);
        self
    }

    /// The same policy, places and budgets over connections of its own. A connection is driven by the runtime that
    /// opened it, so a server with one runtime per thread saves a thread switch per exchange by one of these for each.
    ///
    /// # Errors
    /// No root certificates.
    pub fn with_own_connections(&self) -> Result<Self, SetupError> {
        let clients = Arc::new(self.shared.clients().map_err(SetupError::Client)?);
        let (entropy, witness) = (self.entropy.clone(), self.witness.clone());
        Ok(Self { shared: Arc::clone(&self.shared), clients, entropy, witness })
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> &EgressConfig {
        &self.shared.config
    }

    /// Checks a URL as far as that is possible without a name lookup: for input validation, so that a mistake is told
    /// when it is made. Every request is checked again.
    ///
    /// # Errors
    /// [`EgressError::Denied`] or [`EgressError::Address`].
    pub fn check(&self, url: &Url, reach: &crate::Reach) -> Result<(), EgressError> {
        check_url(url, reach, &self.shared.policy, self.shared.config.allow_http)
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// See [`EgressError`]; a status above 399 is not an error.
    pub async fn send(&self, request: Request) -> Result<Response, EgressError> {
        let Some(witness) = &self.witness else { return self.stream(request).await?.whole().await };
        let asked = Asked::of(&request);
        let answer = match self.stream(request).await {
            Ok(answer) => answer.whole().await,
            Err(error) => Err(error),
        };
        asked.tell(witness.as_ref(), &answer);
        answer
    }

    /// Sends a request and hands the answer over as soon as its head is there.
    ///
    /// # Errors
    /// See [`EgressError`]; a status above 399 is not an error.
    pub async fn stream(&self, request: Request) -> Result<StreamingResponse, EgressError> {
        let started = Instant::now();
        let mut trace = Trace::new(host_for_log(&request.url).to_owned(), request.method.clone(), started);
        let mut journey = match Journey::new(self, request, started) {
            Ok(journey) => journey,
            Err(error) => {
                trace.end(error.code(), 0);
                return Err(error);
            }
        };
        match journey.run().await {
            Ok((response, place)) => {
                trace.status(response.status());
                journey.arrive(response, place, trace)
            }
            Err(error) => {
                trace.end(error.code(), 0);
                Err(error)
            }
        }
    }
}

impl Shared {
    fn clients(&self) -> Result<Clients, reqwest::Error> {
        let secure = self.secure_builder().build()?;
        // Never speaks TLS, so it needs no roots.
        let plain = self.config.allow_http.then(|| self.builder(true).tls_certs_only([]).build()).transpose()?;
        Ok(Clients { secure, plain, identified: Identities::default() })
    }

    fn secure_builder(&self) -> reqwest::ClientBuilder {
        self.builder(false).https_only(true).tls_certs_merge(self.roots.clone())
    }

    fn builder(&self, only_named: bool) -> reqwest::ClientBuilder {
        let config = &self.config;
        let resolver =
            CheckedResolver { lookup: Arc::clone(&self.lookup), policy: Arc::clone(&self.policy), only_named };
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(resolver))
            .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
            .pool_max_idle_per_host(config.max_idle_per_host)
            .pool_idle_timeout(Duration::from_millis(config.idle_timeout_ms))
            .http2_max_header_list_size(64 << 10)
            .tcp_nodelay(true);
        // The parser's own limit is 100, on the stack; any other number costs an allocation per answer.
        if config.max_headers == 100 { builder } else { builder.http1_max_headers(config.max_headers) }
    }
}

fn read_roots(config: &EgressConfig) -> Result<Vec<reqwest::Certificate>, SetupError> {
    let mut roots = Vec::new();
    for path in &config.extra_roots {
        let refused =
            |what: String| SetupError::Config { field: "extra_roots", problem: format!("{}: {what}", path.display()) };
        let pem = fs::read(path).map_err(|e| refused(e.to_string()))?;
        let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| refused("not PEM".into()))?;
        if found.is_empty() {
            return Err(refused("holds no certificate".into()));
        }
        roots.extend(found);
    }
    Ok(roots)
}

/// One exchange with all its hops.
struct Journey<'a> {
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
    fn new(egress: &'a Egress, mut request: Request, started: Instant) -> Result<Self, EgressError> {
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

    async fn run(&mut self) -> Result<(reqwest::Response, Place), EgressError> {
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
        let place = self.shared.slots.take(host_for_log(&self.request.url), self.patience()).await?;
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
        let response = client.execute(outbound).await.map_err(|error| {
            let host = host_for_log(&self.request.url);
            if fault::is_head_too_large(&error) {
                return self.too_many_headers();
            }
            fault::translate(error, host, self.deadline)
        })?;
        if response.headers().len() > self.shared.config.max_headers {
            return Err(self.too_many_headers());
        }
        Ok((response, place))
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

    fn arrive(
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
