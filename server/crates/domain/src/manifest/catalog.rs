//! Many manifests together: what one alone cannot break, and how much of what a provider has they say.

use std::collections::{BTreeMap, BTreeSet};

use super::{AuthSpec, Manifest, ManifestError};

/// A manifest's file.
#[derive(Debug, Clone)]
pub struct CatalogFile {
    /// Its path, `/` between folders; errors name it.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl CatalogFile {
    /// The slug that its place asks for: the folder of a `provider.toml`, the file's name in a catalogue.
    fn ought(&self) -> Option<&str> {
        let mut parts = self.path.rsplit('/');
        let (file, folder) = (parts.next()?, parts.next());
        match file {
            "provider.toml" => folder.filter(|folder| !matches!(*folder, "" | "." | "..")),
            _ if folder == Some("catalog") => file.strip_suffix(".toml"),
            _ => None,
        }
    }

    /// Whether it is an entry of a catalogue.
    fn is_entry(&self) -> bool {
        self.path.rsplit('/').nth(1) == Some("catalog")
    }
}

/// Checks files one by one and all together: slugs are those of their places and there once, and an entry of a catalogue
/// says how far its facts are known to be right. Gives the sound manifests by their files' order, and all errors.
#[must_use]
pub fn lint(files: &[CatalogFile]) -> (Vec<Manifest>, Vec<ManifestError>) {
    let mut manifests = Vec::new();
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        let manifest = match Manifest::parse_all(&file.path, &file.text) {
            Ok(manifest) => manifest,
            Err(found) => {
                errors.extend(found);
                continue;
            }
        };
        let mut refuse = |field: &str, message: String, suggestion: Option<String>| {
            let line = file.text.lines().position(|line| line.trim_start().starts_with(field)).map_or(1, |at| at + 1);
            errors.push(ManifestError { file: file.path.clone(), line, field: field.into(), message, suggestion });
        };
        if let Some(ought) = file.ought().filter(|ought| *ought != manifest.slug) {
            refuse("slug", format!("`{}` is not the name of its place", manifest.slug), Some(ought.to_owned()));
        }
        if !seen.insert(manifest.slug.clone()) {
            refuse("slug", format!("`{}` is there twice", manifest.slug), None);
        }
        if file.is_entry() && manifest.verified.is_none() {
            let example = "verified = { by = \"documentation\", on = 2026-01-31 }";
            refuse("verified", format!("say against what the facts were checked, and when: {example}"), None);
        }
        manifests.push(manifest);
    }
    (manifests, errors)
}

/// How many of a set of providers say what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// All of them.
    pub providers: usize,
    /// Whose credential can be tried when it is given: by a verification or identity call.
    pub verification: usize,
    /// Whose account is told by name.
    pub identity: usize,
    /// Where access can be taken back at the provider.
    pub revocation: usize,
    /// Whose limits are known, by numbers or by headers.
    pub rate_limits: usize,
    /// Whose lists can be followed.
    pub pagination: usize,
    /// Whose webhooks are checked.
    pub webhooks: usize,
}

impl Coverage {
    /// Counts.
    #[must_use]
    pub fn of<'m>(manifests: impl IntoIterator<Item = &'m Manifest>) -> Self {
        let mut all = Self::default();
        for manifest in manifests {
            all.providers += 1;
            all.verification += usize::from(manifest.verification.is_some() || manifest.identity.is_some());
            all.identity += usize::from(manifest.identity.is_some());
            all.revocation += usize::from(manifest.can_revoke());
            all.rate_limits += usize::from(manifest.rate_limit.is_some());
            all.pagination += usize::from(manifest.pagination.is_some());
            all.webhooks += usize::from(manifest.webhook.is_some());
        }
        all
    }

    /// The counts by name, in the order of the report.
    #[must_use]
    pub const fn counts(&self) -> [(&'static str, usize); 7] {
        [
            ("providers", self.providers),
            ("verification", self.verification),
            ("identity", self.identity),
            ("revocation", self.revocation),
            ("rate limits", self.rate_limits),
            ("pagination", self.pagination),
            ("webhooks", self.webhooks),
        ]
    }

    fn row(&self, name: &str) -> String {
        let counts = self.counts().map(|(_, count)| count.to_string());
        format!("| {name} | {} |\n", counts.join(" | "))
    }

    fn share(&self, name: &str) -> String {
        let percent = |count: usize| (count * 100).checked_div(self.providers).unwrap_or_default();
        let shares = self.counts().map(|(_, count)| format!("{} %", percent(count)));
        format!("| {name} | {} |\n", shares.join(" | "))
    }
}

/// The coverage of a set of providers as a page: per category, per way in, and all together.
#[must_use]
pub fn coverage_page(manifests: &[Manifest]) -> String {
    let mut categories: BTreeMap<&str, Vec<&Manifest>> = BTreeMap::new();
    let mut modes: BTreeMap<&str, usize> = BTreeMap::new();
    for manifest in manifests {
        categories.entry(&manifest.category).or_default().push(manifest);
        *modes.entry(manifest.auth.mode()).or_default() += 1;
    }
    let all = Coverage::of(manifests);
    let mut page = String::from(
        "# What the catalogue covers\n\n\
         How many providers say how a credential is verified, whose account it is, how access is revoked, what the rate\n\
         limits are, how lists go on and how webhooks are signed. Written by `cargo dev manifests`; the totals may only\n\
         grow.\n\n",
    );
    let titles = all.counts().map(|(name, _)| name);
    let rule = ["---:"; 7].join(" | ");
    page.push_str(&format!("| category | {} |\n| --- | {rule} |\n", titles.join(" | ")));
    for (category, members) in &categories {
        page.push_str(&Coverage::of(members.iter().copied()).row(category));
    }
    page.push_str(&all.row("**all**"));
    page.push_str(&all.share("share"));
    page.push_str("\n| auth mode | providers |\n| --- | ---: |\n");
    for (mode, count) in &modes {
        page.push_str(&format!("| `{mode}` | {count} |\n"));
    }
    page
}

impl Manifest {
    /// Whether access can be taken back at the provider.
    #[must_use]
    pub fn can_revoke(&self) -> bool {
        let by_endpoint = match &self.auth {
            AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2ClientCredentials(spec) | AuthSpec::OAuth2Device(spec) => {
                spec.revocation_url.is_some()
            }
            _ => false,
        };
        by_endpoint || self.revocation.is_some()
    }
}
