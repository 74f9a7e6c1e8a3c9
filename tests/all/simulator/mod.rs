//! A provider simulator: one server that reads any manifest and behaves as that provider would, for every host name, and
//! the life of a connection at each of them.

// Certificates for every name, and HTTP over them.
mod authority;
mod wire;

// What a manifest leaves open, filled in.
mod script;
mod values;

// What must come, and what is answered: the provider's side, by way in.
mod api;
mod exchanges;
mod expected;
mod jose;
mod mcp;
mod oauth1;
mod oauth2;
mod provider;
mod signed;

// Our side: services whose every way out leads here, a connection's life, and everybody's.
mod attempt;
mod calls;
mod catalogue;
mod house;
mod moved;
mod walk;
mod webhook;

pub(crate) use catalogue::{files, read};
pub(crate) use house::House;
pub(crate) use script::Script;
pub(crate) use walk::walk;
pub(crate) use wire::Seen;
