//! Every word of the portal, English. Other languages become other files with the same names.

use crate::route::Route;

macro_rules! words {
    ($($name:ident = $text:literal;)*) => {$(
        #[doc = concat!("“", $text, "”")]
        pub const $name: &str = $text;
    )*};
}

/// What a place is called.
#[must_use]
pub const fn place(route: &Route) -> &'static str {
    match route {
        Route::Overview => "Overview",
        Route::Integrations => "Integrations",
        Route::Providers => "Providers",
        Route::Provider(_) => "Provider",
        Route::Manifest(_) => "Manifest",
        Route::Connections => "Connections",
        Route::Connection(_) => "Connection",
        Route::Records { .. } => "Records",
        Route::Deliveries => "Deliveries",
        Route::Endpoints => "Endpoints",
        Route::ApiKeys => "API keys",
        Route::Unknown => "Not found",
    }
}

words! {
    PRODUCT = "Patchbay";
    NAVIGATION = "Portal";
    MENU = "Menu";
    ENVIRONMENT = "Environment";
    SIGN_OUT = "Sign out";
    REFRESH = "Refresh";
    EDIT = "Edit";
    DELETE = "Delete";
    SAVE = "Save";
    CANCEL = "Cancel";
    ADD = "Add";
    DONE = "Done";
    NONE = "–";
    ALL = "All";
    NO_ENVIRONMENT = "There is no environment";
    NO_ENVIRONMENT_DETAIL = "Your company has no environment yet. Ask the operator of this server to create one.";
    UNKNOWN_DETAIL = "There is no such page. Choose one from the navigation.";
    UPDATED = "Updated";
    CREATED = "Created";
    COPIED_ID = "Id";

    SIGN_IN = "Sign in";
    SIGN_IN_DETAIL = "To see your integrations, connections and deliveries.";
    EMAIL = "Email";
    PASSWORD = "Password";
    SIGN_IN_WRONG = "Address and password do not go together";
    SIGN_IN_WRONG_DETAIL = "Check both and try again. If you have lost your password, an owner of your company can set a new one.";

    BY_HEALTH = "Connections by health";
    LATEST_RUNS = "Latest runs";
    OPEN_DELIVERIES = "Deliveries that need a look";
    NO_OPEN_DELIVERIES = "Every event was delivered.";
    NO_RUNS = "No run yet";
    NO_RUNS_DETAIL = "The first sync of a connection runs as soon as it is made.";
    START_TITLE = "Connect your first account";
    START_DETAIL = "Four steps, in this order.";

    INTEGRATIONS_DETAIL = "Providers as they are configured in this environment.";
    ADD_INTEGRATION = "Add integration";
    EDIT_INTEGRATION = "Edit integration";
    NO_INTEGRATIONS = "No integration yet";
    NO_INTEGRATIONS_DETAIL = "Choose a provider and fill in the client that you have registered there. Then your users can connect their accounts.";
    NO_PROVIDERS = "This server knows no provider";
    NO_PROVIDERS_DETAIL = "The operator has to install a provider's folder first.";
    PROVIDER = "Provider";
    DOCS = "Provider's documentation";
    DISPLAY_NAME = "Name that end users read";
    SLUG = "Slug";
    SLUG_HELP = "What your code calls it. Lower-case letters, digits and dashes.";
    CLIENT_ID = "Client id";
    CLIENT_ID_HELP = "From the OAuth client that you have registered with the provider.";
    CLIENT_SECRET = "Client secret";
    CLIENT_SECRET_HELP = "Stored encrypted, never shown again.";
    CLIENT_OPTIONAL = "Only if you have registered a client with the provider.";
    CHOOSE_PROVIDER = "Which provider?";
    CHANGE_PROVIDER = "Choose another provider";
    SECRETS = "Secrets";
    APP_URL = "App URL for the provider's marketplace";
    INSTALL_URL = "Your page for installs";
    INSTALL_URL_MISSING = "None: your backend hears of installs by event alone";
    INSTALL_URL_HELP = "Who installs at the provider's marketplace is sent there. Empty if your backend hears of it by event alone.";
    CLIENT_SECRET_KEEP = "Leave it empty to keep the stored one.";
    SCOPES = "Scopes";
    SCOPES_HELP = "Separated by blanks. The provider's defaults if left empty.";
    REDIRECT_URI = "Redirect URI";
    REDIRECT_URI_HELP = "Register exactly this with the provider.";
    SECRET_STORED = "Secret stored";
    SECRET_MISSING = "No secret";
    INTEGRATION_ADDED = "One step is left: register this redirect URI with the provider, exactly as it is here.";
    DELETE_INTEGRATION_DETAIL = "End users can no longer connect through it, and its client secret is destroyed. Connections that use it must be deleted first.";

    INTEGRATION_READY = "Your users can connect their accounts now.";

    PROVIDERS_DETAIL = "Every API that can be connected in this environment.";
    DESCRIBE_PROVIDER = "Describe a provider";
    OURS = "Yours";
    ORIGIN = "Origin";
    ORIGIN_INSTALLED = "Installed on this server";
    ORIGIN_ENVIRONMENT = "Described for this environment";
    AUTH_MODE = "How accounts are connected";
    CATEGORY = "Category";
    CLIENT = "OAuth client";
    CLIENT_WITH_SECRET = "Client id and secret";
    CLIENT_ID_ALONE = "Client id";
    CLIENT_MAY = "Client id and secret, if you have them";
    CLIENT_NONE = "Not needed";
    DEFAULT_SCOPES = "Scopes asked for";
    STREAMS = "What can be synced";
    YOU_FILL_IN = "You fill in once";
    USERS_FILL_IN = "Your users fill in";
    REDIRECT_URI_LATER = "Each integration has its own. It is shown as soon as you have added one; register it with the provider exactly so.";
    MANIFEST = "Manifest";
    VERSIONS = "Versions";
    VERSION_IN_FORCE = "in force";
    SHOW_VERSION = "Show";
    RESTORE = "Restore this version";
    RESTORED = "The version is in force again.";
    NOT_ACCEPTED = "This server no longer accepts this manifest";
    NOT_ACCEPTED_DETAIL = "Edit it: saving says what has to change.";
    EDIT_MANIFEST = "Edit manifest";
    NEW_MANIFEST = "Describe a provider";
    NEW_MANIFEST_DETAIL = "One TOML file says where the API is and how accounts are connected. It counts for this environment, at once, without a restart.";
    EDIT_MANIFEST_DETAIL = "Saving makes a new version, in force at once. Earlier versions stay and can be restored.";
    SCHEMA = "Schema";
    MANIFEST_REFUSED = "Not saved: the manifest has to be mended";
    MANIFEST_NO_SLUG = "Begin with a line such as slug = \"my-provider\": lower-case letters, digits and dashes.";
    SHOW_LINE = "Go to line";
    MANIFEST_SAVED = "Saved. It is in force now.";
    DELETE_PROVIDER = "Delete provider";
    DELETE_PROVIDER_DETAIL = "All its versions go. If a provider of the same name is installed on this server, that one counts again; otherwise it must not be in use.";

    CONNECTIONS_DETAIL = "Your users' accounts at the providers.";
    NO_CONNECTIONS = "No connection yet";
    NO_CONNECTIONS_DETAIL = "Make a connect link for one of your users and open it, or let your backend open a connect session.";
    NO_MATCH = "Nothing matches";
    NO_MATCH_DETAIL = "Choose other filters to see more.";
    ACCOUNT = "Account";
    END_USER = "End user";
    INTEGRATION = "Integration";
    HEALTH = "Health";
    LAST_RUN = "Last run";
    NEVER_RAN = "None yet";
    END_USER_ID = "End user's id";
    END_USER_ID_HELP = "Your own id of the user whose account is connected.";
    END_USER_NAME = "Their name";
    END_USER_NAME_HELP = "Only shown, may be left empty.";
    NEW_LINK = "New connect link";
    CONNECT_LINK = "Connect link";
    MAKE_LINK = "Make the link";
    LINK_DETAIL = "The link works for 30 minutes. Whoever has it can connect an account for this user, so send it to nobody else.";
    RECONNECT_DETAIL = "Whoever opens this link within 30 minutes repairs this connection, with the same account. Records and syncs stay as they are.";
    OPEN_LINK = "Open";
    UNNAMED = "Unnamed account";

    SINCE = "since";
    CAUSE = "Cause";
    PROVIDER_ACCOUNT = "Id at the provider";
    CONNECTED_AT = "Connected";
    REVOCATION = "Access at the provider";
    ASKED_AGAIN = "asked again";
    BULK = "Many at once, from the command line";
    BULK_IMPORT = "Bring connections along from a CSV or JSON Lines file. Each row is tried at the provider; the same file makes nothing twice and goes on where it broke off.";
    BULK_IMPORT_COMMAND = "patchbay connections import FILE --tenant … --environment … --integration …";
    BULK_EXPORT = "Take connections away with their credentials, encrypted to an age key of your own. The API does the same: POST /v1/exports.";
    BULK_EXPORT_COMMAND = "patchbay connections export --tenant … --environment … --recipient age1… --output FILE";
    BULK_REVOKE = "Stop connections at once and have their providers revoke access. --dry-run counts first.";
    BULK_REVOKE_COMMAND = "patchbay revoke --tenant … --provider … --since … --dry-run";
    TAGS = "Tags";
    SYNCS = "Syncs";
    NO_SYNCS = "No sync";
    NO_SYNCS_DETAIL = "This provider has no streams to pull.";
    STREAM = "Stream";
    MODE = "Mode";
    EVERY = "Every";
    NEXT_RUN = "Next run";
    PAUSED = "Paused";
    PAUSE = "Pause";
    RESUME = "Resume";
    RUN_NOW = "Run now";
    RUN_REQUESTED = "The run was requested and starts in a moment.";
    BROWSE_RECORDS = "Records";
    RUNS = "Runs";
    DELETE_CONNECTION = "Delete connection";
    DELETE_CONNECTION_DETAIL = "Access is given back to the provider, the credential is destroyed, and its syncs and records are deleted. This cannot be undone.";

    SHOW_LOGS = "Logs";
    HIDE_LOGS = "Hide logs";
    NO_LOGS = "This run has written nothing.";
    STATE = "State";
    STARTED = "Started";
    TOOK = "Took";
    TRIGGER = "Why";
    ADDED = "added";
    CHANGED = "updated";
    GONE = "deleted";
    UNCHANGED = "unchanged";
    BLAME = "Who has to act";

    RECORDS_DETAIL = "What the syncs have brought, in the order of the latest change.";
    CONNECTION = "Connection";
    CHOOSE_CONNECTION = "Choose a connection";
    CHOOSE_STREAM = "Choose a stream";
    RECORDS_CHOOSE = "Choose a connection and a stream";
    RECORDS_CHOOSE_DETAIL = "Then its records are listed here, as your backend reads them.";
    NO_RECORDS = "No records";
    NO_RECORDS_DETAIL = "The stream has brought nothing yet. Look at the connection's runs to see whether it ran.";
    NEXT_PAGE = "Next page";
    FIRST_PAGE = "First page";
    END_OF_FEED = "This is the end of the feed. The cursor stays valid: ask again with it for what changes from now on.";
    CURSOR = "Cursor";
    DELETED_AT = "Deleted at the provider";

    DELIVERIES_DETAIL = "Each event, as it was told to each endpoint.";
    NO_DELIVERIES = "No delivery yet";
    NO_DELIVERIES_DETAIL = "Add an endpoint, then send it a test event.";
    EVENT = "Event";
    ENDPOINT = "Endpoint";
    ATTEMPTS = "Attempts";
    ANSWER = "Last answer";
    NEXT_ATTEMPT = "next try";
    HAPPENED = "Happened";
    REPLAY = "Send again";
    REPLAYED = "The event is being sent again.";
    SHOW_ATTEMPTS = "Attempts";
    HIDE_ATTEMPTS = "Hide attempts";
    NO_ATTEMPTS = "Nothing was tried yet.";
    NO_ANSWER = "No answer";

    ENDPOINTS_DETAIL = "URLs of yours that are told what happens, signed by the Standard Webhooks specification.";
    ADD_ENDPOINT = "Add endpoint";
    NO_ENDPOINTS = "No endpoint yet";
    NO_ENDPOINTS_DETAIL = "Add the URL of your backend that is to hear of events.";
    URL = "URL";
    URL_HELP = "Where events are posted. Needs https.";
    DESCRIPTION = "Note";
    ALL_EVENTS = "All events";
    WHICH_EVENTS = "Events";
    TEST = "Send test event";
    TESTED = "A test event is on its way. See Deliveries.";
    DISABLED = "Switched off";
    ENABLED = "On";
    SIGNING_SECRET = "Signing secret";
    SIGNING_SECRET_DETAIL = "Shown this once. Keep it where your backend verifies signatures.";
    DELETE_ENDPOINT = "Delete endpoint";
    DELETE_ENDPOINT_DETAIL = "It is told nothing more, and what was not delivered yet is dropped.";

    TAG = "Tag";
    TAG_EXAMPLE = "team=south";
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
    KEY_TAGS = "Tags of connections";
    KEY_TAGS_HELP = "Each written name=value, between commas. It reaches connections that bear one of them. Leave it empty for all.";
    KEY_REACH_MISSING = "Choose an integration or write a tag.";
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

/// What there is to do before the first account is connected: words and the place where it is done.
#[must_use]
pub fn first_steps() -> [(&'static str, Option<Route>); 4] {
    [
        ("Add an integration: a provider with your client id and secret.", Some(Route::Integrations)),
        ("Create an API key for your backend.", Some(Route::ApiKeys)),
        ("Add an endpoint to hear of events.", Some(Route::Endpoints)),
        ("Make a connect link and open it.", Some(Route::Connections)),
    ]
}

/// Which tenant, under the product's name.
#[must_use]
pub fn signed_in_as(name: &str, role: &str) -> String {
    format!("{name}, {role}")
}

/// Over a list that was not read to its end.
#[must_use]
pub fn first_of(n: u64) -> String {
    format!("Counted over the first {} connections.", web_components::say::count(n))
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
pub fn delete_question(what: &str) -> String {
    format!("Delete {what}?")
}

/// A dialog's question.
#[must_use]
pub fn revoke_question(what: &str) -> String {
    format!("Revoke {what}?")
}

/// What a run did, in short.
#[must_use]
pub fn pages(n: u32) -> String {
    web_components::say::counted(u64::from(n), "page", "pages")
}

/// Number of a page of the feed.
#[must_use]
pub fn page_number(n: usize) -> String {
    format!("Page {n}")
}

/// Why a run runs.
#[must_use]
pub fn trigger(key: &str) -> &str {
    match key {
        "connect" => "First sync",
        "schedule" => "Schedule",
        "api" => "Requested",
        other => other,
    }
}

/// Who has to do something about a failed run.
#[must_use]
pub fn blame(key: &str) -> &str {
    match key {
        "end_user" => "the end user",
        "tenant" => "you",
        "provider" => "the provider",
        "plugin" => "the plugin's author",
        "platform" => "the operator of this server",
        other => other,
    }
}

/// How accounts are connected.
#[must_use]
pub fn auth_mode(key: &str) -> &str {
    match key {
        "oauth2_code" => "Sign-in at the provider (OAuth 2)",
        "oauth2_client_credentials" => "Client credentials (OAuth 2)",
        "oauth2_device" => "Code entered at the provider (OAuth 2)",
        "oauth1" => "Sign-in at the provider (OAuth 1)",
        "key" => "Keys or passwords",
        "session" => "Sign-in on the user's behalf",
        "jwt" => "Signed tokens (JWT)",
        "app_installation" => "App installation",
        "mcp" => "MCP server",
        "none" => "Nothing to connect",
        other => other,
    }
}

/// What OAuth client an integration needs.
#[must_use]
pub fn client(need: Option<&str>) -> &'static str {
    match need {
        Some("with_secret") => CLIENT_WITH_SECRET,
        Some("id_alone") => CLIENT_ID_ALONE,
        Some(_) => CLIENT_MAY,
        None => CLIENT_NONE,
    }
}

/// A version by its number.
#[must_use]
pub fn version(n: i32) -> String {
    format!("Version {n}")
}

/// Where a manifest is wrong.
#[must_use]
pub fn line(n: usize) -> String {
    format!("Line {n}")
}

/// How a stream is pulled.
#[must_use]
pub fn mode(key: &str) -> &str {
    match key {
        "incremental" => "Incremental",
        "full" => "Full",
        other => other,
    }
}
