//! Connections, their syncs and runs, and what these brought.

words! {
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
    TAG = "Tag";
    TAG_EXAMPLE = "team=south";

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
        "webhook" => "Webhook",
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

/// How a stream is pulled.
#[must_use]
pub fn mode(key: &str) -> &str {
    match key {
        "incremental" => "Incremental",
        "full" => "Full",
        other => other,
    }
}
