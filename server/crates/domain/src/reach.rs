//! How far an API key reaches within its environment: to some integrations, to some connections, to connections that bear
//! one of some tags. What is named of each kind is "one of these"; kinds that are named narrow each other. A kind of which
//! nothing is named narrows nothing.
//!
//! What a key does not reach is to it as another tenant's: absent from lists, not found by its id.

use std::{collections::BTreeMap, fmt, str::FromStr};

use ids::{ConnectionId, IntegrationId};

use crate::permission::Permissions;

/// The most things of one kind that a reach names.
pub const MOST: usize = 100;
/// The most tags that a connection bears.
pub const MOST_TAGS: usize = 20;

/// A label of a connection: a name and a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// 1 to 64 printable characters without `=`.
    pub name: String,
    /// 1 to 255 printable characters.
    pub value: String,
}

/// A text that is no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a tag as name=value: a name of 1 to 64 printable characters without `=`, a value of 1 to 255")]
pub struct BadTag;

fn printable(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.contains(char::is_control)
}

impl Tag {
    /// A tag of a name and a value.
    ///
    /// # Errors
    /// [`BadTag`] if they are not what they must be.
    pub fn new(name: &str, value: &str) -> Result<Self, BadTag> {
        let is_one = printable(name, 64) && !name.contains('=') && printable(value, 255);
        if is_one { Ok(Self { name: name.to_owned(), value: value.to_owned() }) } else { Err(BadTag) }
    }

    /// Whether it is among those of a connection.
    #[must_use]
    pub fn is_among(&self, tags: &BTreeMap<String, String>) -> bool {
        tags.get(&self.name) == Some(&self.value)
    }
}

impl FromStr for Tag {
    type Err = BadTag;

    fn from_str(text: &str) -> Result<Self, BadTag> {
        text.split_once('=').ok_or(BadTag).and_then(|(name, value)| Self::new(name, value))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// Checks what is to be a connection's tags; gives what they must be where they are not.
///
/// # Errors
/// In words.
pub fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), &'static str> {
    if tags.len() <= MOST_TAGS && tags.iter().all(|(name, value)| Tag::new(name, value).is_ok()) {
        Ok(())
    } else {
        Err("write at most 20 tags, names of 1 to 64 printable characters without `=` and values of 1 to 255")
    }
}

/// How far a key reaches. One that names nothing at all is no reach; see [`Reach::is_empty`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// To these integrations and the connections made through them.
    pub integrations: Vec<IntegrationId>,
    /// To these connections.
    pub connections: Vec<ConnectionId>,
    /// To connections that bear one of these.
    pub tags: Vec<Tag>,
}

/// Why a connection that is yet to be made would lie outside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Outside {
    /// The reach names connections, and a new one is none of them.
    #[error("the API key reaches some connections alone and makes no others")]
    NewConnection,
    /// It bears none of the tags.
    #[error("the API key reaches connections with one of these tags alone: {0}")]
    Tags(String),
}

