//! A fence in two halves of unequal price, for a flag that is looked at often and set rarely.
//!
//! Both sides of "I store mine, then look at yours" need a full fence between the two, or each can
//! miss the other. One side here does it with every item, the other only before it goes to sleep.
//! Where the kernel offers `membarrier(2)`, the rare side makes all threads of the process pass a
//! full fence at once, and the frequent side needs to stop the compiler only. A light half orders
//! against a heavy half, not against another light half (C++ P1202 has the same pair).

use std::sync::OnceLock;

use crate::sync::{Ordering, fence};

/// Whether the kernel does the frequent side's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fences {
    /// `membarrier(2)`: the light half costs nothing.
    Asymmetric,
    /// Both halves are full fences.
    Full,
}

impl Fences {
    /// The best pair that this machine has. Both sides of a flag must use the same.
    pub fn of_this_machine() -> Self {
        static FOUND: OnceLock<Fences> = OnceLock::new();
        *FOUND.get_or_init(|| if kernel::register() { Self::Asymmetric } else { Self::Full })
    }

    /// The half of the side that comes here with every item.
    #[inline(always)]
    pub fn light(self) {
        match self {
            Self::Asymmetric => std::sync::atomic::compiler_fence(Ordering::SeqCst),
            Self::Full => fence(Ordering::SeqCst),
        }
    }

    /// The half of the side that comes here rarely: a system call, or a full fence.
    pub fn heavy(self) {
        match self {
            Self::Asymmetric => kernel::barrier(),
            Self::Full => fence(Ordering::SeqCst),
        }
    }
}

#[cfg(all(target_os = "linux", not(loom), not(miri)))]
mod kernel {
    use crate::sync::{Ordering, fence};

    /// From the kernel's `linux/membarrier.h`; part of its stable interface since 4.14.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    #[allow(unsafe_code, reason = "the standard library has no such call")]
    fn membarrier(command: libc::c_int) -> bool {
        let flags: libc::c_uint = 0;
        // SAFETY: the call takes two integers and no pointers; the kernel answers an unknown
        // command, or one that a sandbox forbids, with an error.
        unsafe { libc::syscall(libc::SYS_membarrier, command, flags) == 0 }
    }

    pub fn register() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED)
    }

    pub fn barrier() {
        // Cannot fail once the process is registered; the fence is this thread's own part, and
        // keeps the compiler from moving anything over the call.
        fence(Ordering::SeqCst);
        membarrier(PRIVATE_EXPEDITED);
        fence(Ordering::SeqCst);
    }
}

#[cfg(not(all(target_os = "linux", not(loom), not(miri))))]
mod kernel {
    pub fn register() -> bool {
        false
    }

    pub fn barrier() {}
}
