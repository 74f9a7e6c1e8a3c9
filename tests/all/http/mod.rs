//! The API, resource by resource: the files mirror the folders of `server/src/http`. Every operation has a test that
//! carries its id in its name; a house rule sees to it.

mod actions;
mod actions_killed;
mod api_keys;
mod connect_page;
mod connect_sessions;
mod connected;
mod connections;
mod connections_imported;
mod connections_many;
mod deliveries;
pub(crate) mod edge;
mod endpoints;
mod imports;
mod inbound;
mod integrations;
mod operator;
mod plugin_calls;
mod plugins;
mod plugins_in_force;
mod portal;
mod problems;
mod providers;
mod proxy;
mod rate_limit;
mod records;
mod revocations;
mod runs;
mod syncs;
mod syncs_gone;
