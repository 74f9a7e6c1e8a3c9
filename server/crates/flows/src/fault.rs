//! Points at which tests kill the process. Compiled in with the feature `fault-points` alone, which nothing that is
//! released has.

/// Ends the process at once, as `kill -9` does, if `PATCHBAY_FAULT_POINT` names this point.
#[cfg(feature = "fault-points")]
pub(crate) fn point(name: &str) {
    if std::env::var_os("PATCHBAY_FAULT_POINT").is_some_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(feature = "fault-points"))]
pub(crate) const fn point(_name: &str) {}
