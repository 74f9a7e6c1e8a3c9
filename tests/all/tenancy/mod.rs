//! Who may see and do what (security.md SV-1): every operation of the API against everybody who may not, and the walls
//! in the database for when the application forgets.

mod matrix;
mod reach;
pub(crate) mod scene;
mod walls;
