//! Finding among many services: each key is lowered once, and a longer search looks only at what the shorter one left.

/// From how many services on there is a search field.
pub const SEARCH_FROM: usize = 7;

/// One service that may be found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    name: String,
    whole: String,
    category: String,
}

/// Services to find, by their place in the list that they were made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    keys: Vec<Key>,
}

/// What a search left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits {
    /// Places in the list, the likeliest first.
    pub places: Vec<usize>,
    /// The same in the list's order.
    in_order: Vec<usize>,
    text: String,
    category: Option<String>,
}

impl Index {
    /// Of names, slugs and categories.
    pub fn new<'a>(all: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Self {
        let keys = all.into_iter().map(|(name, slug, category)| {
            let mut whole = [name, slug, category].join(" ").to_lowercase();
            whole = whole.replace('-', " ");
            Key { name: name.to_lowercase().replace('-', " "), whole, category: category.to_owned() }
        });
        Self { keys: keys.collect() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Those whose name, slug or category has every word of the text, in the given category if one is chosen. `last` is
    /// what the search before left.
    #[must_use]
    pub fn find(&self, text: &str, category: Option<&str>, last: Option<&Hits>) -> Hits {
        let text = text.trim().to_lowercase().replace('-', " ");
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        // A bucket for each rank keeps the list's own order among equals, without sorting.
        let mut ranked: [Vec<usize>; RANKS] = Default::default();
        let mut in_order = Vec::new();
        let mut look = |place: usize| {
            let Some(key) = self.keys.get(place) else { return };
            let fits = category.is_none_or(|wanted| key.category == wanted)
                && words.iter().all(|word| key.whole.contains(word));
            if fits && let Some(bucket) = ranked.get_mut(words.first().map_or(0, |first| rank(key, &text, first))) {
                bucket.push(place);
                in_order.push(place);
            }
        };
        match last.filter(|last| {
            !last.text.is_empty() && text.starts_with(&last.text) && last.category.as_deref() == category
        }) {
            Some(last) => last.in_order.iter().copied().for_each(&mut look),
            None => (0..self.keys.len()).for_each(&mut look),
        }
        Hits { places: ranked.concat(), in_order, text, category: category.map(str::to_owned) }
    }

    /// The categories there are with how many services each has, by name.
    #[must_use]
    pub fn categories(&self) -> Vec<(String, usize)> {
        let mut all: Vec<(String, usize)> = Vec::new();
        for key in &self.keys {
            // There are a few dozen.
            match all.iter().position(|(category, _)| *category >= key.category) {
                Some(place) => match all.get_mut(place) {
                    Some((category, count)) if *category == key.category => *count += 1,
                    _ => all.insert(place, (key.category.clone(), 1)),
                },
                None => all.push((key.category.clone(), 1)),
            }
        }
        all
    }
}

/// How many ranks there are.
const RANKS: usize = 5;

/// How likely it is the one that is meant; the smallest is first.
fn rank(key: &Key, text: &str, first: &str) -> usize {
    if key.name == text {
        0
    } else if key.name.starts_with(text) {
        1
    } else if key.name.split(' ').any(|word| word.starts_with(first)) {
        2
    } else if key.name.contains(first) {
        3
    } else {
        4
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str, &str); 4] = [
        ("Corner Shop", "corner-shop", "commerce"),
        ("Shop Ledger", "shop-ledger", "accounting"),
        ("Bookshop", "bookshop", "commerce"),
        ("Helpdesk", "helpdesk", "project-management"),
    ];

    fn found(text: &str, category: Option<&str>) -> Vec<usize> {
        Index::new(ALL).find(text, category, None).places
    }

    #[test]
    fn search_looks_at_names_slugs_and_categories() {
        assert_eq!(found("", None), [0, 1, 2, 3]);
        assert_eq!(found("", Some("commerce")), [0, 2]);
        assert_eq!(found("LEDGER", None), [1]);
        assert_eq!(found("project management", None), [3]);
        assert_eq!(found("accounting shop", Some("commerce")), [0usize; 0]);
    }

    #[test]
    fn what_begins_with_the_text_is_first() {
        assert_eq!(found("shop", None), [1, 0, 2]);
    }

    #[test]
    fn a_longer_text_finds_the_same_as_when_typed_at_once() {
        let index = Index::new(ALL);
        let mut last: Option<Hits> = None;
        for length in 1..="shop led".len() {
            let text = &"shop led"[..length];
            let hits = index.find(text, None, last.as_ref());
            assert_eq!(hits.places, index.find(text, None, None).places, "{text}");
            last = Some(hits);
        }
        // Shorter again, or another category: not only among what the last one left.
        assert_eq!(index.find("s", None, last.as_ref()).places, index.find("s", None, None).places);
        assert_eq!(index.find("shop led", Some("commerce"), last.as_ref()).places, [0usize; 0]);
    }

    #[test]
    fn categories_are_counted() {
        let index = Index::new(ALL);
        assert_eq!(index.categories()[1], ("commerce".to_owned(), 2));
        assert_eq!((index.len(), index.is_empty()), (4, false));
    }

    #[test]
    fn names_without_pictures_have_letters() {
        assert_eq!(monogram("corner store ltd"), "CS");
        assert_eq!(monogram("…"), "•");
    }
}
