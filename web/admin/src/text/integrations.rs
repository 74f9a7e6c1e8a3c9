//! Integrations.

words! {
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
}
