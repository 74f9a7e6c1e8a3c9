//! Looks at a component before it is run, and says in plain words what is wrong with it.

use wasmtime::{Engine, component::Component};

use crate::{abi::v1, error::LoadError, host::HostConfig};

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

/// Checks what it asks for: nothing but the contract's interfaces, in this version, and no more memory than there is.
///
/// # Errors
/// What it asks for too much.
pub(crate) fn inspect(engine: &Engine, component: &Component, config: &HostConfig) -> Result<(), LoadError> {
    let mut foreign = Vec::new();
    for (name, _) in component.component_type().imports(engine) {
        match name.strip_prefix(v1::PACKAGE).map(|rest| rest.split_once('@').unwrap_or((rest, ""))) {
            Some((_, version)) if !compatible(version) => {
                let found = if version.is_empty() { "none" } else { version }.to_owned();
                return Err(LoadError::Version { found });
            }
            Some((interface, _)) if v1::INTERFACES.contains(&interface) => {}
            _ => foreign.push(format!("`{}`", crate::capabilities::cut(name, 100).escape_debug())),
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
    Ok(())
}

/// Patch versions of 1.0 say the same in other words.
fn compatible(version: &str) -> bool {
    version == v1::VERSION
        || version
            .strip_prefix("1.0.")
            .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}
