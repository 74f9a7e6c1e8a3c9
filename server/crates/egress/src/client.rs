//! The client itself.

use std::{fs, sync::Arc, time::Duration};

use domain::{clock::Clock, entropy::Entropy};
use http::HeaderValue;
use ids::IntegrationId;
use tokio::time::Instant;
use url::Url;

use crate::{
    address::AddressPolicy,
    breaker::Breakers,
    budget::{Budget, BudgetOf, Budgets, SharedBudget},
    config::EgressConfig,
    error::{EgressError, SetupError},
    identity::Identities,
    journey::Journey,
    reach::{check_url, host_for_log},
    request::Request,
    resolver::{CheckedResolver, Lookup, SystemLookup},
    response::{Response, StreamingResponse},
    slots::Slots,
    trace::Trace,
    witness::{Asked, Witness},
};

/// All outbound HTTP of a process. Cheap to clone; clones share connections, places and budgets.
#[derive(Clone)]
pub struct Egress {
    pub(crate) shared: Arc<Shared>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) entropy: Option<Arc<dyn Entropy>>,
    witness: Option<Arc<dyn Witness>>,
}

pub(crate) struct Shared {
    pub(crate) config: EgressConfig,
    pub(crate) user_agent: HeaderValue,
    pub(crate) policy: Arc<AddressPolicy>,
    lookup: Arc<dyn Lookup>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budgets: Budgets,
    pub(crate) breakers: Breakers,
    pub(crate) slots: Slots,
    roots: Vec<reqwest::Certificate>,
}

pub(crate) struct Clients {
    pub(crate) secure: reqwest::Client,
    /// Speaks plain http, and only with addresses in the operator's ranges. Made only if that is allowed at all.
    pub(crate) plain: Option<reqwest::Client>,
    /// Shows a certificate.
    pub(crate) identified: Identities,
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
            breakers: Breakers::new(),
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

    /// Shares the rate budgets with other nodes from now on, for all clones. Once; a second one is not heard.
    #[must_use]
    pub fn with_shared_budget(self, shared: Arc<dyn SharedBudget>) -> Self {
        self.shared.budgets.share(shared);
        self
    }

    /// Another node was asked by a provider not to call for so long: neither do we.
    pub fn close(&self, of: BudgetOf, wait: Duration) {
        self.shared.budgets.close(of, wait);
    }

    /// Another node found a host of an integration to be failing, so that it is left alone for so long, or well again.
    pub fn hear(&self, integration: IntegrationId, host: &str, rest: Option<Duration>) {
        self.shared.breakers.hear(integration, host, rest);
    }

    /// The host of an integration that fails and is left alone, and for how long, as far as this node knows.
    #[must_use]
    pub fn rests(&self, integration: IntegrationId) -> Option<(String, Duration)> {
        self.shared.breakers.rests(integration)
    }

    /// For how long a budget lets nobody call, as far as this node knows: a host of the integration keeps failing, or the
    /// limit is used up. That a provider asked to be left alone is another thing.
    #[must_use]
    pub fn held_back(&self, budget: &Budget) -> Option<Duration> {
        self.shared.breakers.holds_back(budget.integration).max(self.shared.budgets.used_up(budget))
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

    /// What speaks https alone, with the operator's roots beside the system's.
    pub(crate) fn secure_builder(&self) -> reqwest::ClientBuilder {
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
