//! Finding among many integrations.

use api_types::connect::ConnectChoice;

/// From how many choices on there is a search field.
pub const SEARCH_FROM: usize = 7;

/// The choices whose name, slug or category has every word of the text, in the given category if one is chosen.
#[must_use]
pub fn matching<'a>(choices: &'a [ConnectChoice], text: &str, category: Option<&str>) -> Vec<&'a ConnectChoice> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    choices
        .iter()
        .filter(|choice| category.is_none_or(|c| choice.category == c))
        .filter(|choice| {
            let hay = format!("{} {} {}", choice.name, choice.slug, choice.category).to_lowercase();
            words.iter().all(|word| hay.contains(word.as_str()))
        })
        .collect()
}

/// The categories there are, each once, by name.
#[must_use]
pub fn categories(choices: &[ConnectChoice]) -> Vec<String> {
    let mut all: Vec<String> = choices.iter().map(|c| c.category.clone()).collect();
    all.sort();
    all.dedup();
    all
}

/// Up to two letters that stand for a name where there is no picture.
#[must_use]
pub fn monogram(name: &str) -> String {
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    let letters: Vec<char> =
        [words.next(), words.next()].into_iter().flatten().filter_map(|w| w.chars().next()).collect();
    let text: String = letters.into_iter().flat_map(char::to_uppercase).collect();
    if text.is_empty() { "•".to_owned() } else { text }
}
