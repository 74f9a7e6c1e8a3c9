//! The small set of parts that both pages are made of. Looks are in `base.css`, one custom property per decision.

pub mod find;
pub mod say;
mod tone;

pub use tone::Tone;

#[cfg(target_arch = "wasm32")]
pub mod browser;
#[cfg(target_arch = "wasm32")]
mod copy;
#[cfg(target_arch = "wasm32")]
mod dialog;
#[cfg(target_arch = "wasm32")]
mod field;
#[cfg(target_arch = "wasm32")]
mod finder;
#[cfg(target_arch = "wasm32")]
mod load;
#[cfg(target_arch = "wasm32")]
mod small;
mod text;
#[cfg(target_arch = "wasm32")]
mod variable;

#[cfg(target_arch = "wasm32")]
pub use copy::{CopyButton, Copyable, Revealed};
#[cfg(target_arch = "wasm32")]
pub use dialog::{Confirm, Dialog};
#[cfg(target_arch = "wasm32")]
pub use field::{Field, Select};
#[cfg(target_arch = "wasm32")]
pub use finder::Finder;
#[cfg(target_arch = "wasm32")]
pub use load::{Deed, Load, Loaded, Paged};
#[cfg(target_arch = "wasm32")]
pub use small::{Badge, Empty, Failure, Notice, Skeleton, Spinner, When};
#[cfg(target_arch = "wasm32")]
pub use variable::VariableField;
