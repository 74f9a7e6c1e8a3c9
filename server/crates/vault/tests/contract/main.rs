//! The contract of a key service, held by both of its implementations, and what each must do besides. Vault transit is
//! tested against a real server of the Vault API, started here: an installed `vault` or `bao`, or OpenBao from
//! `infra/openbao/install`.

// `cfg(test)` is always so here; it tells clippy that helpers of tests are tests too.
#[cfg(test)]
mod bao;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod keyring;
#[cfg(test)]
mod kubernetes;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transit;
