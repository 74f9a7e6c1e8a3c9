//! Walking the whole flow without a browser: what the pages would ask for is asked for here, in the same order, and each
//! of the ten rows of ARCHITECTURE.md's walk is checked by what can be seen from outside.

use std::{
    thread,
    time::{Duration, Instant},
};

use acme::{Acme, Kind};
use serde_json::Value;
use url::Url;

use crate::{
    client::{get, post_form, text},
    say,
    sink::Sink,
    tenant::Tenant,
};

/// The shop that is connected.
const SHOP: &str = "shop_south";

/// How long a row may take.
const PATIENCE: Duration = Duration::from_secs(60);

type Row = Result<String, String>;

/// What is said of a row, and how it is taken.
type Step<'a> = (&'static str, fn(&mut Walk<'a>) -> Row);

/// What the rows hand on to each other.
struct Walk<'a> {
    tenant: &'a Tenant,
    acme: &'a Acme,
    sink: &'a Sink,
    session: Value,
    page: Value,
    cookie: String,
    callback: Url,
    connection: String,
    runs: Vec<Value>,
}

/// Walks all rows and says how each went. The first that fails ends it.
pub fn walk<'a>(tenant: &'a Tenant, acme: &'a Acme, sink: &'a Sink) -> Result<(), String> {
    let callback = Url::parse(&tenant.origin).map_err(|error| error.to_string())?;
    let mut walk = Walk {
        tenant,
        acme,
        sink,
        session: Value::Null,
        page: Value::Null,
        cookie: String::new(),
        callback,
        connection: String::new(),
        runs: Vec::new(),
    };
    let rows: [Step<'a>; 10] = [
        ("the tenant's backend opens a connect session", Walk::open),
        ("the widget loads the hosted page with the session token", Walk::describe),
        ("the end user picks a provider", Walk::begin),
        ("the provider redirects back; code exchanged, tokens sealed, connection active", Walk::complete),
        ("a worker claims the job", Walk::claimed),
        ("a fresh token, if one is needed", Walk::fresh),
        ("the plugin pulls pages; the host adds the credential", Walk::pulled),
        ("records upserted, cursor moved", Walk::ingested),
        ("the run ends, with an event", Walk::finished),
        ("signed POST to the tenant's endpoint", Walk::delivered),
    ];
    for (number, (what, row)) in rows.into_iter().enumerate() {
        let began = Instant::now();
        let note = row(&mut walk).map_err(|why| format!("row {} ({what}): {why}", number + 1))?;
        say(format_args!("row {:>2}  passed  {what}\n                {note} ({:.0?})", number + 1, began.elapsed()));
    }
    Ok(())
}

