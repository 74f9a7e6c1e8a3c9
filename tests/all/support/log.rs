//! All that is logged while the tests run goes to a file, at the finest level of our own code: to look at after a
//! failure, and to search for secrets that should not be there.

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::{Mutex, OnceLock},
};

use tracing_subscriber::{EnvFilter, fmt};

use super::paths::scratch;

const LEVELS: &str = "debug,hyper=info,hyper_util=info,h2=info,rustls=info,tokio_postgres=info,wasmtime=info,cranelift=info,\
                      wasmtime_cranelift=info,cranelift_codegen=info,regalloc2=info,\
                      patchbay=trace,patchbay_flows=trace,patchbay_store=trace,patchbay_vault=trace,\
                      patchbay_egress=trace,patchbay_auth=trace,patchbay_plugin_host=trace,rustify=trace,vaultrs=trace";

/// Begins to write it, once per process.
pub fn start_log() {
    path();
}

/// All that was logged so far, by all tests of this process.
pub fn captured() -> String {
    fs::read_to_string(path()).unwrap()
}

fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = scratch().join("log.txt");
        let file = Mutex::new(File::create(&path).unwrap());
        let log = fmt().with_env_filter(EnvFilter::new(LEVELS)).with_ansi(false).with_writer(file);
        log.try_init().expect("nobody else listens to the log");
        path
    })
}
