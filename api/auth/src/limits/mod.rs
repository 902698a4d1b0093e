//! How many requests a tenant or an address may send.
//!
//! Each kind of request has a bucket of its own, so that the kill switch works however many other
//! requests a tenant sends. [`LocalLimiter`] counts in this process; [`RedisLimiter`] counts for
//! all replicas together and falls back to the local one while Redis is away.

mod local;
mod quota;
mod redis;

pub use local::LocalLimiter;
pub use quota::{Quota, QuotaError, Quotas};
pub use redis::RedisLimiter;

use std::net::{IpAddr, Ipv6Addr};

use sha2::{Digest, Sha256};
use thiserror::Error;

use qt_trading::Doing;
use qt_trading::ids::TenantId;

/// A kind of requests that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// Reads of a tenant.
    Read,
    /// Writes of a tenant.
    Write,
    /// Cancels of orders, by those who may: what a tenant writes besides must not hold back what
    /// makes risk smaller.
    Cancel,
    /// The kill switch, of a person that may trip one.
    Kill,
    /// Requests of an address without an accepted token: public pages and failed attempts. Behind
    /// a gateway all callers share its address, so requests with a token are not counted here, and
    /// neither are `/health` and `/ready`, which gateways ask before each request.
    Address,
}

/// Whose requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A tenant.
    Tenant(TenantId),
    /// A person in a tenant, as a number of both ([`Self::of_person`]).
    Person(u128),
    /// An address; of IPv6 the network of 64 bits, which one caller has to himself.
    Address(IpAddr),
}

impl Subject {
    /// The person of this name in a tenant.
    #[must_use]
    pub fn of_person(tenant: TenantId, name: &str) -> Self {
        let digest: [u8; 32] =
            Sha256::new().chain_update(tenant.0).chain_update(name).finalize().into();
        let (number, _) = digest.split_at(16);
        Self::Person(number.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte)))
    }

    /// The address as it is counted.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(
                || IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
                IpAddr::V4,
            ),
            v4 => v4,
        })
    }
}

/// Too many requests (429).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many requests: try again in {retry_after_s} s")]
pub struct Limited {
    /// The header `Retry-After`: at least 1.
    pub retry_after_s: u64,
}

impl Limited {
    /// After `nanos`, rounded up to seconds.
    fn after_nanos(nanos: u128) -> Self {
        let seconds = u64::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u64::MAX);
        Self { retry_after_s: seconds.max(1) }
    }
}

/// Counts requests.
pub trait Limiter: Send + Sync {
    /// Counts one request.
    fn check(&self, bucket: Bucket, subject: Subject) -> Doing<'_, Result<(), Limited>>;
}

#[cfg(test)]
mod tests {
    use super::{Limited, Subject};

    #[test]
    fn one_network_of_ipv6_is_one_caller() {
        let of = |text: &str| Subject::of_address(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.2"), of("10.0.0.1"));
    }

    #[test]
    fn a_wait_is_rounded_up() {
        let seconds = [1, 999_999_999, 1_000_000_000, 1_000_000_001];
        let waits = seconds.map(|nanos| Limited::after_nanos(nanos).retry_after_s);
        assert_eq!(waits, [1, 1, 1, 2]);
    }
}
