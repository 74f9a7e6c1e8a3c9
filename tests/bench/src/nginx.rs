//! nginx in front of the provider, as a proxy that does nothing but pass on.

use std::process::{Command, Stdio};

use crate::{
    Outcome,
    places::{self, program},
    process::{Server, free_port},
    stack::{Stack, wait_for_port},
};

/// A running nginx.
pub struct Nginx {
    /// Where it is.
    pub origin: String,
    server: Server,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, it would leave its workers behind; asked, it ends them.
        let asked = Command::new("kill").arg(self.server.id().to_string()).stderr(Stdio::null()).status();
        if asked.is_ok_and(|status| status.success()) {
            self.server.wait();
        }
    }
}

impl Nginx {
    /// Starts one with connections to the provider kept alive.
    pub fn start(stack: &Stack<'_>) -> Outcome<Self> {
        let folder = stack.places.folder.join("nginx");
        let port = free_port()?;
        let upstream = stack.acme.trim_start_matches("http://");
        let configuration = format!(
            "daemon off;\nworker_processes auto;\npid {0}/nginx.pid;\nerror_log {0}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\n  access_log {0}/access.log combined;\n  client_body_temp_path {0}/body;\n  \
             proxy_temp_path {0}/proxy;\n  fastcgi_temp_path {0}/fastcgi;\n  uwsgi_temp_path {0}/uwsgi;\n  \
             scgi_temp_path {0}/scgi;\n  keepalive_requests 1000000000;\n  \
             upstream provider {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}\n  \
             server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      proxy_pass http://provider;\n      \
             proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n",
            folder.display()
        );
        let file = folder.join("nginx.conf");
        places::write(&file, &configuration)?;
        let mut nginx = Command::new(program("nginx")?);
        nginx.arg("-p").arg(&folder).arg("-e").arg(folder.join("start.log")).arg("-c").arg(&file);
        let log = folder.join("output.log");
        let mut server = Server::start(nginx, &log)?;
        wait_for_port(&mut server, port, &log)?;
        Ok(Self { origin: format!("http://127.0.0.1:{port}"), server })
    }
}
