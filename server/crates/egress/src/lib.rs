//! The only outbound HTTP: address policy against server-side request forgery, deadlines, size limits, rate budgets,
//! credentials added on the way out, secrets masked on the way back, one log line per exchange.

pub mod address;
mod breaker;
pub mod budget;
mod client;
pub mod config;
mod credential;
mod error;
mod fault;
mod headers;
mod identity;
mod journey;
mod mask;
mod place;
mod reach;
mod request;
mod resolver;
mod response;
pub mod retry_after;
pub mod sign;
mod slots;
mod trace;
mod witness;

pub use budget::{Budget, BudgetOf, RateLimits, SharedBudget};
pub use client::Egress;
pub use config::EgressConfig;
pub use credential::Credential;
pub use error::{DenyReason, EgressError, SetupError, TransportKind};
pub use identity::Identity;
pub use mask::{MaskStream, Masker};
pub use reach::{HostPattern, ParsePatternError, Reach, host_for_log};
pub use request::{Body, Redirects, Request};
pub use resolver::{LookedUp, Lookup, SystemLookup};
pub use response::{Response, ResponseBody, StreamingResponse};
pub use sign::{Moment, NeedsBody, Outgoing, Sign, Unsigned};
pub use witness::{Exchange, Witness};
