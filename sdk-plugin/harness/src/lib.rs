//! Runs a plugin against recorded exchanges, without a server.
