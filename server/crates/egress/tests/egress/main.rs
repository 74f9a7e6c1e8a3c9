//! The outbound client against servers on the loopback network that behave as badly as they like.
#![cfg(test)]

mod bounds;
mod logs;
mod masking;
mod redirects;
mod server;
mod signing;
mod throttling;
mod tls;
mod vectors;
