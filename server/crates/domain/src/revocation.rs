//! What becomes of a grant that is to be given back at its provider.

/// Where a revocation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationState {
    /// The provider has not let go yet; it is asked again.
    Pending,
    /// The provider has let go.
    Revoked,
    /// The provider has no call for it: what it gave ends by itself, or at the provider's own pages.
    Unsupported,
    /// There was nothing to give back.
    Nothing,
    /// The provider did not let go, and is not asked again.
    Failed,
}

/// A text that is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state of a revocation")]
pub struct UnknownRevocationState(pub String);

impl RevocationState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Revoked, Self::Unsupported, Self::Nothing, Self::Failed];

    /// The text form, as stored and as in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Revoked => "revoked",
            Self::Unsupported => "unsupported",
            Self::Nothing => "nothing",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending)
    }
}

impl std::str::FromStr for RevocationState {
    type Err = UnknownRevocationState;

    fn from_str(text: &str) -> Result<Self, UnknownRevocationState> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownRevocationState(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_7_every_state_survives_its_column() {
        for state in RevocationState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(state.is_settled(), state != RevocationState::Pending);
        }
        assert!("gone".parse::<RevocationState>().is_err());
    }
}
