//! What a caller of the API may do.

/// A scope of an API key, such as `connections:read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(u32);

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $text:literal;)*) => {
        impl Permission {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            /// All of them, with their text form.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$name, $text)),*];
        }
    };
}

permissions! {
    /// See integrations and providers.
    INTEGRATIONS_READ = 0, "integrations:read";
    /// Configure integrations.
    INTEGRATIONS_WRITE = 1, "integrations:write";
    /// See connect sessions.
    CONNECT_READ = 2, "connect:read";
    /// Open and withdraw connect sessions.
    CONNECT_WRITE = 3, "connect:write";
    /// See connections.
    CONNECTIONS_READ = 4, "connections:read";
    /// Change and delete connections.
    CONNECTIONS_WRITE = 5, "connections:write";
    /// Read connections' credentials.
    CREDENTIALS_READ = 6, "credentials:read";
    /// See syncs and runs.
    SYNCS_READ = 7, "syncs:read";
    /// Trigger, pause and resume syncs.
    SYNCS_WRITE = 8, "syncs:write";
    /// Read records.
    RECORDS_READ = 9, "records:read";
    /// Call providers through the proxy.
    PROXY = 10, "proxy";
    /// See endpoints and deliveries.
    EVENTS_READ = 11, "events:read";
    /// Change endpoints, send and replay events.
    EVENTS_WRITE = 12, "events:write";
    /// See API keys.
    KEYS_READ = 13, "keys:read";
    /// Make and revoke API keys.
    KEYS_WRITE = 14, "keys:write";
    /// Export connections with their credentials, encrypted to a key of one's own.
    CREDENTIALS_EXPORT = 15, "credentials:export";
    /// See pushed plugins and their versions.
    PLUGINS_READ = 20, "plugins:read";
    /// Push, pin and withdraw versions of plugins.
    PLUGINS_WRITE = 21, "plugins:write";
    /// See actions, calls of them and what came out.
    ACTIONS_READ = 16, "actions:read";
    /// Perform actions.
    ACTIONS_RUN = 17, "actions:run";
}

impl Permission {
    /// The text form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(known, _)| *known == self).map_or("", |(_, text)| text)
    }
}

/// Some permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u32);

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope; write `*` or some of {all}", all = known())]
pub struct UnknownPermission(pub String);

fn known() -> String {
    Permission::ALL.iter().map(|(_, text)| *text).collect::<Vec<_>>().join(", ")
}

impl Permissions {
    /// Every permission.
    pub const ALL: Self = Self(u32::MAX);

    /// Reads scopes as written; `*` is all of them.
    ///
    /// # Errors
    /// The first text that is no scope.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, UnknownPermission> {
        texts.iter().map(AsRef::as_ref).try_fold(Self::default(), |sum, text| {
            if text == "*" {
                return Ok(Self::ALL);
            }
            let found = Permission::ALL.iter().find(|(_, known)| *known == text);
            found.map(|(permission, _)| Self(sum.0 | permission.0)).ok_or_else(|| UnknownPermission(text.into()))
        })
    }

    /// Whether it is among them.
    #[must_use]
    pub fn allow(self, permission: Permission) -> bool {
        self.0 & permission.0 == permission.0
    }

    /// Whether all of those are among them.
    #[must_use]
    pub fn contain(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Those that are among both.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// The text forms of those that are not among others.
    #[must_use]
    pub fn beyond(self, others: Self) -> Vec<&'static str> {
        let beyond = |permission: Permission| self.allow(permission) && !others.allow(permission);
        Permission::ALL.iter().filter(|(permission, _)| beyond(*permission)).map(|(_, text)| *text).collect()
    }

    /// Those whose text form is wanted.
    #[must_use]
    pub(crate) fn only(self, wanted: impl Fn(&str) -> bool) -> Self {
        let bits = Permission::ALL.iter().filter(|(permission, text)| self.allow(*permission) && wanted(text));
        Self(bits.fold(0, |sum, (permission, _)| sum | permission.0))
    }

    /// What a member of that role may do in the portal; nothing for a role that is none. Nobody reads credentials there.
    #[must_use]
    pub fn of_role(role: &str) -> Self {
        let pick =
            |wanted: &dyn Fn(&str) -> bool| Self::ALL.only(|text| !text.starts_with("credentials:") && wanted(text));
        match role {
            "owner" | "admin" | "developer" => pick(&|_| true),
            "support" => pick(&|text| text.ends_with(":read") || matches!(text, "connect:write" | "syncs:write")),
            "auditor" => pick(&|text| text.ends_with(":read")),
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_and_unknown_ones_named() {
        let some = Permissions::parse(&["connections:read", "proxy"]).unwrap();
        assert!(some.allow(Permission::PROXY) && !some.allow(Permission::CONNECTIONS_WRITE));
        assert!(Permissions::parse(&["*"]).unwrap().allow(Permission::CREDENTIALS_READ));
        let error = Permissions::parse(&["connections:reed"]).unwrap_err();
        assert!(error.to_string().contains("`connections:reed`") && error.to_string().contains("connections:read"));
    }

    #[test]
    fn no_role_reads_credentials_and_auditors_change_nothing() {
        for role in ["owner", "admin", "developer", "support", "auditor", "stranger"] {
            assert!(!Permissions::of_role(role).allow(Permission::CREDENTIALS_READ), "{role}");
        }
        for (permission, text) in Permission::ALL {
            assert!(text.ends_with(":read") || !Permissions::of_role("auditor").allow(*permission), "{text}");
        }
    }
}
