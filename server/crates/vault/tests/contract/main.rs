//! The contract of a key service, held by both of its implementations, and what each must do besides. Vault transit is
//! tested against a real server of the Vault API, started here: an installed `vault` or `bao`, or OpenBao from
//! `infra/openbao/install`.
#![allow(missing_docs, reason = "tests are read, not documented")]

mod bao;
mod hostile;
mod keyring;
mod suite;
mod support;
mod transit;
