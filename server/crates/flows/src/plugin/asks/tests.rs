use domain::manifest::Manifest;

use super::*;

/// A manifest with something in all of its sections.
const BEFORE: &str = include_str!("before.toml");

fn changed(change: &[(&str, &str)]) -> String {
    let mut after = BEFORE.to_owned();
    for (old, new) in change {
        assert!(after.contains(old), "{old}");
        after = after.replacen(old, new, 1);
    }
    after
}

/// What is asked for by a version that a server would take.
fn asked(change: &[(&str, &str)]) -> Vec<(PluginAskKind, String)> {
    let after = changed(change);
    if let Err(error) = Manifest::parse("after", &after) {
        panic!("{change:?}: {error}");
    }
    beyond(BEFORE, &after).into_iter().map(|ask| (ask.kind, ask.what)).collect()
}

/// Each change asks for this and for nothing else; a semicolon stands between two.
fn each(kind: PluginAskKind, rows: &[(&str, &str, &str)]) {
    for (old, new, what) in rows {
        let asks: Vec<_> = what.split("; ").map(|what| (kind, what.to_owned())).collect();
        assert_eq!(asked(&[(*old, *new)]), asks, "{old} → {new}");
    }
}

#[test]
fn pl_5_whatever_a_version_asks_for_more_is_named() {
    use PluginAskKind::{Action, Auth, Host, Scope, StreamFull, StreamRemoved, Variable};
    each(Scope, &[("[\"orders\"]", "[\"orders\", \"people\"]", "people")]);
    each(Variable, &[("[auth]", "[variables.code]\ntype = \"secret\"\nlabel = \"Code\"\n[auth]", "code")]);
    each(Variable, &[("default = \"reader\"\n", "", "level")]);
    each(Action, &[("[[actions]]", "[[actions]]\nname = \"wipe\"\n[[actions]]", "wipe")]);
    each(StreamRemoved, &[("name = \"people\"", "name = \"persons\"", "people")]);
    each(StreamFull, &[("mode = \"incremental\"", "mode = \"full\"", "orders")]);
    let device = asked(&[
        ("oauth2_code", "oauth2_device"),
        ("authorization_url", "device_authorization_url"),
        ("issuer = \"https://{store}.shop.example\"\n", ""),
        ("install = { begins = \"authorize\", fill = { store = \"shop\" }, hmac_param = \"hmac\" }\n", ""),
    ]);
    assert_eq!(device, [(Auth, "oauth2_device".to_owned())]);
    // In fields that nothing here was written for: of a manifest of tomorrow.
    let after = changed(&[("[plugin]", "[new.field]\nanywhere = [{ url = \"https://deep.example/x\" }]\n[plugin]")]);
    let asks: Vec<_> = beyond(BEFORE, &after).into_iter().map(|ask| (ask.kind, ask.what)).collect();
    assert_eq!(asks, [(Host, "deep.example".to_owned()), (PluginAskKind::Credential, "new".to_owned())]);
    for (old, what) in [("[[streams]]", "streams.orders.new"), ("[[actions]]", "actions.refund.new")] {
        let more = format!("{old}\nnew = true");
        let asks = beyond(BEFORE, &changed(&[(old, more.as_str())]));
        assert_eq!(asks.into_iter().map(|ask| ask.what).collect::<Vec<_>>(), [what]);
    }
}

#[test]
fn pl_5_a_host_is_asked_about_wherever_it_stands() {
    each(
        PluginAskKind::Host,
        &[
            ("[\"*.files.example\"]", "[\"*.files.example\", \"evil.example\"]", "evil.example"),
            ("{store}.shop.example/token", "{store}.evil.example/token", "{store}.evil.example"),
            ("{store}.shop.example/token", "{store}.shop.example:8443/token", "{store}.shop.example:8443"),
            ("https://{store}.shop.example/token", "http://127.0.0.1/token", "http://127.0.0.1"),
            ("api.{zone}.shop.example/v2", "{zone}.api.example/v2", "{zone}.api.example"),
            ("https://{server}/me", "https://me.{zone}.example/{server}", "me.{zone}.example"),
            ("{store}.shop.example/revoke", "gone.example/revoke", "gone.example"),
            // Known as where tokens are fetched, and reached by the plugin from now on.
            ("api.{zone}.shop.example/v2", "{store}.shop.example/v2/{zone}", "{store}.shop.example"),
            // A tenant may lead it there from now on; that the manifest itself leads there changes nothing.
            ("[\"*.sites.example\"]", "[\"*.sites.example\", \"*.files.example\"]", "*.files.example"),
            ("[\"*.sites.example\"]", "[\"*\"]", "*"),
        ],
    );
    let hosts = |pattern: &str| format!("[api]\nhosts = ['{pattern}']");
    let wider = beyond(&hosts("*.eu.files.example"), &hosts("*.files.example"));
    assert_eq!(wider.iter().map(|ask| ask.what.as_str()).collect::<Vec<_>>(), ["*.files.example"]);
    assert!(beyond(&hosts("*.files.example"), &hosts("*.eu.files.example")).is_empty());
}

