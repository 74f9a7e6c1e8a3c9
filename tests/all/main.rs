//! Everything that is tested from outside, by topic. What one crate can test alone stands beside that crate.

// The parts that tests are made of: real servers, callers, and what may go wrong between them.
mod support;

// The ten rows of one request's walk, one by one.
mod journey;
