// Written by `cargo dev schema` from the migrated database. Do not edit.

diesel::table! {
    /// What plugins and the host wrote about calls of actions.
    action_run_logs (action_run_id, line) {
        /// Of which call.
        action_run_id -> Uuid,
        /// Line number, from 1.
        line -> Integer,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// How grave.
        level -> Text,
        /// The line, secrets masked.
        message -> Text,
        /// When.
        at -> Timestamptz,
    }
}

diesel::table! {
    /// Calls of actions and what became of them.
    action_runs (action_run_id) {
        /// The call.
        action_run_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// Whose account it is performed on.
        connection_id -> Uuid,
        /// The action's name in the manifest.
        action -> Text,
        /// Whether the caller went away after it was accepted; then a worker performs it.
        is_async -> Bool,
        /// Accepted while nothing was sent, running from before the first request on, then one of three that are final.
        state -> Text,
        /// SHA-256 of the caller's Idempotency-Key; lets one call of a connection in.
        key_hash -> Nullable<Binary>,
        /// SHA-256 of that key, the action and the input in canonical form: whether a later call with the key is the same.
        input_digest -> Nullable<Binary>,
        /// What goes in, sealed; kept until the call is over.
        input -> Nullable<Binary>,
        /// What came out, sealed; kept for those who may ask for it later, and for a while.
        output -> Nullable<Binary>,
        /// How often it was begun.
        tries -> Integer,
        /// Fencing number, raised each time somebody takes it up; an end under an older one is refused.
        fence -> BigInt,
        /// Why it did not succeed, as a stable code.
        error_code -> Nullable<Text>,
        /// The same in words.
        error_message -> Nullable<Text>,
        /// Who has to do something about it.
        blame -> Nullable<Text>,
        /// Not before so many seconds after its end, if the provider said so.
        retry_after_seconds -> Nullable<Integer>,
        /// Who called it.
        actor -> Text,
        /// When it was taken.
        created_at -> Timestamptz,
        /// When the plugin was last called for it.
        started_at -> Nullable<Timestamptz>,
        /// When it was over.
        finished_at -> Nullable<Timestamptz>,
        /// Since when what came out is not kept any more.
        forgotten_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Keys with which tenants' backends call the API. Shown once, stored hashed.
    api_keys (api_key_id) {
        /// The key.
        api_key_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// The environment that it opens.
        environment_id -> Uuid,
        /// What the tenant calls it.
        name -> Text,
        /// Its first characters, to tell keys apart.
        hint -> Text,
        /// SHA-256 of the key. The key is random, so a fast hash suffices.
        secret_hash -> Binary,
        /// What it may do, such as connections:read.
        scopes -> Array<Text>,
        /// When it was made.
        created_at -> Timestamptz,
        /// From when on it is refused; null for never.
        expires_at -> Nullable<Timestamptz>,
        /// Since when it is refused.
        revoked_at -> Nullable<Timestamptz>,
        /// The integrations that it reaches; empty for all.
        integrations -> Array<Uuid>,
        /// The connections that it reaches; empty for all.
        connections -> Array<Uuid>,
        /// It reaches connections that bear one of these tags, written name=value; empty for all.
        tags -> Array<Text>,
        /// When its secret was last used, to about a minute.
        last_used_at -> Nullable<Timestamptz>,
        /// When its secret was last replaced.
        rotated_at -> Nullable<Timestamptz>,
        /// SHA-256 of the secret before that.
        previous_hash -> Nullable<Binary>,
        /// The first characters of the secret before that.
        previous_hint -> Nullable<Text>,
        /// From when on the secret before that is refused.
        previous_until -> Nullable<Timestamptz>,
        /// When the secret before that was last used, to about a minute.
        previous_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Who did what to which thing. Rows are only ever added.
    audit (audit_id) {
        /// The row; ids sort by time.
        audit_id -> Uuid,
        /// Whose history it belongs to.
        tenant_id -> Uuid,
        /// The environment, if it concerns one.
        environment_id -> Nullable<Uuid>,
        /// Who: an API key, a member, the end user of a connect session, the operator, or the system.
        actor -> Text,
        /// What was done, such as connection.created.
        action -> Text,
        /// The id of the thing.
        subject -> Text,
        /// What else is worth knowing; never a secret.
        detail -> Jsonb,
        /// When.
        at -> Timestamptz,
    }
}

diesel::table! {
    /// Tries at authorising within a connect session.
    connect_attempts (attempt_id) {
        /// The attempt.
        attempt_id -> Uuid,
        /// The session's tenant.
        tenant_id -> Uuid,
        /// The session's environment.
        environment_id -> Uuid,
        /// The session it belongs to.
        connect_session_id -> Uuid,
        /// What was picked.
        integration_id -> Uuid,
        /// Pending until the callback takes it, consumed while the code is exchanged, then connected or failed.
        state -> Text,
        /// Whether the provider's page was opened in a popup or in the same tab, or a code is typed in on another device.
        display -> Text,
        /// SHA-256 of the state parameter (RFC 6749 section 10.12).
        state_hash -> Binary,
        /// SHA-256 of the cookie that binds it to the browser that began it.
        browser_hash -> Binary,
        /// What the flow keeps until its end (PKCE verifier of RFC 7636, device code, secret fields), sealed; wiped at the end.
        kept -> Nullable<Binary>,
        /// What the end user filled in.
        variables -> Jsonb,
        /// Why it failed, as a stable code.
        failure_code -> Nullable<Text>,
        /// The same in words, never a secret.
        failure_detail -> Nullable<Text>,
        /// When it was begun.
        created_at -> Timestamptz,
        /// From when on the callback is refused.
        expires_at -> Timestamptz,
        /// When it ended.
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Short-lived grants to make or repair a connection.
    connect_sessions (connect_session_id) {
        /// The session.
        connect_session_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where the connection will be.
        environment_id -> Uuid,
        /// SHA-256 of the token that the connect page shows.
        token_hash -> Binary,
        /// The tenant's own id of the end user.
        end_user_id -> Text,
        /// What the tenant calls the end user.
        end_user_name -> Nullable<Text>,
        /// What may be picked; null for all of the environment.
        integrations -> Nullable<Array<Uuid>>,
        /// The connection to repair, if it is for that.
        reconnect_id -> Nullable<Uuid>,
        /// Pages that may embed the connect page and hear its result.
        allowed_origins -> Array<Text>,
        /// Where the same-tab flow ends.
        return_url -> Nullable<Text>,
        /// BCP 47 tag of the end user's language.
        language -> Nullable<Text>,
        /// Asked for instead of the integration's scopes; null for those.
        scopes -> Nullable<Array<Text>>,
        /// Put on the connection that is made.
        tags -> Jsonb,
        /// Open until a connection is made or it is revoked; expiry is by time.
        state -> Text,
        /// What came of it.
        connection_id -> Nullable<Uuid>,
        /// When it was opened.
        created_at -> Timestamptz,
        /// From when on it is refused.
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    /// By what the rows of imports are known again, so that no row makes two connections.
    connection_keys (integration_id, key) {
        /// Within which integration the key is unique.
        integration_id -> Uuid,
        /// The tenant's own id of the connection, or of the end user where it gave none, with a word for which.
        key -> Text,
        /// The connection's tenant.
        tenant_id -> Uuid,
        /// The connection's environment.
        environment_id -> Uuid,
        /// The connection that the row became.
        connection_id -> Uuid,
        /// The import that brought it; it may be gone by now.
        import_id -> Nullable<Uuid>,
        /// Its row there.
        row_number -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// The tags of connections, one by one, to find connections by. Written by triggers from connections.tags.
    connection_tags (connection_id, name) {
        /// Whose tag it is.
        connection_id -> Uuid,
        /// The tag's name.
        name -> Text,
        /// The tag's value.
        value -> Text,
        /// The connection's tenant.
        tenant_id -> Uuid,
        /// The connection's environment.
        environment_id -> Uuid,
    }
}

diesel::table! {
    /// End users' accounts at providers.
    connections (connection_id) {
        /// The connection.
        connection_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// Through what it was made.
        integration_id -> Uuid,
        /// The tenant's own id of the end user.
        end_user_id -> Text,
        /// What the tenant calls the end user.
        end_user_name -> Nullable<Text>,
        /// The provider's stable id of the account.
        account -> Nullable<Text>,
        /// What people call the account.
        account_name -> Nullable<Text>,
        /// State of the connection.
        health -> Text,
        /// Why the end user must connect again; set in that state alone.
        health_cause -> Nullable<Text>,
        /// The state in words for a person.
        health_reason -> Text,
        /// Since when.
        health_changed_at -> Timestamptz,
        /// Values of the manifest's connection-level variables.
        variables -> Jsonb,
        /// Configuration handed to the plugin.
        config -> Jsonb,
        /// The tenant's own notes.
        metadata -> Jsonb,
        /// The tenant's own labels, filterable.
        tags -> Jsonb,
        /// When it was made.
        created_at -> Timestamptz,
        /// When it was last changed.
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// The secret of each connection as it stands after its latest refresh.
    credentials (connection_id) {
        /// Whose secret it is.
        connection_id -> Uuid,
        /// The connection's tenant.
        tenant_id -> Uuid,
        /// The connection's environment.
        environment_id -> Uuid,
        /// Counts refreshes and reconnects; a refresh commits only over the generation that it read.
        generation -> BigInt,
        /// The token set: AES-256-GCM under a data key, bound to this row.
        sealed -> Binary,
        /// Whether a refresh token is in it.
        refreshable -> Bool,
        /// When the access token ends, if the provider said so.
        expires_at -> Nullable<Timestamptz>,
        /// What was granted, if the provider said so.
        scopes_granted -> Nullable<Array<Text>>,
        /// What was asked for when the account was connected; null where nothing is asked for.
        scopes_asked -> Nullable<Array<Text>>,
        /// Fencing number of the latest refresh lease or reconnect.
        fence -> BigInt,
        /// Fencing number of the lease or reconnect that brought what is stored.
        answered -> BigInt,
        /// idle; under_way: written before the provider is asked; in_doubt: it was asked, and nobody knows what it did.
        refresh_state -> Text,
        /// The node that refreshes, by the number whose advisory lock it holds.
        lease_holder -> Nullable<BigInt>,
        /// Until when it does, by the clock of this database.
        lease_until -> Nullable<Timestamptz>,
        /// Failed refreshes in a row.
        refresh_failures -> Integer,
        /// After a failure: no refresh before this.
        refresh_not_before -> Nullable<Timestamptz>,
        /// From when on it is refreshed although nobody asks for it; null where it does not end or cannot be refreshed.
        refresh_at -> Nullable<Timestamptz>,
        /// When this generation was committed.
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// Keys that credentials are sealed with, each wrapped by its tenant's key in the key service.
    data_keys (data_key_id) {
        /// The data key; every ciphertext names the one it was made with.
        data_key_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// The environment whose secrets it seals.
        environment_id -> Uuid,
        /// The key as wrapped by the key service, of no use without it; `direct:v<version>` where the key service seals the values themselves.
        wrapped -> Text,
        /// When it was made.
        created_at -> Timestamptz,
        /// Since when it seals nothing new; null for the one in use.
        retired_at -> Nullable<Timestamptz>,
        /// The version of the tenant's key that wrapped it first: whoever has that version and an old backup has this key.
        born_version -> Integer,
        /// When it was wrapped with a newer version of the tenant's key; null if it never was.
        wrapped_at -> Nullable<Timestamptz>,
        /// How many messages servers have reserved to seal with it; at the cap another takes its place.
        messages -> BigInt,
    }
}

diesel::table! {
    /// The telling of one event to one endpoint.
    deliveries (delivery_id) {
        /// The delivery.
        delivery_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// What is told.
        event_id -> Uuid,
        /// Who is told.
        endpoint_id -> Uuid,
        /// The connection it concerns; an endpoint hears of one connection in order.
        connection_id -> Nullable<Uuid>,
        /// Pending until delivered, or parked for replay after days of tries.
        state -> Text,
        /// Tries so far, since it was last begun.
        attempts -> Integer,
        /// When the next try is due.
        next_attempt_at -> Nullable<Timestamptz>,
        /// HTTP status of the last try, if there was an answer.
        last_status -> Nullable<Integer>,
        /// When the event happened.
        created_at -> Timestamptz,
        /// When it was delivered or parked.
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Each try of a delivery, with what came of it.
    delivery_attempts (delivery_attempt_id) {
        /// The try.
        delivery_attempt_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// Of which delivery.
        delivery_id -> Uuid,
        /// When it began.
        at -> Timestamptz,
        /// HTTP status, if there was an answer.
        status -> Nullable<Integer>,
        /// Milliseconds until the answer or the error.
        elapsed_ms -> Integer,
        /// Why there was no answer.
        error -> Nullable<Text>,
        /// The first kilobyte of the answer.
        response -> Nullable<Text>,
    }
}

diesel::table! {
    /// Tenants' URLs that are told of events.
    endpoints (endpoint_id) {
        /// The endpoint.
        endpoint_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// Where to post.
        url -> Text,
        /// The tenant's note.
        description -> Nullable<Text>,
        /// Which events; null for all.
        kinds -> Nullable<Array<Text>>,
        /// Signing secret, sealed.
        secret -> Binary,
        /// Since when it is told nothing.
        disabled_at -> Nullable<Timestamptz>,
        /// Why.
        disabled_reason -> Nullable<Text>,
        /// When it was added.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// A tenant's dev, staging or prod. Everything a tenant has belongs to exactly one.
    environments (environment_id) {
        /// The environment.
        environment_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Short name, unique within the tenant.
        slug -> Text,
        /// What people call it.
        name -> Text,
        /// When it was created.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// What happened, as tenants are told. Written in the transaction in which it happened.
    events (event_id) {
        /// The event; the webhook-id of its deliveries.
        event_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// What happened, such as sync.succeeded.
        kind -> Text,
        /// The connection it concerns.
        connection_id -> Nullable<Uuid>,
        /// Thin payload: ids and counts.
        data -> Jsonb,
        /// When.
        at -> Timestamptz,
    }
}

diesel::table! {
    /// Our URLs that providers send webhooks to: at most one of an integration, and one of each connection.
    hooks (hook_id) {
        /// The URL.
        hook_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// The integration whose provider sends there.
        integration_id -> Uuid,
        /// The connection that all that comes there is about; null where what comes says whom it is about.
        connection_id -> Nullable<Uuid>,
        /// SHA-256 of what stands in the URL, by which it is found.
        token_hash -> Binary,
        /// The same, sealed: the URL is shown again.
        token -> Binary,
        /// What deliveries are verified with, sealed; null until it is given. A connection without one has its integration's.
        secret -> Nullable<Binary>,
        /// Whether the tenant's endpoints are told of each delivery.
        forwards -> Bool,
        /// When a delivery was last refused; written at most every few seconds.
        refused_at -> Nullable<Timestamptz>,
        /// Why.
        refusal -> Nullable<Text>,
        /// When it was made.
        created_at -> Timestamptz,
        /// When its secret or setting was last changed.
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// What was wrong with rows of an import; the first thousand of each.
    import_errors (import_id, row_number, field) {
        /// The import.
        import_id -> Uuid,
        /// The import's tenant.
        tenant_id -> Uuid,
        /// The import's environment.
        environment_id -> Uuid,
        /// Which row, from 0.
        row_number -> BigInt,
        /// The line of the file, from 1, that the row begins on.
        line -> BigInt,
        /// The field that is wrong; empty where it is the row.
        field -> Text,
        /// What is wrong; never a secret.
        words -> Text,
    }
}

diesel::table! {
    /// Imports of many connections at once, and how far each has come.
    imports (import_id) {
        /// The import.
        import_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where the connections go.
        environment_id -> Uuid,
        /// Through what they are made.
        integration_id -> Uuid,
        /// SHA-256 of the file, where there is one: the same file goes on where it broke off.
        digest -> Nullable<Binary>,
        /// Rows that are done, counted from the first; the next one has this number.
        next_row -> BigInt,
        /// Rows that became connections.
        made -> BigInt,
        /// Rows whose connection was there already.
        present -> BigInt,
        /// Rows that were refused.
        wrong -> BigInt,
        /// Who brings them.
        actor -> Text,
        /// When it began.
        created_at -> Timestamptz,
        /// When its end was said.
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Webhooks that came and were verified. What they held is forgotten after some days; what they are known by is kept for months, so that a replay is known.
    inbound_deliveries (inbound_id) {
        /// The delivery.
        inbound_id -> Uuid,
        /// The URL's tenant.
        tenant_id -> Uuid,
        /// The URL's environment.
        environment_id -> Uuid,
        /// Where it came.
        hook_id -> Uuid,
        /// What tells it from all others; a second one of the same is a replay and is not taken in.
        fingerprint_hash -> Binary,
        /// SHA-256 of what was signed.
        content_hash -> Binary,
        /// Whether the same was signed before, and nothing tells a replay from news: then its streams are pulled, and nothing else is done.
        is_repeat -> Bool,
        /// Headers, query and raw body, sealed; gone once it is processed, unless the tenant is told of each delivery and may read it.
        kept -> Nullable<Binary>,
        /// Waiting; then routed to syncs, ignored, or given up.
        state -> Text,
        /// Why it was ignored or given up.
        reason -> Nullable<Text>,
        /// The kind of event, where the manifest says where it lies.
        event -> Nullable<Text>,
        /// The provider's id of the account, likewise.
        account -> Nullable<Text>,
        /// How many syncs were to run because of it.
        syncs -> Integer,
        /// When it came.
        received_at -> Timestamptz,
        /// When it was processed or given up.
        processed_at -> Nullable<Timestamptz>,
        /// When what it held was forgotten; from then on it is only known again, and shown to nobody.
        forgotten_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Installs begun at a vendor's marketplace, until a connect session claims them.
    installs (install_id) {
        /// The install; what the tenant claims it by.
        install_id -> Uuid,
        /// The integration's tenant.
        tenant_id -> Uuid,
        /// The integration's environment.
        environment_id -> Uuid,
        /// Where it arrived.
        integration_id -> Uuid,
        /// Arrived until a connect session claims it, claimed until the code is exchanged, then used.
        state -> Text,
        /// SHA-256 of the cookie that binds it to the browser that arrived; null where the vendor told us without one.
        browser_hash -> Nullable<Binary>,
        /// SHA-256 of the code, so that a vendor that tells it twice begins one install; null where no code came.
        code_hash -> Nullable<Binary>,
        /// The code and what came with it, sealed; wiped when it is exchanged; null where no code came.
        kept -> Nullable<Binary>,
        /// The connection's values that the vendor told.
        variables -> Jsonb,
        /// The session that claimed it.
        connect_session_id -> Nullable<Uuid>,
        /// When it arrived.
        created_at -> Timestamptz,
        /// From when on it is refused.
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    /// Providers as configured in an environment.
    integrations (integration_id) {
        /// The integration.
        integration_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// What the tenant's code calls it, unique within the environment.
        slug -> Text,
        /// The slug of the provider's manifest.
        provider -> Text,
        /// What end users read.
        display_name -> Text,
        /// The OAuth client, if the provider asks for one.
        client_id -> Nullable<Text>,
        /// Its secret, sealed.
        client_secret -> Nullable<Binary>,
        /// Values of the manifest's integration-level secret variables, sealed together; null where there are none.
        secrets -> Nullable<Binary>,
        /// Which secret variables are set.
        secret_names -> Array<Text>,
        /// What is asked for; null for the manifest's list.
        scopes -> Nullable<Array<Text>>,
        /// Values of the manifest's integration-level variables.
        variables -> Jsonb,
        /// The tenant's page to which browsers go on that arrive from the vendor's marketplace; null where none do.
        install_url -> Nullable<Text>,
        /// When it was configured.
        created_at -> Timestamptz,
        /// When it was last changed.
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// Units of background work. Finished ones are removed; what they did is in the tables they did it to.
    jobs (job_id) {
        /// The job.
        job_id -> Uuid,
        /// On whose behalf; claims take turns among tenants.
        tenant_id -> Uuid,
        /// In which environment.
        environment_id -> Uuid,
        /// What kind of job.
        queue -> Text,
        /// Two jobs of a queue with the same key never run at once.
        serial_key -> Nullable<Text>,
        /// While one with this key waits, another is not added.
        dedupe_key -> Nullable<Text>,
        /// Lower first, within a tenant.
        priority -> SmallInt,
        /// What to do; ids, never secrets.
        payload -> Jsonb,
        /// Waiting until claimed, running under a lease, dead after too many tries.
        state -> Text,
        /// Not before this.
        run_at -> Timestamptz,
        /// Counted when claimed, so that a job that kills its worker is counted too.
        attempt -> Integer,
        /// Fencing number: completing, failing and heartbeats carry it, and one that is not the latest does nothing.
        lease_number -> BigInt,
        /// When another worker may take it over.
        lease_until -> Nullable<Timestamptz>,
        /// Who runs it.
        worker -> Nullable<Text>,
        /// Why the last try failed.
        last_error -> Nullable<Text>,
        /// When it was added.
        created_at -> Timestamptz,
        /// Whose account it is about; so many of a connection run at once.
        connection_id -> Nullable<Uuid>,
        /// Whom it calls: a provider's name (with its environment behind it where the tenant described it), an endpoint's id, or nobody. So many places of a worker go to one.
        party -> Text,
    }
}

diesel::table! {
    /// The latest run that seals an environment's values anew with its current data key.
    key_rewraps (environment_id) {
        /// The environment.
        environment_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Running, paused by the operator, or done.
        state -> Text,
        /// How many values lay under old data keys when it began.
        total -> BigInt,
        /// How many of them were sealed anew.
        done -> BigInt,
        /// How many did not open in the latest pass; they stay as they are.
        failed -> BigInt,
        /// Why the latest of them did not open, and where it lies.
        last_error -> Nullable<Text>,
        /// When it began.
        started_at -> Timestamptz,
        /// When it last went on.
        updated_at -> Timestamptz,
        /// When it was done.
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// People who sign in to a tenant's portal.
    members (member_id) {
        /// The member.
        member_id -> Uuid,
        /// Whose portal they sign in to.
        tenant_id -> Uuid,
        /// Their address, in lower case; what they sign in with.
        email -> Text,
        /// What they are called.
        name -> Text,
        /// argon2id in PHC form.
        password_hash -> Text,
        /// What they may do.
        role -> Text,
        /// When they were added.
        created_at -> Timestamptz,
        /// Wrong passwords in a row; each delays the next try.
        failed_sign_ins -> Integer,
        /// When the next try is answered.
        not_before -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// The WebAssembly components of versions, apart from what is read of versions all the time.
    plugin_components (plugin_version_id) {
        /// Whose component.
        plugin_version_id -> Uuid,
        /// The version's tenant.
        tenant_id -> Uuid,
        /// The version's environment.
        environment_id -> Uuid,
        /// The component as it was pushed; 16 MiB at most.
        component -> Binary,
    }
}

diesel::table! {
    /// Public keys whose signatures an environment trusts on plugins. Rows are never removed: one that was revoked is not registered again.
    plugin_keys (plugin_key_id) {
        /// The key.
        plugin_key_id -> Uuid,
        /// Whose environment.
        tenant_id -> Uuid,
        /// The environment that trusts it.
        environment_id -> Uuid,
        /// What people call it: whose it is, or where it lies.
        name -> Text,
        /// The Ed25519 public key (RFC 8032), 32 bytes.
        public_key -> Binary,
        /// Who registered it.
        created_by -> Text,
        /// When.
        created_at -> Timestamptz,
        /// Who revoked it.
        revoked_by -> Nullable<Text>,
        /// Since when nothing that it signed is taken any more.
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Which version of a plugin an environment uses, and which it used before.
    plugin_pins (plugin_pin_id) {
        /// The pin; ids sort by time.
        plugin_pin_id -> Uuid,
        /// Whose environment.
        tenant_id -> Uuid,
        /// The environment.
        environment_id -> Uuid,
        /// The provider's name.
        slug -> Text,
        /// The version in force.
        plugin_version_id -> Uuid,
        /// Who decided that.
        pinned_by -> Text,
        /// Since when.
        pinned_at -> Timestamptz,
        /// Until when; null for what is in force.
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Versions of plugins that were pushed. A version never changes, and its number is never used again.
    plugin_versions (plugin_version_id) {
        /// The version.
        plugin_version_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// The environment that it was pushed to.
        environment_id -> Uuid,
        /// The provider's name, as the manifest has it.
        slug -> Text,
        /// Its number, as Semantic Versioning 2.0.0 writes it, without build metadata.
        version -> Text,
        /// The version of the contract that the component speaks, as the plugin host found it.
        abi -> Text,
        /// The manifest, TOML, as it was signed.
        manifest -> Text,
        /// SHA-256 of the component, as it was signed.
        component_sha256 -> Binary,
        /// How large the component is.
        component_bytes -> BigInt,
        /// The Ed25519 public key that the signature is held against.
        public_key -> Binary,
        /// The Ed25519 signature; what it is over stands in flows::plugin::signature.
        signature -> Binary,
        /// What it asks for beyond the version before, a list of {kind, what}; empty for nothing.
        asks -> Jsonb,
        /// Who pushed it.
        author -> Text,
        /// When.
        created_at -> Timestamptz,
        /// Who agreed to what it asks for.
        approved_by -> Nullable<Text>,
        /// When.
        approved_at -> Nullable<Timestamptz>,
        /// Since when its component is gone.
        withdrawn_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Signed-in browsers.
    portal_sessions (portal_session_id) {
        /// The session.
        portal_session_id -> Uuid,
        /// The member's tenant.
        tenant_id -> Uuid,
        /// Who signed in.
        member_id -> Uuid,
        /// SHA-256 of the cookie's value.
        token_hash -> Binary,
        /// When they signed in.
        created_at -> Timestamptz,
        /// When it was last used, to the minute; idle sessions end.
        seen_at -> Timestamptz,
        /// When it ends whatever happens.
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    /// Providers that tenants described themselves, every version; the highest is in force. Rows do not change.
    provider_versions (provider_version_id) {
        /// The version.
        provider_version_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// The provider's name; stands before an installed provider of the same name.
        slug -> Text,
        /// Counts from 1.
        version -> Integer,
        /// The manifest as it was sent, TOML.
        manifest -> Text,
        /// Who sent it.
        author -> Text,
        /// When.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// What all nodes together may still ask of a provider: calls handed out lately, by the time of handing out.
    rate_budgets (budget_id) {
        /// The connection's id for its own limit, the integration's for that of all its connections.
        budget_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// The integration.
        integration_id -> Uuid,
        /// The connection; null for the limit of the integration as a whole.
        connection_id -> Nullable<Uuid>,
        /// How long a slot is, in microseconds.
        slot_micros -> BigInt,
        /// Slots that still count: microseconds since 1970 divided by their length, oldest first.
        slots -> Array<BigInt>,
        /// Calls handed out in each of them and not given back.
        calls -> Array<BigInt>,
        /// The provider asked not to be called before then.
        closed_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// The keys under which records are sealed, one per sync, themselves sealed: when the environment's data key is replaced these are sealed anew, and not millions of records.
    record_keys (sync_id) {
        /// Whose records.
        sync_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// The key, sealed under the environment's data key.
        sealed -> Binary,
        /// When it was made.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// How records of a stream are kept, for all connections of an integration. A stream without a row keeps everything, unsealed.
    record_policies (integration_id, stream) {
        /// Whose connections' records.
        integration_id -> Uuid,
        /// Of which stream.
        stream -> Text,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// Days after which a deleted record is removed; null for never.
        keep_deleted_days -> Nullable<Integer>,
        /// Days after its latest change when a record's content is removed; null for never.
        keep_content_days -> Nullable<Integer>,
        /// Whether records are sealed.
        is_sealed -> Bool,
        /// When it was last set.
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// How far the upkeep of a sync's records has come. Changes are numbered in the order of time, so it walks along the numbers and looks at each record once.
    record_upkeep (sync_id) {
        /// Of which sync.
        sync_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// No deleted record with a number up to this is left.
        deleted_to -> BigInt,
        /// No content with a number up to this is left.
        content_to -> BigInt,
        /// Everything with a number up to this is sealed.
        sealed_to -> BigInt,
        /// The highest number of a deleted record that was removed.
        pruned_seq -> BigInt,
        /// Removed were deleted records that were deleted before this. A reader who stood before pruned_seq then has missed some.
        pruned_before -> Nullable<Timestamptz>,
        /// When it was last looked at.
        looked_at -> Timestamptz,
    }
}

diesel::table! {
    /// What syncs have brought, one row per thing at the provider.
    records (sync_id, external_id) {
        /// Which sync brought it.
        sync_id -> Uuid,
        /// The provider's id of it.
        external_id -> Text,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// Number of its latest change within the sync; readers go on after the highest they have seen.
        seq -> BigInt,
        /// Bytes of the record as the plugin gave it, 0 once it was pruned: bounds what is read at once.
        body_bytes -> Integer,
        /// Hash of the canonical form; an equal one is not written again. Of a sealed record it is keyed, so that it tells nothing.
        content_hash -> Binary,
        /// Where a page that was written whole begins with this record: the digest of the page as it came. Never beside what is sealed.
        page_digest -> Nullable<Binary>,
        /// The record; null if it is sealed, or was pruned.
        body -> Nullable<Jsonb>,
        /// The record sealed under the sync's record key; empty once it was pruned.
        sealed_body -> Nullable<Binary>,
        /// When it was first seen.
        created_at -> Timestamptz,
        /// When its content last changed.
        updated_at -> Timestamptz,
        /// Since when it is gone at the provider.
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Revocations of many connections at once.
    revocation_runs (revocation_run_id) {
        /// The run.
        revocation_run_id -> Uuid,
        /// Whose connections.
        tenant_id -> Uuid,
        /// Of which environment.
        environment_id -> Uuid,
        /// Of this provider alone; null for all.
        provider -> Nullable<Text>,
        /// Of this integration alone; null for all.
        integration_id -> Nullable<Uuid>,
        /// Made at or after this; null for no bound.
        made_since -> Nullable<Timestamptz>,
        /// Made before this; null for no bound.
        made_until -> Nullable<Timestamptz>,
        /// How many connections it stopped when it began.
        total -> BigInt,
        /// Who asked for it.
        actor -> Text,
        /// When it began.
        created_at -> Timestamptz,
        /// When the last of them was settled.
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// What became of each grant that was to be given back at its provider. Outlives the connection.
    revocations (connection_id) {
        /// Whose grant; the connection may be gone by now.
        connection_id -> Uuid,
        /// The connection's tenant.
        tenant_id -> Uuid,
        /// The connection's environment.
        environment_id -> Uuid,
        /// The connection's integration.
        integration_id -> Uuid,
        /// The slug of its provider.
        provider -> Text,
        /// The tenant's own id of the end user.
        end_user_id -> Text,
        /// The provider's id of the account.
        account -> Nullable<Text>,
        /// The run that asked for it; null for a single connection.
        revocation_run_id -> Nullable<Uuid>,
        /// Pending until settled: revoked, unsupported by the provider, nothing there to revoke, or failed.
        state -> Text,
        /// The state in words for a person; never a secret.
        reason -> Text,
        /// How often the provider was asked in vain.
        tries -> Integer,
        /// When it is asked again.
        next_try_at -> Nullable<Timestamptz>,
        /// When somebody wanted it revoked.
        asked_at -> Timestamptz,
        /// When it was settled.
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// What plugins and the host wrote about runs.
    run_logs (run_id, line) {
        /// Of which run.
        run_id -> Uuid,
        /// Line number, from 1.
        line -> Integer,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// How grave.
        level -> Text,
        /// The line, secrets masked.
        message -> Text,
        /// When.
        at -> Timestamptz,
    }
}

diesel::table! {
    /// What a full run has seen so far, page by page: at its end the rest is gone. Kept beside the records so that seeing one does not write it.
    run_seen (run_id, page) {
        /// Of which run.
        run_id -> Uuid,
        /// Page number, from 1.
        page -> Integer,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// The provider's ids on that page.
        external_ids -> Array<Text>,
    }
}

diesel::table! {
    /// Executions of syncs.
    runs (run_id) {
        /// The run.
        run_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// Of which sync.
        sync_id -> Uuid,
        /// Of which connection.
        connection_id -> Uuid,
        /// Why it ran.
        trigger -> Text,
        /// Running until it succeeded, failed or was cancelled.
        state -> Text,
        /// Fencing number, raised each time a worker takes the run up; a page under an older one is refused.
        fence -> BigInt,
        /// Whether it began anew, so that what it has not seen at its end is gone.
        is_full -> Bool,
        /// Pages committed.
        pages -> Integer,
        /// Records that were new.
        added -> BigInt,
        /// Records whose content changed.
        updated -> BigInt,
        /// Records that are gone at the provider.
        deleted -> BigInt,
        /// Records that were as stored, and not written.
        unchanged -> BigInt,
        /// Why it failed, as a stable code.
        error_code -> Nullable<Text>,
        /// The same in words.
        error_message -> Nullable<Text>,
        /// Who has to do something about it.
        blame -> Nullable<Text>,
        /// When it began.
        started_at -> Timestamptz,
        /// When it ended.
        finished_at -> Nullable<Timestamptz>,
        /// The pushed version of the plugin that it began with; null where none was pinned. Written by a trigger.
        plugin_version_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    /// Recurring pulls of one stream of one connection.
    syncs (sync_id) {
        /// The sync.
        sync_id -> Uuid,
        /// Whose it is.
        tenant_id -> Uuid,
        /// Where it is.
        environment_id -> Uuid,
        /// Whose account is pulled.
        connection_id -> Uuid,
        /// The stream's name in the manifest.
        stream -> Text,
        /// Tells syncs of one stream apart that have different parameters; empty for the one that every connection has.
        variant -> Text,
        /// What the plugin is told for this sync alone, a JSON object.
        params -> Jsonb,
        /// How far back a pull from the beginning goes; null for all there is. Set once, so that a full run sees what the last one saw.
        since -> Nullable<Timestamptz>,
        /// Incremental goes on at the cursor; full begins anew and finds deletes.
        mode -> Text,
        /// Seconds between runs, before jitter.
        every_seconds -> Integer,
        /// At which times it runs instead, as a cron expression of five fields.
        cron -> Nullable<Text>,
        /// Whose clock the expression means: a name of the IANA database.
        time_zone -> Nullable<Text>,
        /// Whether the tenant set the schedule; else it is the manifest's.
        has_own_schedule -> Bool,
        /// Whether the next run is a full one, whatever the mode.
        begins_anew -> Bool,
        /// Ids of records of which a webhook said that they are gone; the next run begins with them.
        gone -> Array<Text>,
        /// Since when it is paused.
        paused_at -> Nullable<Timestamptz>,
        /// Where the next page begins, as the plugin wrote it; moves together with the page.
        cursor -> Nullable<Text>,
        /// The highest number given to a change of its records. Locked while a page commits, so numbers appear in commit order without gaps.
        last_seq -> BigInt,
        /// When it is due.
        next_run_at -> Timestamptz,
        /// The latest run.
        last_run_id -> Nullable<Uuid>,
        /// Failed runs in a row; each waits longer.
        failures -> Integer,
        /// When it was made.
        created_at -> Timestamptz,
        /// Bytes of the largest record it ever brought. Where so many rows of that size are not too much at once, nobody has to count.
        largest_record -> Integer,
    }
}

diesel::table! {
    /// SaaS companies that offer connections to their own customers.
    tenants (tenant_id) {
        /// The tenant; names its transit key in the key service.
        tenant_id -> Uuid,
        /// Short unique name, used on the command line.
        slug -> Text,
        /// What people call the company; shown on the connect page.
        name -> Text,
        /// When the tenant was created.
        created_at -> Timestamptz,
        /// Since when nothing of the tenant opens any more: its key was destroyed, and none is made again.
        keys_destroyed_at -> Nullable<Timestamptz>,
        /// Its share of the workers' places, against tenants of weight 1, while others wait.
        weight -> SmallInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    action_run_logs,
    action_runs,
    api_keys,
    audit,
    connect_attempts,
    connect_sessions,
    connection_keys,
    connection_tags,
    connections,
    credentials,
    data_keys,
    deliveries,
    delivery_attempts,
    endpoints,
    environments,
    events,
    hooks,
    import_errors,
    imports,
    inbound_deliveries,
    installs,
    integrations,
    jobs,
    key_rewraps,
    members,
    plugin_components,
    plugin_keys,
    plugin_pins,
    plugin_versions,
    portal_sessions,
    provider_versions,
    rate_budgets,
    record_keys,
    record_policies,
    record_upkeep,
    records,
    revocation_runs,
    revocations,
    run_logs,
    run_seen,
    runs,
    syncs,
    tenants
);