impl Walk<'_> {
    fn open(&mut self) -> Row {
        self.session = self.tenant.open_session("merchant-17")?;
        Ok(format!("session {}", text(&self.session, "/id")?))
    }

    fn describe(&mut self) -> Row {
        let link = text(&self.session, "/link")?;
        let (address, token) = link.split_once('#').ok_or("the link carries no token in its fragment")?;
        let page = get(address).send()?;
        if page.status != 200 || !page.body.contains("<script") {
            return Err(format!("the hosted page answered {}: {}", page.status, page.body));
        }
        if page.header("referrer-policy") != Some("no-referrer") {
            return Err("the hosted page lets browsers send a referrer".to_owned());
        }
        if token != text(&self.session, "/token")? {
            return Err("the link's token is not the session's".to_owned());
        }
        self.page = get(format!("{}/connect/api/session", self.tenant.origin)).bearer(token).send()?.json()?;
        Ok(format!("{} asks, for {}", text(&self.page, "/tenant_name")?, text(&self.page, "/end_user/name")?))
    }

    fn begin(&mut self) -> Row {
        let token = text(&self.session, "/token")?;
        let integration = text(&self.page, "/choices/0/integration_id")?;
        let fields =
            [("token", token.as_str()), ("integration_id", &integration), ("display", "redirect"), ("fields", "{}")];
        let launch = post_form(format!("{}/connect/launch", self.tenant.origin), &fields);
        let answer = launch.header("origin", self.tenant.origin.as_str()).send()?;
        self.cookie = answer.cookies();
        if self.cookie.is_empty() {
            return Err(format!(
                "no cookie binds the attempt to the browser; answered {}: {}",
                answer.status, answer.body
            ));
        }
        let to = leads_to(answer.header("location"), &answer.body, self.acme.origin())?;
        for needed in ["code_challenge", "code_challenge_method", "state"] {
            if !to.query_pairs().any(|(name, _)| name == needed) {
                return Err(format!("the authorization request has no {needed}"));
            }
        }
        let consent = get(to.as_str()).send()?;
        let transaction = consent
            .body
            .split_once("name=\"transaction\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(transaction, _)| transaction.to_owned())
            .ok_or_else(|| format!("the provider shows no consent page but {}: {}", consent.status, consent.body))?;
        let answer = [("transaction", transaction.as_str()), ("account", SHOP), ("decision", "allow")];
        let decided = post_form(format!("{}/auth/decision", self.acme.origin()), &answer).send()?;
        let back = decided.header("location").ok_or("the provider does not redirect back")?;
        self.callback = Url::parse(back).map_err(|error| error.to_string())?;
        Ok(format!("{} asks for consent, and gets it", self.acme.origin()))
    }

    fn complete(&mut self) -> Row {
        let callback = |cookie: &str| {
            let answer = get(self.callback.as_str()).header("cookie", cookie).send()?;
            let shown = answer.body.split_once("data-screen=\"").and_then(|(_, rest)| rest.split_once('"'));
            shown.map(|(screen, _)| screen.to_owned()).ok_or(format!("answered {}: {}", answer.status, answer.body))
        };
        let expect = |what: &str, cookie: &str, screen: &str| match callback(cookie)? {
            shown if shown == screen => Ok(()),
            shown => Err(format!("{what} was shown the screen {shown}, not {screen}")),
        };
        expect("a browser that did not begin the attempt", "other=1", "wrong-browser")?;
        expect("the browser that began it", &self.cookie, "callback-connected")?;
        expect("a callback that comes twice", &self.cookie, "state-replayed")?;
        let session = text(&self.session, "/id")?;
        let session = self.until("the session is connected", || {
            let session = self.tenant.read(&format!("/v1/connect/sessions/{session}"))?;
            Ok((text(&session, "/status")? == "connected").then_some(session))
        })?;
        self.connection = text(&session, "/connection_id")?;
        let connection = self.tenant.read(&format!("/v1/connections/{}", self.connection))?;
        if text(&connection, "/health/state")? != "active" || text(&connection, "/account")? != SHOP {
            return Err(format!("the connection is not active or not {SHOP}'s: {connection}"));
        }
        Ok(format!("{}, {}", self.connection, text(&connection, "/account_name")?))
    }

    fn claimed(&mut self) -> Row {
        let path = format!("/v1/runs?connection={}", self.connection);
        let runs = self.until("a run for each stream", || {
            let page = self.tenant.read(&path)?;
            let runs = page.pointer("/data").and_then(Value::as_array).cloned().unwrap_or_default();
            Ok((runs.len() >= 2).then_some(runs))
        })?;
        let streams: Vec<_> = runs.iter().map(|run| text(run, "/stream")).collect::<Result<_, _>>()?;
        self.runs = runs;
        Ok(format!("runs of {}", streams.join(" and ")))
    }

    fn fresh(&mut self) -> Row {
        let credential = self.tenant.read(&format!("/v1/connections/{}/credential", self.connection))?;
        let token = text(&credential, "/access_token")?;
        let me = get(format!("{}/me", self.acme.origin())).bearer(&token).send()?.json()?;
        if text(&me, "/sub")? != SHOP {
            return Err(format!("the credential is not {SHOP}'s: {me}"));
        }
        Ok("the credential opens the provider".to_owned())
    }

    fn pulled(&mut self) -> Row {
        let ids: Vec<_> = self.runs.iter().map(|run| text(run, "/id")).collect::<Result<_, _>>()?;
        let runs = self.until("the runs end", || {
            let mut done = Vec::new();
            for id in &ids {
                let run = self.tenant.read(&format!("/v1/runs/{id}"))?;
                match text(&run, "/state")?.as_str() {
                    "succeeded" => done.push(run),
                    "failed" => return Err(format!("a run failed: {run}")),
                    _ => return Ok(None),
                }
            }
            Ok(Some(done))
        })?;
        self.runs = runs;
        let pages: u64 = self.runs.iter().filter_map(|run| run.pointer("/counts/pages")?.as_u64()).sum();
        let calls = self.acme.calls();
        let calls: u64 = ["GET /v1/orders", "GET /v1/customers"].iter().filter_map(|path| calls.get(*path)).sum();
        if pages == 0 || calls < pages {
            return Err(format!("{pages} pages from {calls} calls to the provider"));
        }
        Ok(format!("{pages} pages by {calls} calls"))
    }

    fn ingested(&mut self) -> Row {
        let mut notes = Vec::new();
        for (stream, kind) in [("orders", Kind::Orders), ("customers", Kind::Customers)] {
            let mut read = Vec::new();
            let mut cursor = String::new();
            loop {
                let at = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
                let path = format!("/v1/records?connection={}&stream={stream}&limit=100{at}", self.connection);
                let page = self.tenant.read(&path)?;
                let data = page.pointer("/data").and_then(Value::as_array).ok_or("records without data")?;
                for record in data {
                    read.push(text(record, "/id")?);
                }
                cursor = text(&page, "/next_cursor")?;
                if page.pointer("/has_more") != Some(&Value::Bool(true)) {
                    break;
                }
            }
            read.sort();
            if read != self.acme.ids(SHOP, kind) {
                return Err(format!("{} {stream} were read, which are not the provider's", read.len()));
            }
            notes.push(format!("{} {stream}", read.len()));
        }
        Ok(format!("{} read by the API, exactly the provider's", notes.join(" and ")))
    }

    fn finished(&mut self) -> Row {
        let added: u64 = self.runs.iter().filter_map(|run| run.pointer("/counts/added")?.as_u64()).sum();
        let expected = self.acme.ids(SHOP, Kind::Orders).len() + self.acme.ids(SHOP, Kind::Customers).len();
        if u64::try_from(expected) != Ok(added) {
            return Err(format!("the runs say {added} added, and there are {expected}"));
        }
        Ok(format!("succeeded, {added} added"))
    }

    fn delivered(&mut self) -> Row {
        let posted = self.until("the events arrive", || {
            let posted = self.sink.posted();
            let kinds: Vec<_> = posted.iter().filter_map(|one| kind(&one.body)).collect();
            let told = |wanted: &str, times| kinds.iter().filter(|kind| *kind == wanted).count() >= times;
            Ok((told("connection.created", 1) && told("sync.succeeded", 2)).then_some(posted))
        })?;
        for one in &posted {
            one.verify(&self.tenant.webhook_secret).map_err(|why| format!("a signature does not verify: {why}"))?;
        }
        Ok(format!("{} events, each signature verified", posted.len()))
    }

    /// Asks again and again until there is an answer.
    fn until<T>(&self, what: &str, mut ask: impl FnMut() -> Result<Option<T>, String>) -> Result<T, String> {
        let began = Instant::now();
        loop {
            if let Some(found) = ask()? {
                return Ok(found);
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("waited {PATIENCE:?} in vain until {what}"));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The event's type.
fn kind(body: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(body).ok()?;
    event.pointer("/type").and_then(Value::as_str).map(str::to_owned)
}

/// The first link to `origin` that an answer leads to, by its `Location` or within its page.
fn leads_to(location: Option<&str>, page: &str, origin: &str) -> Result<Url, String> {
    let found = match location {
        Some(location) => location.to_owned(),
        None => {
            let at = page.find(origin).ok_or_else(|| format!("nothing leads to {origin}: {page}"))?;
            let rest = page.get(at..).unwrap_or_default();
            let end = rest.find(['"', '\'', '<', ' ', ')']).unwrap_or(rest.len());
            rest.get(..end).unwrap_or_default().replace("&amp;", "&").replace("\\u0026", "&")
        }
    };
    Url::parse(&found).map_err(|error| format!("{found}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_provider_is_found_in_a_header_or_in_a_page() {
        let origin = "http://127.0.0.1:9";
        let there = "http://127.0.0.1:9/auth?a=1&b=2";
        assert_eq!(leads_to(Some(there), "", origin).unwrap().as_str(), there);
        let page = r#"<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/auth?a=1&amp;b=2"><p>…"#;
        assert_eq!(leads_to(None, page, origin).unwrap().as_str(), there);
        assert!(leads_to(None, "<p>Expired</p>", origin).is_err());
    }
}
