//! Identifiers that follow from others, so that they are the same after every restart.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use qt_trading::ids::{AccountId, ExecutionUid, OrderUid};

fn derived(account: AccountId, what: &[u8], number: [u64; 2]) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(account.0.as_bytes());
    hash.update(what);
    number.iter().for_each(|part| hash.update(part.to_be_bytes()));
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// That of an order that nobody asked for from outside.
pub fn order_uid(account: AccountId, order: qt_types::OrderId) -> OrderUid {
    OrderUid(derived(account, b"order", [order.get(), 0]))
}

/// That of an execution of an order.
pub fn execution_uid(
    account: AccountId,
    order: qt_types::OrderId,
    exec: qt_types::ExecId,
) -> ExecutionUid {
    ExecutionUid(derived(account, b"execution", [order.get(), exec.0]))
}

/// The number that stands for a person in a journal; never that of the machine.
pub fn person_number(name: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(bytes).max(1)
}
