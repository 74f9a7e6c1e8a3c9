//! Tenants, their environments, keys and members, and who is who.

pub mod authenticate;
pub mod create;
pub mod create_environment;
pub mod create_member;
pub mod keys;
pub mod list;
pub mod sign_in;
pub mod weigh;

mod names;
