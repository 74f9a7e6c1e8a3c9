//! Every kind of id in one list. In the database an id is a UUIDv7 (RFC 9562); outside it is prefixed text,
//! `conn_` and 26 characters of Crockford base32, so that a pasted id says what it names.

mod base32;

/// Why a text is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like `{prefix}_01h455vb4pex5vsknk084sn02q`, got `{got}`")]
pub struct ParseIdError {
    /// The prefix that ids of this kind carry.
    pub prefix: &'static str,
    /// The text as given, cut to 40 characters.
    pub got: String,
}

/// Makes a UUIDv7 from Unix time in milliseconds and ten random bytes.
#[must_use]
pub fn uuid_v7(unix_ms: u64, random: [u8; 10]) -> uuid::Uuid {
    uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid()
}

macro_rules! ids {
    ($( $(#[$doc:meta])* $name:ident = $prefix:literal; )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
        #[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Uuid))]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// The prefix in the text form, without the underscore.
            pub const PREFIX: &'static str = $prefix;
            /// A new id from Unix time in milliseconds and ten random bytes.
            #[must_use]
            pub fn new(unix_ms: u64, random: [u8; 10]) -> Self { Self(uuid_v7(unix_ms, random)) }
            /// Wraps a UUID that is known to name this kind.
            #[must_use]
            pub const fn from_uuid(uuid: uuid::Uuid) -> Self { Self(uuid) }
            /// The UUID as stored.
            #[must_use]
            pub const fn uuid(&self) -> uuid::Uuid { self.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}_{}", $prefix, base32::encode(self.0.as_u128()))
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { std::fmt::Display::fmt(self, f) }
        }
        impl std::str::FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(base32::decode)
                    .map(|n| Self(uuid::Uuid::from_u128(n)))
                    .ok_or_else(|| ParseIdError { prefix: $prefix, got: text.chars().take(40).collect() })
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        #[cfg(feature = "diesel")]
        impl diesel::serialize::ToSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>) -> diesel::serialize::Result {
                <uuid::Uuid as diesel::serialize::ToSql<diesel::sql_types::Uuid, diesel::pg::Pg>>::to_sql(&self.0, out)
            }
        }
        #[cfg(feature = "diesel")]
        impl diesel::deserialize::FromSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                <uuid::Uuid as diesel::deserialize::FromSql<diesel::sql_types::Uuid, diesel::pg::Pg>>::from_sql(bytes).map(Self)
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-hjkmnp-tv-z]{26}$")))
                    .examples([concat!($prefix, "_01h455vb4pex5vsknk084sn02q")])
                    .into()
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
        }
    )*
    /// Every prefix in use, for tests that no two kinds share one.
    pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    /// A SaaS company that offers connections to its own customers.
    TenantId = "ten";
    /// A tenant's dev, staging or prod; everything below belongs to exactly one.
    EnvironmentId = "env";
    /// A person who signs in to the portal.
    MemberId = "mem";
    /// A signed-in browser of a member.
    PortalSessionId = "ses";
    /// An API key.
    ApiKeyId = "key";
    /// A provider configured in an environment.
    IntegrationId = "int";
    /// One version of a provider that a tenant described.
    ProviderVersionId = "pver";
    /// One version of a plugin that was pushed to an environment.
    PluginVersionId = "plgv";
    /// That an environment uses a version of a plugin, from then until another takes its place.
    PluginPinId = "pin";
    /// A public key whose signatures an environment trusts on plugins.
    PluginKeyId = "pkey";
    /// A call of an action.
    ActionRunId = "act";
    /// One end user's account at a provider.
    ConnectionId = "conn";
    /// The secret of a connection, as it stands after its latest refresh.
    CredentialId = "cred";
    /// A wrapped data key of an environment.
    DataKeyId = "dek";
    /// A short-lived grant to make or repair a connection.
    ConnectSessionId = "cs";
    /// An install begun at a vendor's marketplace.
    InstallId = "inst";
    /// One try at authorising within a connect session.
    AttemptId = "att";
    /// A revocation of many connections at once.
    RevocationRunId = "rvk";
    /// An import of many connections at once.
    ImportId = "imp";
    /// A recurring pull of one stream of one connection.
    SyncId = "sync";
    /// One execution of a sync.
    RunId = "run";
    /// A unit of background work.
    JobId = "job";
    /// Something that happened, as told to the tenant.
    EventId = "evt";
    /// A tenant's URL that is told of events.
    EndpointId = "ep";
    /// The telling of one event to one endpoint.
    DeliveryId = "dlv";
    /// One try of a delivery.
    DeliveryAttemptId = "try";
    /// A URL of ours that a provider sends webhooks to.
    HookId = "hook";
    /// One webhook that a provider sent.
    InboundId = "inb";
    /// An audit row.
    AuditId = "aud";
    /// An API request, as named in logs and in problem documents.
    RequestId = "req";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_sorts_by_time() {
        let early = ConnectionId::new(1_700_000_000_000, [7; 10]);
        let late = ConnectionId::new(1_700_000_000_001, [0; 10]);
        assert_eq!(early.to_string().parse::<ConnectionId>(), Ok(early));
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.to_string().len(), "conn_".len() + 26);
    }

    #[test]
    fn another_kind_is_refused_with_the_expected_form() {
        let tenant = TenantId::new(1, [1; 10]).to_string();
        let error = tenant.parse::<ConnectionId>().unwrap_err();
        assert!(error.to_string().contains("conn_01h4"), "{error}");
        assert!("conn_".parse::<ConnectionId>().is_err());
        assert!("conn_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<ConnectionId>().is_err(), "more than 128 bits");
    }

    #[test]
    fn no_two_kinds_share_a_prefix() {
        let unique: std::collections::BTreeSet<_> = PREFIXES.iter().collect();
        assert_eq!(unique.len(), PREFIXES.len());
    }
}
