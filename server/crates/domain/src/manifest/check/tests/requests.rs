//! Where the credential goes, calls, limits, pages and webhooks.

use super::*;

fn placed(credential: &str) -> String {
    KEY.replace("headers = { X-Api-Key = \"{api_key}\" }", credential)
}

#[test]
fn a_credential_must_be_carried() {
    for good in [
        "query = { key = \"{api_key}\" }",
        "body = { key = \"{api_key}\" }",
        "path = \"/bot{api_key}\"",
        "basic = { username = \"{api_key}\" }",
        "sign = { scheme = \"wsse\", username = \"me\", password = \"{api_key}\" }",
    ] {
        accepts(&placed(good));
    }
    for (credential, field, words) in [
        ("", "api.credential", "mode key needs it"),
        ("headers = { X-Api-Key = \"key\" }", "api.credential", "no secret is carried"),
        ("headers = { X-Api-Key = \"{key}\" }", "api.credential.headers.X-Api-Key", "not declared"),
        ("headers = { X-Api-Key = \"{access_token}\" }", "api.credential.headers.X-Api-Key", "not declared"),
        ("headers = { \"X Api\" = \"{api_key}\" }", "api.credential.headers.X Api", "no header"),
        ("headers = { X = \"ä{api_key}\" }", "api.credential.headers.X", "ASCII"),
        ("headers = { X = \"a\\n{api_key}\" }", "api.credential.headers.X", "ASCII"),
        (
            "headers = { authorization = \"{api_key}\" }\nbasic = { username = \"{api_key}\" }",
            "api.credential",
            "one Authorization",
        ),
        ("path = \"bot{api_key}\"", "api.credential.path", "slash in front"),
        ("path = \"/../{api_key}\"", "api.credential.path", "slash in front"),
        ("basic = { username = \"a:b\", password = \"{api_key}\" }", "api.credential.basic.username", "no colon"),
    ] {
        refuses(&placed(credential), field, words);
    }
    let bearer = format!("{GOOD}credential = {{ headers = {{ Authorization = \"Bearer\" }} }}\n");
    refuses(&bearer, "api.credential", "{access_token}");
    accepts(&bearer.replace("Bearer", "Token {access_token}"));
    let none = KEY.replace("mode = \"key\"", "mode = \"none\"");
    refuses(&none, "api.credential", "no credential");
    refuses(&before(KEY, "[api.credential]", "headers = { X = \"{api_key}\" }\n"), "api.headers.X", "secret");
}

#[test]
fn a_signature_is_sent_and_knows_the_request() {
    let sign = |hmac: &str| placed(&format!("[api.credential.sign]\nscheme = \"hmac\"\nhash = \"sha256\"\n{hmac}"));
    let good =
        "key = \"{api_key}\"\nmessage = \"{method}{path}{timestamp}{body}\"\nheaders = { X-Sign = \"{signature}\" }\n";
    accepts(&sign(good));
    for (old, new, field, words) in [
        ("{signature}", "{nonce}", "api.credential.sign", "not sent"),
        ("{body}", "{bodi}", "api.credential.sign.message", "did you mean `body`?"),
        ("{body}", "{signature}", "api.credential.sign.message", "not declared"),
        ("key = \"{api_key}\"", "key = \"abc\"", "api.credential.sign.key", "secret variable"),
    ] {
        refuses(&sign(&good.replace(old, new)), field, words);
    }
    let aws = "sign = { scheme = \"aws_sigv4\", access_key = \"me\", secret_key = \"{api_key}\", region = \"eu\", service = \"s3\"";
    accepts(&placed(&format!("{aws} }}")));
    refuses(&placed(&format!("{aws}, external_id = \"x\" }}")), "api.credential.sign.external_id", "role_arn");
}

