//! Room for bodies that are being read: for all together, and for each tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use qt_trading::ids::TenantId;

/// How much may be held.
#[derive(Debug)]
pub struct Rooms {
    all_max: usize,
    tenant_max: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    tenants: HashMap<TenantId, usize>,
}

/// What one body holds, until it is dropped.
#[derive(Debug)]
pub struct Room {
    rooms: Arc<Rooms>,
    tenant: TenantId,
    bytes: usize,
}

impl Rooms {
    /// Room for `all_max` bytes, of which one tenant may have `tenant_max`.
    #[must_use]
    pub fn new(all_max: usize, tenant_max: usize) -> Arc<Self> {
        Arc::new(Self { all_max, tenant_max, held: Mutex::default() })
    }

    /// Room for a body of `tenant` that has not begun.
    #[must_use]
    pub fn enter(self: &Arc<Self>, tenant: TenantId) -> Room {
        Room { rooms: Arc::clone(self), tenant, bytes: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// Makes it as large as `bytes`; false where there is no room for that.
    #[must_use]
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let mut held = self.rooms.lock();
        let own = held.tenants.get(&self.tenant).copied().unwrap_or_default();
        if held.all + more > self.rooms.all_max || own + more > self.rooms.tenant_max {
            return false;
        }
        held.all += more;
        if more > 0 {
            held.tenants.insert(self.tenant, own + more);
        }
        self.bytes += more;
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut held = self.rooms.lock();
        held.all -= self.bytes;
        if let Some(own) = held.tenants.get_mut(&self.tenant) {
            *own -= self.bytes;
            if *own == 0 {
                held.tenants.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Rooms, TenantId};

    #[test]
    fn one_tenant_cannot_take_the_room_of_all() {
        let rooms = Rooms::new(100, 60);
        let (one, other) = (TenantId::new(), TenantId::new());
        let mut first = rooms.enter(one);
        assert!(first.grow_to(40) && first.grow_to(60) && !first.grow_to(61));
        assert!(!rooms.enter(one).grow_to(1) && rooms.enter(one).grow_to(0));
        let mut second = rooms.enter(other);
        assert!(second.grow_to(40) && !second.grow_to(41), "all together have their bound too");
        drop(first);
        assert!(second.grow_to(60));
        drop(second);
        assert!(rooms.lock().tenants.is_empty() && rooms.lock().all == 0);
    }
}
