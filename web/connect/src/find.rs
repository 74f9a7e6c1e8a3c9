//! Finding among many integrations.

use api_types::connect::ConnectChoice;
use web_components::find::Index;

/// The choices as they may be found.
#[must_use]
pub fn index(choices: &[ConnectChoice]) -> Index {
    Index::new(choices.iter().map(|choice| (choice.name.as_str(), choice.slug.as_str(), choice.category.as_str())))
}
