//! Identifiers as the service shows them: UUIDs, version 7 where we make them.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new one, rising with time.
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A tenant of the platform.
    TenantId;
    /// A trading account of a tenant.
    AccountId;
    /// An order, as clients see it.
    OrderUid;
    /// An execution, as clients see it.
    ExecutionUid;
    /// A configured strategy of a tenant.
    StrategyUid;
    /// A backtest job.
    BacktestId;
    /// A data set.
    DatasetId;
    /// A domain event.
    EventId;
}

impl AccountId {
    /// The paper account of a tenant: the same one wherever it is asked for first.
    #[must_use]
    pub fn paper(tenant: TenantId) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"paper account of ");
        hash.update(tenant.0.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}
