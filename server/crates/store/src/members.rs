//! Members of the portal and their signed-in browsers.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ids::{EnvironmentId, MemberId, PortalSessionId, TenantId};

use crate::{
    StoreError, System, Tx,
    schema::{environments, members, portal_sessions},
};

/// A row of `members`.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = members, check_for_backend(diesel::pg::Pg))]
pub struct MemberRow {
    /// The member.
    pub member_id: MemberId,
    /// Whose portal they sign in to.
    pub tenant_id: TenantId,
    /// Their address, in lower case.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// argon2id in PHC form.
    pub password_hash: String,
    /// What they may do.
    pub role: String,
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// Wrong passwords in a row.
    pub failed_sign_ins: i32,
    /// When the next try is answered.
    pub not_before: Option<DateTime<Utc>>,
}

/// A row of `portal_sessions`.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = portal_sessions, check_for_backend(diesel::pg::Pg))]
pub struct PortalSessionRow {
    /// The session.
    pub portal_session_id: PortalSessionId,
    /// The member's tenant.
    pub tenant_id: TenantId,
    /// Who signed in.
    pub member_id: MemberId,
    /// SHA-256 of the cookie's value.
    pub token_hash: Vec<u8>,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends whatever happens.
    pub expires_at: DateTime<Utc>,
}

impl Tx<TenantId> {
    /// Adds a member.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the address is taken.
    pub async fn insert_member(&mut self, row: &MemberRow) -> Result<(), StoreError> {
        diesel::insert_into(members::table).values(row).execute(self.connection()).await?;
        Ok(())
    }

    /// A member of this tenant.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn member(&mut self, id: MemberId) -> Result<MemberRow, StoreError> {
        let query = members::table.find(id).filter(members::tenant_id.eq(self.scope())).select(MemberRow::as_select());
        Ok(query.first(self.connection()).await?)
    }
}

impl Tx<System> {
    /// The member of that address, whatever the tenant.
    ///
    /// # Errors
    /// The query failed.
    pub async fn member_by_email(&mut self, email: &str) -> Result<Option<MemberRow>, StoreError> {
        let query = members::table.filter(members::email.eq(email)).select(MemberRow::as_select());
        Ok(query.first(self.connection()).await.optional()?)
    }

    /// Takes the one try at a password that a member has now: it counts as wrong, and the next is answered from
    /// `not_before` on, until [`Tx::insert_portal_session`] says that it was right. `false` if another try took it since
    /// `failures` wrong ones were read: however many come at once, one password is looked at.
    ///
    /// # Errors
    /// The update failed.
    pub async fn take_sign_in_try(
        &mut self,
        id: MemberId,
        failures: i32,
        not_before: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let taken = diesel::update(members::table.find(id).filter(members::failed_sign_ins.eq(failures)))
            .set((members::failed_sign_ins.eq(failures.saturating_add(1)), members::not_before.eq(not_before)))
            .execute(self.connection())
            .await?;
        Ok(taken == 1)
    }

    /// Notes a right password: adds the session and forgets wrong ones.
    ///
    /// # Errors
    /// The insert failed.
    pub async fn insert_portal_session(&mut self, row: &PortalSessionRow) -> Result<(), StoreError> {
        diesel::insert_into(portal_sessions::table).values(row).execute(self.connection()).await?;
        diesel::update(members::table.find(row.member_id))
            .set((members::failed_sign_ins.eq(0), members::not_before.eq(None::<DateTime<Utc>>)))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The session of that cookie with its member, if it has neither ended nor been idle since `idle_since`.
    ///
    /// # Errors
    /// The query failed.
    pub async fn usable_portal_session(
        &mut self,
        hash: &[u8],
        now: DateTime<Utc>,
        idle_since: DateTime<Utc>,
    ) -> Result<Option<(PortalSessionRow, MemberRow)>, StoreError> {
        let query = portal_sessions::table
            .inner_join(members::table.on(members::member_id.eq(portal_sessions::member_id)))
            .filter(portal_sessions::token_hash.eq(hash))
            .filter(portal_sessions::expires_at.gt(now).and(portal_sessions::seen_at.gt(idle_since)))
            .select((PortalSessionRow::as_select(), MemberRow::as_select()));
        Ok(query.first(self.connection()).await.optional()?)
    }

    /// The environments of a member's tenant, oldest first.
    ///
    /// # Errors
    /// The query failed.
    pub async fn environments_of(&mut self, tenant: TenantId) -> Result<Vec<EnvironmentId>, StoreError> {
        let query = environments::table
            .filter(environments::tenant_id.eq(tenant))
            .select(environments::environment_id)
            .order(environments::environment_id);
        Ok(query.load(self.connection()).await?)
    }

    /// Notes that a session is in use.
    ///
    /// # Errors
    /// The update failed.
    pub async fn touch_portal_session(&mut self, id: PortalSessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::update(portal_sessions::table.find(id))
            .set(portal_sessions::seen_at.eq(now))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The delete failed.
    pub async fn delete_portal_session(&mut self, hash: &[u8]) -> Result<(), StoreError> {
        diesel::delete(portal_sessions::table.filter(portal_sessions::token_hash.eq(hash)))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