#[test]
fn pl_5_a_variable_leads_elsewhere_by_a_key_by_a_default_and_by_whoever_fills_it_in() {
    use PluginAskKind::{Credential, Host};
    each(
        Host,
        &[
            ("{ \"id.shop.example\"", "{ \"evil.example\" = \"Ours\", \"id.shop.example\"", "evil.example"),
            (
                "default = \"id.shop.example\"\noptions = { \"id.shop.example\" = \"The usual one\" }",
                "default = \"evil.example\"\noptions = { \"evil.example\" = \"The usual one\" }",
                "evil.example",
            ),
            ("options = { eu", "options = { xx = \"Elsewhere\", eu", "api.xx.shop.example"),
            // Connections that chose nothing are led by it.
            ("options = { eu", "default = \"us\"\noptions = { eu", "api.us.shop.example"),
            ("label = \"Site\"", "label = \"Site\"\ndefault = \"https://a.sites.example\"", "a.sites.example"),
            ("options = { eu", "at = \"integration\"\noptions = { eu", "{zone} by another `at`"),
            ("options = { eu", "pattern = \"eu|us\"\noptions = { eu", "{zone} by another `pattern`"),
            ("type = \"origin\"", "type = \"origin\"\nat = \"integration\"", "{site} by another `at`"),
            (
                "type = \"label\"",
                "type = \"choice\"\noptions = { north = \"North\" }",
                "north.shop.example; {store} by another `type`",
            ),
        ],
    );
    // One that stands in no host decides what is sent.
    each(
        Credential,
        &[
            ("{ reader = \"Reads\"", "{ admin = \"All\", reader = \"Reads\"", "variables.level = admin"),
            ("default = \"reader\"", "default = \"writer\"", "variables.level = writer"),
            ("default = \"reader\"", "default = \"reader\"\noptional = true", "variables.level.optional"),
            ("pattern = \"[0-9]{4}\"", "", "variables.pin.pattern"),
            ("pattern = \"[0-9]{4}\"", "pattern = \"[0-9]{4}\"\nprefix = \"0\"", "variables.pin.prefix"),
            ("pattern = \"[0-9]{4}\"", "pattern = \"[0-9]{4}\"\nsuffix = \"0\"", "variables.pin.suffix"),
            ("pattern = \"[0-9]{4}\"", "pattern = \"[0-9]{4}\"\nmultiline = true", "variables.pin.multiline"),
            ("pattern = \"[0-9]{4}\"", "pattern = \"[0-9]{4}\"\nat = \"integration\"", "variables.pin.at"),
        ],
    );
    let at = |from: &str| {
        format!(
            "[variables.place]\ntype = 'label'\nat = 'answer'\nfrom = '{from}'\n[api]\nbase_url = 'https://{{place}}.shop.example'"
        )
    };
    let asks = beyond(&at("token.place"), &at("callback.place"));
    assert_eq!(asks.iter().map(|ask| ask.what.as_str()).collect::<Vec<_>>(), ["{place} by another `from`"]);
}

#[test]
fn pl_5_parameters_and_claims_by_which_a_provider_grants_more_are_scopes() {
    each(
        PluginAskKind::Scope,
        &[
            ("prompt =", "user_scope = \"admin\", prompt =", "auth.authorize_params.user_scope = admin"),
            ("level = \"{level}\"", "level = \"{level} all\"", "auth.authorize_params.level = {level} all"),
            (", prompt = \"consent\"", "", "auth.authorize_params.prompt = nothing"),
            ("{ client_id =", "{ scope = \"optional_scope\", client_id =", "auth.rename.scope = optional_scope"),
            ("rename = { client_id = \"client_key\" }", "", "auth.rename.client_id = nothing"),
            ("rename =", "token_params = { audience = \"all\" }\nrename =", "auth.token_params.audience = all"),
            ("rename =", "refresh_params = { audience = \"all\" }\nrename =", "auth.refresh_params.audience = all"),
        ],
    );
    let jwt = |claims: &str| format!("[auth]\nmode = 'jwt'\nclaims = {{ sub = 'robot' }}\n{claims}");
    for (after, what) in [
        (jwt("").replace("robot", "{admin}"), "auth.claims.sub = {admin}"),
        (jwt("fixed_claims = { roles = ['admin'] }"), "auth.fixed_claims.roles = [\"admin\"]"),
    ] {
        let asks = beyond(&jwt(""), &after);
        let asks: Vec<_> = asks.iter().map(|ask| (ask.kind, ask.what.as_str())).collect();
        assert_eq!(asks, [(PluginAskKind::Scope, what)]);
    }
}

