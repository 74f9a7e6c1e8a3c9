//! Every way in, at the simulated provider: one manifest of each kind goes its whole way, from the form to the revocation,
//! and everything that the provider was told or gave out on it was a secret.

use std::collections::BTreeMap;

use domain::manifest::{AuthSpec, Manifest, OAuth2, SignSpec, VariableType};

use super::hunt::Hunt;
use crate::{
    simulator::{self, House, Seen},
    support::root,
};

/// What tells one kind of way in from another. A new mode, signature or authentication of the client is a kind of its own.
fn kind(manifest: &Manifest) -> String {
    let spoken: Option<&OAuth2> = match &manifest.auth {
        AuthSpec::OAuth2Code(spec) | AuthSpec::OAuth2ClientCredentials(spec) | AuthSpec::OAuth2Device(spec) => {
            Some(spec)
        }
        _ => None,
    };
    let signed = match &manifest.api.credential.sign {
        None => "",
        Some(SignSpec::AwsSigv4 { role_url: Some(_), .. }) => "sigv4, role",
        Some(SignSpec::AwsSigv4 { .. }) => "sigv4",
        Some(_) => "signed",
    };
    let client = spoken.map(|spec| format!("{:?} {:?} {}", spec.client_auth, spec.body, spec.dpop));
    format!("{} {signed} {}", manifest.auth.mode(), client.unwrap_or_default())
}

/// One of each kind; those that were written for the simulator all the same.
fn manifests() -> Vec<(std::path::PathBuf, Manifest)> {
    let files = simulator::files();
    let read = simulator::read(&files);
    let mut kinds = BTreeMap::new();
    let mut all = Vec::new();
    for (path, manifest) in files.into_iter().zip(read) {
        let is_written_for_it = path.starts_with(root().join("tests"));
        if kinds.insert(kind(&manifest), ()).is_none() || is_written_for_it {
            all.push((path, manifest));
        }
    }
    all
}

/// Walks each of them.
pub async fn every_mode(hunt: &Hunt) {
    let manifests = manifests();
    assert!(manifests.len() > 30, "{} kinds of ways in", manifests.len());
    let files: Vec<_> = manifests.iter().map(|(path, _)| path.clone()).collect();
    let house = House::build(&files).await;
    let hand = house.hand().await;
    let before = hunt.planted();
    for (_, manifest) in manifests {
        let slug = manifest.slug.clone();
        let secrets = secret_values(&manifest, &house);
        hand.heard.lock().unwrap().clear();
        // Whether all of it works is asked elsewhere; what was passed on the way was passed.
        if let Err(error) = simulator::walk(&house, &hand, manifest).await {
            println!("{slug}: {error}");
        }
        for secret in secrets {
            hunt.plant(&format!("{slug}: what was filled in"), &secret, &[]);
        }
        for (seen, given) in hand.heard.lock().unwrap().iter() {
            for (what, secret) in passed(seen, given, &slug) {
                hunt.plant(&format!("{slug}: {what}"), &secret, &[]);
            }
        }
    }
    let passed_on = hunt.planted() - before;
    assert!(passed_on > 100, "{passed_on} secrets were passed");
    hunt.look_at("the simulator's database", house.database.dump().await);
}

/// The values of a manifest's secret variables, and the client's secret.
fn secret_values(manifest: &Manifest, house: &House) -> Vec<String> {
    let script = simulator::Script::new(manifest.clone(), &house.authority).unwrap();
    let is_secret = |name: &String| manifest.variables.get(name).is_some_and(|spec| spec.kind == VariableType::Secret);
    let values = script.values.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.clone());
    values.chain(script.client_secret).collect()
}

/// What names a secret in a request or an answer.
const NAMES: &[&str] = &["state", "code_verifier", "client_assertion", "assertion", "client_secret", "password"];

/// What was passed in one exchange: what the provider gave out, which bears its name and a number, and what stands
/// beside a name of a secret.
fn passed(seen: &Seen, given: &str, slug: &str) -> Vec<(String, String)> {
    let mut passed = Vec::new();
    let texts = [seen.query.clone(), seen.text(), given.to_owned()];
    for text in &texts {
        let mut rest = text.as_str();
        let end = ".~_";
        while let Some(at) = rest.find(end) {
            let begin =
                rest[..at].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '-').map_or(0, |before| before + 1);
            let secret = &rest[begin..at + end.len()];
            if secret.contains(slug) {
                passed.push(("what the provider gave out".to_owned(), secret.to_owned()));
            }
            rest = &rest[at + end.len()..];
        }
    }
    for (name, value) in seen.params().into_iter().chain(seen.form()) {
        if NAMES.contains(&name.as_str()) {
            passed.push((name, value));
        }
    }
    passed
}
