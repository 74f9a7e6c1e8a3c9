//! The parts that tests are made of. Servers are real; each test has a database of its own.

mod answer;
mod bao;
mod callers;
mod children;
mod clock;
mod connecting;
mod database;
pub mod heard;
mod log;
mod node;
mod oidc;
mod paths;
mod process;
pub mod pushing;
mod quiet;
mod sink;
mod tcp_proxy;
mod wait;
mod world;

pub use answer::Answer;
pub use bao::Bao;
pub use callers::{Anonymous, Caller, ConnectBrowser, Operator, Portal, TenantKey};
pub use children::{Child, spawn};
pub use clock::TestClock;
pub use connecting::{Consent, leads_to};
pub use database::Database;
pub use log::{captured, start_log};
pub use node::start_node;
pub use oidc::Oidc;
pub use paths::{artifacts, on_path, patchbay_binary, plugins, root};
pub use process::{server_process, start_node_of};
pub use pushing::{Author, push, push_bytes};
pub use sink::Sink;
pub use tcp_proxy::TcpProxy;
pub use wait::{PATIENCE, until};
pub use world::{KeysOf, OPERATOR_TOKEN, Options, Tenant, World};
