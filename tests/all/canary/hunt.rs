//! The world in which secrets are passed along, and what is looked through at the end.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::entropy::Entropy;
use patchbay::system::SystemEntropy;
use serde_json::json;

use super::forms::{Finder, SHORTEST};
use crate::support::{Answer, KeysOf, Options, Sink, World, captured, heard};

/// A secret, and the answers that may hold it: those that hand it out, by the beginning of what was asked.
struct Canary {
    what: String,
    bytes: Vec<u8>,
    handed_out: Vec<String>,
}

/// The answers that hand out what the server has just made of its randomness.
const HANDS_OUT: &[&str] = &[
    "POST /v1/connect/sessions",
    "POST /v1/endpoints",
    "POST /connect/launch",
    "POST /connect/api/entry",
    "POST /connect/api/code",
    "GET /connect/install/",
    "POST /portal/api/sign-in",
];

/// The system's randomness, remembered: from 32 bytes on it is made for a secret; salts and nonces, which are stored, are shorter.
#[derive(Default)]
pub struct Remembering {
    real: SystemEntropy,
    given: Mutex<Vec<Vec<u8>>>,
}

impl Entropy for Remembering {
    fn fill(&self, buffer: &mut [u8]) {
        self.real.fill(buffer);
        if buffer.len() >= 32 {
            self.given.lock().unwrap().push(buffer.to_vec());
        }
    }
}

/// A world, what was planted in it, and where its traces begin.
pub struct Hunt {
    pub world: World,
    pub sink: Sink,
    canaries: Mutex<Vec<Canary>>,
    entropy: Arc<Remembering>,
    log_from: usize,
    /// More places to look through at the end: a name and what is there.
    places: Mutex<Vec<(String, String)>>,
    walked: AtomicUsize,
}

/// Every row as it was ever written, so that what is deleted or wiped later is looked at too.
const HISTORY: &str = "
CREATE TABLE canary_history (line text NOT NULL);
CREATE FUNCTION canary_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO public.canary_history VALUES (TG_TABLE_NAME || ' ' || to_jsonb(NEW)::text);
    RETURN NULL;
END $$;
DO $$ DECLARE name regclass; BEGIN
    FOR name IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
        WHERE c.relkind = 'r' AND c.relname NOT IN ('canary_history') AND c.relname NOT LIKE '\\_\\_%' LOOP
        EXECUTE format('CREATE TRIGGER canary AFTER INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION canary_note()', name);
    END LOOP;
END $$;";

impl Hunt {
    /// A world that remembers.
    pub async fn begin() -> Self {
        let log_from = captured().len();
        heard::listen();
        let entropy = Arc::new(Remembering::default());
        let keys = KeysOf::SharedVault;
        // Jobs begin when every table is watched: to watch one takes a lock that nobody may hold.
        let options = Options { keys, entropy: Some(entropy.clone()), worker: false, ..Options::default() };
        let mut world = World::start(options).await;
        world.sql(HISTORY).await;
        world.start_jobs();
        let sink = Sink::start().await;
        let hunt = Self {
            world,
            sink,
            canaries: Mutex::default(),
            entropy,
            log_from,
            places: Mutex::default(),
            walked: AtomicUsize::new(0),
        };
        let endpoint = hunt.world.key().post("/v1/endpoints", &json!({ "url": hunt.sink.url() })).await.ok();
        let secret = endpoint["secret"].as_str().unwrap().trim_start_matches("whsec_").to_owned();
        hunt.plant("an endpoint's signing secret", &secret, &["POST /v1/endpoints"]);
        hunt
    }

    /// How much was planted; a walk adds to it.
    pub fn planted(&self) -> usize {
        self.walked.load(Ordering::SeqCst)
    }

    /// A secret that is on its way. `handed_out`: the answers that may hold it.
    pub fn plant(&self, what: &str, secret: &str, handed_out: &[&str]) {
        self.walked.fetch_add(1, Ordering::SeqCst);
        // A private key is told by its lines.
        for line in secret.lines().filter(|line| line.len() >= SHORTEST && !line.starts_with("-----")) {
            self.canaries.lock().unwrap().push(Canary {
                what: what.to_owned(),
                bytes: line.as_bytes().to_vec(),
                handed_out: handed_out.iter().map(|route| (*route).to_owned()).collect(),
            });
        }
    }

    /// One more place to look through.
    pub fn look_at(&self, place: &str, text: String) {
        self.places.lock().unwrap().push((place.to_owned(), text));
    }

    /// Looks through everything; gives what was found where.
    pub async fn end(self) -> Vec<String> {
        let Self { world, sink, canaries, entropy, log_from, places, .. } = self;
        let mut canaries = canaries.into_inner().unwrap();
        for random in entropy.given.lock().unwrap().iter() {
            // As it is, sealed or wrapped nowhere in the clear, and as the text that tokens are.
            let handed_out: Vec<String> = HANDS_OUT.iter().map(|route| (*route).to_owned()).collect();
            for bytes in [random.clone(), URL_SAFE_NO_PAD.encode(random).into_bytes()] {
                canaries.push(Canary { what: "randomness".into(), bytes, handed_out: handed_out.clone() });
            }
        }
        let metrics = world.anonymous().get("/metrics").await.text();
        let told: Vec<String> = sink
            .posted()
            .iter()
            .map(|posted| format!("{:?} {}", posted.headers, String::from_utf8_lossy(&posted.body)))
            .collect();
        let origin = world.origin().to_owned();
        let dump = world.database().dump().await;
        let log = captured();
        assert!(log.len() > log_from && dump.contains("canary_history"), "there is nothing to look through");
        let finder = Finder::new(&canaries.iter().map(|canary| canary.bytes.clone()).collect::<Vec<_>>());
        let mut found = Vec::new();
        let mut look = |place: &str, text: &str, asked: Option<&str>| {
            for (which, form, before) in finder.find(text.as_bytes()) {
                let canary = &canaries[which];
                let allowed = asked.is_some_and(|asked| canary.handed_out.iter().any(|route| asked.starts_with(route)));
                let line = format!("{} is in {place}, {form}: …{before}", canary.what);
                // Said once for each place, however often it is there.
                let same = |known: &String| known.split('…').next() == line.split('…').next();
                if !allowed && !found.iter().any(same) {
                    found.push(line);
                }
            }
        };
        look("the log", &log[log_from..], None);
        look("the metrics", &metrics, None);
        look("the database", &dump, None);
        for posted in &told {
            look("an event", posted, None);
        }
        for (place, text) in places.into_inner().unwrap() {
            look(&place, &text, None);
        }
        for answer in heard::all() {
            let Some(path) = path_at(&answer, &origin) else { continue };
            let text = format!("{:?}\n{}", answer.headers, answer.text());
            look("an answer", &text, Some(&path));
        }
        world.sql("UPDATE credentials SET refresh_state = 'idle', lease_holder = NULL, lease_until = NULL").await;
        world.end().await;
        found
    }
}

/// What was asked of that server, without its origin; `None` if another one was asked.
fn path_at(answer: &Answer, origin: &str) -> Option<String> {
    let (method, url) = answer.asked.split_once(' ')?;
    url.strip_prefix(origin).map(|path| format!("{method} {path}"))
}
