//! Keys in the environment: for the one tenant that they are meant for.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::keys::{Keys, Venue};
use super::settings::VaultSettingsError;
use qt_trading::secret::Secret;

/// Keys in the environment, and whose they are.
#[derive(Clone, Debug, Default)]
pub struct EnvKeys {
    tenant: Option<Uuid>,
    keys: BTreeMap<Venue, Keys>,
}

impl EnvKeys {
    /// From `BINANCE_API_KEY`, `BINANCE_API_SECRET`, `BINANCE_TESTNET`, the same of other venues,
    /// and `QUANTTRADE_ENV_KEYS_TENANT`. `owner` is the tenant of the local owner, where there is
    /// one: theirs they are without another word.
    ///
    /// # Errors
    /// What must be put right: half a key, or keys that are nobody's.
    pub fn read(
        get: &dyn Fn(&str) -> Option<String>,
        owner: Option<Uuid>,
    ) -> Result<Self, VaultSettingsError> {
        let set = |name: &str| get(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        let wrong = |name, detail| VaultSettingsError { name, detail };
        let mut keys = BTreeMap::new();
        for venue in Venue::ALL {
            let [key_name, secret_name, testnet_name] = venue.settings();
            let is_testnet = match set(testnet_name).as_deref() {
                // Who says nothing risks no money.
                None | Some("true" | "1" | "yes" | "on") => true,
                Some("false" | "0" | "no" | "off") => false,
                Some(_) => return Err(wrong(testnet_name, "it is neither true nor false")),
            };
            match (set(key_name), set(secret_name)) {
                (None, None) => {}
                (Some(key), Some(secret)) => {
                    let (api_key, api_secret) = (Secret::new(key), Secret::new(secret));
                    keys.insert(venue, Keys { api_key, api_secret, is_testnet });
                }
                (Some(_), None) => return Err(wrong(secret_name, "the key has no secret")),
                (None, Some(_)) => return Err(wrong(key_name, "the secret has no key")),
            }
        }
        let name = "QUANTTRADE_ENV_KEYS_TENANT";
        let named = set(name).map(|text| text.parse::<Uuid>());
        let named = named.transpose().map_err(|_| wrong(name, "it is no UUID of a tenant"))?;
        if named.is_some_and(|tenant| tenant.is_nil()) {
            return Err(wrong(name, "it is no tenant"));
        }
        let tenant = named.or(owner);
        if tenant.is_none() && !keys.is_empty() {
            let detail = "keys of venues are set, and this does not say which tenant's they are";
            return Err(wrong(name, detail));
        }
        Ok(Self { tenant, keys })
    }

    /// The keys of a tenant; none where they are another's.
    #[must_use]
    pub fn get(&self, tenant: Uuid, venue: Venue) -> Option<&Keys> {
        self.keys.get(&venue).filter(|_| self.tenant == Some(tenant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)], owner: Option<Uuid>) -> Result<EnvKeys, VaultSettingsError> {
        let find = |name: &str| given.iter().find(|(known, _)| *known == name);
        EnvKeys::read(&|name| find(name).map(|(_, value)| (*value).to_owned()), owner)
    }

    #[test]
    fn they_are_one_tenants_alone() {
        let (mine, other) = (Uuid::now_v7(), Uuid::now_v7());
        let name = mine.to_string();
        let keys = [("BINANCE_API_KEY", "canary-k"), ("BINANCE_API_SECRET", "canary-s")];
        let named = [keys[0], keys[1], ("QUANTTRADE_ENV_KEYS_TENANT", &name)];
        for read in [read(&named, None).unwrap(), read(&keys, Some(mine)).unwrap()] {
            assert!(read.get(mine, Venue::Binance).is_some_and(|keys| keys.is_testnet));
            assert!(read.get(mine, Venue::Deribit).is_none());
            assert!(read.get(other, Venue::Binance).is_none());
            assert!(!format!("{read:?}").contains("canary"));
        }
        // The one that is named comes before the owner.
        assert!(read(&named, Some(other)).unwrap().get(other, Venue::Binance).is_none());
        for (bad, name) in [
            (&keys[..], "QUANTTRADE_ENV_KEYS_TENANT"),
            (&keys[..1], "BINANCE_API_SECRET"),
            (&keys[1..], "BINANCE_API_KEY"),
            (&[("QUANTTRADE_ENV_KEYS_TENANT", "default")], "QUANTTRADE_ENV_KEYS_TENANT"),
            (&[("DERIBIT_TESTNET", "perhaps")], "DERIBIT_TESTNET"),
        ] {
            assert_eq!(read(bad, None).unwrap_err().name, name);
        }
    }
}
