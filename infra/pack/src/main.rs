//! `pack INPUT.wasm OUT_DIR NAME`: writes the glue between a page's WebAssembly and the browser. It is `wasm-bindgen
//! --target web` as a library, so that the tool and the crate that it belongs to are pinned by one lock file.

use std::{
    env::args_os,
    error::Error,
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use wasm_bindgen_cli_support::Bindgen;

/// Shows the library's error with its causes.
struct Failure(Box<dyn Error>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    match pack() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even standard error is gone, the exit code still tells.
            let _ = writeln!(io::stderr(), "pack: {}", Failure(error));
            ExitCode::FAILURE
        }
    }
}

fn pack() -> Result<(), Box<dyn Error>> {
    let mut arguments = args_os().skip(1);
    let mut next = || arguments.next().ok_or("usage: pack INPUT.wasm OUT_DIR NAME");
    let (input, out, name) = (next()?, next()?, next()?);
    let name = name.into_string().map_err(|_| "the name is not Unicode")?;
    Bindgen::new()
        .input_path(input)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(false)
        .out_name(&name)
        .generate(out)?;
    Ok(())
}
