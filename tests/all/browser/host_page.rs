//! A tenant's own page, on an origin of its own, with the loader in it.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};

/// A running page. It ends with this.
pub struct HostPage {
    origin: String,
    link: Arc<Mutex<String>>,
    handle: ServerHandle,
}

impl HostPage {
    /// Starts one that loads the loader from `patchbay`.
    pub fn start(patchbay: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let link = Arc::new(Mutex::new(String::new()));
        let shared = web::Data::from(Arc::clone(&link));
        let patchbay = web::Data::new(patchbay.to_owned());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::clone(&shared))
                .app_data(web::Data::clone(&patchbay))
                .route("/", web::get().to(page))
                .route("/returned", web::get().to(returned))
        })
        .workers(1)
        .shutdown_timeout(0)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { origin, link, handle }
    }

    /// Its origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The session's link, as its backend would hand it over.
    pub fn set_link(&self, link: &str) {
        link.clone_into(&mut self.link.lock().unwrap());
    }
}

impl Drop for HostPage {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn page(link: web::Data<Mutex<String>>, patchbay: web::Data<String>) -> HttpResponse {
    let link = serde_json::json!(*link.lock().unwrap());
    let patchbay = patchbay.as_str();
    // The policy that the loader's manual asks for, and not more.
    let policy = format!(
        "default-src 'none'; script-src 'unsafe-inline' {patchbay}; frame-src {patchbay}; style-src 'unsafe-inline'; img-src data:"
    );
    HttpResponse::Ok().content_type("text/html; charset=utf-8").insert_header(("content-security-policy", policy)).body(
        format!(
            r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Lamplight Commerce</title><link rel="icon" href="data:,"><style>body{{font:16px system-ui;margin:2rem}}button{{font:inherit;padding:.75rem 1rem}}</style>
<script src="{patchbay}/embed.js" defer></script></head>
<body><h1>Your shop, lit well</h1><button id="connect">Connect your account</button><script>
window.heard = [];
document.querySelector('#connect').addEventListener('click', () => {{
  const note = (name) => (value) => window.heard.push([name, value]);
  window.dialog = Patchbay.connect({{
    link: {link}, onReady: note('ready'), onConnected: note('connected'), onFailed: note('failed'), onClose: note('closed'),
  }});
}});
</script></body></html>"#
        ),
    )
}

async fn returned() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body("<!doctype html><html lang=\"en\"><link rel=\"icon\" href=\"data:,\"><title>Back</title><main data-screen=\"returned\"><h1>Welcome back</h1></main>")
}
