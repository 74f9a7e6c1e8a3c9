//! Places that tenants share: so many at the same time, and so many of them for one tenant, so that nobody stands in
//! everybody's way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ids::TenantId;

/// Places, and who has how many of them. Nothing is kept of a tenant that has none.
pub struct Places {
    most: usize,
    most_of_one: usize,
    taken: Mutex<HashMap<TenantId, usize>>,
}

/// A place, until it is dropped.
pub struct Place {
    places: Arc<Places>,
    tenant: TenantId,
}

impl Places {
    /// So many places, and so many of them for one tenant.
    #[must_use]
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, taken: Mutex::default() }
    }

    /// A place, unless all are taken or the tenant has its part of them.
    pub fn take(self: &Arc<Self>, tenant: TenantId) -> Option<Place> {
        let mut taken = self.taken();
        let all: usize = taken.values().sum();
        let own = taken.get(&tenant).copied().unwrap_or_default();
        if all >= self.most || own >= self.most_of_one {
            return None;
        }
        taken.insert(tenant, own + 1);
        Some(Place { places: Arc::clone(self), tenant })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<TenantId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(own) = taken.get_mut(&self.tenant) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ft_4_a_tenant_takes_its_part_and_leaves_the_others_to_others() {
        let tenants: Vec<TenantId> = (0..4).map(|n| TenantId::new(n, [7; 10])).collect();
        let places = Arc::new(Places::new(5, 2));
        let first = places.take(tenants[0]);
        let second = places.take(tenants[0]);
        assert!(first.is_some() && second.is_some() && places.take(tenants[0]).is_none());
        let others: Vec<_> = [1, 1, 2].map(|n| places.take(tenants[n]).unwrap()).into();
        assert!(places.take(tenants[3]).is_none(), "all are taken");
        drop(first);
        assert!(places.take(tenants[0]).is_some_and(|_| others.len() == 3), "and given back at once");
        drop((second, others));
        assert!(places.taken().is_empty(), "nothing is left of whoever was here");
    }
}
