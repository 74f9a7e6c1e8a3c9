//! Typing into the connect page's search field over 2,000 services, in a real browser over the page as it is shipped.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    Outcome,
    figures::{median, times},
    places::{Places, program},
    stack::announce,
    table::{Row, Table, Target},
};

/// How many services there are to choose from.
const SERVICES: u32 = 2_000;
/// A frame, in milliseconds.
const FRAME: f64 = 16.0;
/// How long the browser may take for all of it.
const PATIENCE: Duration = Duration::from_secs(90);

/// Types words letter by letter and takes them back. From the event to the list laid out anew; beside it the same for a
/// field whose handler does nothing.
const SCRIPT: &str = r"
const pause = (ms) => new Promise((then) => setTimeout(then, ms));
const type = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
const measure = async (field, text, list) => {
  let changed = null;
  const observer = new MutationObserver(() => { list.getBoundingClientRect(); list.offsetHeight; changed = performance.now(); });
  observer.observe(list, { childList: true, subtree: true, characterData: true, attributes: true });
  type.call(field, text);
  const began = performance.now();
  field.dispatchEvent(new Event('input', { bubbles: true }));
  list.offsetHeight;
  const ended = performance.now();
  await pause(20);
  observer.disconnect();
  return (changed ?? ended) - began;
};
const post = (result) => fetch('/done', { method: 'POST', body: JSON.stringify(result) });
addEventListener('load', async () => {
  for (let tries = 0; tries < 400 && !document.querySelector('.choices > li'); tries += 1) await pause(50);
  const field = document.querySelector('#field-search');
  const list = document.querySelector('.choices');
  if (!field || !list) return post({ error: document.body.innerText });
  const empty = document.createElement('input');
  empty.addEventListener('input', () => {});
  document.body.append(empty);
  const ours = [], reference = [];
  for (const word of ['harbour', 'ledger', 'tidal shop', 'commerce', 'no such thing', 'm', 'cloud 3']) {
    const texts = [...word].map((_, at) => word.slice(0, at + 1));
    for (const text of [...texts, ...texts.slice(0, -1).reverse(), '']) {
      ours.push(await measure(field, text, list));
      reference.push(await measure(empty, text, list));
    }
  }
  await post({ ours, reference });
});
";

/// Adds its row.
pub fn measure(places: &Places, table: &mut Table) -> Outcome<()> {
    announce("searching among 2,000 services in a browser …");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let (tell, heard) = mpsc::channel();
    let site = Arc::new(Site { page: places.root.join("web/dist/connect"), session: session() });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (site, tell) = (Arc::clone(&site), tell.clone());
            // A connection that breaks off is the browser's own doing.
            thread::spawn(move || site.answer(stream, &tell));
        }
    });
    let profile = places.folder.join("chromium");
    let mut browser = Command::new(chromium()?)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--no-proxy-server",
            "--window-size=1280,800",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        // What is looked at is what is measured: a page nobody sees is slowed down.
        .arg("--remote-debugging-port=0")
        .arg(format!("http://127.0.0.1:{port}/connect/cs_bench#cst_bench"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("chromium: {error}"))?;
    let result = heard.recv_timeout(PATIENCE).map_err(|_| "the browser did not finish in time".to_owned());
    // It may have ended by itself.
    let _ = browser.kill();
    let _ = browser.wait();
    let _ = fs::remove_dir_all(&profile);
    let result = result?;
    let figures = |name: &str| -> Outcome<Vec<f64>> {
        let all = result.get(name).and_then(Value::as_array).filter(|all| all.len() > 50);
        let all = all.ok_or_else(|| format!("the page showed no list: {result}"))?;
        Ok(all.iter().filter_map(Value::as_f64).collect())
    };
    let (ours, reference) = (figures("ours")?, figures("reference")?);
    let worst = ours.iter().copied().fold(0.0, f64::max);
    let (ours, reference) = (median(ours), median(reference));
    table.add(Row {
        what: format!("a letter typed, 2,000 services: event to list laid out, median (worst {worst:.1} ms)"),
        ours: format!("{ours:.2} ms"),
        reference: format!("empty handler {reference:.3} ms"),
        ratio: times(ours / reference.max(0.001)),
        target: format!("≤ {FRAME:.0} ms"),
        is_met: Some(Target::AtMost(FRAME).is_met_by(ours)),
    });
    Ok(())
}

