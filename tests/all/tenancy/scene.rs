//! A tenant that has one of everything, and neighbours who must not see or touch any of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use flows::plugin::MEDIA_TYPE;

use crate::{
    house::openapi,
    support::{Author, Options, PATIENCE, Sink, Tenant, World, push, until},
};

/// An operation of the OpenAPI document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: http::Method,
    pub(crate) path: String,
    pub(crate) id: String,
    /// The scheme and the scope of its security requirement.
    pub(crate) scheme: String,
    pub(crate) scope: Option<String>,
    pub(crate) has_body: bool,
    pub(crate) takes_json: bool,
}

impl Operation {
    /// Whether it names a thing that exists: in its path, its query or its headers.
    pub(crate) fn names_a_thing(&self) -> bool {
        // A described provider is named by a word that a neighbour may use too: describing it there makes the neighbour's own.
        let makes_its_own = self.name() == "put /v1/providers/{provider}";
        (self.path.contains('{') && !makes_its_own)
            || ["get /v1/records", "get /v1/records/export"].contains(&self.name().as_str())
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method.as_str().to_lowercase(), self.path)
    }

    pub(crate) fn writes(&self) -> bool {
        self.method != http::Method::GET
    }
}

/// Every operation of the document.
pub(crate) fn operations() -> Vec<Operation> {
    let document = openapi::document();
    let read = |(method, path, operation): (String, String, Value)| {
        let requirement = operation["security"][0].as_object().unwrap();
        let (scheme, scopes) = requirement.iter().next().unwrap();
        Operation {
            method: method.to_uppercase().parse().unwrap(),
            path,
            id: operation["operationId"].as_str().unwrap().to_owned(),
            scheme: scheme.clone(),
            scope: scopes[0].as_str().map(str::to_owned),
            has_body: operation.get("requestBody").is_some(),
            takes_json: operation.pointer("/requestBody/content/application~1json").is_some(),
        }
    };
    openapi::operations(&document).into_iter().map(read).collect()
}

/// A provider that the tenant describes: installs begin at its marketplace, so that one can arrive.
pub(crate) const DESCRIBED: &str = "schema = 1\nslug = \"described\"\nname = \"Described\"\ncategory = \"commerce\"\n\
    docs = \"https://docs.example\"\n[auth]\nmode = \"oauth2_code\"\n\
    authorization_url = \"https://market.example/authorize\"\ntoken_url = \"https://market.example/token\"\n\
    install = { begins = \"code\" }\n[api]\nbase_url = \"https://market.example/api\"\n";