impl Reach {
    /// Whether it names nothing, and so is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.integrations.is_empty() && self.connections.is_empty() && self.tags.is_empty()
    }

    /// Whether a connection lies in it.
    #[must_use]
    pub fn includes(&self, id: ConnectionId, integration: IntegrationId, tags: &BTreeMap<String, String>) -> bool {
        (self.connections.is_empty() || self.connections.contains(&id))
            && (self.integrations.is_empty() || self.integrations.contains(&integration))
            && self.includes_tags(tags)
    }

    fn includes_tags(&self, tags: &BTreeMap<String, String>) -> bool {
        self.tags.is_empty() || self.tags.iter().any(|tag| tag.is_among(tags))
    }

    /// Whether tags leave a connection in it.
    ///
    /// # Errors
    /// [`Outside::Tags`].
    pub fn check_tags(&self, tags: &BTreeMap<String, String>) -> Result<(), Outside> {
        if self.includes_tags(tags) {
            return Ok(());
        }
        Err(Outside::Tags(self.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
    }

    /// Whether a connection with those tags, yet to be made, will lie in it, as far as that does not depend on the
    /// integration.
    ///
    /// # Errors
    /// [`Outside`].
    pub fn check_new(&self, tags: &BTreeMap<String, String>) -> Result<(), Outside> {
        if self.connections.is_empty() { self.check_tags(tags) } else { Err(Outside::NewConnection) }
    }

    /// Whether a connection that lies in it stays in it if those tags are put on it beside its own.
    ///
    /// # Errors
    /// [`Outside::Tags`].
    pub fn check_more_tags(&self, more: &BTreeMap<String, String>) -> Result<(), Outside> {
        let touches = self.tags.iter().any(|tag| more.contains_key(&tag.name));
        if touches { self.check_tags(more) } else { Ok(()) }
    }

    /// What a key may do at most that reaches no further: nothing that concerns the environment as a whole. To configure
    /// an integration concerns all connections made through it.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        let integrations_alone = self.connections.is_empty() && self.tags.is_empty();
        Permissions::ALL.only(|text| {
            let is_wide = ["events:", "keys:", "plugins:"].iter().any(|wide| text.starts_with(wide));
            !is_wide && (integrations_alone || text != "integrations:write")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::Permission;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn g_2_kinds_narrow_each_other_and_a_kind_that_is_not_named_narrows_nothing() {
        let (shop, mail) = (IntegrationId::new(1, [1; 10]), IntegrationId::new(1, [2; 10]));
        let (one, two) = (ConnectionId::new(1, [3; 10]), ConnectionId::new(1, [4; 10]));
        let (eu, us) = (tags(&[("region", "eu"), ("tier", "1")]), tags(&[("region", "us")]));
        assert!(Reach::default().includes(one, shop, &eu) && Reach::default().is_empty());
        let by_integration = Reach { integrations: vec![shop], ..Reach::default() };
        assert!(by_integration.includes(one, shop, &us) && !by_integration.includes(one, mail, &us));
        let by_tag =
            Reach { tags: vec!["region=eu".parse().unwrap(), "region=uk".parse().unwrap()], ..Reach::default() };
        assert!(
            by_tag.includes(two, mail, &eu)
                && !by_tag.includes(two, mail, &us)
                && !by_tag.includes(two, mail, &tags(&[]))
        );
        let both = Reach { connections: vec![one], ..by_integration.clone() };
        assert!(both.includes(one, shop, &us) && !both.includes(two, shop, &us) && !both.includes(one, mail, &us));
        assert_eq!(both.check_new(&eu), Err(Outside::NewConnection));
        assert!(by_tag.check_more_tags(&tags(&[("tier", "2")])).is_ok() && by_tag.check_more_tags(&us).is_err());
        assert!(by_tag.check_new(&eu).is_ok() && by_tag.check_new(&us).unwrap_err().to_string().contains("region=eu"));
    }

    #[test]
    fn g_2_nothing_that_concerns_the_whole_environment_is_done_within_a_reach() {
        let by_integration = Reach { integrations: vec![IntegrationId::new(1, [1; 10])], ..Reach::default() };
        let by_tag = Reach { tags: vec!["a=b".parse().unwrap()], ..by_integration.clone() };
        for (permission, text) in Permission::ALL {
            let wide = ["events:", "keys:", "plugins:"].iter().any(|wide| text.starts_with(wide));
            assert_eq!(by_integration.permissions().allow(*permission), !wide, "{text}");
            assert_eq!(by_tag.permissions().allow(*permission), !wide && *text != "integrations:write", "{text}");
        }
    }

    #[test]
    fn c_9_tags_are_read_and_bad_ones_refused() {
        let tag: Tag = "note=a=b".parse().unwrap();
        assert_eq!((tag.name.as_str(), tag.value.as_str(), tag.to_string().as_str()), ("note", "a=b", "note=a=b"));
        for text in [
            "",
            "team",
            "=x",
            "team=",
            "te\nam=x",
            "team= ",
            &format!("{}=x", "n".repeat(65)),
            &format!("n={}", "v".repeat(256)),
        ] {
            assert!(text.parse::<Tag>().is_err(), "{text:?}");
        }
        assert!(check_tags(&tags(&[("a", "b")])).is_ok() && check_tags(&tags(&[("a=b", "c")])).is_err());
        let many: BTreeMap<_, _> = (0..21).map(|number| (number.to_string(), "x".to_owned())).collect();
        assert!(check_tags(&many).is_err());
    }
}
