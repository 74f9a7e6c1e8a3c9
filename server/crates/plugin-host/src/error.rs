//! What can go wrong, as outcomes that a caller can act on.

use std::time::Duration;

/// The host cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine refused its configuration or could not reserve address space.
    #[error(
        "the plugin engine cannot start; if address space is limited here (`ulimit -v`), lower plugins.instances: {0}"
    )]
    Engine(String),
    /// The folder for compiled plugins cannot be used.
    #[error("the folder for compiled plugins, {path}, cannot be used; make it writable for the server: {source}")]
    CacheFolder {
        /// The folder or the file in it.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A component is not accepted. The text says what is wrong and what to do; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not WebAssembly at all.
    #[error(
        "this is not a WebAssembly component: it {0}. Build the plugin as sdk-plugin/README.md says and give the plugin.wasm that comes of it"
    )]
    NotWasm(&'static str),
    /// WebAssembly, but not a component.
    #[error(
        "this is a core WebAssembly module, not a component. Build it with the linker `wasm-component-ld`, as sdk-plugin/README.md says"
    )]
    CoreModule,
    /// Larger than components may be.
    #[error(
        "the component has {bytes} bytes, {limit} are allowed. Build it with the release profile and without debug information"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// Damaged, or made of features that are switched off.
    #[error("the component cannot be compiled; it is damaged or uses a WebAssembly feature that is switched off: {0}")]
    Invalid(String),
    /// Asks for what no plugin has.
    #[error(
        "the component asks for {imports}, which no plugin has: a plugin has HTTP through the host, a log, a clock and, since version 2, randomness, and no files, sockets or environment. Build it for wasm32-unknown-unknown, not for a wasip target, and drop what needs them"
    )]
    Import {
        /// What it asks for.
        imports: String,
    },
    /// Written for another version of the contract.
    #[error(
        "the component is written for version {found} of patchbay:plugin; this server runs 1.0 and 2.0. Build it against sdk-plugin/wit/v2 or upgrade the server"
    )]
    Version {
        /// The version that it names.
        found: String,
    },
    /// Lacks functions of the world, or they have other types.
    #[error(
        "the component is not a provider plugin: {0}. Name your provider in `patchbay_plugin::export!` and build against the same version of the contract"
    )]
    World(String),
    /// Needs more from the start than an instance may have.
    #[error("the component needs {what} from the start, {limit} are allowed")]
    TooHungry {
        /// What it needs, with the number.
        what: String,
        /// How much there is.
        limit: u64,
    },
    /// Ours: the chain says why.
    #[error("the plugin could not be loaded")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Who is to blame, which decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The end user must connect again.
    EndUser,
    /// The tenant's configuration or input is wrong.
    Tenant,
    /// The provider answers wrongly or not at all; tried again later.
    Provider,
    /// The plugin met what it was not written for.
    Plugin,
    /// The cursor is no longer known at the provider: begin anew, in full.
    CursorExpired,
    /// The platform.
    Us,
}

/// What a plugin said when it could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Who is to blame; a plugin never blames [`Blame::Us`].
    pub blame: Blame,
    /// Why, for the tenant's developers. At most 2,000 bytes.
    pub message: String,
    /// Not before this much later, if the provider said so.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// What a plugin said, cut and without what cannot be stored.
    pub(crate) fn said(blame: Blame, message: &str, retry_after: Option<u32>) -> Self {
        let message = crate::capabilities::cut(message, 2000).replace('\0', "\u{fffd}");
        Self { blame, message, retry_after: retry_after.map(|s| Duration::from_secs(s.into())) }
    }
}

/// A call into a plugin did not succeed. After any but [`PluginError::Failure`] and [`PluginError::BadOutput`] the
/// session is over.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The plugin says why.
    #[error("{}", .0.message)]
    Failure(Failure),
    /// It ran into a trap: a panic, an access out of bounds, the end of its stack.
    #[error("the plugin crashed: {reason}")]
    Trapped {
        /// What happened and where, without anything of the host's.
        reason: String,
    },
    /// It used more instructions than a call may.
    #[error(
        "the plugin used more than {limit} units of fuel in one call. Pull smaller pages or look for an endless loop"
    )]
    OutOfFuel {
        /// The limit.
        limit: u64,
    },
    /// It wanted more memory or table elements than an instance may have.
    #[error("the plugin wanted {wanted} {what}, {limit} are allowed. Pull smaller pages")]
    OutOfMemory {
        /// `bytes of memory` or `table elements`.
        what: &'static str,
        /// How many.
        wanted: usize,
        /// The limit.
        limit: usize,
    },
    /// It took longer than a call may.
    #[error("the plugin was not done within {} s", limit.as_secs_f32())]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// It gave more than a call may.
    #[error("the plugin gave {what}; {limit} are allowed. Pull smaller pages")]
    OutputTooLarge {
        /// What it gave.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// It filled the log ten times over.
    #[error("the plugin wrote more than {limit} log lines in one call")]
    LogFlood {
        /// The limit.
        limit: u32,
    },
    /// It gave what cannot be stored.
    #[error("the plugin gave {0}")]
    BadOutput(String),
    /// It says that there is more, but stands where it stood.
    #[error("the plugin says that there is more but its cursor does not move")]
    Stuck,
    /// It pulled more pages than a session may.
    #[error("the plugin pulled {limit} pages and says that there is more")]
    EndlessPages {
        /// The limit.
        limit: u32,
    },
    /// An earlier call broke the instance.
    #[error("this plugin session is over")]
    Over,
    /// All instances are in use and none came free in time. Try again shortly.
    #[error("all {instances} plugin instances are in use")]
    Busy {
        /// How many there are.
        instances: u32,
    },
    /// Ours: the chain says why.
    #[error("the plugin host failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl PluginError {
    /// Who is to blame.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Failure(failure) => failure.blame,
            Self::Trapped { .. }
            | Self::OutOfFuel { .. }
            | Self::OutOfMemory { .. }
            | Self::TimedOut { .. }
            | Self::OutputTooLarge { .. }
            | Self::LogFlood { .. }
            | Self::BadOutput(_)
            | Self::Stuck
            | Self::EndlessPages { .. } => Blame::Plugin,
            Self::Over | Self::Busy { .. } | Self::Internal(_) => Blame::Us,
        }
    }

    /// A stable short name for logs, metrics and stored run results.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Failure(_) => "failure",
            Self::Trapped { .. } => "trapped",
            Self::OutOfFuel { .. } => "out_of_fuel",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::TimedOut { .. } => "timed_out",
            Self::OutputTooLarge { .. } => "output_too_large",
            Self::LogFlood { .. } => "log_flood",
            Self::BadOutput(_) => "bad_output",
            Self::Stuck => "stuck",
            Self::EndlessPages { .. } => "endless_pages",
            Self::Over => "over",
            Self::Busy { .. } => "busy",
            Self::Internal(_) => "internal",
        }
    }
}
