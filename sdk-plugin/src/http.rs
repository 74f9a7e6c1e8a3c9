//! HTTP through the host, with the connection's credential added outside the plugin.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Failure, Item,
    abi::patchbay::plugin::http::{self as host, Fault},
    json, link, time,
};

/// A request to be sent. Authorization, cookie, host and hop-by-hop headers of a plugin's own are dropped by the host.
#[derive(Debug, Clone)]
pub struct Request {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// A GET of `url`: absolute, or a path below the provider's base URL, beginning with `/`.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A POST to `url`, as in [`get`].
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

impl Request {
    /// A request with any method, for those that have no function of their own.
    pub fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: None }
    }

    /// Adds a parameter to the URL's query, percent-encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.url.push(if self.url.contains('?') { '&' } else { '?' });
        percent_encode(name, &mut self.url);
        self.url.push('=');
        percent_encode(&value.to_string(), &mut self.url);
        self
    }

    /// Adds a parameter if there is a value.
    #[must_use]
    pub fn query_if(self, name: &str, value: Option<impl std::fmt::Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets a JSON body and its content type.
    ///
    /// # Errors
    /// The plugin is to blame if the body cannot be written as JSON.
    pub fn json(mut self, body: &impl Serialize) -> Result<Self, Failure> {
        let bytes = serde_json::to_vec(body).map_err(|e| Failure::plugin(format!("The body is not JSON: {e}")))?;
        self.body = Some(bytes);
        Ok(self.header("content-type", "application/json"))
    }

    /// Sets a body of form fields, percent-encoded (`application/x-www-form-urlencoded`), and its content type.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let mut body = String::new();
        for (name, value) in fields {
            if !body.is_empty() {
                body.push('&');
            }
            percent_encode(name, &mut body);
            body.push('=');
            percent_encode(value, &mut body);
        }
        self.body = Some(body.into_bytes());
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Sends it and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// As the host says: `Fault` becomes a [`Failure`] that blames the right one.
    pub fn send(self) -> Result<Response, Failure> {
        let Self { method, url, headers, body } = self;
        let response: Result<host::Response, Fault> =
            host::fetch(&host::Request { method: method.to_owned(), url, headers, body });
        let host::Response { status, headers, body } = response?;
        Ok(Response { status, headers, body })
    }

    /// Sends it and takes a success; any other answer becomes the failure that `refusal` makes of it, as in
    /// [`Response::accept`].
    ///
    /// # Errors
    /// Those of [`Request::send`], and what `refusal` says.
    pub fn accept(self, refusal: impl FnOnce(u16, &[u8], Option<u32>) -> Failure) -> Result<Response, Failure> {
        self.send()?.accept(refusal)
    }

    /// Sends it, demands success and reads JSON.
    ///
    /// # Errors
    /// Those of [`Request::send`], [`Response::success`] and [`Response::json`].
    pub fn fetch<T: DeserializeOwned>(self) -> Result<T, Failure> {
        self.send()?.success()?.json()
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The link with this relation (RFC 8288), `next` for example.
    #[must_use]
    pub fn link(&self, relation: &str) -> Option<String> {
        self.headers.iter().filter(|(n, _)| n == "link").find_map(|(_, value)| link::find(value, relation))
    }

    /// `Retry-After` (RFC 9110 section 10.2.3) in seconds from now, from either of its forms. Some providers write
    /// fractions of seconds: they count as whole ones.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        let value = self.header("retry-after")?.trim();
        let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
        if let (Ok(seconds), true) = (whole.parse::<u32>(), fraction.bytes().all(|b| b.is_ascii_digit())) {
            return Some(seconds.saturating_add(u32::from(fraction.bytes().any(|b| b != b'0'))));
        }
        let then = time::http_date(value)?;
        Some(u32::try_from(then.saturating_sub(time::now()).div_ceil(1000)).unwrap_or(u32::MAX))
    }

    /// When the provider answered, by its own clock (`Date`, RFC 9110 section 6.6.1), in milliseconds since the Unix
    /// epoch; by ours, less a minute for clocks that differ, if it does not say. A walk by change begins here: what
    /// changes during it is seen by the next one.
    #[must_use]
    pub fn date(&self) -> u64 {
        self.header("date").and_then(time::http_date).unwrap_or_else(|| time::now().saturating_sub(60_000))
    }

    /// The answer if its status is 2xx, else the failure that the status stands for: 401 and 403 send the end user to
    /// connect again, 408, 429 and 5xx are the provider's and tried later, any other is the plugin's.
    /// Look at [`Response::status`] first where the provider means something else by it.
    ///
    /// # Errors
    /// See above.
    pub fn success(self) -> Result<Self, Failure> {
        let status = self.status;
        match status {
            200..=299 => Ok(self),
            401 => Err(Failure::end_user("The provider does not accept the credential any more (401).")),
            403 => Err(Failure::end_user("The provider refuses access with this credential (403).")),
            408 | 429 | 500..=599 => {
                let message = if status == 429 { "The provider asks to wait" } else { "The provider has a fault" };
                let seconds = self.retry_after();
                Err(Failure::provider(format!("{message} ({status}).")).retry_after(seconds))
            }
            _ => {
                Err(Failure::plugin(format!("The provider answered {status}, for which this plugin was not written.")))
            }
        }
    }

    /// The answer if its status is 2xx, else the failure that `refusal` makes of its status, its body and its
    /// [`Response::retry_after`]: for providers that say more about what is wrong than the status does.
    ///
    /// # Errors
    /// What `refusal` says.
    pub fn accept(self, refusal: impl FnOnce(u16, &[u8], Option<u32>) -> Failure) -> Result<Self, Failure> {
        match self.status {
            200..=299 => Ok(self),
            status => Err(refusal(status, &self.body, self.retry_after())),
        }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// The provider is to blame if it is not JSON or of another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|e| Failure::provider(format!("The provider's answer is not what its documentation says: {e}")))
    }

    /// The body as JSON that borrows from it, with a [`crate::json::Record`] for each record: the cheap way to large
    /// pages. They are walked once, and each record's text is at hand as it stands.
    ///
    /// # Errors
    /// The provider is to blame if it is not JSON or of another shape.
    pub fn records<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        json::from_slice(&self.body)
            .map_err(|e| Failure::provider(format!("The provider's answer is not what its documentation says: {e}")))
    }

    /// The records of a body that is a list of them, each as it stands, with the id that `id` finds in its head; those for
    /// which it finds none are left out.
    ///
    /// # Errors
    /// The provider is to blame if it is not JSON or of another shape.
    pub fn items<'a, H: serde::Deserialize<'a>>(
        &'a self,
        id: impl Fn(H) -> Option<String>,
    ) -> Result<Vec<Item>, Failure> {
        let records: Vec<json::Record<'a, H>> = self.records()?;
        let item = |record: json::Record<'a, H>| Some(Item::raw(id(record.head)?, record.text));
        Ok(records.into_iter().filter_map(item).collect())
    }
}

