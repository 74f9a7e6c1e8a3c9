//! The side of a Model Context Protocol server and of its authorization server: a challenge, the two documents (RFC 9728,
//! RFC 8414), and OAuth 2 with a client that is known by the address of its metadata document.

use domain::manifest::{AuthSpec, Mcp, OAuth2};
use serde_json::json;

use super::{
    expected::{Body, Expected, host_of},
    provider::{Provider, Role},
    wire::Reply,
};

/// Who grants access.
const ISSUER: &str = "https://grants.simulated.example/tenant";

impl Provider {
    /// The OAuth 2 that this provider speaks: the manifest's, or that of the server's authorization server.
    pub(super) fn spoken(&self) -> Option<OAuth2> {
        let AuthSpec::Mcp(spec) = &self.script.manifest.auth else {
            return super::script::oauth2(&self.script.manifest).cloned();
        };
        let server = self.script.url(&spec.server_url, &[]).ok()?;
        let spoken = json!({
            "authorization_url": format!("{ISSUER}/authorize"),
            "token_url": format!("{ISSUER}/token"),
            "revocation_url": format!("{ISSUER}/revoke"),
            "issuer": ISSUER,
            "scopes": ["tools", "offline_access"],
            "client_auth": "none",
            "resource": [server.as_str()],
            "authorize_params": { "prompt": "consent" },
        });
        serde_json::from_value(spoken).ok()
    }

    pub(super) fn mcp_candidates(&self, spec: &Mcp, all: &mut Vec<(Role, Result<Expected, String>)>) {
        let server = self.script.url(&spec.server_url, &[]);
        all.push((
            Role::Challenge,
            server.clone().map(|url| {
                let mut it = Expected::to("POST", &url);
                it.body = Body::Text(super::script::unknown("call"));
                it
            }),
        ));
        all.push((
            Role::ResourceMetadata,
            server.map(|url| {
                let mut it = Expected::to("GET", &url);
                it.path = format!("/.well-known/oauth-protected-resource{}", url.path());
                it
            }),
        ));
        let place = "https://grants.simulated.example/.well-known/oauth-authorization-server/tenant";
        all.push((
            Role::AuthorityMetadata,
            place.parse().map(|url| Expected::to("GET", &url)).map_err(|_| "no URL".into()),
        ));
    }

    pub(super) fn mcp_answer(&self, role: &Role) -> Result<Reply, String> {
        let AuthSpec::Mcp(spec) = &self.script.manifest.auth else { return Err("no MCP server".into()) };
        let server = self.script.url(&spec.server_url, &[])?;
        let place = format!("https://{}/.well-known/oauth-protected-resource{}", host_of(&server), server.path());
        Ok(match role {
            Role::Challenge => Reply::json(401, &json!({})).with(
                "www-authenticate",
                format!("Bearer realm=\"mcp\", resource_metadata=\"{place}\", scope=\"tools\""),
            ),
            Role::ResourceMetadata => {
                Reply::json(200, &json!({ "resource": server.as_str(), "authorization_servers": [ISSUER] }))
            }
            _ => Reply::json(
                200,
                &json!({
                    "issuer": ISSUER,
                    "authorization_endpoint": format!("{ISSUER}/authorize"),
                    "token_endpoint": format!("{ISSUER}/token"),
                    "revocation_endpoint": format!("{ISSUER}/revoke"),
                    "scopes_supported": ["tools", "offline_access"],
                    "code_challenge_methods_supported": ["S256"],
                    "token_endpoint_auth_methods_supported": ["none"],
                    "authorization_response_iss_parameter_supported": true,
                    "client_id_metadata_document_supported": true,
                }),
            ),
        })
    }
}
