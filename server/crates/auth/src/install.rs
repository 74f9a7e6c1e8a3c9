//! Installs that begin at the vendor's marketplace: what arrives is read, and checked to come from the vendor where the
//! vendor signs. Nobody here asked for it, so there is neither a state nor a PKCE challenge to compare: whoever keeps an
//! arrival binds it in another way.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use domain::{
    manifest::{AuthSpec, Install, InstallBegins, Manifest, Variables},
    secret::Secret,
};

use crate::{
    account::Account,
    callback::{Answer, Callback},
};

/// How far a signed arrival's time may be from now, in seconds.
const TOLERANCE: i64 = 300;
/// Most parameters of an arrival.
const MOST: usize = 32;
/// Longest name and longest value, in bytes.
const LONGEST: (usize, usize) = (128, 4_096);

/// What arrived, by name. `Debug` shows the names alone: a code may be among the values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, Secret>);

/// An install that may be gone on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The connection's values that the vendor told.
    pub variables: Variables,
    /// Whether the vendor's signature vouches for it.
    pub is_signed: bool,
    /// Whether the code is among the parameters already; if not, the authorization request follows.
    pub has_code: bool,
}

/// Why nothing is begun by what arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnInstall {
    /// The provider has no installs that begin at its marketplace.
    #[error("this provider has no installs that begin at its marketplace")]
    NotOffered,
    /// A parameter twice, too many of them, or one too long.
    #[error("the parameters are not what an honest sender would write")]
    Odd,
    /// The signature is missing or wrong.
    #[error("the signature is not the vendor's")]
    Signature,
    /// The signed time is missing from a text that has a name for it, or too far from now.
    #[error("the signed time is more than five minutes from now")]
    Stale,
    /// There is nothing to check the signature with.
    #[error("the integration has no client secret to check the signature with")]
    NoSecret,
    /// The code is missing.
    #[error("there is no code")]
    NoCode,
    /// A value that a variable is filled with is not of its type.
    #[error("{0}")]
    Value(String),
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Params {
    /// Gathers parameters: of a query, a form or a JSON object's own texts and numbers.
    ///
    /// # Errors
    /// [`NotAnInstall::Odd`].
    pub fn gather(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, NotAnInstall> {
        let mut params = BTreeMap::new();
        for (name, value) in pairs {
            let too_long = name.len() > LONGEST.0 || value.len() > LONGEST.1;
            if too_long || params.len() == MOST || params.insert(name, Secret::new(value)).is_some() {
                return Err(NotAnInstall::Odd);
            }
        }
        Ok(Self(params))
    }

    /// The parameters by name, to be sealed.
    #[must_use]
    pub const fn by_name(&self) -> &BTreeMap<String, Secret> {
        &self.0
    }

    /// What [`Params::by_name`] gave.
    #[must_use]
    pub const fn kept(params: BTreeMap<String, Secret>) -> Self {
        Self(params)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose).filter(|value| !value.is_empty())
    }

    /// What is signed: all but the signature, sorted by name, as a query string.
    fn signed(&self, hmac_param: &str) -> String {
        let others = self.0.iter().filter(|(name, _)| *name != hmac_param);
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(others.map(|(name, value)| (name, value.expose())));
        text.finish()
    }

    /// As a callback for [`Account::finish`], for a manifest whose installs begin with the code. There is no state in it.
    #[must_use]
    pub fn callback(&self) -> Callback {
        let open = |(name, value): (&String, &Secret)| (name.clone(), value.expose().to_owned());
        let mut params: BTreeMap<String, String> = self.0.iter().map(open).collect();
        let code = params.remove("code");
        Callback {
            state: Secret::new(""),
            iss: params.remove("iss"),
            answer: code.map_or(Answer::Bare, |code| Answer::Code(Secret::new(code))),
            params,
        }
    }
}

/// The code among what arrived, under the manifest's name for it.
#[must_use]
pub fn code(manifest: &Manifest, params: &Params) -> Option<Secret> {
    let AuthSpec::OAuth2Code(spec) = &manifest.auth else { return None };
    params.get(&spec.callback_code_param).map(Secret::new)
}

