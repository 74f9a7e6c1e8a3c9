//! The field of a value that a manifest asks for, whatever its kind.

use api_types::integration::Variable;
use leptos::prelude::*;

use crate::text;

/// A field by the variable's kind: a line, several lines, a choice or a secret, with what stands before and behind it.
#[component]
pub fn VariableField(
    /// What is asked for.
    variable: Variable,
    /// What is filled in.
    value: RwSignal<String>,
    /// What is wrong with it.
    #[prop(into, optional)]
    error: Signal<Option<String>>,
    /// Whether a secret is stored already, so that it may be left empty.
    #[prop(optional)]
    stored: bool,
    /// When it is left.
    #[prop(into, optional)]
    on_leave: Option<Callback<()>>,
) -> impl IntoView {
    let Variable {
        name,
        kind,
        label,
        help,
        help_url,
        placeholder,
        default,
        prefix,
        suffix,
        options,
        multiline,
        optional,
    } = variable;
    let id = format!("field-{name}");
    let ids = Ids::of(&id, help.is_some() || help_url.is_some(), !prefix.is_empty(), !suffix.is_empty());
    let described = move || ids.described(error.get().is_some());
    let invalid = move || error.get().is_some().then_some("true");
    let left = move |_| {
        if let Some(on_leave) = on_leave {
            on_leave.run(());
        }
    };
    let secret = kind == "secret";
    let shown = RwSignal::new(!secret);
    let placeholder = match (stored, placeholder.or(default.clone())) {
        (true, _) => text::STORED.to_owned(),
        (false, placeholder) => placeholder.unwrap_or_default(),
    };
    let required = !optional && !stored && default.is_none();
    let control = match kind.as_str() {
        "choice" => {
            let blank = (default.is_none() || optional)
                .then(|| view! { <option value="">{if optional { text::NO_CHOICE } else { text::CHOOSE }}</option> });
            let chosen = value.get_untracked();
            let options = options.into_iter().map(|option| {
                let selected = option.value == chosen;
                view! { <option value=option.value selected=selected>{option.label}</option> }
            });
            view! {
                <select
                    id=id.clone()
                    name=name
                    aria-invalid=invalid
                    aria-describedby=described
                    aria-required=required.then_some("true")
                    prop:value=move || value.get()
                    on:change=move |event| value.set(event_target_value(&event))
                    on:blur=left
                >
                    {blank}
                    {options.collect_view()}
                </select>
            }
            .into_any()
        }
        _ if multiline => view! {
            <textarea
                id=id.clone()
                name=name
                rows="5"
                class="mono"
                class:veiled=move || !shown.get()
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder=placeholder
                aria-invalid=invalid
                aria-describedby=described
                aria-required=required.then_some("true")
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
                on:blur=left
            ></textarea>
        }
        .into_any(),
        _ => view! {
            <input
                id=id.clone()
                name=name
                type=move || if shown.get() { "text" } else { "password" }
                inputmode=if kind == "origin" { "url" } else { "text" }
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder=placeholder
                aria-invalid=invalid
                aria-describedby=described
                aria-required=required.then_some("true")
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
                on:blur=left
            />
        }
        .into_any(),
    };
    let reveal = secret.then(|| {
        let label = label.clone();
        view! {
            <button
                type="button"
                class="reveal"
                aria-controls=id.clone()
                aria-label=move || text::reveal(shown.get(), &label)
                on:click=move |_| shown.update(|shown| *shown = !*shown)
            >
                {move || if shown.get() { text::HIDE } else { text::SHOW }}
            </button>
        }
    });
    let adorned = |words: String, part: &str| {
        (!words.is_empty()).then(|| view! { <span class="adorn" id=format!("{id}-{part}")>{words}</span> })
    };
    let plain = prefix.is_empty() && suffix.is_empty() && !secret;
    view! {
        <div class="field" class:wrong=move || error.get().is_some()>
            <label for=id.clone()>
                {label} {optional.then(|| view! { <span class="optional">{text::OPTIONAL}</span> })}
            </label>
            <div class="adorned" class:plain=plain class:tall=multiline>
                {adorned(prefix, "prefix")}
                {control}
                {adorned(suffix, "suffix")}
                {reveal}
            </div>
            <p class="field-error" id=format!("{id}-error") aria-live="polite">
                {move || error.get()}
            </p>
            {(help.is_some() || help_url.is_some())
                .then(|| {
                    view! {
                        <p class="field-help" id=format!("{id}-help")>
                            {help.map(|help| format!("{help} "))}
                            {help_url
                                .map(|url| {
                                    view! {
                                        <a href=url target="_blank" rel="noopener noreferrer">
                                            {text::WHERE_TO_FIND}
                                        </a>
                                    }
                                })}
                        </p>
                    }
                })}
        </div>
    }
}

/// What describes a field, for screen readers.
struct Ids {
    error: String,
    rest: Vec<String>,
}

impl Ids {
    fn of(id: &str, help: bool, prefix: bool, suffix: bool) -> Self {
        let parts = [(prefix, "prefix"), (suffix, "suffix"), (help, "help")];
        let rest = parts.into_iter().filter(|(there, _)| *there).map(|(_, part)| format!("{id}-{part}"));
        Self { error: format!("{id}-error"), rest: rest.collect() }
    }

    fn described(&self, wrong: bool) -> Option<String> {
        let error = wrong.then_some(self.error.as_str());
        let ids: Vec<&str> = error.into_iter().chain(self.rest.iter().map(String::as_str)).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}
