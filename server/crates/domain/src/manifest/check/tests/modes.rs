//! Each way in needs its fields and refuses those of others.

use super::*;

const OAUTH: &str = "token_url = \"{region}/token\"";

fn oauth(more: &str) -> String {
    GOOD.replace(OAUTH, &format!("{OAUTH}\n{more}"))
}

fn mode(table: &str) -> String {
    let head = KEY.split("[auth]").next().unwrap();
    format!("{head}[auth]\n{table}\n[api]\nbase_url = \"https://api.shop.example\"\n")
}

#[test]
fn a_grant_needs_its_fields_and_no_others() {
    accepts(
        &oauth("device_authorization_url = \"{region}/device\"")
            .replace("oauth2_code", "oauth2_device")
            .replace("authorization_url = \"https://{shop}.shop.example/authorize\"\n", ""),
    );
    for (text, field, words) in [
        (
            GOOD.replace("authorization_url = \"https://{shop}.shop.example/authorize\"\n", ""),
            "auth.authorization_url",
            "needs it",
        ),
        (GOOD.replace("oauth2_code", "oauth2_device"), "auth.device_authorization_url", "needs it"),
        (GOOD.replace("oauth2_code", "oauth2_device"), "auth.authorization_url", "no use"),
        (GOOD.replace("oauth2_code", "oauth2_client_credentials"), "auth.authorization_url", "no use"),
        (oauth("device_authorization_url = \"{region}/device\""), "auth.device_authorization_url", "no use"),
        (oauth("client = \"connection\""), "auth.client", "client_credentials"),
        (oauth("client_auth = \"private_key_jwt\""), "auth.client_auth", "[variables.client_key]"),
        (oauth("client_auth = \"tls\""), "auth.client_auth", "[variables.client_certificate]"),
        (oauth("expires_in = 0"), "auth.expires_in", "at least 1"),
        (oauth("refresh_expires_in = 0"), "auth.refresh_expires_in", "at least 1"),
        (oauth("token_paths = { access_token = \"data..token\" }"), "auth.token_paths.access_token", "no path"),
        (oauth("issuer = \"https://shop.example/?a=b\""), "auth.issuer", "no query"),
        (oauth("refresh_url = \"/token\""), "auth.refresh_url", "whole URL"),
        (oauth("resource = [\"api\"]"), "auth.resource[0]", "absolute URI"),
    ] {
        refuses(&text, field, words);
    }
    let key = "[variables.client_key]\ntype = \"secret\"\nat = \"integration\"\nlabel = \"Key\"\nmultiline = true\n";
    accepts(&before(&oauth("client_auth = \"private_key_jwt\""), "[auth]", key));
}

#[test]
fn scopes_are_well_formed() {
    accepts(&oauth("scopes = [\"read\", \"https://shop.example/auth/a.b\", \"a,b\"]"));
    accepts(&oauth("scopes = [\"read\", \"write\"]\nscope_separator = \",\""));
    for (more, field, words) in [
        ("scopes = [\"read write\"]", "auth.scopes[0]", "no scope"),
        ("scopes = [\"a\", \"\"]", "auth.scopes[1]", "no scope"),
        ("scopes = [\"a\\\"b\"]", "auth.scopes[0]", "no scope"),
        ("scopes = [\"ä\"]", "auth.scopes[0]", "no scope"),
        ("scopes = [\"a\", \"b\", \"a\"]", "auth.scopes[2]", "twice"),
        ("scopes = [\"a,b\"]\nscope_separator = \",\"", "auth.scopes[0]", "several scopes"),
        ("scope_separator = \"\"", "auth.scope_separator", "one to three"),
        ("scope_separator = \"and\"", "auth.scope_separator", "one to three"),
    ] {
        refuses(&oauth(more), field, words);
    }
}

