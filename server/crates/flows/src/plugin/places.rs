//! Who may push at the moment. Components are large, and compiling one takes a core for a while: few are taken in at a time, and
//! one of each tenant, so that nobody stands in everybody's way.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ids::TenantId;

/// How many plugins are taken in at the same time.
const AT_ONCE: usize = 4;

/// Who is pushing.
#[derive(Default)]
pub(crate) struct Places(Mutex<BTreeSet<TenantId>>);

/// A place among those who push, until it is dropped.
pub struct Place<'p> {
    places: &'p Places,
    tenant: TenantId,
}

impl Places {
    /// A place, unless all are taken or the tenant has one.
    pub(crate) fn take(&self, tenant: TenantId) -> Option<Place<'_>> {
        let mut taken = self.taken();
        let is_free = taken.len() < AT_ONCE && taken.insert(tenant);
        is_free.then(|| Place { places: self, tenant })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<TenantId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.places.taken().remove(&self.tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ft_4_a_tenant_takes_one_place_and_leaves_the_others_to_others() {
        let tenants: Vec<TenantId> = (0..6).map(|n| TenantId::new(n, [7; 10])).collect();
        let places = Places::default();
        let first = places.take(tenants[0]);
        assert!(first.is_some() && places.take(tenants[0]).is_none());
        let others: Vec<_> = tenants[1..4].iter().map(|tenant| places.take(*tenant).unwrap()).collect();
        assert!(places.take(tenants[4]).is_none(), "all are taken");
        drop(first);
        assert!(places.take(tenants[4]).is_some() && others.len() == 3);
    }
}
