//! Everything that is tested from outside, by topic. What one crate can test alone stands beside that crate.

// The parts that tests are made of: real servers, callers, and what may go wrong between them.
mod support;

// The ten rows of one request's walk, one by one.
mod journey;

// The same through a browser, on a phone's window and on a laptop's; and the portal.
mod browser;

// What happens when something dies, hangs or lies.
mod faults;

// Secrets that are passed along every path and must show up nowhere.
mod canary;

// Tokens stay fresh: one request per generation in the whole cluster, and no rotation lost in silence.
mod refresh;

// Many connections at once: brought along, taken away, revoked.
mod bulk;

// Tenants' keys: rotated, retired, destroyed; what is sealed follows, and nothing is lost on the way.
mod keys;

// Who may see and do what: every operation of the API against everybody who may not, and the walls in the database.
mod tenancy;

// The API, resource by resource; the files here mirror those of the server's routes.
mod http;

// Every provider of the catalogue, simulated: connected, verified, refreshed, called and revoked.
mod simulator;

// Ways in, each against a server that nobody here wrote.
mod modes;

// The job table, records and deliveries against Postgres itself: leases, fences, keys, order.
mod store;

// A plugin's author, from nothing to a component that a server takes.
mod author;

// What is wrong is refused with words that say what and what to do, and nothing already stored is lost.
mod bad_input;

// The house rules: which way things point, what must be said where, what is written by programs and must be up to date.
mod house;