#[test]
fn parameters_may_be_added_and_renamed_but_not_replaced() {
    accepts(&oauth("rename = { client_id = \"client_key\" }\nauthorize_params = { access_type = \"offline\" }"));
    accepts(&oauth("token_params = { grant_type = \"account_credentials\", secret = \"{client_secret}\" }"));
    for (more, field, words) in [
        ("rename = { client = \"client_key\" }", "auth.rename.client", "no parameter of the protocol"),
        ("rename = { clientid = \"client_key\" }", "auth.rename.clientid", "did you mean `client_id`?"),
        ("rename = { client_id = \"key\", state = \"key\" }", "auth.rename.state", "taken"),
        ("rename = { client_id = \"code\" }", "auth.rename.client_id", "taken"),
        ("authorize_params = { state = \"x\" }", "auth.authorize_params.state", "may not replace"),
        ("token_params = { scope = \"x\" }", "auth.token_params.scope", "write `scopes`"),
        ("refresh_params = { refresh_token = \"x\" }", "auth.refresh_params.refresh_token", "may not replace"),
        (
            "rename = { client_id = \"key\" }\ntoken_params = { key = \"x\" }",
            "auth.token_params.key",
            "may not replace",
        ),
        ("authorize_params = { secret = \"{client_secret}\" }", "auth.authorize_params.secret", "not declared"),
        ("token_headers = { Host = \"x\" }", "auth.token_headers.Host", "HTTP sets"),
        ("token_headers = { \"a b\" = \"x\" }", "auth.token_headers.a b", "no header"),
    ] {
        refuses(&oauth(more), field, words);
    }
    let secret = before(GOOD, "[auth]", "[variables.pin]\ntype = \"secret\"\nlabel = \"PIN\"\n");
    let secret = secret.replace(OAUTH, &format!("{OAUTH}\nauthorize_params = {{ pin = \"{{pin}}\" }}"));
    refuses(&secret, "auth.authorize_params.pin", "a secret and would be seen");
}

#[test]
fn answers_are_not_used_before_they_come() {
    let answer = |from: &str, optional: bool| {
        format!(
            "[variables.site]\ntype = \"text\"\nat = \"answer\"\nfrom = \"{from}\"\nlabel = \"Site\"\noptional = {optional}\n"
        )
    };
    let with = |from: &str, optional: bool, old: &str, new: &str| {
        let identity = "\n[identity]\nurl = \"/me\"\naccount = \"id\"\n";
        before(&format!("{GOOD}{identity}"), "[auth]", &answer(from, optional)).replace(old, new)
    };
    let token = ("{region}/token\"", "{region}/{site}/token\"");
    let base = ("{region}/api\"", "{region}/api/{site}\"");
    let page = ("/authorize\"", "/authorize/{site}\"");
    accepts(&with("callback.site", false, token.0, token.1));
    accepts(&with("token.site", false, base.0, base.1));
    refuses(&with("callback.site", false, page.0, page.1), "auth.authorization_url", "comes later");
    refuses(&with("token.site", false, token.0, token.1), "auth.token_url", "comes later");
    refuses(&with("identity.site", false, base.0, base.1), "identity.url", "comes later");
    refuses(&with("token.site", true, base.0, base.1), "api.base_url", "give it a default");
    let header = ("{region}/api\"", "{region}/api\"\nheaders = { X-Site = \"{site}\" }");
    refuses(&with("identity.site", false, header.0, header.1), "api.headers.X-Site", "optional = true");
    accepts(&with("identity.site", true, header.0, header.1));
}

const SESSION: &str = r#"mode = "session"
access_token = "{token}"

[[auth.steps]]
call = { method = "POST", url = "/one", body = "json", fields = { key = "{api_key}" } }
take = { first = "header.x-first", cookie = "cookie.sid" }

[[auth.steps]]
call = { method = "POST", url = "/two", headers = { X-First = "{first}" }, body = "xml", content = "<k>{api_key}</k>" }
take = { token = "body.session.id", ends = "text" }
"#;

#[test]
fn steps_use_what_earlier_ones_took() {
    accepts(&mode(SESSION));
    for (old, new, field, words) in [
        ("key = \"{api_key}\"", "key = \"{first}\"", "auth.steps[0]", "cyclic"),
        ("key = \"{api_key}\"", "key = \"{token}\"", "auth.steps[0]", "cyclic"),
        ("X-First = \"{first}\"", "X-First = \"{token}\"", "auth.steps[1]", "cyclic"),
        ("\"/two\"", "\"/two/{first}\"", "auth.steps[1].call.url", "not declared"),
        ("access_token = \"{token}\"", "access_token = \"token\"", "auth.access_token", "name what"),
        ("access_token = \"{token}\"", "access_token = \"{tokn}\"", "auth.access_token", "did you mean `token`?"),
        ("token = \"body.session.id\"", "first = \"body.session.id\"", "auth.steps[1].take.first", "already"),
        ("token = \"body.session.id\"", "api_key = \"body.session.id\"", "auth.steps[1].take.api_key", "already"),
        ("\"body.session.id\"", "\"session.id\"", "auth.steps[1].take.token", "no place"),
        ("\"cookie.sid\"", "\"cookie.\"", "auth.steps[0].take.cookie", "no place"),
        ("access_token = \"{token}\"", "access_token = \"{token}\"\nlifetime = 0", "auth.lifetime", "seconds"),
    ] {
        assert!(SESSION.contains(old), "{old}");
        refuses(&mode(&SESSION.replace(old, new)), field, words);
    }
    refuses(&mode("mode = \"session\"\naccess_token = \"{api_key}\"\nsteps = []\n"), "auth.steps", "one to 8");
}

