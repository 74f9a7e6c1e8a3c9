//! Numbers of versions, by Semantic Versioning 2.0.0.

use semver::{BuildMetadata, Version};

/// The longest number, in bytes.
const LONGEST: usize = 64;

/// Reads a number. Build metadata is refused: two that differ in it alone would be the same version.
///
/// # Errors
/// What to write instead.
pub fn parse(text: &str) -> Result<Version, String> {
    if text.len() > LONGEST {
        return Err(format!("a version has {LONGEST} characters at most"));
    }
    let version = Version::parse(text)
        .map_err(|error| format!("write it as Semantic Versioning has it, 1.4.0 or 2.0.0-beta.1: {error}"))?;
    if version.build != BuildMetadata::EMPTY {
        return Err("leave out what stands behind the `+`: it does not tell versions apart".to_owned());
    }
    Ok(version)
}

/// Sorts the newest first, by precedence.
pub(super) fn newest_first<T>(versions: &mut [T], number: impl Fn(&T) -> &str) {
    // What is stored was parsed before; were one none, it would come last.
    versions.sort_by_cached_key(|version| std::cmp::Reverse(Version::parse(number(version)).ok()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pl_5_what_is_no_version_is_refused_with_what_to_write() {
        for good in ["0.0.1", "1.4.0", "2.0.0-beta.1", "10.20.30"] {
            assert_eq!(parse(good).unwrap().to_string(), good);
        }
        let long = format!("1.0.0-{}", "a".repeat(60));
        for bad in ["", "1", "1.4", "v1.4.0", "1.4.0.0", "01.4.0", "1.4.0+linux", "1.4.0-", "latest", " 1.4.0", &long] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_newest_stands_first() {
        let mut versions = ["1.9.0", "2.0.0-beta.1", "1.10.0", "2.0.0", "2.0.0-beta.2"];
        newest_first(&mut versions, |version| version);
        assert_eq!(versions, ["2.0.0", "2.0.0-beta.2", "2.0.0-beta.1", "1.10.0", "1.9.0"]);
    }
}
