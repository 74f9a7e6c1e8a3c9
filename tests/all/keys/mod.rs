//! Tenants' keys: what lies under which, rotation while traffic runs, retirement, destruction, and what is wrong.

mod cap;
mod columns;
mod command_line;
mod damaged;
mod desk;
mod direct;
mod rewrap;
mod rotation;
mod shred;
