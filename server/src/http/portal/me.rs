//! `GET /portal/api/me`

use actix_web::web;
use api_types::portal::Me;
use flows::{Services, tenant::sign_in};
use ids::{MemberId, TenantId};

use super::super::{principal::Member, problem::Fail, show};

/// Who is signed in.
///
/// # Errors
/// 401 if nobody is.
pub async fn me(member: Member) -> Result<web::Json<Me>, Fail> {
    show(member.services(), member.session.tenant, member.session.member).await.map(web::Json)
}

/// A member with their tenant and its environments.
pub(super) async fn show(services: &Services, tenant: TenantId, member: MemberId) -> Result<Me, Fail> {
    let (member, tenant, environments) = sign_in::me(services, tenant, member).await?;
    Ok(Me {
        member: show::member(member),
        tenant_name: tenant.name,
        environments: environments.into_iter().map(show::environment).collect(),
    })
}
