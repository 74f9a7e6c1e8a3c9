//! Every JSON body, query and path of the OpenAPI document with whatever comes out of a seeded random source: never a
//! panic, never a 5xx, and every refusal a problem document (security.md SV-7).

use http::Method;
use serde_json::{Map, Value, json};

use super::bodies::{send, with_body};
use crate::{
    http::edge::assert_problem,
    support::Answer,
    tenancy::scene::{Scene, operations},
};

/// Numbers that look random and are the same in every run (xorshift64*), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end).unwrap()).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn text(&mut self) -> String {
        let odd = [
            "",
            " ",
            "\u{0}",
            "\u{7f}",
            "\u{202e}rtl",
            "\u{1f600}",
            "é",
            "'",
            "\"; DROP TABLE tenants; --",
            "../../etc/passwd",
            "%00",
            "{auth}",
            "${x}",
            "https://evil.example",
            "javascript:alert(1)",
            "conn_01h455vb4pex5vsknk084sn02q",
            "*",
            "null",
            "-1",
            "1e999",
            "true",
            "\r\nset-cookie: x=1",
            "<script>",
            "a@b",
            "xn--",
            "\u{feff}",
        ];
        match self.below(4) {
            0 => "x".repeat(self.below(20_000)),
            1 => (0..self.below(40))
                .map(|_| char::from_u32(u32::try_from(self.roll() % 0x11_0000).unwrap()).unwrap_or('?'))
                .collect(),
            _ => self.pick(&odd).to_owned(),
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.pick(&[0_i64, -1, 1, i64::MAX, i64::MIN])),
            3 => json!(self.pick(&[0.5, -0.0, 1e308, f64::MIN_POSITIVE])),
            4 | 5 => json!(self.text()),
            6 => Value::Array((0..self.below(5)).map(|_| self.value(depth - 1)).collect()),
            7 => Value::Array(vec![Value::Null; 3000]),
            _ => {
                let fields = (0..self.below(5)).map(|_| (self.text(), self.value(depth - 1)));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }

    /// The value with something in it changed, dropped or added.
    fn spoilt(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(fields) if !fields.is_empty() && self.below(5) > 0 => {
                let mut fields = fields.clone();
                let name = self.pick(&fields.keys().cloned().collect::<Vec<_>>());
                match self.below(6) {
                    0 => drop(fields.remove(&name)),
                    1 => drop(fields.insert(self.text(), self.value(2))),
                    _ => {
                        let other = self.spoilt(&fields[&name]);
                        fields.insert(name, other);
                    }
                }
                Value::Object(fields)
            }
            Value::Array(items) if !items.is_empty() && self.below(3) > 0 => {
                let mut items = items.clone();
                let at = self.below(items.len());
                items[at] = self.spoilt(&items[at]);
                Value::Array(items)
            }
            _ => self.value(3),
        }
    }
}

fn check(answer: &Answer, sent: &dyn std::fmt::Display) {
    assert!(answer.status < 500, "{answer}\nto {sent}");
    if answer.status >= 400 && answer.status != 429 {
        assert!(answer.header("content-type") == Some("application/problem+json"), "{answer}\nto {sent}");
        assert!(
            answer.json()["detail"].as_str().unwrap().len() < 2000,
            "words, not the input once more: {} bytes",
            answer.body.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_7_no_json_body_makes_the_server_fail() {
    let scene = Scene::set().await;
    let mut dice = Dice(0x5eed_0000_0000_0001);
    for operation in with_body() {
        let good = scene.body(&operation).unwrap();
        for _ in 0..120 {
            let body = dice.spoilt(&good);
            let answer = send(&scene, &operation, Some("application/json"), body.to_string().into_bytes()).await;
            check(&answer, &body);
        }
        // Not JSON any more: bytes of a good body changed, cut and doubled.
        for _ in 0..40 {
            let mut bytes = good.to_string().into_bytes();
            let at = dice.below(bytes.len());
            match dice.below(3) {
                0 => bytes.truncate(at),
                1 => bytes[at] = u8::try_from(dice.below(256)).unwrap(),
                _ => bytes.insert(at, u8::try_from(dice.below(256)).unwrap()),
            }
            let answer = send(&scene, &operation, Some("application/json"), bytes.clone()).await;
            check(&answer, &String::from_utf8_lossy(&bytes));
        }
    }
    scene.world.key().get("/v1/connections").await.ok();
    assert!(!crate::support::captured().contains("panicked at server/"), "a panic is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_7_no_query_and_no_path_makes_the_server_fail() {
    let scene = Scene::set().await;
    let mut dice = Dice(0x5eed_0000_0000_0002);
    let key = scene.world.key();
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    for operation in
        operations().iter().filter(|operation| operation.scheme == "api_key" && operation.method == Method::GET)
    {
        for _ in 0..40 {
            let mut path = operation.path.clone();
            while let Some((before, rest)) = path.clone().split_once('{') {
                let after = rest.split_once('}').unwrap().1;
                let short: String = dice.text().chars().take(300).collect();
                let id =
                    if dice.below(3) == 0 { "conn_7zzzzzzzzzzzzzzzzzzzzzzzzz".to_owned() } else { encoded(&short) };
                path = format!("{before}{id}{after}");
            }
            let names = [
                "limit",
                "cursor",
                "connection",
                "stream",
                "sync",
                "state",
                "health",
                "endpoint",
                "integration",
                "end_user",
                "x",
            ];
            let query: Vec<_> = (0..dice.below(4))
                .map(|_| {
                    let short: String = dice.text().chars().take(500).collect();
                    format!("{}={}", dice.pick(&names), encoded(&short))
                })
                .collect();
            let path = format!("{path}?{}", query.join("&"));
            let answer = key
                .request(Method::GET, &path)
                .header("patchbay-connection", "conn_7zzzzzzzzzzzzzzzzzzzzzzzzz")
                .send()
                .await;
            check(&answer, &path);
        }
    }
    key.get("/v1/connections").await.ok();
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sv_7_no_cursor_makes_a_list_fail() {
    let scene = Scene::set().await;
    let mut dice = Dice(0x5eed_0000_0000_0003);
    let key = scene.world.key();
    let records = format!("/v1/records?connection={}&stream={}", scene.ids["connection"], scene.ids["stream"]);
    let page = key.get(&format!("{records}&limit=1")).await.ok();
    let good = page["next_cursor"].as_str().unwrap();
    for _ in 0..150 {
        let mut bytes = good.as_bytes().to_vec();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len());
            bytes[at] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[dice.below(64)];
        }
        let cursor = String::from_utf8(bytes).unwrap();
        let answer = key.get(&format!("{records}&cursor={cursor}")).await;
        check(&answer, &cursor);
        if answer.status != 200 {
            assert_problem(&answer);
            assert_eq!(answer.json()["code"], "bad_cursor", "{answer}");
        }
    }
    scene.world.end().await;
}