#[test]
fn pl_5_how_credentials_are_come_by_stays_as_it_is() {
    each(
        PluginAskKind::Credential,
        &[
            ("shop.example/token", "shop.example/u/evil/token", "auth.token_url"),
            // Known as where the account is asked about, and not as where codes are exchanged.
            ("https://{store}.shop.example/token", "{site}/token", "auth.token_url"),
            ("issuer = \"https://{store}.shop.example\"\n", "", "auth.issuer"),
            (", hmac_param = \"hmac\"", "", "auth.install.hmac_param"),
            ("{ store = \"shop\" }", "{ store = \"store\" }", "auth.install.fill.store"),
            ("scopes =", "pkce = false\nscopes =", "auth.pkce"),
            ("scopes =", "client_auth = \"basic\"\nscopes =", "auth.client_auth"),
            ("scopes =", "body = \"query\"\nscopes =", "auth.body"),
            ("scopes =", "dpop = true\nscopes =", "auth.dpop"),
            ("scopes =", "scope_separator = \",\"\nscopes =", "auth.scope_separator"),
            ("scopes =", "expires_in = 60\nscopes =", "auth.expires_in"),
            ("scopes =", "callback_code_param = \"c\"\nscopes =", "auth.callback_code_param"),
            ("scopes =", "token_headers = { X-A = \"b\" }\nscopes =", "auth.token_headers"),
            ("scopes =", "token_paths = { access_token = \"refresh_token\" }\nscopes =", "auth.token_paths"),
            ("scopes =", "resource = [\"https://{store}.shop.example/all\"]\nscopes =", "auth.resource"),
            ("scopes =", "refresh_url = \"https://{store}.shop.example/r\"\nscopes =", "auth.refresh_url"),
            ("scopes =", "revocation_url = \"https://{store}.shop.example/r\"\nscopes =", "auth.revocation_url"),
            ("scopes =", "introspection_url = \"https://{store}.shop.example/r\"\nscopes =", "auth.introspection_url"),
            ("scopes =", "long_lived = { url = \"https://{store}.shop.example/l\" }\nscopes =", "auth.long_lived"),
            ("X-Pin = ", "X-More = \"{access_token}\", X-Pin = ", "api.credential.headers.X-More"),
            ("credential = { ", "credential = { query = { t = \"{access_token}\" }, ", "api.credential.query"),
            ("credential = { ", "credential = { path = \"/t{access_token}\", ", "api.credential.path"),
            ("\"Bearer {access_token}\"", "\"Token {access_token}\"", "api.credential.headers.Authorization"),
            ("X-Edition = \"7\"", "X-Edition = \"8\"", "api.headers.X-Edition"),
            ("headers = { X-Edition = \"7\" }", "", "api.headers"),
            ("method = \"POST\"", "method = \"PUT\"", "revocation.call.method"),
            ("{ token =", "{ secret = \"{client_secret}\", token =", "revocation.call.fields.secret"),
            ("shop.example/revoke", "shop.example/u/evil", "revocation.call.url"),
            (
                "[revocation.call]",
                "[revocation]\nwith_credential = true\n[revocation.call]",
                "revocation.with_credential",
            ),
        ],
    );
    // Of modes that the manifest above is not of; `scopes` are named by themselves wherever they stand.
    for (before, after, kind, what) in [
        ("user.scopes = ['a']", "user.scopes = ['a', 'b']", PluginAskKind::Scope, "b"),
        ("user.client_auth = 'tls'", "user.client_auth = 'none'", PluginAskKind::Credential, "auth.user.client_auth"),
        ("installations.id = 'id'", "", PluginAskKind::Credential, "auth.installations"),
        ("steps = [{ take = { t = 'body.t' } }]", "steps = []", PluginAskKind::Credential, "auth.steps"),
        ("header = { kid = 'a' }", "header = { kid = 'b' }", PluginAskKind::Credential, "auth.header.kid"),
        ("key_encoding = 'hex'", "", PluginAskKind::Credential, "auth.key_encoding"),
        ("signature = 'rsa-sha1'", "signature = 'plaintext'", PluginAskKind::Credential, "auth.signature"),
        ("exchange.fields.a = 'b'", "exchange.fields.a = 'c'", PluginAskKind::Credential, "auth.exchange.fields.a"),
    ] {
        let asks = beyond(&format!("[auth]\n{before}"), &format!("[auth]\n{after}"));
        let asks: Vec<_> = asks.iter().map(|ask| (ask.kind, ask.what.as_str())).collect();
        assert_eq!(asks, [(kind, what)], "{before} → {after}");
    }
}

