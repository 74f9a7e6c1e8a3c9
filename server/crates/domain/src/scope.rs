//! Whose data a call may touch.

use ids::{EnvironmentId, TenantId};

/// One environment of one tenant. Repositories are constructed from it, so that a query outside it cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The tenant.
    pub tenant: TenantId,
    /// One of its environments.
    pub environment: EnvironmentId,
}
