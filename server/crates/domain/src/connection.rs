//! How a connection is: a state machine whose transitions consume, each with a reason that a person can read.

use std::{fmt, str::FromStr};

/// Why the end user must connect again. Nothing else asks for it: a provider that is down or a wrong client secret do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReauthCause {
    /// The grant was revoked at the provider.
    Revoked,
    /// The grant or its refresh token ended by age, or there never was a refresh token.
    Expired,
    /// A refresh token was used, and the answer with the next one was lost.
    LostRotation,
}

impl ReauthCause {
    /// The text form, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::LostRotation => "lost_rotation",
        }
    }

    /// The same for a person.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Revoked => "Access was withdrawn at the provider. The account's owner has to connect it again.",
            Self::Expired => "The provider's permission has run out. The account's owner has to connect it again.",
            Self::LostRotation => {
                "The provider's answer to a token renewal was lost, and the old token no longer works. The account's owner has to connect it again."
            }
        }
    }
}

/// The health of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// Being made.
    Pending,
    /// Works.
    Active,
    /// Its end user must connect again.
    NeedsReauth(ReauthCause),
    /// Stopped by the tenant.
    Paused,
    /// Given up: the grant was withdrawn on purpose.
    Revoked,
    /// Being deleted.
    Deleting,
}

/// A transition that the state does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a connection that is {from} cannot be {to}")]
pub struct NoSuchTransition {
    /// The state it is in.
    pub from: &'static str,
    /// What was wanted, as a participle.
    pub to: &'static str,
}

/// A state text and cause text that no code writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no health")]
pub struct UnknownHealth(String);

impl Health {
    /// A grant was just given: a new connection works, a broken one works again.
    ///
    /// # Errors
    /// A revoked connection and one that is being deleted stay what they are.
    pub const fn connected(self) -> Result<Self, NoSuchTransition> {
        match self {
            Self::Pending | Self::Active | Self::NeedsReauth(_) => Ok(Self::Active),
            // Repairing the grant does not undo the tenant's decision to stop.
            Self::Paused => Ok(Self::Paused),
            Self::Revoked | Self::Deleting => Err(self.refuse("connected")),
        }
    }

    /// The grant is gone. The first cause stays, so that it is told once.
    ///
    /// # Errors
    /// Only one that works, is stopped or already waits for its end user can lose its grant.
    pub const fn lost(self, cause: ReauthCause) -> Result<Self, NoSuchTransition> {
        match self {
            Self::Active | Self::Paused => Ok(Self::NeedsReauth(cause)),
            Self::NeedsReauth(first) => Ok(Self::NeedsReauth(first)),
            Self::Pending | Self::Revoked | Self::Deleting => Err(self.refuse("waiting for its end user")),
        }
    }

    /// Deletion begins; from any state, and twice does no harm.
    #[must_use]
    pub const fn deleted(self) -> Self {
        Self::Deleting
    }

    /// The state's text form, as stored and as in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::NeedsReauth(_) => "needs_reauth",
            Self::Paused => "paused",
            Self::Revoked => "revoked",
            Self::Deleting => "deleting",
        }
    }

    /// Why the end user must connect again, in that state.
    #[must_use]
    pub const fn cause(self) -> Option<ReauthCause> {
        match self {
            Self::NeedsReauth(cause) => Some(cause),
            _ => None,
        }
    }

    /// The state in words for a person.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Pending => "It is being connected.",
            Self::Active => "It works.",
            Self::NeedsReauth(cause) => cause.reason(),
            Self::Paused => "It was paused.",
            Self::Revoked => "Its access was withdrawn.",
            Self::Deleting => "It is being deleted.",
        }
    }

    /// Rebuilds the state from its columns.
    ///
    /// # Errors
    /// The texts are not what [`Health::as_str`] and [`ReauthCause::as_str`] write.
    pub fn from_parts(state: &str, cause: Option<&str>) -> Result<Self, UnknownHealth> {
        Ok(match (state, cause) {
            ("pending", None) => Self::Pending,
            ("active", None) => Self::Active,
            ("needs_reauth", Some(cause)) => Self::NeedsReauth(cause.parse()?),
            ("paused", None) => Self::Paused,
            ("revoked", None) => Self::Revoked,
            ("deleting", None) => Self::Deleting,
            _ => return Err(UnknownHealth(format!("{state}/{}", cause.unwrap_or("-")))),
        })
    }

    const fn refuse(self, to: &'static str) -> NoSuchTransition {
        NoSuchTransition { from: self.as_str(), to }
    }
}

impl FromStr for ReauthCause {
    type Err = UnknownHealth;

    fn from_str(text: &str) -> Result<Self, UnknownHealth> {
        [Self::Revoked, Self::Expired, Self::LostRotation]
            .into_iter()
            .find(|cause| cause.as_str() == text)
            .ok_or_else(|| UnknownHealth(text.to_owned()))
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Health; 6] = [
        Health::Pending,
        Health::Active,
        Health::NeedsReauth(ReauthCause::Revoked),
        Health::Paused,
        Health::Revoked,
        Health::Deleting,
    ];

    #[test]
    fn c_1_every_state_survives_its_columns() {
        for health in ALL {
            let cause = health.cause().map(ReauthCause::as_str);
            assert_eq!(Health::from_parts(health.as_str(), cause), Ok(health));
        }
        assert!(Health::from_parts("needs_reauth", None).is_err());
        assert!(Health::from_parts("active", Some("revoked")).is_err());
        assert!(Health::from_parts("fine", None).is_err());
    }

    #[test]
    fn c_1_only_living_connections_are_repaired() {
        let outcomes = ALL.map(Health::connected);
        let active = Ok(Health::Active);
        assert_eq!(outcomes[..4], [active, active, active, Ok(Health::Paused)]);
        assert!(outcomes[4].is_err() && outcomes[5].is_err());
    }

    #[test]
    fn c_5_the_first_cause_stays() {
        let lost = Health::Active.lost(ReauthCause::Expired).unwrap();
        assert_eq!(lost.lost(ReauthCause::Revoked), Ok(Health::NeedsReauth(ReauthCause::Expired)));
        assert!(Health::Deleting.lost(ReauthCause::Expired).is_err());
    }
}