#[test]
fn pl_5_whose_account_it_is_and_what_counts_as_connected_stays_as_it_is() {
    each(
        PluginAskKind::Auth,
        &[
            ("account = \"id\"", "account = \"shop\"", "identity.account"),
            ("account = \"id\"", "account_variable = \"level\"", "identity.account; identity.account_variable"),
            ("{server}/me", "{server}/anybody", "identity.url"),
            ("https://{server}/me\"", "https://{server}/me\"\nmethod = \"POST\"", "identity.method"),
            ("statuses = [200]", "statuses = [200, 401]", "verification.statuses"),
            ("{site}/me", "{site}/ping", "verification.url"),
        ],
    );
    let without = changed(&[("[verification]\nurl = \"{site}/me\"\nstatuses = [200]\n", "")]);
    for (before, after) in [(BEFORE, without.as_str()), (without.as_str(), BEFORE)] {
        let asks = beyond(before, after);
        assert!(asks.iter().any(|ask| ask.kind == PluginAskKind::Auth && ask.what == "verification"), "{asks:?}");
    }
}

#[test]
fn pl_5_what_is_taken_for_the_providers_own_webhooks_stays_as_it_is() {
    each(
        PluginAskKind::Credential,
        &[
            ("message = \"{timestamp}.{body}\"", "", "webhook.message"),
            ("{timestamp}.{body}\"\ntimestamp = \"x-time\"", "{body}\"", "webhook.message; webhook.timestamp"),
            (
                "\"{timestamp}.{body}\"\ntimestamp = \"x-time\"",
                "\"{timestamp}.{body}\"\ntimestamp = \"x-at\"",
                "webhook.timestamp",
            ),
            ("scheme = \"hmac\"", "scheme = \"hmac\"\ntolerance = 86400", "webhook.tolerance"),
            ("scheme = \"hmac\"", "scheme = \"hmac\"\nprefix = \"v1=\"", "webhook.prefix"),
            ("scheme = \"hmac\"", "scheme = \"hmac\"\nencoding = \"base64\"", "webhook.encoding"),
            ("scheme = \"hmac\"", "scheme = \"hmac\"\nkey_encoding = \"hex\"", "webhook.key_encoding"),
            ("scheme = \"hmac\"", "scheme = \"hmac\"\nkey_prefix = \"whsec_\"", "webhook.key_prefix"),
            ("scheme = \"hmac\"", "scheme = \"hmac\"\nid_header = \"x-id\"", "webhook.id_header"),
            ("header = \"x-sign\"\nhash = \"sha256\"", "header = \"x-sign\"\nhash = \"sha1\"", "webhook.hash"),
            ("header = \"x-sign\"", "header = \"x-note\"", "webhook.header"),
            (
                "scheme = \"hmac\"\nheader = \"x-sign\"\nhash = \"sha256\"",
                "scheme = \"ed25519\"\nheader = \"x-sign\"",
                "webhook.hash; webhook.scheme",
            ),
            ("account = \"body.shop\"\n", "", "webhook.account"),
            ("event = \"body.type\"", "event = \"body.kind\"", "webhook.event"),
            (
                "{ answer = \"body.challenge\" }",
                "{ answer = \"body.challenge\", unsigned = true }",
                "webhook.handshake.unsigned",
            ),
            ("{ answer = \"body.challenge\" }", "{ answer = \"body.other\" }", "webhook.handshake.answer"),
        ],
    );
    let (head, tail) = BEFORE.split_once("[webhook]").unwrap();
    let without = format!("{head}[plugin]{}", tail.split_once("[plugin]").unwrap().1);
    let asks = beyond(&without, BEFORE);
    assert_eq!(
        asks.iter().map(in_words).collect::<Vec<_>>(),
        ["another way to know the provider's webhooks (webhook)"]
    );
    assert!(beyond(BEFORE, &without).is_empty(), "nothing is taken then");
}

