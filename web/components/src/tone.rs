//! What a colour says.

/// How something is, for colour and icon; words always stand beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing to say.
    #[default]
    Plain,
    /// Well.
    Good,
    /// Look at it.
    Warn,
    /// Broken.
    Bad,
    /// At work.
    Busy,
}

impl Tone {
    /// The class in `base.css`.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Busy => "busy",
        }
    }
}
