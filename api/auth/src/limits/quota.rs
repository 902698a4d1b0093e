//! How many requests each bucket lets through.

use std::num::NonZeroU32;

use thiserror::Error;

use super::Bucket;

/// So many requests a second, and so many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests a second.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

/// A setting that is no quota.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} is '{value}': write requests a second, like 500, or with a burst, like 500:1000")]
pub struct QuotaError {
    /// Which setting.
    pub name: &'static str,
    /// What it says.
    pub value: String,
}

/// The quotas of all buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// `RATE_LIMIT_READ`: reads of a tenant.
    pub read: Quota,
    /// `RATE_LIMIT_WRITE`: writes of a tenant.
    pub write: Quota,
    /// `RATE_LIMIT_CANCEL`: cancels of a tenant's orders.
    pub cancel: Quota,
    /// `RATE_LIMIT_KILL`: the kill switch of a tenant.
    pub kill: Quota,
    /// `RATE_LIMIT_ADDRESS`: requests of an address without an accepted token.
    pub address: Quota,
}

const fn count(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(n) => n,
        None => NonZeroU32::MIN,
    }
}

const fn quota(per_second: u32, burst: u32) -> Quota {
    Quota { per_second: count(per_second), burst: count(burst) }
}

impl Default for Quotas {
    /// One tenant cannot take a whole server; a person or a program does not notice.
    fn default() -> Self {
        Self {
            read: quota(2_000, 4_000),
            write: quota(500, 1_000),
            cancel: quota(500, 1_000),
            kill: quota(5, 20),
            address: quota(50, 200),
        }
    }
}

impl Quotas {
    /// Reads the settings by their names; what is not set stays as it is by default.
    ///
    /// # Errors
    /// Which one is no quota.
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, QuotaError> {
        let mut quotas = Self::default();
        for (name, quota) in [
            ("RATE_LIMIT_READ", &mut quotas.read),
            ("RATE_LIMIT_WRITE", &mut quotas.write),
            ("RATE_LIMIT_CANCEL", &mut quotas.cancel),
            ("RATE_LIMIT_KILL", &mut quotas.kill),
            ("RATE_LIMIT_ADDRESS", &mut quotas.address),
        ] {
            if let Some(value) = get(name).filter(|value| !value.trim().is_empty()) {
                *quota = parse(&value).ok_or(QuotaError { name, value })?;
            }
        }
        Ok(quotas)
    }

    /// The quota of `bucket`.
    #[must_use]
    pub const fn of(&self, bucket: Bucket) -> Quota {
        match bucket {
            Bucket::Read => self.read,
            Bucket::Write => self.write,
            Bucket::Cancel => self.cancel,
            Bucket::Kill => self.kill,
            Bucket::Address => self.address,
        }
    }
}

fn parse(text: &str) -> Option<Quota> {
    // Beyond a million a second the steps between requests are no longer whole microseconds.
    let number = |text: &str| {
        text.trim().parse::<NonZeroU32>().ok().filter(|number| number.get() <= 1_000_000)
    };
    match text.split_once(':') {
        Some((rate, burst)) => Some(Quota { per_second: number(rate)?, burst: number(burst)? }),
        None => number(text).map(|n| Quota { per_second: n, burst: n }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Quotas, quota};

    #[test]
    fn quotas_are_read_and_what_is_none_is_refused() {
        let read = |value: &'static str| {
            Quotas::read(&move |name| (name == "RATE_LIMIT_KILL").then(|| value.to_owned()))
        };
        assert_eq!(read("3").unwrap().kill, quota(3, 3));
        assert_eq!(read(" 3 : 9 ").unwrap().kill, quota(3, 9));
        assert_eq!(read("").unwrap(), Quotas::default());
        for bad in ["0", "-1", "x", "1:", "1:0", "1:2:3", "1000001", "1.5"] {
            assert_eq!(read(bad).unwrap_err().name, "RATE_LIMIT_KILL", "{bad}");
        }
    }
}
