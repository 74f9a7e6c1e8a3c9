//! What the operator does: tenants, environments, first keys and members.

pub mod create_api_key;
pub mod create_environment;
pub mod create_member;
pub mod create_revocation_run;
pub mod create_tenant;
pub mod get_revocation_run;
pub mod list_tenants;

use api_types::ProblemCode;
use flows::tenant::create::CreateError;

use super::problem::Fail;

impl From<CreateError> for Fail {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Field(field, rule) => Self::field(field, rule),
            CreateError::Taken => {
                Self::new(ProblemCode::Conflict, "There is one of that name already. Choose another.")
            }
            CreateError::NoTenant => Self::not_found("tenant"),
            CreateError::Keys(error) => error.into(),
            CreateError::Store(error) => error.into(),
        }
    }
}
