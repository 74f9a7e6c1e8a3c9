//! The whole flow through a real Chromium, on a phone's window and on a laptop's. Pictures are left among the artefacts.

mod connect;
mod driver;
mod enter;
mod host_page;
mod portal;
mod portal_keys;
mod providers;
mod small_provider;
mod trouble;
