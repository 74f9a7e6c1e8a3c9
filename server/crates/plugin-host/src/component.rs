//! Looks at a component before it is run, and says in plain words what is wrong with it.

use std::collections::BTreeSet;

use wasmtime::{Engine, component::Component};

use crate::{
    abi::{Contract, PACKAGE},
    capabilities::cut,
    error::LoadError,
    host::HostConfig,
};

/// Tells by the first bytes whether it is a component at all.
///
/// # Errors
/// What it is instead.
pub(crate) fn sniff(bytes: &[u8], limit: usize) -> Result<(), LoadError> {
    if bytes.len() > limit {
        return Err(LoadError::TooLarge { bytes: bytes.len(), limit });
    }
    match bytes.first_chunk::<8>() {
        None => Err(LoadError::NotWasm("is shorter than the header of one")),
        Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(LoadError::CoreModule),
        Some([0, b'a', b's', b'm', ..]) => {
            Err(LoadError::NotWasm("is of a version of WebAssembly that is not known here"))
        }
        Some([0x7f, b'E', b'L', b'F', ..]) => Err(LoadError::NotWasm("is a native or precompiled file")),
        Some(_) => Err(LoadError::NotWasm("does not begin like one")),
    }
}

/// Checks what it asks for: nothing but the contract's interfaces, all in one version that this host runs, and no more
/// memory than there is. Gives that version.
///
/// # Errors
/// What it asks for too much.
pub(crate) fn inspect(engine: &Engine, component: &Component, config: &HostConfig) -> Result<Contract, LoadError> {
    let (mut foreign, mut named) = (Vec::new(), BTreeSet::new());
    let outline = component.component_type();
    let imports = outline.imports(engine).map(|(name, _)| (name, true));
    // What a world gives is functions without a version; a tool that exports the types says which they are of.
    for (name, is_asked) in imports.chain(outline.exports(engine).map(|(name, _)| (name, false))) {
        let Some(rest) = name.strip_prefix(PACKAGE) else {
            if is_asked {
                foreign.push(shown(name));
            }
            continue;
        };
        let (interface, version) = rest.split_once('@').unwrap_or((rest, "none"));
        let contract = Contract::of(version)
            .ok_or_else(|| LoadError::Version { found: cut(version, 100).escape_debug().to_string() })?;
        named.insert(contract);
        if !contract.interfaces().contains(&interface) {
            foreign.push(shown(name));
        }
    }
    if !foreign.is_empty() {
        foreign.truncate(10);
        return Err(LoadError::Import { imports: foreign.join(", ") });
    }
    let Some(needs) = component.resources_required() else {
        return Err(LoadError::World("it asks for modules to be handed in".into()));
    };
    let memory = needs.max_initial_memory_size.unwrap_or_default();
    let limit = u64::try_from(config.memory_bytes).unwrap_or(u64::MAX);
    if memory > limit {
        return Err(LoadError::TooHungry { what: format!("{memory} bytes of memory"), limit });
    }
    let mut named = named.into_iter();
    match (named.next(), named.next()) {
        (Some(one), Some(other)) => {
            Err(LoadError::Version { found: format!("{} and {} at once", one.version(), other.version()) })
        }
        (one, _) => Ok(one.unwrap_or(Contract::NEWEST)),
    }
}

fn shown(name: &str) -> String {
    format!("`{}`", cut(name, 100).escape_debug())
}
