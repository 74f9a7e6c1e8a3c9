//! The versions of the contract, side by side: one file each.

pub(crate) mod v1;