impl Account<'_> {
    /// Reads what arrived.
    ///
    /// # Errors
    /// [`NotAnInstall`]. Nothing may be kept then.
    pub fn arrival(&self, params: &Params, now: DateTime<Utc>) -> Result<Arrival, NotAnInstall> {
        let AuthSpec::OAuth2Code(spec) = &self.manifest.auth else { return Err(NotAnInstall::NotOffered) };
        let install = spec.install.as_ref().ok_or(NotAnInstall::NotOffered)?;
        if let Some(hmac_param) = &install.hmac_param {
            self.check_signature(params, hmac_param)?;
            if let Some(timestamp) = params.get("timestamp") {
                let at: i64 = timestamp.parse().map_err(|_| NotAnInstall::Stale)?;
                if at.checked_sub(now.timestamp()).is_none_or(|off| off.unsigned_abs() > TOLERANCE.unsigned_abs()) {
                    return Err(NotAnInstall::Stale);
                }
            }
        }
        let has_code = install.begins == InstallBegins::Code;
        if has_code && params.get(&spec.callback_code_param).is_none() {
            return Err(NotAnInstall::NoCode);
        }
        Ok(Arrival { variables: self.filled(install, params)?, is_signed: install.hmac_param.is_some(), has_code })
    }

    fn check_signature(&self, params: &Params, hmac_param: &str) -> Result<(), NotAnInstall> {
        let secret = self.secrets.get("client_secret").ok_or(NotAnInstall::NoSecret)?;
        let given = params.get(hmac_param).and_then(|text| hex::decode(text).ok()).ok_or(NotAnInstall::Signature)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        // Compares in constant time.
        hmac::verify(&key, params.signed(hmac_param).as_bytes(), &given).map_err(|_| NotAnInstall::Signature)
    }

    /// The variables that are filled. What does not arrive is left for the end user to fill in.
    fn filled(&self, install: &Install, params: &Params) -> Result<Variables, NotAnInstall> {
        let mut variables = Variables::new();
        for (name, param) in &install.fill {
            let Some(spec) = self.manifest.variables.get(name) else { continue };
            let Some(value) = params.get(param) else { continue };
            let value = self.manifest.handed_over(name, value);
            spec.accept(name, value).map_err(|error| NotAnInstall::Value(error.to_string()))?;
            variables.insert(name.clone(), value.to_owned());
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        schema = 1
        slug = "shop"
        name = "Shop"
        category = "commerce"
        docs = "https://shop.example/docs"
        [variables.shop]
        type = "label"
        label = "Shop"
        [auth]
        mode = "oauth2_code"
        authorization_url = "https://{shop}.shops.example/authorize"
        token_url = "https://{shop}.shops.example/token"
        install = { begins = "authorize", fill = { shop = "shop" }, hmac_param = "hmac" }
        [api]
        base_url = "https://{shop}.shops.example/api"
    "#;

    fn account(manifest: &Manifest) -> Account<'_> {
        Account {
            manifest,
            variables: Variables::new(),
            secrets: [("client_secret".to_owned(), Secret::new("hush"))].into(),
            client_id: Some("app".into()),
            redirect_uri: "https://patchbay.example/connect/callback/int".parse().unwrap(),
            client_metadata_url: None,
            scopes: None,
        }
    }

    fn params(query: &str) -> Params {
        Params::gather(url::form_urlencoded::parse(query.as_bytes()).into_owned()).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn signed(query: &str) -> Params {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"hush");
        let mut params = params(query);
        let signature = hex::encode(hmac::sign(&key, params.signed("hmac").as_bytes()));
        params.0.insert("hmac".into(), Secret::new(signature));
        params
    }

    #[test]
    fn a_11_the_vectors_of_a_vendors_documentation() {
        let manifest = Manifest::parse("test", MANIFEST).unwrap();
        let account = account(&manifest);
        // A commerce vendor publishes them; the key is `hush`.
        for query in [
            "code=0907a61c0c8d55e99db179b68161bc00&hmac=700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf&shop=some-shop.myshopify.com&state=0.6784241404160823&timestamp=1337178173",
            "timestamp=1337178173&shop=some-shop.myshopify.com&code=0907a61c0c8d55e99db179b68161bc00&hmac=4712bf92ffc2917d15a2f5a273e39f0116667419aa4b6ac0b3baaf26fa3c4d20",
        ] {
            assert_eq!(account.check_signature(&params(query), "hmac"), Ok(()), "{query}");
            let altered = query.replace("some-shop", "evil-shop");
            assert_eq!(account.check_signature(&params(&altered), "hmac"), Err(NotAnInstall::Signature));
        }
    }

    #[test]
    fn a_11_what_arrives_is_read_or_refused() {
        let manifest = Manifest::parse("test", MANIFEST).unwrap();
        let account = account(&manifest);
        let now = at(1_700_000_000);
        let good = account.arrival(&signed("shop=north.shops.example&timestamp=1699999800&host=a%20b%2F%26"), now);
        assert_eq!(good.unwrap().variables, [("shop".to_owned(), "north".to_owned())].into());
        let plain = account.arrival(&signed("shop=north"), now).unwrap();
        assert!(plain.is_signed && !plain.has_code);
        for (given, expected) in [
            (params("shop=north"), NotAnInstall::Signature),
            (params("shop=north&hmac="), NotAnInstall::Signature),
            (params("shop=north&hmac=zz"), NotAnInstall::Signature),
            (params("shop=north&hmac=00"), NotAnInstall::Signature),
            (signed("shop=north&timestamp=1699999699"), NotAnInstall::Stale),
            (signed("shop=north&timestamp=1700000301"), NotAnInstall::Stale),
            (signed("shop=north&timestamp=-9223372036854775808"), NotAnInstall::Stale),
            (signed("shop=north&timestamp=now"), NotAnInstall::Stale),
        ] {
            assert_eq!(account.arrival(&given, now), Err(expected), "{given:?}");
        }
        let elsewhere = account.arrival(&signed("shop=north.shops.example.evil.example"), now);
        assert!(matches!(elsewhere, Err(NotAnInstall::Value(_))), "{elsewhere:?}");
        let mut without = account.clone();
        without.secrets.clear();
        assert_eq!(without.arrival(&signed("shop=north"), now), Err(NotAnInstall::NoSecret));
    }

    #[test]
    fn a_11_a_code_may_have_a_name_of_its_own() {
        let text = MANIFEST.replace(
            "install = { begins = \"authorize\", fill = { shop = \"shop\" }, hmac_param = \"hmac\" }",
            "callback_code_param = \"auth_code\"\ninstall = { begins = \"code\", fill = { shop = \"shop\" } }",
        );
        let manifest = Manifest::parse("test", &text).unwrap();
        let account = account(&manifest);
        let now = at(1_700_000_000);
        assert_eq!(account.arrival(&params("shop=north&code=c"), now), Err(NotAnInstall::NoCode));
        let given = params("shop=north&auth_code=c&iss=https%3A%2F%2Fa.example");
        let arrival = account.arrival(&given, now).unwrap();
        assert!(arrival.has_code && !arrival.is_signed);
        let callback = given.callback();
        assert_eq!(callback.code("auth_code"), Some(Secret::new("c")));
        assert_eq!(callback.iss.as_deref(), Some("https://a.example"));
    }

    #[test]
    fn a_11_odd_parameters_are_refused_and_values_are_never_shown() {
        let pairs = |query: &str| url::form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>();
        assert_eq!(Params::gather(pairs("shop=a&shop=b")), Err(NotAnInstall::Odd));
        assert_eq!(Params::gather(pairs(&format!("code={}", "x".repeat(5_000)))), Err(NotAnInstall::Odd));
        let many: String = (0..40).map(|at| format!("p{at}=1&")).collect();
        assert_eq!(Params::gather(pairs(&many)), Err(NotAnInstall::Odd));
        assert!(!format!("{:?}", params("code=canary")).contains("canary"));
    }
}
