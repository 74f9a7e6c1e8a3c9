//! The portal's addresses.

use ids::ConnectionId;

/// Where in the portal one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// How things stand.
    Overview,
    /// Integrations.
    Integrations,
    /// Providers.
    Providers,
    /// One provider.
    Provider(String),
    /// A provider's manifest, to be written; `None` for a new one.
    Manifest(Option<String>),
    /// Connections.
    Connections,
    /// One connection.
    Connection(ConnectionId),
    /// The records of a stream of a connection, as far as chosen.
    Records {
        /// Of which connection.
        connection: Option<ConnectionId>,
        /// Of which stream.
        stream: Option<String>,
    },
    /// Deliveries of events.
    Deliveries,
    /// Who is told of events.
    Endpoints,
    /// API keys.
    ApiKeys,
    /// Nothing is there.
    Unknown,
}

impl Route {
    /// The places in the navigation, in its order.
    pub const NAVIGATION: [Self; 8] = [
        Self::Overview,
        Self::Connections,
        Self::Records { connection: None, stream: None },
        Self::Integrations,
        Self::Providers,
        Self::Deliveries,
        Self::Endpoints,
        Self::ApiKeys,
    ];

    /// Reads path and query, the latter with or without its question mark.
    #[must_use]
    pub fn parse(path: &str, query: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            ["portal"] => Self::Overview,
            ["portal", "integrations"] => Self::Integrations,
            ["portal", "providers"] => Self::Providers,
            ["portal", "providers", slug] => Self::Provider((*slug).to_owned()),
            ["portal", "manifest"] => Self::Manifest(None),
            ["portal", "manifest", slug] => Self::Manifest(Some((*slug).to_owned())),
            ["portal", "connections"] => Self::Connections,
            ["portal", "connections", id] => id.parse().map_or(Self::Unknown, Self::Connection),
            ["portal", "records"] => Self::Records {
                connection: value(query, "connection").and_then(|id| id.parse().ok()),
                stream: value(query, "stream").map(str::to_owned),
            },
            ["portal", "deliveries"] => Self::Deliveries,
            ["portal", "endpoints"] => Self::Endpoints,
            ["portal", "api-keys"] => Self::ApiKeys,
            _ => Self::Unknown,
        }
    }

    /// The address.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Overview | Self::Unknown => "/portal".to_owned(),
            Self::Connection(id) => format!("/portal/connections/{id}"),
            Self::Provider(slug) => format!("/portal/providers/{slug}"),
            Self::Manifest(Some(slug)) => format!("/portal/manifest/{slug}"),
            Self::Records { connection, stream } => web_client::Query::new("/portal/records")
                .maybe("connection", *connection)
                .maybe("stream", stream.as_ref())
                .into_text(),
            other => format!("/portal/{}", other.name()),
        }
    }

    /// The stable name of the screen, as in `data-screen`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Integrations => "integrations",
            Self::Providers => "providers",
            Self::Provider(_) => "provider",
            Self::Manifest(_) => "manifest",
            Self::Connections => "connections",
            Self::Connection(_) => "connection",
            Self::Records { .. } => "records",
            Self::Deliveries => "deliveries",
            Self::Endpoints => "endpoints",
            Self::ApiKeys => "api-keys",
            Self::Unknown => "unknown",
        }
    }

    /// Whether this place belongs to that entry of the navigation.
    #[must_use]
    pub fn is_under(&self, entry: &Self) -> bool {
        match self {
            Self::Connection(_) => *entry == Self::Connections,
            Self::Provider(_) | Self::Manifest(_) => *entry == Self::Providers,
            _ => self.name() == entry.name(),
        }
    }
}

/// A value as it stands in the query. Ids and names of streams need no decoding.
fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let pairs = query.trim_start_matches('?').split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_what_they_were() {
        let id = ConnectionId::new(1, [1; 10]);
        let places = Route::NAVIGATION
            .into_iter()
            .chain([
                Route::Provider("shop".to_owned()),
                Route::Manifest(None),
                Route::Manifest(Some("shop".to_owned())),
            ])
            .chain([Route::Connection(id), Route::Records { connection: Some(id), stream: Some("orders".to_owned()) }]);
        for route in places {
            let path = route.path();
            let (path, query) = path.split_once('?').unwrap_or((&path, ""));
            assert_eq!(Route::parse(path, query), route);
        }
    }

    #[test]
    fn what_is_not_there_is_unknown() {
        assert_eq!(Route::parse("/portal/nothing", ""), Route::Unknown);
        assert_eq!(Route::parse("/portal/connections/int_01h455vb4pex5vsknk084sn02q", ""), Route::Unknown);
        assert_eq!(Route::parse("/portal/", ""), Route::Overview);
    }

    #[test]
    fn a_connection_belongs_to_the_connections() {
        let one = Route::Connection(ConnectionId::new(1, [1; 10]));
        assert!(one.is_under(&Route::Connections));
        assert!(!one.is_under(&Route::Overview));
        assert!(Route::Manifest(None).is_under(&Route::Providers));
    }
}
