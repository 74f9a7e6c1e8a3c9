//! The consent page and the page that says why there is none.

use std::fmt::Write;

use crate::grants::{ACCOUNTS, SCOPES};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c1b22;--soft:#5d5a6b;--paper:#fff;--wash:#f3f1f8;--line:#d9d5e3;--brand:#5b3df5}
@media (prefers-color-scheme:dark){:root{--ink:#f2f0f8;--soft:#b3aec4;--paper:#211f2b;--wash:#16141d;--line:#3b3748;--brand:#a594ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--wash);color:var(--ink);
 font:16px/1.5 system-ui,sans-serif}
main{width:min(26rem,100%);background:var(--paper);border:1px solid var(--line);border-radius:16px;padding:2rem}
.mark{display:inline-grid;place-items:center;width:44px;height:44px;border-radius:12px;background:var(--brand);color:var(--paper);font-weight:700;font-size:1.4rem}
h1{font-size:1.35rem;line-height:1.3;margin:1rem 0 .25rem}
p{margin:0 0 1rem;color:var(--soft)}
ul{margin:0 0 1.25rem;padding-left:1.25rem}
fieldset{border:0;margin:0 0 1.25rem;padding:0}
legend{padding:0;margin-bottom:.5rem;font-weight:600}
label{display:flex;gap:.75rem;align-items:center;min-height:48px;padding:.5rem .75rem;margin-bottom:.5rem;
 border:1px solid var(--line);border-radius:10px;cursor:pointer}
label:has(:checked){border-color:var(--brand);box-shadow:inset 0 0 0 1px var(--brand)}
.buttons{display:flex;gap:.75rem}
button{flex:1;min-height:48px;border-radius:10px;border:1px solid var(--line);background:transparent;color:inherit;font:inherit;font-weight:600;cursor:pointer}
button.allow{background:var(--brand);border-color:var(--brand);color:var(--paper)}
:focus-visible{outline:3px solid var(--brand);outline-offset:2px}
";

/// The page that asks the shop's owner.
pub(crate) fn consent(client: &str, scope: &str, transaction: &str) -> String {
    let client = escape(client);
    let mut wishes = String::new();
    for one in scope.split_whitespace() {
        let words = SCOPES.iter().find(|(name, _)| *name == one).map_or(one, |(_, words)| words);
        // Writing to a String cannot fail.
        let _ = write!(wishes, "<li>{}</li>", escape(words));
    }
    let mut shops = String::new();
    for (at, (id, name)) in ACCOUNTS.iter().enumerate() {
        let checked = if at == 0 { " checked" } else { "" };
        let _ = write!(
            shops,
            r#"<label><input type="radio" name="account" value="{id}"{checked}><span>{}</span></label>"#,
            escape(name)
        );
    }
    shell(
        &format!("{client} wants to use your shop"),
        &format!(
            r#"<h1>{client} wants to use your Acme shop</h1>
<p>It will be able to:</p>
<ul>{wishes}</ul>
<form method="post" action="/auth/decision">
<input type="hidden" name="transaction" value="{}">
<fieldset><legend>Which shop?</legend>{shops}</fieldset>
<div class="buttons"><button name="decision" value="deny" id="deny">Deny</button><button class="allow" name="decision" value="allow" id="allow">Allow</button></div>
</form>"#,
            escape(transaction)
        ),
    )
}

/// The page that says why it cannot go on.
pub(crate) fn refusal(why: &str) -> String {
    shell("This does not work", &format!("<h1>This does not work</h1><p>{}</p>", escape(why)))
}

fn shell(title: &str, body: &str) -> String {
    format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title} · Acme</title><style>{STYLE}</style></head><body><main><span class="mark" aria-hidden="true">A</span>{body}</main></body></html>"#
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_client_says_of_itself_is_text() {
        let page = super::consent("<script>alert(1)</script>", "orders:read", "txn_1");
        assert!(!page.contains("<script"));
        assert!(page.contains("Read your orders"));
    }
}
