//! A real Chromium, driven as the W3C WebDriver specification says. Only what the tests need.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::support::{Child, artifacts, on_path, root, spawn, until};

/// What a window looks like.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// For file names.
    pub name: &'static str,
    width: u32,
    height: u32,
    phone: bool,
}

/// A phone in the hand.
pub const PHONE: Size = Size { name: "390x844", width: 390, height: 844, phone: true };

/// A laptop.
pub const LAPTOP: Size = Size { name: "1280x800", width: 1280, height: 800, phone: false };

/// The button that leads on to the provider, where there is one to choose.
pub const CONTINUE: &str = "main .actions .button.primary";

/// How long a page may take to show something on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How WebDriver names an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with a profile of its own. It is closed with this.
pub struct Browser {
    client: reqwest::Client,
    session: String,
    size: Size,
    profile: std::path::PathBuf,
    _turn: OwnedSemaphorePermit,
}

impl Browser {
    /// Opens one.
    pub async fn open(size: Size) -> Self {
        // Two at once are what two cores carry.
        static TURNS: OnceLock<Arc<Semaphore>> = OnceLock::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let turns = Arc::clone(TURNS.get_or_init(|| Arc::new(Semaphore::new(2))));
        let turn = turns.acquire_owned().await.unwrap();
        let driver = tokio::task::spawn_blocking(driver).await.unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let profile = root().join(format!("target/tests/chromium-{}-{number}", std::process::id()));
        let client =
            reqwest::Client::builder().tls_certs_only([]).no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let mut options = json!({
            "binary": program("CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]),
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--remote-debugging-pipe", "--lang=en-US",
                format!("--window-size={},{}", size.width, size.height),
                format!("--user-data-dir={}", profile.display()),
            ],
            // Windows are blocked here as they are for everybody.
            "excludeSwitches": ["disable-popup-blocking"],
        });
        if size.phone {
            options["mobileEmulation"] = json!({ "deviceMetrics": { "width": size.width, "height": size.height, "pixelRatio": 2, "touch": true } });
        }
        let wish = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let answer = command(&client, "POST", &format!("{driver}/session"), &wish).await.unwrap();
        let session = format!("{driver}/session/{}", answer["sessionId"].as_str().unwrap());
        Self { client, session, size, profile, _turn: turn }
    }

    /// Goes to a page.
    pub async fn goto(&self, url: &str) {
        self.call("POST", "/url", &json!({ "url": url })).await;
    }

    /// Signs a member in on the portal.
    pub async fn sign_in(&self, email: &str, password: &str) {
        self.screen("sign-in").await;
        self.fill("[name=email]", email).await;
        self.fill("[name=password]", password).await;
        self.click("button[type=submit]").await;
    }

    /// Chooses in a list that drops down.
    pub async fn choose(&self, css: &str, value: &str) {
        self.click(&format!("{css} option[value='{value}']")).await;
    }

    /// Where it is.
    pub async fn url(&self) -> String {
        self.call("GET", "/url", &Value::Null).await.as_str().unwrap().to_owned()
    }

