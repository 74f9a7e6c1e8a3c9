//! Form fields.

use leptos::prelude::*;

/// A line to fill in, with label, help and what is wrong.
#[component]
pub fn Field(
    /// Its name, unique in the page.
    #[prop(into)]
    name: String,
    /// What it is called.
    #[prop(into)]
    label: String,
    /// What is filled in.
    value: RwSignal<String>,
    /// Shown below.
    #[prop(into, optional)]
    help: Option<String>,
    /// What is wrong with it.
    #[prop(into, optional)]
    error: Signal<Option<String>>,
    /// The input's type.
    #[prop(default = "text")]
    kind: &'static str,
    /// What browsers may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// The keyboard that phones show.
    #[prop(default = "text")]
    inputmode: &'static str,
    /// Shown while it is empty.
    #[prop(into, optional)]
    placeholder: String,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// When it is left.
    #[prop(into, optional)]
    on_leave: Option<Callback<()>>,
) -> impl IntoView {
    let help = help.filter(|help| !help.is_empty());
    let id = format!("field-{name}");
    let help_id = format!("{id}-help");
    let error_id = format!("{id}-error");
    let described = {
        let (help_id, error_id, helped) = (help_id.clone(), error_id.clone(), help.is_some());
        move || {
            let wrong = error.get().is_some();
            let ids: Vec<&str> = [(wrong, error_id.as_str()), (helped, help_id.as_str())]
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, id)| *id)
                .collect();
            (!ids.is_empty()).then(|| ids.join(" "))
        }
    };
    view! {
        <div class="field" class:wrong=move || error.get().is_some()>
            <label for=id.clone()>{label}</label>
            <input
                id=id
                name=name
                type=kind
                autocomplete=autocomplete
                autocapitalize="off"
                spellcheck="false"
                inputmode=inputmode
                placeholder=placeholder
                required=required
                aria-invalid=move || error.get().is_some().then_some("true")
                aria-describedby=described
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
                on:blur=move |_| {
                    if let Some(on_leave) = on_leave {
                        on_leave.run(());
                    }
                }
            />
            <p class="field-error" id=error_id aria-live="polite">{move || error.get()}</p>
            {help.map(|help| view! { <p class="field-help" id=help_id>{help}</p> })}
        </div>
    }
}

/// One of several.
#[component]
pub fn Select(
    /// Its name, unique in the page.
    #[prop(into)]
    name: String,
    /// What it is called.
    #[prop(into)]
    label: String,
    /// What is chosen.
    value: RwSignal<String>,
    /// What may be chosen: the value and what it is called.
    #[prop(into)]
    options: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    let id = format!("field-{name}");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select
                id=id
                name=name
                prop:value=move || value.get()
                on:change=move |event| value.set(event_target_value(&event))
            >
                {move || {
                    options
                        .get()
                        .into_iter()
                        .map(|(option, name)| {
                            let chosen = value.get_untracked() == option;
                            view! { <option value=option selected=chosen>{name}</option> }
                        })
                        .collect_view()
                }}
            </select>
        </div>
    }
}