/// Somebody's public key, for exports.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// A tenant that has one of everything.
pub(crate) struct Scene {
    pub(crate) world: World,
    /// Ids of really existing things of the tenant, by the name that paths give them.
    pub(crate) ids: BTreeMap<&'static str, String>,
    /// Another tenant.
    pub(crate) stranger: Tenant,
    /// A key to the tenant's other environment.
    pub(crate) other_key: String,
    /// A connect session's token.
    pub(crate) session_token: String,
    _sink: Sink,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let world = World::start(Options::default()).await;
        let sink = Sink::start().await;
        let key = world.key();
        let endpoint = key.post("/v1/endpoints", &json!({ "url": sink.url() })).await.ok();
        let integration = world.acme_integration().await;
        let connection = world.connect_acme(&integration, "merchant-1", "shop_north").await;
        let tags = json!({ "tags": { "made": "first" } });
        key.patch(&format!("/v1/connections/{connection}"), &tags).await.ok();
        let runs = world.synced(&connection).await;
        let hook = format!("/v1/integrations/{}/webhook", text(&integration["id"]));
        key.request(http::Method::PUT, &hook).json(&json!({ "secret": "of its webhooks" })).send().await.ok();
        key.request(http::Method::PUT, &format!("/v1/connections/{connection}/webhook"))
            .json(&json!({}))
            .send()
            .await
            .ok();
        let inbound = world
            .one(
                "INSERT INTO inbound_deliveries (inbound_id, tenant_id, environment_id, hook_id, fingerprint_hash, content_hash, \
                 is_repeat, state, reason, received_at, processed_at) SELECT gen_random_uuid(), tenant_id, environment_id, \
                 hook_id, '\\x01', '\\x02', false, 'ignored', 'it told of nothing', now(), now() \
                 FROM hooks WHERE connection_id IS NULL RETURNING inbound_id",
            )
            .await;
        let inbound = ids::InboundId::from_uuid(inbound.parse().unwrap()).to_string();
        let delivery = until("there is a delivery", PATIENCE, async || {
            let deliveries = key.get("/v1/deliveries").await.ok();
            let all = deliveries["data"].as_array().unwrap().clone();
            let done = !all.is_empty() && all.iter().all(|one| one["state"] == "delivered");
            done.then(|| all[0].clone())
        })
        .await;
        let action = format!("/v1/connections/{connection}/actions/cancel_order");
        let action_run = key.post(&action, &json!({ "input": { "order_id": "ord_000001" } })).await.ok();
        let session = key.post("/v1/connect/sessions", &json!({ "end_user": { "id": "merchant-2" } })).await.ok();
        let describe = json!({ "manifest": DESCRIBED });
        key.request(http::Method::PUT, "/v1/providers/described").json(&describe).send().await.ok();
        let page = "https://app.lamplight.example/install";
        let wish = json!({ "provider": "described", "client_id": "c", "client_secret": "s", "install_url": page });
        let market = key.post("/v1/integrations", &wish).await.ok();
        let arrived = world.anonymous().get(&format!("{}?code=c", text(&market["app_url"]))).await;
        assert_eq!(arrived.status, 303, "{arrived}");
        let install = world.one("SELECT install_id FROM installs").await;
        let install = ids::InstallId::from_uuid(install.parse().unwrap()).to_string();
        let author = Author::new(1);
        let plugin_key = author.trusted_by(&key).await;
        push(&key, &author.acme("pushed", "1.0.0", |same| same).await).await.ok();
        key.request(http::Method::PUT, "/v1/plugins/pushed/pin").json(&json!({ "version": "1.0.0" })).send().await.ok();
        let spare = key.post("/v1/api-keys", &json!({ "name": "spare", "scopes": ["proxy"] })).await.ok();
        world.member("owner").await;
        let stranger = world.stranger("neighbour").await;
        let tenant = text(&world.tenant().tenant["id"]);
        let environments = format!("/v1/operator/tenants/{tenant}/environments");
        let other = world.operator().post(&environments, &json!({ "slug": "dev", "name": "Development" })).await.ok();
        let other_environment = text(&other["id"]);
        let wish = json!({ "name": "backend", "scopes": ["*"] });
        let other_key =
            world.operator().post(&format!("{environments}/{other_environment}/api-keys"), &wish).await.ok();
        // Records under a policy, sealed under a key of theirs, and looked after.
        let policy = json!({ "keep_deleted_days": 30, "sealed": true });
        let path = "/v1/integrations/acme/streams/customers/policy";
        key.request(http::Method::PUT, path).json(&policy).send().await.ok();
        world.keep_records().await;
        let import = key.post("/v1/imports", &json!({ "integration": "acme" })).await.ok();
        // A row that is wrong, and one whose connection is there already, so that it is known by a key from now on.
        let mint = acme::Command::Mint { client_id: "lamplight".into(), account: "shop_north".into() };
        let access_token = world.acme().control(mint).unwrap()["access_token"].clone();
        let present = json!({ "end_user": { "id": "merchant-1" }, "tokens": { "access_token": access_token } });
        let rows = format!("/v1/imports/{}/rows?first_row=0", import["id"].as_str().unwrap());
        let rows = key.request(http::Method::POST, &rows).header("content-type", "application/x-ndjson");
        let rows = rows.body(format!("{present}\n{{}}\n")).send().await.ok();
        assert_eq!((&rows["present"], &rows["wrong"]), (&json!(1), &json!(1)), "{rows}");
        world
            .sql(
                "INSERT INTO revocations (connection_id, tenant_id, environment_id, integration_id, provider, end_user_id, \
                 state, reason, asked_at, finished_at) SELECT connection_id, tenant_id, environment_id, integration_id, \
                 'acme', end_user_id, 'failed', 'an earlier grant', now(), now() FROM connections",
            )
            .await;
        world
            .sql(
                "INSERT INTO key_rewraps (environment_id, tenant_id, state, total, done, failed, started_at, updated_at) \
                 SELECT environment_id, tenant_id, 'done', 1, 1, 0, now(), now() FROM environments",
            )
            .await;
        let revocations = format!("{environments}/{}/revocations", world.tenant().environment["id"].as_str().unwrap());
        let run = world.operator().post(&revocations, &json!({ "provider": "nothing" })).await.ok();
        let ids = [
            ("import", text(&import["id"])),
            ("revocation", text(&run["id"])),
            ("tenant", tenant),
            ("environment", text(&world.tenant().environment["id"])),
            ("integration", text(&integration["id"])),
            ("connection", connection),
            ("sync", text(&runs[0]["sync_id"])),
            ("run", text(&runs[0]["id"])),
            ("endpoint", text(&endpoint["endpoint"]["id"])),
            ("delivery", text(&delivery["id"])),
            ("inbound", inbound),
            ("session", text(&session["id"])),
            ("install", install),
            ("provider", "described".to_owned()),
            ("plugin", "pushed".to_owned()),
            ("version", "1.0.0".to_owned()),
            ("plugin_key", plugin_key),
            ("key", text(&spare["key"]["id"])),
            ("stream", text(&runs[0]["stream"])),
            ("action", "cancel_order".to_owned()),
            ("action_run", text(&action_run["id"])),
        ];
        let other_key = text(&other_key["secret"]);
        let session_token = text(&session["token"]);
        Self { ids: ids.into(), stranger, other_key, session_token, world, _sink: sink }
    }

    /// The operation's path with the tenant's own things in it, and its query.
    pub(crate) fn path(&self, operation: &Operation) -> String {
        let mut path = operation.path.replace("{path}", "v1/orders");
        for (name, id) in &self.ids {
            path = path.replace(&format!("{{{name}}}"), id);
        }
        assert!(!path.contains('{'), "say in the scene what {path} is to be filled with");
        match operation.name().as_str() {
            // Described anew elsewhere: a neighbour that describes this one has one of its own from then on.
            "put /v1/providers/{provider}" => path.replace("described", "anew"),
            "get /v1/records" | "get /v1/records/export" => {
                format!("{path}?connection={}&stream={}", self.ids["connection"], self.ids["stream"])
            }
            "post /v1/imports/{import}/rows" => format!("{path}?first_row=0"),
            _ => path,
        }
    }

    /// A body that the operation would take.
    pub(crate) fn body(&self, operation: &Operation) -> Option<Value> {
        let body = match operation.name().as_str() {
            "post /v1/operator/tenants" => json!({ "slug": "third", "name": "Third" }),
            "post /v1/operator/tenants/{tenant}/environments" => json!({ "slug": "third", "name": "Third" }),
            "post /v1/operator/tenants/{tenant}/environments/{environment}/api-keys" | "post /v1/api-keys" => {
                json!({ "name": "third", "scopes": ["proxy"] })
            }
            "post /v1/operator/tenants/{tenant}/members" => {
                json!({ "email": "third@lamplight.example", "name": "Third", "password": self.world.password(), "role": "owner" })
            }
            "post /v1/operator/tenants/{tenant}/environments/{environment}/revocations" => {
                json!({ "provider": "acme" })
            }
            "post /v1/imports" => json!({ "integration": "acme" }),
            "post /v1/imports/{import}/rows" => json!({ "end_user": { "id": "merchant-5" } }),
            "post /v1/exports" => json!({ "recipient": RECIPIENT }),
            "post /v1/integrations" => {
                let origin = self.world.acme().origin();
                json!({ "provider": "acme", "slug": "third", "client_id": "c", "client_secret": "s", "variables": { "auth": origin, "api": origin } })
            }
            "post /v1/plugin-keys" => json!({ "name": "another", "public_key": Author::new(2).public() }),
            "put /v1/plugins/{plugin}/pin" => json!({ "version": "1.0.0" }),
            "post /v1/plugins/{plugin}/rollback" => json!({}),
            "patch /v1/integrations/{integration}" => json!({ "display_name": "Third" }),
            "patch /v1/connections" => {
                json!({ "connections": [self.ids["connection"]], "change": { "tags_merge": { "third": "yes" } } })
            }
            "post /v1/connections/{connection}/actions/{action}" => json!({ "input": { "order_id": "ord_000002" } }),
            "patch /v1/connections/{connection}" => json!({ "tags_merge": { "third": "yes" } }),
            "post /v1/api-keys/{key}/rotate" => json!({}),
            "put /v1/integrations/{integration}/streams/{stream}/policy" => json!({ "keep_deleted_days": 30 }),
            "put /v1/integrations/{integration}/webhook" => json!({ "secret": "another" }),
            "put /v1/connections/{connection}/webhook" => json!({ "secret": "another" }),
            "post /v1/connections/{connection}/syncs" => json!({ "stream": "orders", "variant": "third" }),
            "patch /v1/syncs/{sync}" => json!({ "params": { "page_size": 9 } }),
            "put /v1/syncs/{sync}/schedule" => json!({ "every_seconds": 600 }),
            "post /v1/connect/sessions" => json!({ "end_user": { "id": "merchant-3" } }),
            "put /v1/providers/{provider}" => json!({ "manifest": DESCRIBED.replace("\"described\"", "\"anew\"") }),
            "post /v1/connections" => json!({
                "integration": "acme",
                "end_user": { "id": "merchant-4" },
                "tokens": { "access_token": "imported" },
            }),
            "post /connect/api/entry" | "post /connect/api/code" => {
                json!({ "integration_id": self.ids["integration"], "fields": {} })
            }
            "post /v1/endpoints" => json!({ "url": "http://127.0.0.1:9/webhooks" }),
            name => {
                assert!(
                    !operation.has_body || name.contains("/proxy/") || name == "post /v1/plugins",
                    "say in the scene what a good body of {name} is"
                );
                return None;
            }
        };
        Some(body)
    }

    /// Sends the operation as somebody: whose claims the headers are.
    pub(crate) async fn send(&self, operation: &Operation, claims: &[(&str, &str)]) -> crate::support::Answer {
        let caller = self.world.anonymous();
        let mut request = caller.request(operation.method.clone(), &self.path(operation));
        if operation.path.contains("/proxy/") {
            request = request.header("patchbay-connection", &self.ids["connection"]);
        }
        for (name, value) in claims {
            request = request.header(name, value);
        }
        if operation.name() == "post /v1/plugins" {
            // Small and by nobody whom anybody trusts: what matters is who is asked back.
            let package = Author::new(2).signed(("third", "1.0.0", "2.0"), "schema = 1\n".into(), b"\0asm".to_vec());
            return request.header("content-type", MEDIA_TYPE).body(package.to_bytes()).send().await;
        }
        match self.body(operation) {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    /// A fingerprint of every table: of all rows, or of those that the tenant has in its environment.
    pub(crate) async fn fingerprint(&self, rows: Rows) -> BTreeMap<String, String> {
        let tables = tables(&self.world).await;
        let (tenant, environment) = (self.uuid("tenant").await, self.uuid("environment").await);
        let parts = tables.iter().map(|(table, columns)| {
            let of = match rows {
                Rows::All => "true".to_owned(),
                Rows::OfTheTenant if columns.contains(&"environment_id".to_owned()) && table != "environments" => {
                    format!("environment_id IS NOT DISTINCT FROM '{environment}' AND tenant_id = '{tenant}'")
                }
                Rows::OfTheTenant if table == "environments" => format!("environment_id = '{environment}'"),
                Rows::OfTheTenant => format!("tenant_id = '{tenant}'"),
            };
            // When a key was last used is written down from time to time, also of one that then is refused something.
            let row = "(to_jsonb(t) - 'last_used_at' - 'previous_used_at')::text";
            format!("SELECT '{table}', count(*) || ' rows ' || coalesce(md5(string_agg({row}, '|' ORDER BY {row})), '') FROM {table} t WHERE {of}")
        });
        let rows = self.world.sql(&parts.collect::<Vec<_>>().join(" UNION ALL ")).await;
        rows.into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap())).collect()
    }

    /// The id of a thing as the database has it.
    pub(crate) async fn uuid(&self, of: &str) -> String {
        let column = format!("{of}_id");
        let slug = if of == "tenant" { "lamplight" } else { "prod" };
        let tenant = "(SELECT tenant_id FROM tenants WHERE slug = 'lamplight')";
        self.world.one(&format!("SELECT {column} FROM {of}s WHERE slug = '{slug}' AND tenant_id = {tenant}")).await
    }

    /// A key of the tenant that may do everything but this.
    pub(crate) async fn key_without(&self, scope: &str) -> String {
        let all = domain::permission::Permission::ALL.iter().map(|(_, text)| *text);
        let others: Vec<_> = all.filter(|text| *text != scope).collect();
        let key = self.world.key().post("/v1/api-keys", &json!({ "name": "narrow", "scopes": others })).await.ok();
        text(&key["secret"])
    }
}

/// Which rows to look at.
#[derive(Clone, Copy)]
pub(crate) enum Rows {
    All,
    OfTheTenant,
}

/// Every table of ours with its columns.
pub(crate) async fn tables(world: &World) -> BTreeMap<String, Vec<String>> {
    let rows = world
        .sql("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'")
        .await;
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        tables.entry(row[0].clone().unwrap()).or_default().push(row[1].clone().unwrap());
    }
    tables
}

/// A text out of JSON.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