#[test]
fn pl_5_an_action_takes_no_other_input_and_is_not_repeated() {
    let repeated = "refund, repeated where nobody knows whether it was performed";
    let other = "refund with another input";
    each(
        PluginAskKind::Action,
        &[
            ("name = \"refund\"", "name = \"refund\"\nis_idempotent = true", repeated),
            ("additionalProperties = false", "additionalProperties = true", other),
            ("properties.order =", "properties.all = { type = \"boolean\" }\nproperties.order =", other),
            // A field that is called as words are.
            ("properties.order =", "properties.title = { type = \"string\" }\nproperties.order =", other),
            ("additionalProperties = false\n", "", other),
        ],
    );
    let before = BEFORE.split_once("[actions.input]").unwrap().0;
    assert!(beyond(before, BEFORE).is_empty(), "it took anything");
    let asks = beyond(BEFORE, before);
    assert_eq!(asks.iter().map(|ask| ask.what.as_str()).collect::<Vec<_>>(), [other]);
}

#[test]
fn what_asks_for_no_more_asks_nothing() {
    for change in [
        vec![],
        vec![("[\"orders\"]", "[]")],
        vec![("hosts = [\"*.files.example\"]", "")],
        vec![("hosts = [\"*.files.example\"]", "hosts = [\"*.files.example\", \"a.files.example\"]")],
        vec![("shop.example/v2", "shop.example/v3")],
        vec![("shop.example/docs", "elsewhere.example/docs")],
        vec![("name = \"Shop\"", "name = \"The Shop\"")],
        vec![("label = \"Store\"", "label = \"Shop\"\nhelp = \"The first part\"\nhelp_url = \"https://help.example\"")],
        vec![("us = \"America\"", "us = \"Elsewhere\"")],
        vec![(", us = \"America\"", "")],
        vec![("[\"*.sites.example\"]", "[\"a.sites.example\"]")],
        vec![("[auth]", "[variables.note]\ntype = \"text\"\nlabel = \"Note\"\noptional = true\n[auth]")],
        vec![("name = \"title\"", "name = \"called\"")],
        vec![("status = [403]", "status = [403, 410]")],
        vec![("requests = 10", "requests = 20")],
        vec![("param = \"page\"", "param = \"p\"")],
        vec![("\"plugin.wasm\"", "\"other.wasm\"")],
        vec![("event = \"order.*\"", "event = \"*\"")],
        vec![("every_minutes = 60\nrealtime = true", "every_minutes = 5\nrealtime = true\ndescription = \"All\"")],
        vec![("backfill_days = 30", "")],
        vec![("[[actions]]", "[[streams]]\nname = \"more\"\nmode = \"full\"\nevery_minutes = 60\n[[actions]]")],
        vec![("Gives money back", "Pays back")],
        vec![("\"Which order\"", "\"Of which order\""), ("\"Its id\"", "\"The id of it\"")],
        vec![("[actions.input]", "output = { type = \"object\" }\ntimeout_seconds = 90\n[actions.input]")],
    ] {
        assert_eq!(asked(&change), [], "{change:?}");
    }
    let without = BEFORE.split_once("[[actions]]").unwrap().0;
    assert!(beyond(BEFORE, without).is_empty());
}

#[test]
fn each_kind_has_words() {
    for (old, new, words) in [
        ("[\"orders\"]", "[\"orders\", \"people\"]", "the scope people"),
        ("name = \"people\"", "name = \"persons\"", "an end of the stream people"),
        ("options = { eu", "options = { xx = \"Elsewhere\", eu", "requests to api.xx.shop.example"),
        ("account = \"id\"", "account = \"shop\"", "another way to connect, identity.account"),
        ("scopes =", "pkce = false\nscopes =", "another way to send the credential (auth.pkce)"),
        ("hash = \"sha256\"", "hash = \"sha1\"", "another way to know the provider's webhooks (webhook.hash)"),
        ("name = \"refund\"", "name = \"reject\"", "the action reject"),
    ] {
        let asks = beyond(BEFORE, &BEFORE.replacen(old, new, 1));
        assert_eq!(asks.iter().map(in_words).collect::<Vec<_>>(), [words]);
    }
}
