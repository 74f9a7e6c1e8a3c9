//! Labels that providers hand over as whole hosts: `north.shops.example` where the manifest writes
//! `https://{shop}.shops.example`.

use super::{AuthSpec, Manifest, Template, VariableType, template::Part};

impl Manifest {
    /// A value as a provider hands it over, for the variable of that name: where that is a label and the value is a whole
    /// host that ends as a template of this manifest goes on behind the label, that end is cut off. Anything else is given
    /// back as it is, to be accepted or refused as what it is.
    #[must_use]
    pub fn handed_over<'v>(&self, variable: &str, value: &'v str) -> &'v str {
        if self.variables.get(variable).is_none_or(|spec| spec.kind != VariableType::Label) {
            return value;
        }
        let suffixes = self.host_templates().into_iter().filter_map(|template| suffix(template, variable));
        let cut = suffixes.filter_map(|suffix| {
            let at = value.len().checked_sub(suffix.len())?;
            let (label, end) = value.split_at_checked(at)?;
            (end.eq_ignore_ascii_case(suffix) && !label.is_empty()).then_some(label)
        });
        // The longest end, should one be the end of another.
        cut.min_by_key(|label| label.len()).unwrap_or(value)
    }

    /// The templates that say where the provider is.
    fn host_templates(&self) -> Vec<&Template> {
        let mut all = vec![&self.api.base_url];
        match &self.auth {
            AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2ClientCredentials(spec) | AuthSpec::OAuth2Device(spec) => {
                all.push(&spec.token_url);
                all.extend(spec.authorization_url.as_ref());
            }
            AuthSpec::OAuth1(spec) => all.extend([&spec.authorization_url, &spec.token_url]),
            AuthSpec::AppInstallation(spec) => all.push(&spec.install_url),
            AuthSpec::Mcp(spec) => all.push(&spec.server_url),
            AuthSpec::Key | AuthSpec::Session(_) | AuthSpec::Jwt(_) | AuthSpec::None => {}
        }
        all
    }
}

/// What stands in the host behind a label with which the host begins: `.shops.example`.
fn suffix<'t>(template: &'t Template, variable: &str) -> Option<&'t str> {
    let mut parts = template.parts().iter();
    let (Some(Part::Fixed(scheme)), Some(Part::Hole(hole))) = (parts.next(), parts.next()) else { return None };
    if scheme.as_ref() != "https://" || hole.name != variable || hole.group.is_some() {
        return None;
    }
    let Some(Part::Fixed(rest)) = parts.next() else { return None };
    let host = rest.split(['/', '?', ':']).next().unwrap_or_default();
    // A hole that follows in the host leaves its end open.
    let ends_here = host.len() < rest.len() || parts.next().is_none();
    (ends_here && host.starts_with('.') && host.len() > 1).then_some(host)
}

#[cfg(test)]
mod tests {
    use crate::manifest::Manifest;

    fn manifest(base: &str) -> Manifest {
        let text = format!(
            r#"
            schema = 1
            slug = "shop"
            name = "Shop"
            category = "commerce"
            docs = "https://shop.example/docs"
            [variables.shop]
            type = "label"
            label = "Shop"
            [variables.region]
            type = "label"
            label = "Region"
            [auth]
            mode = "oauth2_code"
            authorization_url = "https://{{shop}}.shops.example/authorize"
            token_url = "https://{{shop}}.eu.shops.example/token"
            [api]
            base_url = "{base}"
            "#
        );
        Manifest::parse("test", &text).unwrap()
    }

    #[test]
    fn a_11_a_whole_host_is_cut_to_its_label() {
        let manifest = manifest("https://api.shops.example/{shop}/{region}");
        for (given, label) in [
            ("north.shops.example", "north"),
            ("North.SHOPS.example", "North"),
            ("north.eu.shops.example", "north"),
            ("north", "north"),
            (".shops.example", ".shops.example"),
            ("shops.example", "shops.example"),
            ("north.shops.example.evil.example", "north.shops.example.evil.example"),
            ("northéshops.example", "northéshops.example"),
        ] {
            assert_eq!(manifest.handed_over("shop", given), label, "{given}");
        }
        // What is left of a host further down is no label, and is refused as such.
        let left = manifest.handed_over("shop", "a.b.shops.example");
        assert!(manifest.variables.get("shop").unwrap().accept("shop", left).is_err(), "{left}");
        assert_eq!(manifest.handed_over("region", "north.shops.example"), "north.shops.example");
        assert_eq!(manifest.handed_over("nothing", "north.shops.example"), "north.shops.example");
    }

    #[test]
    fn a_11_an_end_that_another_value_decides_is_not_cut() {
        let manifest = manifest("https://{region}.shops.example/{shop}");
        assert_eq!(manifest.handed_over("region", "eu.shops.example"), "eu");
        let manifest = super::tests::manifest("https://shops.example/{region}/{shop}");
        assert_eq!(manifest.handed_over("region", "eu.shops.example"), "eu.shops.example");
    }
}
