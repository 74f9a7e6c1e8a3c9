//! How a call ended: from what the plugin gave and what left for the provider to one of the final states, in words.

use std::time::Duration;

use domain::{
    action::{ActionState, Ended, Sent, verdict},
    connection::ReauthCause,
    manifest::ActionSpec,
    run::Blame,
};
use plugin_host::PluginError;
use serde_json::Value;
use store::RunFailure;

/// The most that may come out, in bytes.
const LARGEST_OUTPUT: usize = 1 << 20;

/// How a call ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub state: ActionState,
    /// What came out, where it is what the schema says.
    pub output: Option<Value>,
    pub error: Option<RunFailure>,
    pub retry_after: Option<Duration>,
    /// The end user must connect again.
    pub reauth: Option<ReauthCause>,
}

impl Ending {
    /// It did not succeed.
    pub(super) fn without(state: ActionState, code: &str, message: impl Into<String>, blame: Blame) -> Self {
        // Postgres' text takes no NUL.
        let mut message = message.into().replace('\0', "\u{fffd}");
        message.truncate(message.floor_char_boundary(2_000));
        let error = Some(RunFailure { code: code.to_owned(), message, blame });
        Self { state, output: None, error, retry_after: None, reauth: None }
    }

    /// Nobody can tell: whoever performed it is gone.
    pub(super) fn lost() -> Self {
        let text = "Whoever performed the action stopped in the middle of it, so nobody can tell whether the provider did \
                    what was asked. Look there before you call it again.";
        Self::without(ActionState::Unknown, "interrupted", text, Blame::Platform)
    }

    /// Whether a call that may be repeated is worth repeating.
    pub(super) fn is_worth_repeating(&self) -> bool {
        let blames_provider = self.error.as_ref().is_some_and(|error| error.blame == Blame::Provider);
        self.state == ActionState::Unknown || (self.state == ActionState::Failed && blames_provider)
    }
}

/// What the plugin gave, held against the schema and against what left.
pub(super) fn judge(gave: Result<String, PluginError>, spec: &ActionSpec, sent: Sent) -> Ending {
    match gave {
        Ok(text) => match read_output(&text, spec) {
            Ok(output) => Ending {
                state: verdict(Ended::Well, sent),
                output: Some(output),
                error: None,
                retry_after: None,
                reauth: None,
            },
            Err(why) => broken(sent, "bad_output", why, Blame::Plugin),
        },
        Err(PluginError::Failure(failure)) => refused(failure, sent),
        Err(error @ PluginError::TimedOut { .. }) => {
            let blame = if sent == Sent::Unanswered { Blame::Provider } else { Blame::Plugin };
            broken(sent, error.code(), error.to_string(), blame)
        }
        Err(error) => {
            let blame = if error.blame() == plugin_host::Blame::Us { Blame::Platform } else { Blame::Plugin };
            broken(sent, error.code(), error.to_string(), blame)
        }
    }
}

fn broken(sent: Sent, code: &str, mut message: String, blame: Blame) -> Ending {
    let state = verdict(Ended::Broken, sent);
    if state == ActionState::Unknown {
        message = format!(
            "{} Requests had been sent by then: look at the provider before you call it again.",
            sentence(message)
        );
    }
    Ending::without(state, code, message, blame)
}

fn refused(failure: plugin_host::Failure, sent: Sent) -> Ending {
    let plugin_host::Failure { blame, message, retry_after } = failure;
    let state = verdict(Ended::Refused, sent);
    if state == ActionState::Unknown {
        let text = format!(
            "{} A request was sent and never answered, so nobody can tell whether the provider did what was asked. Look \
             there before you call it again.",
            sentence(message)
        );
        return Ending { retry_after, ..Ending::without(state, "unanswered", text, Blame::Provider) };
    }
    let (code, blame) = match blame {
        plugin_host::Blame::EndUser => ("needs_reauth", Blame::EndUser),
        plugin_host::Blame::Tenant => ("refused", Blame::Tenant),
        plugin_host::Blame::Provider if retry_after.is_some() => ("throttled", Blame::Provider),
        plugin_host::Blame::Provider => ("provider_failed", Blame::Provider),
        plugin_host::Blame::Plugin | plugin_host::Blame::CursorExpired => ("plugin_failed", Blame::Plugin),
        plugin_host::Blame::Us => ("platform", Blame::Platform),
    };
    let reauth = (blame == Blame::EndUser).then_some(ReauthCause::Revoked);
    Ending { retry_after, reauth, ..Ending::without(state, code, message, blame) }
}