#[test]
fn calls_say_how_their_body_is_written() {
    let call = |call: &str| format!("{KEY}\n[revocation]\ncall = {{ {call} }}\n");
    accepts(&call("method = \"POST\", url = \"/off\", body = \"form\", fields = { key = \"{api_key}\" }"));
    for (text, field, words) in [
        ("method = \"POST\", url = \"/off\", fields = { a = \"b\" }", "revocation.call", "say how"),
        ("url = \"/off\", body = \"json\", fields = { a = \"b\" }", "revocation.call", "GET has no body"),
        ("method = \"POST\", url = \"/off\", body = \"xml\"", "revocation.call", "needs `content`"),
        (
            "method = \"POST\", url = \"/off\", body = \"json\", fields = { a = \"b\" }, content = \"{{}}\"",
            "revocation.call.content",
            "not both",
        ),
        (
            "url = \"/off\", headers = { Authorization = \"x\" }, basic = { username = \"x\" }",
            "revocation.call.basic",
            "already",
        ),
        ("url = \"//evil.example\"", "revocation.call.url", "no valid URL"),
        ("url = \"/off/{api_key}\"", "revocation.call.url", "a secret never"),
        ("url = \"/off\", query = { t = \"{access_token}\" }", "revocation.call.query.t", "not declared"),
    ] {
        refuses(&call(text), field, words);
    }
    accepts(&format!("{KEY}\n[verification]\nmethod = \"POST\"\nurl = \"/graphql\"\njson = '{{\"query\": \"x\"}}'\n"));
    for (more, field, words) in [
        ("[verification]\nurl = \"/me\"\njson = \"{}\"", "verification.json", "GET has no body"),
        ("[verification]\nmethod = \"POST\"\nurl = \"/me\"\njson = \"{\"", "verification.json", "not JSON"),
        ("[verification]\nurl = \"/me\"\nstatuses = [200, 99]", "verification.statuses[1]", "100 to 599"),
        ("[verification]\nurl = \"/me\"\npresent = \"a..b\"", "verification.present", "no path"),
        ("[verification]\nurl = \"me\"", "verification.url", "no valid URL"),
        ("[identity]\nurl = \"/me\"\naccount = \"\"", "identity.account", "no path"),
        ("[identity]\nurl = \"/me\"", "identity.account", "missing"),
        ("[identity]\naccount = \"id\"", "identity.account", "belongs to a call"),
        ("[identity]\nname = \"name\"\naccount_variable = \"shop\"", "identity.name", "belongs to a call"),
        ("[identity]\naccount_variable = \"shops\"", "identity.account_variable", "not declared"),
        ("[identity]\naccount_variable = \"api_key\"", "identity.account_variable", "no secret"),
        (
            "[identity]\nurl = \"/me\"\naccount = \"id\"\naccount_variable = \"shop\"",
            "identity.account_variable",
            "leave one out",
        ),
    ] {
        refuses(&format!("{KEY}\n{SHOP}{more}\n"), field, words);
    }
    accepts(&format!("{KEY}\n{SHOP}[identity]\naccount_variable = \"shop\"\n"));
    accepts(&format!("{KEY}\n{SHOP}[identity]\nurl = \"/me\"\nname = \"name\"\naccount_variable = \"shop\"\n"));
}

/// A value of the connection that is no secret.
const SHOP: &str = "[variables.shop]\ntype = \"text\"\nlabel = \"Shop\"\n";

#[test]
fn limits_let_something_through() {
    for (more, field, words) in [
        ("requests = 0", "rate_limit.requests", "at least 1"),
        ("requests = 1\nper_seconds = 0", "rate_limit.per_seconds", "at least 1"),
        ("per_integration = 0", "rate_limit.per_integration", "at least 1"),
        ("per_seconds = 5", "rate_limit", "says nothing"),
        ("limit_header = \"x limit\"", "rate_limit.limit_header", "no header"),
        ("requests = 1\nthrottled_statuses = [700]", "rate_limit.throttled_statuses[0]", "100 to 599"),
    ] {
        refuses(&format!("{KEY}\n[rate_limit]\n{more}\n"), field, words);
    }
    accepts(&format!("{KEY}\n[rate_limit]\nremaining_header = \"x-left\"\n"));
}

#[test]
fn pages_have_parameters_and_paths() {
    for (more, field, words) in [
        ("style = \"page\"\nparam = \"\"", "pagination.param", "name of a parameter"),
        ("style = \"page\"\nparam = \"page\"\nsize_param = \"page\"", "pagination.size_param", "already"),
        ("style = \"cursor\"\nparam = \"after\"\nnext = \"a..b\"", "pagination.next", "no path"),
        ("style = \"link\"\nitems = \".\"", "pagination.items", "no path"),
    ] {
        refuses(&format!("{KEY}\n[pagination]\n{more}\n"), field, words);
    }
    accepts(&format!("{KEY}\n[pagination]\nstyle = \"cursor\"\nparam = \"page[after]\"\nnext = \"meta.next\"\n"));
}

#[test]
fn deliveries_are_signed_over_their_body() {
    let hook = "[webhook]\nscheme = \"hmac\"\nheader = \"x-sign\"\nhash = \"sha256\"\ntimestamp = \"t=\"\nmessage = \"{timestamp}.{body}\"\naccount = \"body.team\"\n";
    accepts(&format!("{KEY}\n{hook}"));
    for (old, new, field, words) in [
        ("hash = \"sha256\"\n", "", "webhook.hash", "needs it"),
        ("\"hmac\"", "\"token\"", "webhook.hash", "hmac only"),
        ("\"hmac\"", "\"token\"", "webhook.message", "nothing is signed"),
        (".{body}", "", "webhook.message", "name `{body}`"),
        ("{body}", "{boddy}", "webhook.message", "did you mean `body`?"),
        ("{body}", "{body}{api_key}", "webhook.message", "secret"),
        ("timestamp = \"t=\"\n", "", "webhook.timestamp", "is missing"),
        ("{timestamp}", "{id}", "webhook.id_header", "is missing"),
        ("\"body.team\"", "\"team\"", "webhook.account", "no place"),
        ("\"x-sign\"", "\"x sign\"", "webhook.header", "no header"),
        ("header = ", "tolerance = 0\nheader = ", "webhook.tolerance", "too old"),
    ] {
        refuses(&format!("{KEY}\n{}", hook.replace(old, new)), field, words);
    }
}

