//! Reading a webhook. Its signature was verified by the host, by what the manifest says.

use serde::Deserialize;

use crate::{Endpoint, Failure, Route, Webhook, json};

impl Webhook {
    /// The first value of a header; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter in the query of the address that it came to: what was put there when the address
    /// was registered.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The connection whose own address it came to, by id; none if it came to the address that the integration's
    /// connections share.
    #[must_use]
    pub fn connection(&self) -> Option<&str> {
        match &self.endpoint {
            Endpoint::Connection(id) => Some(id),
            Endpoint::Integration => None,
        }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// The provider is to blame if it is not JSON or of another shape.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        json::from_slice(&self.body)
            .map_err(|e| Failure::provider(format!("The webhook is not what the provider's documentation says: {e}")))
    }
}

impl Route {
    /// That streams of an account are to be pulled anew.
    #[must_use]
    pub fn of(account: impl Into<String>, streams: &[&str]) -> Self {
        Self { account: Some(account.into()), ..Self::here(streams) }
    }

    /// The same for the connection whose own address the webhook came to.
    #[must_use]
    pub fn here(streams: &[&str]) -> Self {
        let streams = streams.iter().map(|&stream| stream.to_owned()).collect();
        Self { account: None, streams, deleted: Vec::new() }
    }

    /// Adds ids of records of a stream that the provider says are gone.
    #[must_use]
    pub fn deleted(mut self, stream: &str, ids: Vec<String>) -> Self {
        self.deleted.push((stream.to_owned(), ids));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blame;

    #[test]
    fn a_webhook_is_read() {
        let headers = vec![("x-topic".to_owned(), "orders/paid".to_owned())];
        let webhook = Webhook {
            endpoint: Endpoint::Connection("conn_1".to_owned()),
            id: None,
            event: None,
            account: None,
            query: vec![("event".to_owned(), "paid".to_owned())],
            headers,
            body: b"{\"team\":\"T1\"}".to_vec(),
        };
        assert_eq!((webhook.query("event"), webhook.query("none")), (Some("paid"), None));
        assert_eq!(webhook.connection(), Some("conn_1"));
        assert_eq!((webhook.header("x-topic"), webhook.header("x-none")), (Some("orders/paid"), None));
        let body: std::collections::BTreeMap<String, String> = webhook.json().unwrap();
        assert_eq!(body["team"], "T1");
        assert_eq!(webhook.json::<Vec<u8>>().unwrap_err().blame, Blame::Provider);
    }

    #[test]
    fn a_route_is_for_an_account_or_for_the_connection_whose_address_it_was() {
        let route = Route::of("T1", &["users"]).deleted("users", vec!["u1".to_owned()]);
        assert_eq!((route.account.as_deref(), &route.streams[..]), (Some("T1"), &["users".to_owned()][..]));
        assert_eq!(route.deleted, [("users".to_owned(), vec!["u1".to_owned()])]);
        assert!(Route::here(&[]).account.is_none());
    }
}