fn sentence(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

fn read_output(text: &str, spec: &ActionSpec) -> Result<Value, String> {
    if text.len() > LARGEST_OUTPUT {
        return Err(format!("What came out has {} bytes; {LARGEST_OUTPUT} are allowed.", text.len()));
    }
    // Where it breaks off is told, what stands there is not.
    let output: Value = serde_json::from_str(text).map_err(|error| {
        format!("What came out is no JSON: it breaks off in line {}, column {}.", error.line(), error.column())
    })?;
    let flaws = spec.output_flaws(&output);
    if flaws.is_empty() {
        return Ok(output);
    }
    let flaws = flaws.iter().map(|flaw| match flaw.field.as_str() {
        "" => flaw.message.clone(),
        field => format!("{field}: {}", flaw.message),
    });
    Err(format!("What came out is not what the action's schema says: {}.", flaws.collect::<Vec<_>>().join("; ")))
}

#[cfg(test)]
mod tests {
    use plugin_host::{Blame as Said, Failure};

    use super::*;

    fn spec() -> ActionSpec {
        let text = "name = \"a\"\n[output]\ntype = \"object\"\nrequired = [\"id\"]\nproperties.id.type = \"string\"\n";
        toml_of(text)
    }

    fn toml_of(text: &str) -> ActionSpec {
        let head = "schema = 1\nslug = \"s\"\nname = \"S\"\ncategory = \"commerce\"\ndocs = \"https://s.example\"\n\
                    [auth]\nmode = \"none\"\n[api]\nbase_url = \"https://s.example\"\n[plugin]\ncomponent = \"p.wasm\"\n";
        let text = format!("{head}[[actions]]\n{}", text.replace("[output]", "[actions.output]"));
        domain::manifest::Manifest::parse("s.toml", &text).unwrap().actions.remove(0)
    }

    fn said(blame: Said, sent: Sent) -> Ending {
        let failure = Failure { blame, message: "no".into(), retry_after: None };
        judge(Err(PluginError::Failure(failure)), &spec(), sent)
    }

    #[test]
    fn e_7_every_failure_names_who_is_to_blame() {
        for (blame, code, shown) in [
            (Said::EndUser, "needs_reauth", Blame::EndUser),
            (Said::Tenant, "refused", Blame::Tenant),
            (Said::Provider, "provider_failed", Blame::Provider),
            (Said::Plugin, "plugin_failed", Blame::Plugin),
        ] {
            let ending = said(blame, Sent::Answered);
            let error = ending.error.unwrap();
            assert_eq!((ending.state, error.code.as_str(), error.blame), (ActionState::Failed, code, shown));
            assert_eq!(ending.reauth.is_some(), blame == Said::EndUser);
        }
        let unknown = said(Said::Provider, Sent::Unanswered);
        assert_eq!(unknown.state, ActionState::Unknown);
        assert!(unknown.error.unwrap().message.starts_with("no. A request was sent"));
    }

    #[test]
    fn e_7_what_comes_out_is_held_against_its_schema() {
        let good = judge(Ok("{\"id\":\"x\"}".into()), &spec(), Sent::Answered);
        assert_eq!((good.state, good.output), (ActionState::Succeeded, Some(serde_json::json!({ "id": "x" }))));
        for (text, words) in
            [("{\"id\":7}", "id: "), ("{}", "id: is missing"), ("{\"id\":", "no JSON"), ("[]", "schema")]
        {
            let bad = judge(Ok(text.into()), &spec(), Sent::Answered);
            let error = bad.error.unwrap();
            assert_eq!((bad.state, error.code.as_str()), (ActionState::Unknown, "bad_output"), "{text}");
            assert!(error.message.contains(words) && error.message.contains("before you call"), "{}", error.message);
        }
        let harmless = judge(Ok("{}".into()), &spec(), Sent::Nothing);
        assert_eq!(harmless.state, ActionState::Failed, "nothing was sent");
        let large = format!("{{\"id\":\"{}\"}}", "x".repeat(LARGEST_OUTPUT));
        assert!(judge(Ok(large), &spec(), Sent::Answered).error.unwrap().message.contains("bytes"));
    }

    #[test]
    fn e_7_who_is_to_blame_for_a_timeout_is_whoever_was_waited_for() {
        let late = || Err(PluginError::TimedOut { limit: Duration::from_secs(1) });
        let waiting = judge(late(), &spec(), Sent::Unanswered);
        assert_eq!((waiting.state, waiting.error.unwrap().blame), (ActionState::Unknown, Blame::Provider));
        let computing = judge(late(), &spec(), Sent::Nothing);
        assert_eq!((computing.state, computing.error.unwrap().blame), (ActionState::Failed, Blame::Plugin));
    }
}
