//! Every word of the portal, English, screen by screen. Other languages become other files with the same names.

use crate::route::Route;

macro_rules! words {
    ($($name:ident = $text:literal;)*) => {$(
        #[doc = concat!("“", $text, "”")]
        pub const $name: &str = $text;
    )*};
}

mod api_keys;
mod connections;
mod deliveries;
mod integrations;
mod providers;

pub use api_keys::*;
pub use connections::*;
pub use deliveries::*;
pub use integrations::*;
pub use providers::*;

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

/// A dialog's question.
#[must_use]
pub fn delete_question(what: &str) -> String {
    format!("Delete {what}?")
}
