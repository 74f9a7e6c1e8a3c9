//! Runs of syncs and tellings of events: their states as stored and spoken.

/// An enum whose values are stored and spoken as one word each.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word),* }
            }

            /// The value of a word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$value),)* _ => None }
            }
        }
    };
}

pub(crate) use words;

words! {
    /// How a sync's pulls begin and how deletes are found.
    SyncMode {
        /// Goes on at the cursor; deletes are what the provider says.
        Incremental = "incremental",
        /// Begins anew; what is not seen is gone.
        Full = "full",
    }
}

words! {
    /// Why a run was begun.
    Trigger {
        /// A connection was made or repaired.
        Connect = "connect",
        /// It was due.
        Schedule = "schedule",
        /// The tenant asked for it.
        Api = "api",
        /// The provider told of changes.
        Webhook = "webhook",
    }
}

words! {
    /// Where a run stands.
    RunState {
        /// At work, or waiting to be taken up again.
        Running = "running",
        /// Done.
        Succeeded = "succeeded",
        /// Given up.
        Failed = "failed",
        /// Stopped by the tenant.
        Cancelled = "cancelled",
    }
}

words! {
    /// Who has to do something about a failure.
    Blame {
        /// The end user must connect again.
        EndUser = "end_user",
        /// The tenant's configuration is wrong.
        Tenant = "tenant",
        /// The provider; it is tried again.
        Provider = "provider",
        /// The plugin's author.
        Plugin = "plugin",
        /// Whoever runs this server.
        Platform = "platform",
    }
}

words! {
    /// How grave a log line is.
    LogLevel {
        /// For the plugin's author.
        Debug = "debug",
        /// What happened.
        Info = "info",
        /// What a person should look at some day.
        Warn = "warn",
        /// What went wrong.
        Error = "error",
    }
}

words! {
    /// Where the telling of an event to an endpoint stands.
    DeliveryState {
        /// Being tried.
        Pending = "pending",
        /// The endpoint took it.
        Delivered = "delivered",
        /// Given up, can be replayed.
        Parked = "parked",
    }
}

words! {
    /// Where a webhook of a provider stands.
    InboundState {
        /// It was verified and acknowledged.
        Waiting = "waiting",
        /// Syncs run because of it.
        Routed = "routed",
        /// It tells of nothing that is synced.
        Ignored = "ignored",
        /// Given up.
        Failed = "failed",
    }
}

/// What a run did, or a page of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that were new, or there again after they were gone.
    pub added: u64,
    /// Records whose content changed.
    pub updated: u64,
    /// Records that are gone.
    pub deleted: u64,
    /// Records that were as stored.
    pub unchanged: u64,
}

impl From<crate::manifest::StreamMode> for SyncMode {
    fn from(mode: crate::manifest::StreamMode) -> Self {
        match mode {
            crate::manifest::StreamMode::Incremental => Self::Incremental,
            crate::manifest::StreamMode::Full => Self::Full,
        }
    }
}