    /// What a script in the page returns.
    pub async fn run(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Waits for an element that is shown, and gives it.
    async fn find(&self, css: &str) -> String {
        let mut last = String::new();
        let began = std::time::Instant::now();
        loop {
            match self.try_find(css).await {
                Ok(Some(found)) => return found,
                Ok(None) => "it is not shown".clone_into(&mut last),
                Err(error) => last = error,
            }
            if began.elapsed() > PATIENCE {
                self.keep_screenshot("failed").await;
                let log = self.try_call("POST", "/se/log", &json!({ "type": "browser" })).await;
                let text = self
                    .try_call(
                        "POST",
                        "/execute/sync",
                        &json!({ "script": "return document.body.innerText", "args": [] }),
                    )
                    .await;
                panic!("no `{css}` at {}: {last}\nshown: {text:?}\nconsole: {log:?}", self.url().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn try_find(&self, css: &str) -> Result<Option<String>, String> {
        let found = self.try_call("POST", "/element", &json!({ "using": "css selector", "value": css })).await?;
        let id = found[ELEMENT].as_str().unwrap().to_owned();
        let shown = self.try_call("GET", &format!("/element/{id}/displayed"), &Value::Null).await?;
        Ok((shown == true).then_some(id))
    }

    /// Waits until an element is shown.
    pub async fn see(&self, css: &str) {
        self.find(css).await;
    }

    /// Whether an element is there now.
    pub async fn has(&self, css: &str) -> bool {
        matches!(self.try_find(css).await, Ok(Some(_)))
    }

    /// Waits for a screen by its stable name.
    pub async fn screen(&self, name: &str) {
        self.see(&format!("[data-screen=\"{name}\"]")).await;
    }

    /// Clicks an element as soon as it can be clicked.
    pub async fn click(&self, css: &str) {
        let what = format!("`{css}` can be clicked");
        until(&what, PATIENCE, async || {
            // A page that is just being drawn anew may have replaced it.
            let id = self.find(css).await;
            self.try_call("POST", &format!("/element/{id}/click"), &json!({})).await.ok()
        })
        .await;
    }

    /// Clicks the button or link with exactly this text.
    pub async fn press(&self, words: &str) {
        let script = format!(
            "document.querySelector('[data-press]')?.removeAttribute('data-press'); for (const one of document.querySelectorAll('button, a')) if (one.innerText.trim() === {}) {{ one.setAttribute('data-press', 'here'); return true }} return false",
            json!(words)
        );
        until(&format!("there is a button “{words}”"), PATIENCE, async || {
            (self.run(&script).await == true).then_some(())
        })
        .await;
        self.click("[data-press=here]").await;
    }

    /// Types into a field, in place of what is there.
    pub async fn fill(&self, css: &str, text: &str) {
        let id = self.find(css).await;
        self.call("POST", &format!("/element/{id}/clear"), &json!({})).await;
        self.call("POST", &format!("/element/{id}/value"), &json!({ "text": text })).await;
    }

    /// The text of an element.
    pub async fn text(&self, css: &str) -> String {
        let id = self.find(css).await;
        self.call("GET", &format!("/element/{id}/text"), &Value::Null).await.as_str().unwrap().to_owned()
    }

    /// Waits until an element's text holds some words.
    pub async fn reads(&self, css: &str, words: &str) {
        until(&format!("`{css}` says “{words}”"), PATIENCE, async || {
            let script = format!(
                "return [...document.querySelectorAll({})].some((one) => one.innerText.includes({}))",
                json!(css),
                json!(words)
            );
            (self.run(&script).await == true).then_some(())
        })
        .await;
    }

    /// The window that is looked at.
    pub async fn window(&self) -> String {
        self.call("GET", "/window", &Value::Null).await.as_str().unwrap().to_owned()
    }

    /// Waits for a window beside this one and looks at it.
    pub async fn to_other_window(&self, than: &str) {
        let other = until("another window opens", PATIENCE, async || {
            let windows = self.windows().await;
            windows.into_iter().find(|window| window != than)
        })
        .await;
        self.to_window(&other).await;
    }

    /// Looks at a window.
    pub async fn to_window(&self, window: &str) {
        self.call("POST", "/window", &json!({ "handle": window })).await;
    }

    /// All windows.
    pub async fn windows(&self) -> Vec<String> {
        serde_json::from_value(self.call("GET", "/window/handles", &Value::Null).await).unwrap()
    }

    /// Waits until there is one window, and looks at it.
    pub async fn only_window(&self) {
        let windows = until("the other windows are closed", PATIENCE, async || {
            Some(self.windows().await).filter(|windows| windows.len() == 1)
        })
        .await;
        self.to_window(&windows[0]).await;
    }

    /// Closes the window that is looked at, as its owner does.
    pub async fn close_window(&self) {
        self.call("DELETE", "/window", &Value::Null).await;
    }

    /// Looks into a frame from now on.
    pub async fn enter_frame(&self, css: &str) {
        let id = self.find(css).await;
        self.call("POST", "/frame", &json!({ "id": { ELEMENT: id } })).await;
    }

    /// Looks at the whole page again.
    pub async fn out_of_frames(&self) {
        self.call("POST", "/frame", &json!({ "id": null })).await;
    }

    /// Runs a script as nobody's click, so that the browser treats what it opens as unasked for.
    pub async fn run_unasked(&self, script: &str) {
        let parameters = json!({ "cmd": "Runtime.evaluate", "params": { "expression": script, "userGesture": false } });
        self.call("POST", "/goog/cdp/execute", &parameters).await;
    }

    /// What the page wrote to its console as errors.
    pub async fn console_errors(&self) -> Vec<String> {
        let log = self.call("POST", "/se/log", &json!({ "type": "browser" })).await;
        let severe = log.as_array().unwrap().iter().filter(|line| line["level"] == "SEVERE");
        severe.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Leaves pictures of the page among the artefacts, light and dark, after asserting that nothing sticks out sideways.
    pub async fn picture(&self, flow: &str) {
        let wide = self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert!(wide.as_i64().unwrap() <= 0, "{flow}: {wide} px stick out at {}", self.size.name);
        self.prefers("dark").await;
        self.keep_screenshot(&format!("{flow}-dark")).await;
        self.prefers("light").await;
        self.keep_screenshot(flow).await;
    }

    async fn prefers(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        let parameters = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": [feature] } });
        self.call("POST", "/goog/cdp/execute", &parameters).await;
        // Colours change over 120 ms.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }

    async fn keep_screenshot(&self, flow: &str) {
        if let Ok(picture) = self.try_call("GET", "/screenshot", &Value::Null).await {
            let folder = artifacts().join("screenshots");
            std::fs::create_dir_all(&folder).unwrap();
            let png = STANDARD.decode(picture.as_str().unwrap()).unwrap();
            std::fs::write(folder.join(format!("{flow}-{}.png", self.size.name)), png).unwrap();
        }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_call(method, path, body).await.unwrap_or_else(|error| panic!("{method} {path} {body}: {error}"))
    }

    async fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        command(&self.client, method, &format!("{}{path}", self.session), body).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let url: url::Url = self.session.parse().unwrap();
        // Within a runtime that may be ending, so by hand. What is lost here ends with the driver.
        let close = || -> std::io::Result<()> {
            let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap_or(0)))?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            write!(stream, "DELETE {} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n", url.path())?;
            stream.read_to_end(&mut Vec::new()).map(drop)
        };
        let _ = close();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

async fn command(client: &reqwest::Client, method: &str, url: &str, body: &Value) -> Result<Value, String> {
    let mut request = client.request(method.parse().unwrap(), url);
    if !body.is_null() {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let good = answer.status().is_success();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    if good {
        Ok(answer["value"].clone())
    } else {
        Err(answer["value"]["message"].as_str().unwrap_or(&text).to_owned())
    }
}

/// The driver's origin. One for all tests; it ends with this process, and takes its browsers along.
fn driver() -> &'static str {
    static DRIVER: OnceLock<(String, Mutex<Child>)> = OnceLock::new();
    let start = || {
        let mut command = Command::new(program("CHROMEDRIVER", &["chromedriver"]));
        command.arg("--port=0");
        let mut child = spawn(command, Stdio::null()).expect("chromedriver starts");
        let said = child.wait_for_line("ChromeDriver was started successfully on port", PATIENCE);
        let port: u16 = said.trim_end_matches('.').parse().unwrap();
        (format!("http://127.0.0.1:{port}"), Mutex::new(child))
    };
    &DRIVER.get_or_init(start).0
}

fn program(variable: &str, names: &[&str]) -> std::path::PathBuf {
    let named = std::env::var_os(variable).filter(|value| !value.is_empty()).map(Into::into);
    let found = named.or_else(|| names.iter().find_map(|name| on_path(name)));
    found.unwrap_or_else(|| panic!("there is no {}: run `cargo dev setup`", names[0]))
}
