//! What became of grants that were to be given back at their providers.

pub mod list;

use api_types::connection::{Revocation, RevocationState};
use domain::revocation::RevocationState as State;
use store::RevocationRow;

/// A state as it is shown.
pub(super) const fn state(state: State) -> RevocationState {
    match state {
        State::Pending => RevocationState::Pending,
        State::Revoked => RevocationState::Revoked,
        State::Unsupported => RevocationState::Unsupported,
        State::Nothing => RevocationState::Nothing,
        State::Failed => RevocationState::Failed,
    }
}

/// A revocation as it is shown.
#[must_use]
pub fn show(row: RevocationRow) -> Revocation {
    Revocation {
        connection_id: row.connection,
        integration_id: row.integration,
        provider: row.provider,
        end_user_id: row.end_user,
        account: row.account,
        run_id: row.run,
        state: state(row.state),
        reason: row.reason,
        tries: row.tries,
        next_try_at: row.next_try_at,
        asked_at: row.asked_at,
        finished_at: row.finished_at,
    }
}
