//! Events: deliveries and endpoints.

words! {
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
}
