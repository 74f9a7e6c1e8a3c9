//! Somebody's browser, as far as an authorization server can tell: it keeps cookies and follows redirects.

use std::{collections::BTreeMap, sync::Mutex};

use egress::{Egress, Reach, Request, Response};
use http::{
    HeaderValue, Method,
    header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
};
use url::Url;

pub struct Browser<'a> {
    egress: &'a Egress,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub fn new(egress: &'a Egress) -> Self {
        Self { egress, cookies: Mutex::default() }
    }

    /// Follows redirects from here; gives the first address that is elsewhere, unvisited.
    pub async fn leave(&self, from: &Url) -> Url {
        let mut at = from.clone();
        // A dozen is more than there are.
        for _ in 0..12 {
            let answer = self.request(Method::GET, &at, None).await;
            let to = answer.headers.get(LOCATION).unwrap_or_else(|| panic!("no way on from {at}: {answer:?}"));
            let to = at.join(to.to_str().unwrap()).unwrap();
            if to.origin() != from.origin() {
                return to;
            }
            at = to;
        }
        panic!("{from} goes in circles");
    }

    /// One request. A body is a form.
    pub async fn request(&self, method: Method, url: &Url, form: Option<String>) -> Response {
        let jar: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::new(method, url.clone(), Reach::Any)
            .header(COOKIE, HeaderValue::from_str(&jar.join("; ")).unwrap());
        if let Some(form) = form {
            request =
                request.header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")).body(form);
        }
        let answer = self.egress.send(request).await.unwrap();
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}
