//! Where the harness's host keeps what it compiled, and the randomness for that folder's key.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use domain::entropy::Entropy;

/// The folder for compiled components of the workspace whose `target/plugins/<slug>/` this one lies in; none if it lies
/// elsewhere.
pub(crate) fn compiled_beside(component: &Path) -> Option<PathBuf> {
    let plugins = component.parent()?.parent()?;
    let target = plugins.parent()?;
    (plugins.file_name()? == "plugins" && target.file_name()? == "target").then(|| target.join("compiled-plugins"))
}

/// Random bytes of the system's, drawn beforehand: as many as the key of a folder takes. Nothing else asks.
#[derive(Default)]
pub(crate) struct Drawn(Mutex<Vec<u8>>);

impl Drawn {
    /// None where the system has no such device: there nothing is kept.
    pub(crate) fn new() -> Option<Self> {
        let mut bytes = vec![0; 64];
        File::open("/dev/urandom").and_then(|mut device| device.read_exact(&mut bytes)).ok()?;
        Some(Self(Mutex::new(bytes)))
    }
}

impl Entropy for Drawn {
    fn fill(&self, buffer: &mut [u8]) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in buffer {
            *byte = left.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::compiled_beside;

    #[test]
    fn only_what_was_built_is_kept_compiled() {
        let place = compiled_beside(Path::new("/srv/shop/target/plugins/shop/plugin.wasm"));
        assert_eq!(place.as_deref(), Some(Path::new("/srv/shop/target/compiled-plugins")));
        for elsewhere in ["/srv/shop/plugin.wasm", "/srv/plugins/shop/plugin.wasm", "plugin.wasm"] {
            assert_eq!(compiled_beside(Path::new(elsewhere)), None, "{elsewhere}");
        }
    }
}