#[test]
fn jwts_are_made_of_variables() {
    let jwt = "mode = \"jwt\"\nalgorithm = \"RS256\"\nkey = \"{api_key}\"\nclaims = { iss = \"me\" }\n";
    accepts(&mode(jwt));
    let exchanged = format!(
        "{jwt}[auth.exchange]\nmethod = \"POST\"\nurl = \"https://shop.example/token\"\nbody = \"form\"\nfields = {{ assertion = \"{{jwt}}\" }}\n"
    );
    accepts(&mode(&exchanged));
    refuses(&mode(&jwt.replace("{api_key}", "abc")), "auth.key", "secret variable");
    refuses(&mode(&jwt.replace("iss = ", "exp = ")), "auth.claims.exp", "added when");
    refuses(&mode(&jwt.replace("\"me\"", "\"{jwt}\"")), "auth.claims.iss", "not declared");
    refuses(&mode(&jwt.replace("RS256", "none")), "auth.algorithm", "not one of");
    refuses(&mode(&format!("{jwt}lifetime = 0\n")), "auth.lifetime", "seconds");
}

#[test]
fn an_app_knows_its_installation() {
    let app = r#"mode = "app_installation"
install_url = "https://shop.example/install"
jwt = { algorithm = "RS256", key = "{api_key}", claims = { iss = "7" } }
[auth.token]
method = "POST"
url = "/app/{installation_id}/token"
headers = { Authorization = "Bearer {jwt}" }
"#;
    accepts(&mode(app));
    refuses(&mode(&app.replace("/app/{installation_id}", "/app/{jwt}")), "auth.token.url", "not declared");
    refuses(&mode(&app.replace("https://shop.example/install", "/install")), "auth.install_url", "whole URL");
    refuses(&mode(&app.replace("example/install", "example/{installation_id}")), "auth.install_url", "not declared");
    let user = "[auth.user]\ntoken_url = \"https://shop.example/token\"\n";
    accepts(&mode(&format!("{app}{user}")));
}

#[test]
fn an_older_oauth_signs_by_itself() {
    let oauth1 = "mode = \"oauth1\"\nrequest_token_url = \"https://shop.example/r\"\nauthorization_url = \"https://shop.example/a\"\ntoken_url = \"https://shop.example/t\"\n";
    accepts(&mode(oauth1));
    refuses(&mode(&format!("{oauth1}signature = \"rsa-sha1\"\n")), "auth.signature", "[variables.client_key]");
    refuses(
        &mode(&format!("{oauth1}authorize_params = {{ oauth_token = \"x\" }}\n")),
        "auth.authorize_params.oauth_token",
        "may not",
    );
    let placed = format!("{}credential = {{ headers = {{ A = \"{{access_token}}\" }} }}\n", mode(oauth1));
    refuses(&placed, "api.credential", "by itself");
}

#[test]
fn an_install_fills_what_is_no_secret() {
    let install = |fill: &str| {
        oauth(&format!("install = {{ begins = \"authorize\", hmac_param = \"hmac\", fill = {{ {fill} }} }}"))
    };
    accepts(&install("shop = \"shop\""));
    refuses(&install("shoop = \"shop\""), "auth.install.fill.shoop", "did you mean `shop`?");
    refuses(&install("shop = \"\""), "auth.install.fill.shop", "name of a parameter");
    let secret = before(&install("pin = \"pin\""), "[auth]", "[variables.pin]\ntype = \"secret\"\nlabel = \"PIN\"\n");
    refuses(&secret, "auth.install.fill.pin", "no secret");
}
