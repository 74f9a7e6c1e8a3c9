//! What happens when something dies, hangs or lies: degraded answers, nothing lost, recovery by itself.

mod callback_twice;
mod counted;
mod database_cut;
mod endpoint_down;
mod guarded;
mod keys_denied;
mod keys_sealed;
mod many_nodes;
mod neighbours;
mod throttled;
pub mod worker_killed;
