//! Governing tenants' keys: what lies under which, rotation, sealing anew, retirement and destruction.
//!
//! A rotation adds a version to the tenant's key, and gives each environment a new data key, so that whatever is sealed from
//! then on has nothing to do with what was before. The old data keys are wrapped with the new version at once. What lies
//! under them is sealed anew by a job, a few values at a time; when nothing is left, the old version is retired, and what an
//! old backup holds can no longer be opened even by whoever has its data keys' wrapped forms and this key service.
//!
//! Whoever governs needs no way to open anything ([`vault::KeyGovernance`]); sealing anew is the servers' work.

mod destroy;
mod retire;
mod rewrap;
mod rotate;
mod status;

pub use destroy::{DestroyError, Destroyed, destroy, is_destroyed};
pub use retire::{Left, RetireError, Retired, retire};
pub use rewrap::{
    QUEUE as REWRAP_QUEUE, RewrapError, RewrapJob, Worked, give_up as give_up_rewrap, pause as pause_rewrap,
    progress as rewrap_progress, start as start_rewrap, work as work_rewrap,
};
pub use rotate::{RotateError, Rotated, rotate};
pub use status::{EnvironmentKeys, KeyUse, StatusError, TenantKeys, status};
