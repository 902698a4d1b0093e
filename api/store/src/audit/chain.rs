//! The chain of hashes of a tenant's audit, and its verification.
//!
//! `h_n = SHA-256(domain | h_{n-1} | entry_n)`. Each field of the entry goes in with its length
//! before it, so that no two entries have the same bytes.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::entry::{AuditEntry, AuditRow};
use super::head::SignedHead;
use qt_trading::ids::TenantId;

/// What sets these hashes apart from all others.
const DOMAIN: &[u8] = b"quanttrade/audit/v1\n";

/// What stands before the first row.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of the row `seq` of `tenant` that comes after the one with the hash `previous`.
#[must_use]
pub fn link(previous: &str, tenant: TenantId, seq: u64, entry: &AuditEntry) -> String {
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    let seq = seq.to_be_bytes();
    let at = entry.at.0.to_be_bytes();
    let fields: [&[u8]; 10] = [
        previous.as_bytes(),
        tenant.0.as_bytes(),
        &seq,
        entry.id.as_bytes(),
        &at,
        entry.person.as_bytes(),
        entry.action.as_bytes(),
        entry.subject.as_bytes(),
        entry.request_id.as_bytes(),
        entry.detail.as_bytes(),
    ];
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    hex(&hasher.finalize())
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The first row that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its place in the chain.
    pub seq: u64,
    /// What is wrong.
    pub what: String,
}

/// What the verification of one tenant's audit has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Rows that are as they were written, from the first on.
    pub rows: u64,
    /// The last row that the signed head vouches for; none without a head.
    pub signed_through: Option<u64>,
    /// The first bad row; none when all is well.
    pub finding: Option<Finding>,
}

/// Walks along a chain.
#[derive(Debug)]
pub struct Walk {
    tenant: TenantId,
    seq: u64,
    previous: String,
    head: Option<SignedHead>,
}

impl Walk {
    /// At the beginning of a tenant's chain, with its signed head. That the signature is good, the
    /// caller has seen to.
    #[must_use]
    pub fn new(tenant: TenantId, head: Option<SignedHead>) -> Self {
        Self { tenant, seq: 0, previous: GENESIS.to_owned(), head }
    }

    /// The place of the last good row.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The next row.
    ///
    /// # Errors
    /// When it is not what it should be.
    pub fn step(&mut self, row: &AuditRow) -> Result<(), Finding> {
        let expected = self.seq + 1;
        let found = |seq: u64, what: &str| Err(Finding { seq, what: what.to_owned() });
        if row.seq != expected {
            return found(expected, "the row is missing");
        }
        if row.previous_hash != self.previous {
            return found(expected, "it does not follow from the row before");
        }
        let entry = AuditEntry {
            id: row.id,
            at: row.at,
            person: row.person.clone(),
            action: row.action.clone(),
            subject: row.subject.clone(),
            request_id: row.request_id.clone(),
            detail: row.detail.clone(),
        };
        if link(&self.previous, self.tenant, expected, &entry) != row.hash {
            return found(expected, "it was changed after it was written");
        }
        let head = self.head.as_ref().filter(|head| head.seq == expected);
        if head.is_some_and(|head| head.hash != row.hash) {
            return found(expected, "the signed head knows another row here");
        }
        self.seq = expected;
        self.previous.clone_from(&row.hash);
        Ok(())
    }

    /// There is a row at `seq` that the database has not counted.
    #[must_use]
    pub fn put_in(self, seq: u64) -> Verified {
        let what = "the row was put in: the database has not counted so far".to_owned();
        self.closed(Some(Finding { seq, what }))
    }

    /// After the row `last`, the last that the database had counted: what it says of the end, and
    /// what the signed head says. A chain that `is_young` may have none yet.
    #[must_use]
    pub fn end(self, last: u64, last_hash: &str, is_young: bool) -> Verified {
        let finding = |seq: u64, what: &str| Some(Finding { seq, what: what.to_owned() });
        let signed = self.head.as_ref().map(|head| head.seq);
        let what = if signed.is_some_and(|signed| signed > self.seq) {
            finding(self.seq + 1, "the end was cut off: the signed head is further")
        } else if last > self.seq {
            finding(self.seq + 1, "the end was cut off: the database has counted further")
        } else if last_hash != self.previous {
            finding(self.seq, "the row is not the one that was written last")
        } else if signed.is_none() && self.seq > 0 && !is_young {
            finding(self.seq, "there is no signed head: nothing vouches for the end")
        } else {
            None
        };
        self.closed(what)
    }

    /// What was verified up to here.
    #[must_use]
    pub fn closed(self, finding: Option<Finding>) -> Verified {
        let signed_through = self.head.map(|head| head.seq);
        Verified { tenant_id: self.tenant, rows: self.seq, signed_through, finding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qt_trading::time::Time;

    #[test]
    fn fields_cannot_run_into_each_other() {
        let entry = |person: &str, action: &str| AuditEntry {
            id: uuid::Uuid::nil(),
            at: Time(1),
            person: person.to_owned(),
            action: action.to_owned(),
            subject: String::new(),
            request_id: String::new(),
            detail: "{}".to_owned(),
        };
        let tenant = TenantId(uuid::Uuid::nil());
        let hash = |entry: &AuditEntry| link(GENESIS, tenant, 1, entry);
        assert_ne!(hash(&entry("ab", "c")), hash(&entry("a", "bc")));
        assert_ne!(hash(&entry("a", "b")), link(GENESIS, tenant, 2, &entry("a", "b")));
        assert_eq!(hash(&entry("a", "b")).len(), 64);
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
