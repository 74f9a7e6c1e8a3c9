//! Postgres for the demo, the tests and the benchmarks: finds a server's binaries, keeps a cluster in a folder, starts
//! it on a free port of the loopback interface and stops it again. The standard library is all it needs, so that
//! whatever depends on it builds in a second.

mod binaries;
mod cluster;
mod user;

pub use binaries::Binaries;
pub use cluster::{Cluster, Settings};