/// The page's files, and what it asks for.
struct Site {
    page: PathBuf,
    session: String,
}

impl Site {
    fn answer(&self, mut stream: TcpStream, tell: &mpsc::Sender<Value>) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            length = line.strip_prefix("content-length:").and_then(|text| text.trim().parse().ok()).unwrap_or(length);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        let (kind, body) = match path {
            "/done" => {
                // Nobody waits any more if it took too long.
                let _ = tell.send(serde_json::from_slice(&body).unwrap_or_default());
                ("text/plain", Vec::new())
            }
            "/measure.js" => ("text/javascript", SCRIPT.into()),
            "/connect/api/session" => ("application/json", self.session.clone().into()),
            "/connect/api/progress" => {
                ("application/json", br#"{"status":"open","failure":null,"connection":null}"#.to_vec())
            }
            _ => match path.strip_prefix("/connect/assets/") {
                Some(asset) if !asset.contains("..") => (kind(asset), fs::read(self.page.join(asset))?),
                _ => {
                    let html = fs::read_to_string(self.page.join("index.html"))?;
                    (
                        "text/html; charset=utf-8",
                        html.replace("</head>", "<script src=\"/measure.js\"></script></head>").into(),
                    )
                }
            },
        };
        // Isolated from other origins, a page's clock is exact to 5 µs; it is rounded to 100 µs otherwise.
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\
             cross-origin-opener-policy: same-origin\r\ncross-origin-embedder-policy: require-corp\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(&body)
    }
}

fn kind(asset: &str) -> &'static str {
    let kinds = BTreeMap::from([("js", "text/javascript"), ("wasm", "application/wasm"), ("css", "text/css")]);
    let extension = Path::new(asset).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    kinds.get(extension).copied().unwrap_or("application/octet-stream")
}

/// A session that offers all the services.
fn session() -> String {
    let first = ["Corner", "Harbour", "Lumen", "North", "Paper", "Quill", "River", "Silver", "Tidal", "Umber"];
    let second = ["Ledger", "Desk", "Shop", "Mail", "Cloud", "Pay", "Forms", "Metrics", "Board", "Stock"];
    let categories = domain::manifest::CATEGORIES;
    let names = (0..SERVICES).zip(first.iter().cycle()).zip(second.iter().flat_map(|name| [name; 10]).cycle());
    let choices: Vec<Value> = names
        .zip(categories.iter().cycle())
        .map(|(((number, first), second), category)| {
            let id = ids::IntegrationId::new(number.into(), [0; 10]);
            let name = format!("{first} {second} {}", number / 100);
            json!({
                "integration_id": id.to_string(), "slug": format!("service-{number}"), "name": name,
                "category": category, "way": "page", "fields": [],
            })
        })
        .collect();
    json!({
        "id": ids::ConnectSessionId::new(1, [0; 10]).to_string(), "status": "open", "tenant_name": "Lamplight Commerce",
        "end_user": { "id": "merchant-1", "name": null }, "reconnect": false, "choices": choices, "allowed_origins": [],
        "return_url": null, "language": null, "expires_at": "2100-01-01T00:00:00Z",
    })
    .to_string()
}

/// The browser: the one that is named, else one on `PATH`.
fn chromium() -> Outcome<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM").filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let known = ["chromium", "chromium-browser", "google-chrome"];
    known
        .into_iter()
        .find_map(|name| program(name).ok())
        .ok_or_else(|| "there is no Chromium: run `cargo dev setup`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_offers_that_many_services_each_with_an_id_of_its_own() {
        let session: Value = serde_json::from_str(&session()).unwrap();
        let choices = session["choices"].as_array().unwrap();
        let ids: std::collections::BTreeSet<_> = choices.iter().map(|one| one["integration_id"].to_string()).collect();
        assert_eq!(ids.len(), 2_000);
        assert_eq!(choices[0]["name"], "Corner Ledger 0");
    }
}
