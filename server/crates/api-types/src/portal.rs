//! The portal's own calls; everything else it does over the same API as tenants' backends, with its session and the
//! header `patchbay-environment` in place of a key.

crate::api! {
/// What a member signs in with.
pub struct SignIn {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
}

/// Who is signed in.
pub struct Me {
    /// The member.
    pub member: crate::operator::Member,
    /// Their tenant's name.
    pub tenant_name: String,
    /// The tenant's environments.
    pub environments: Vec<crate::operator::Environment>,
}
}
