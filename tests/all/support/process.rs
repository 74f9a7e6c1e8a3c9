//! The server's own binary, as an operator starts it, beside the server of a world.

use std::process::{Command, Stdio};

use super::{
    children::{Child, spawn},
    paths::{patchbay_binary, root},
    wait::PATIENCE,
    world::World,
};

/// `patchbay serve` or `patchbay worker` over a world's database, keys and plugins.
pub fn server_process(world: &World, command: &str) -> Command {
    let config = world.config();
    let mut process = Command::new(patchbay_binary());
    process
        .arg(command)
        .current_dir(root())
        .env("PATCHBAY_DATABASE__URL", &config.database.url)
        .env("PATCHBAY_DATABASE__MIGRATE_AT_START", "false")
        .env("PATCHBAY_DATABASE__MAX_CONNECTIONS", "8")
        .env("PATCHBAY_SERVER__BIND", "127.0.0.1:0")
        .env("PATCHBAY_SERVER__PUBLIC_URL", config.server.public_url.as_str())
        .env("PATCHBAY_KEYS__KIND", "file")
        .env("PATCHBAY_KEYS__FILE__PATH", &config.keys.file.path)
        .env("PATCHBAY_PLUGINS__DIR", &config.plugins.dir)
        .env("PATCHBAY_PLUGINS__CACHE_DIR", &config.plugins.cache_dir)
        .env("PATCHBAY_LIMITS__REQUESTS_PER_SECOND", "10000")
        .env("PATCHBAY_EGRESS__ALLOW_RANGES", r#"["127.0.0.0/8"]"#)
        .env("PATCHBAY_EGRESS__ALLOW_HTTP", "true");
    process
}

/// A running `patchbay serve` beside a world's server; gives its origin too. It runs no jobs.
pub fn start_node_of(world: &World, fault_point: &str) -> (Child, String) {
    let mut command = server_process(world, "serve");
    command.env("PATCHBAY_WORKER__ENABLED", "false").env("PATCHBAY_FAULT_POINT", fault_point);
    let mut process = spawn(command, Stdio::null()).unwrap();
    let origin = process.wait_for_line("listening on ", PATIENCE);
    (process, origin)
}
