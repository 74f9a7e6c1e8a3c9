//! What happens when something dies, hangs or lies: degraded answers, nothing lost, recovery by itself.

mod callback_twice;
mod database_cut;
mod endpoint_down;
mod keys_denied;
mod keys_sealed;
mod throttled;
mod worker_killed;
