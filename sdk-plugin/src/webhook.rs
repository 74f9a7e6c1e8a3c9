//! Reading a webhook. Its signature was verified by the host, by what the manifest says.

use serde::Deserialize;

use crate::{Failure, Route, Webhook, json};

impl Webhook {
    /// The first value of a header; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
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
        Self { account: account.into(), streams: streams.iter().map(|&stream| stream.to_owned()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blame;

    #[test]
    fn a_webhook_is_read() {
        let headers = vec![("x-topic".to_owned(), "orders/paid".to_owned())];
        let webhook = Webhook { headers, body: b"{\"team\":\"T1\"}".to_vec() };
        assert_eq!((webhook.header("x-topic"), webhook.header("x-none")), (Some("orders/paid"), None));
        let body: std::collections::BTreeMap<String, String> = webhook.json().unwrap();
        assert_eq!(body["team"], "T1");
        assert_eq!(webhook.json::<Vec<u8>>().unwrap_err().blame, Blame::Provider);
    }
}
