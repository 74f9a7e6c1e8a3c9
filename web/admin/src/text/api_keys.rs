//! API keys.

words! {
    API_KEYS_DETAIL = "What your backend authenticates with in this environment.";
    CREATE_KEY = "Create key";
    NO_KEYS = "No API key yet";
    NO_KEYS_DETAIL = "Create one for your backend. It is shown once.";
    KEY_NAME = "Name";
    KEY_NAME_HELP = "So that you know later what uses it.";
    KEY_EVERYTHING = "Everything";
    KEY_MOST = "Everything but reading credentials";
    KEY_MOST_HELP = "A key that hands out your users' access tokens is made by the operator of this server, not here.";
    KEY_SOME = "Only some things";
    KEY_SCOPES = "What it may do";
    KEY_SCOPES_MISSING = "Choose at least one scope.";
    KEY_SECRET = "API key";
    KEY_SECRET_DETAIL = "Shown this once. Keep it in your backend's secret store, never in a page or an app.";
    KEY_ENDS = "Ends";
    KEY_NEVER = "Never";
    KEY_REVOKED = "Revoked";
    KEY_EXPIRED = "Expired";
    KEY_ACTIVE = "Active";
    REVOKE = "Revoke";
    REVOKE_KEY = "Revoke key";
    KEY_REACH = "What it reaches";
    KEY_REACH_ALL = "All of the environment";
    KEY_REACH_SOME = "Only some integrations or connections";
    KEY_REACH_HELP = "What lies outside is to the key as if it were not there. It can't see endpoints or keys, which concern the whole environment.";
    KEY_INTEGRATIONS = "Integrations";
    KEY_CONNECTIONS = "Connections";
    KEY_FIND_CONNECTIONS = "Find by the end user's id";
    KEY_NO_CONNECTION = "No connection found.";
    KEY_MORE_CONNECTIONS = "There are more: find them by the end user's id.";
    KEY_TAGS = "Tags of connections";
    KEY_TAGS_HELP = "Each written name=value, between commas. It reaches connections that bear one of them. Leave it empty for all.";
    KEY_REACH_MISSING = "Choose an integration or a connection, or write a tag.";
    KEY_REACHES = "Reaches";
    KEY_USED = "Last used";
    KEY_UNUSED = "Not used yet";
    KEY_LIFETIME = "Ends";
    KEY_IN_30_DAYS = "In 30 days";
    KEY_IN_90_DAYS = "In 90 days";
    KEY_IN_A_YEAR = "In a year";
    KEY_FORM_HELP = "Secret scanners find leaked keys by their form: pbk_ and 46 letters and digits, the last six a checksum. The README tells the expression.";
    ROTATE = "Rotate";
    ROTATE_KEY = "Rotate key";
    ROTATE_KEY_DETAIL = "The key gets a new secret and keeps its name, scopes and end. Bring the new secret to your backends while the old one still works.";
    ROTATE_OVERLAP = "The old secret works";
    ROTATE_AT_ONCE = "No longer, from now on";
    ROTATE_HOUR = "For another hour";
    ROTATE_DAY = "For another day";
    ROTATE_WEEK = "For another week";
    OLD_SECRET = "Old secret";
    OLD_SECRET_ENDS = "ends";
    OLD_SECRET_USED = "last used";
    REVOKE_KEY_DETAIL = "Whatever still uses it is refused at once. This cannot be undone.";
}

/// How far a key reaches.
#[must_use]
pub fn reach(integrations: usize, connections: usize, tags: &[String]) -> String {
    let counted = |count: usize, one: &str, many: &str| {
        (count > 0).then(|| web_components::say::counted(count.try_into().unwrap_or(u64::MAX), one, many))
    };
    let parts = [
        counted(integrations, "integration", "integrations"),
        counted(connections, "connection", "connections"),
        (!tags.is_empty()).then(|| tags.join(" or ")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A dialog's question.
#[must_use]
pub fn revoke_question(what: &str) -> String {
    format!("Revoke {what}?")
}