/// The text as one segment of a path, so that an id with a slash in it stays one segment.
#[must_use]
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    percent_encode(text, &mut out);
    // A segment of dots alone would climb (RFC 3986 section 5.2.4), and encoding them does not help.
    if out.bytes().all(|b| b == b'.') { "_".repeat(out.len()) } else { out }
}

/// Everything but RFC 3986's unreserved characters.
fn percent_encode(text: &str, into: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            for nibble in [byte >> 4, byte & 15] {
                into.extend(DIGITS.get(usize::from(nibble)).copied().map(char::from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;
    use serde_json::Value;

    use super::*;
    use crate::Blame;

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Response { status, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn queries_are_encoded() {
        let request = get("/orders").query("after", "a b&c=é").query_if("since", None::<u8>).query("limit", 10);
        assert_eq!(request.url, "/orders?after=a%20b%26c%3D%C3%A9&limit=10");
    }

    #[test]
    fn forms_are_encoded() {
        let request = post("/orders").form(&[("metadata[a b]", "1&2"), ("note", "")]);
        assert_eq!(request.body.unwrap(), b"metadata%5Ba%20b%5D=1%262&note=");
        assert_eq!(request.headers, [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
        assert!(post("/").form(&[]).body.unwrap().is_empty());
    }

    #[test]
    fn the_provider_says_when_it_answered() {
        assert_eq!(response(200, &[("date", "Sun, 06 Nov 1994 08:49:37 GMT")], "").date(), 784_111_777_000);
    }

    #[test]
    fn segments_stay_segments() {
        for (text, written) in [("ord_1", "ord_1"), ("../me", "..%2Fme"), ("..", "__"), ("a?b#c", "a%3Fb%23c")] {
            assert_eq!(segment(text), written);
        }
    }

    #[test]
    fn each_status_blames_the_right_one() {
        for (status, blame) in [
            (401, Blame::EndUser),
            (403, Blame::EndUser),
            (404, Blame::Plugin),
            (408, Blame::Provider),
            (429, Blame::Provider),
            (503, Blame::Provider),
        ] {
            let failure = response(status, &[("retry-after", "7")], "").success().unwrap_err();
            assert_eq!(failure.blame, blame, "{status}");
            assert_eq!(failure.retry_after, (blame == Blame::Provider).then_some(7), "{status}");
        }
        assert!(response(204, &[], "").success().is_ok());
    }

    #[test]
    fn a_refusal_is_read_by_the_provider_and_a_success_is_not() {
        let refusal = |status, body: &[u8], wait| {
            Failure::tenant(format!("{status} {}", String::from_utf8_lossy(body))).retry_after(wait)
        };
        assert!(response(204, &[], "").accept(refusal).is_ok());
        let failure = response(409, &[("retry-after", "3")], "taken").accept(refusal).unwrap_err();
        assert_eq!((failure.message.as_str(), failure.retry_after), ("409 taken", Some(3)));
    }

    #[test]
    fn records_of_a_list_stand_as_they_came_and_those_without_an_id_are_left_out() {
        #[derive(serde::Deserialize)]
        struct Head {
            id: Option<u8>,
        }
        let answer = response(200, &[], "[{\"id\": 1, \"b\":2},{\"id\":null}]");
        let items = answer.items(|head: Head| Some(head.id?.to_string())).unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!((items[0].id.as_str(), items[0].body.as_str()), ("1", "{\"id\": 1, \"b\":2}"));
    }

    #[test]
    fn waits_are_whole_seconds() {
        for (value, seconds) in [("7", 7), (" 0 ", 0), ("2.0", 2), ("2.25", 3), ("4294967295.5", u32::MAX)] {
            assert_eq!(response(429, &[("retry-after", value)], "").retry_after(), Some(seconds), "{value}");
        }
    }

    #[test]
    fn a_page_that_is_not_json_is_the_providers() {
        assert_eq!(response(200, &[], "<html>").json::<Vec<u8>>().unwrap_err().blame, Blame::Provider);
    }

    #[test]
    fn a_page_that_is_not_utf_8_is_the_providers() {
        let answer = |body: &[u8]| Response { status: 200, headers: Vec::new(), body: body.to_vec() };
        let body: &[u8] = b"[{\"id\":\"caf\xe9\"}]";
        for failure in [
            answer(body).json::<Value>().unwrap_err(),
            answer(body).records::<Vec<json::Record<'_, IgnoredAny>>>().unwrap_err(),
            answer(body).items(|_: IgnoredAny| Some("x".to_owned())).map(drop).unwrap_err(),
        ] {
            assert_eq!(failure.blame, Blame::Provider);
            assert!(failure.message.contains("not what its documentation says"), "{failure:?}");
        }
        assert!(answer("[{\"id\":\"café\"}]".as_bytes()).json::<Value>().is_ok());
    }

    #[test]
    fn links_are_found_over_several_headers() {
        let answer = response(200, &[("link", "</a>; rel=prev"), ("link", "</c>; rel=next")], "");
        assert_eq!(answer.link("next").as_deref(), Some("/c"));
    }
}