#[test]
fn f_3_a_handshake_says_where_its_answer_lies() {
    let hook = "[webhook]\nscheme = \"token\"\nheader = \"x-token\"\n\
        [webhook.handshake]\nwhen = \"body.type\"\nis = [\"verify\"]\nanswer = \"query.hub.challenge\"\nmember = \"hookResponse\"\nunsigned = true\n";
    accepts(&format!("{KEY}\n{hook}"));
    for (old, new, field, words) in [
        ("\"body.type\"", "\"type\"", "webhook.handshake.when", "no place"),
        ("when = \"body.type\"\n", "", "webhook.handshake.when", "is missing"),
        ("\"query.hub.challenge\"", "\"challenge\"", "webhook.handshake.answer", "no place"),
        ("\"hookResponse\"", "\"hook.response\"", "webhook.handshake.member", "name of a member"),
        ("\"hookResponse\"", "\"\"", "webhook.handshake.member", "name of a member"),
    ] {
        refuses(&format!("{KEY}\n{}", hook.replace(old, new)), field, words);
    }
}

#[test]
fn f_3_routes_lead_to_streams_that_are_there() {
    let hook = "[webhook]\nscheme = \"token\"\nheader = \"x-token\"\nevent = \"header.x-topic\"\n\
        [[webhook.routes]]\nevent = \"orders/*\"\nabsent = \"body.order\"\ndeleted = \"body.id\"\nstreams = [\"orders\"]\n\
        [plugin]\ncomponent = \"plugin.wasm\"\n\
        [[streams]]\nname = \"orders\"\nmode = \"incremental\"\nevery_minutes = 60\nrealtime = true\nbackfill_days = 90\n";
    accepts(&format!("{KEY}\n{hook}"));
    for (old, new, field, words) in [
        ("[\"orders\"]", "[\"order\"]", "webhook.routes[0].streams", "no stream `order`"),
        ("[\"orders\"]", "[]", "webhook.routes[0].streams", "names of streams"),
        ("realtime = true", "realtime = false", "webhook.routes[0].streams", "realtime = true"),
        ("event = \"header.x-topic\"\n", "", "webhook.event", "is missing"),
        ("\"body.id\"", "\"id\"", "webhook.routes[0].deleted", "no place"),
        ("\"body.order\"", "\"order\"", "webhook.routes[0].absent", "no place"),
        ("backfill_days = 90", "backfill_days = 0", "streams[0].backfill_days", "at least 1"),
    ] {
        refuses(&format!("{KEY}\n{}", hook.replace(old, new)), field, words);
    }
    let alone = "[plugin]\ncomponent = \"plugin.wasm\"\n\
        [[streams]]\nname = \"orders\"\nmode = \"full\"\nevery_minutes = 60\nrealtime = true\n";
    refuses(&format!("{KEY}\n{alone}"), "streams[0].realtime", "needs [webhook]");
}

#[test]
fn c_5_failures_must_tell_answers_apart() {
    let with = |rule: &str| format!("{GOOD}\n[[failures]]\n{rule}\n");
    for good in [
        "of = \"token\"\nstatus = [403]\nmeans = \"revoked\"",
        "of = \"token\"\nstatus = [200]\npath = \"error.code\"\nis = [\"190\"]\nmeans = \"throttled\"",
        "of = \"api\"\ncontains = \"revoked\"\nmeans = \"expired\"",
    ] {
        accepts(&with(good));
    }
    for (rule, field, words) in [
        ("of = \"api\"\nmeans = \"revoked\"", "failures[0].status", "every answer would fit"),
        ("of = \"api\"\nstatus = [200]\nmeans = \"revoked\"", "failures[0].status", "is none would fit"),
        ("of = \"api\"\nstatus = [403, 99]\nmeans = \"revoked\"", "failures[0].status", "200 to 599"),
        ("of = \"api\"\nstatus = [403]\npath = \"error\"\nmeans = \"revoked\"", "failures[0].path", "no use"),
        ("of = \"api\"\ncontains = \"\"\nmeans = \"revoked\"", "failures[0].contains", "nothing is in everything"),
        ("of = \"api\"\nis = [\"\"]\nmeans = \"revoked\"", "failures[0].is", "nothing is in everything"),
        ("of = \"api\"\nstatus = [403]\nmeans = \"down\"", "failures[0].means", "`revoked` or `expired`"),
        ("of = \"api\"\nstatus = [403]\nmeans = \"revokd\"", "failures[0].means", "revoked"),
        ("of = \"apy\"\nstatus = [403]\nmeans = \"revoked\"", "failures[0].of", "api"),
    ] {
        refuses(&with(rule), field, words);
    }
}
