//! Where Vault is, and who we are to it.

use std::path::PathBuf;

use thiserror::Error;
use uuid::Uuid;

use super::keys::Venue;
use qt_trading::secret::Secret;

/// The path of a tenant's keys where no setting says otherwise.
pub const KEY_PATH: &str = "tenants/{tenant_id}/connectors/{venue}";

/// A setting that must be put right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name}: {detail}")]
pub struct VaultSettingsError {
    /// Which setting.
    pub name: &'static str,
    /// What is wrong, and what to write instead.
    pub detail: &'static str,
}

/// Where the secret of the AppRole is.
#[derive(Clone, Debug)]
pub(super) enum SecretId {
    Given(Secret),
    /// Read at each login, so that it can be changed while the service runs.
    File(PathBuf),
}

/// Where Vault is, and who we are to it.
#[derive(Clone, Debug)]
pub struct VaultSettings {
    pub(super) address: String,
    pub(super) role_id: Secret,
    pub(super) secret_id: SecretId,
    pub(super) namespace: Option<String>,
    pub(super) mount: String,
    key_path: String,
}

impl VaultSettings {
    /// From `VAULT_ADDR`, `VAULT_ROLE_ID`, `VAULT_SECRET_ID` or `VAULT_SECRET_ID_FILE`,
    /// `VAULT_NAMESPACE`, `VAULT_MOUNT_POINT` and `VENUE_KEY_PATH`; none without an address.
    ///
    /// # Errors
    /// What must be put right.
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, VaultSettingsError> {
        let set = |name: &str| get(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        let wrong = |name, detail| VaultSettingsError { name, detail };
        let Some(address) = set("VAULT_ADDR") else { return Ok(None) };
        let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        let is_plain = |host: &str| {
            !host.is_empty()
                && host.bytes().all(|it| it.is_ascii_graphic() && !b"@?#".contains(&it))
        };
        if !host.is_some_and(is_plain) {
            let detail = "it is no address of Vault, like https://vault.example.org:8200";
            return Err(wrong("VAULT_ADDR", detail));
        }
        let no_role = "Vault is configured, and no AppRole to log in with";
        let role_id = set("VAULT_ROLE_ID").ok_or_else(|| wrong("VAULT_ROLE_ID", no_role))?;
        let secret_id = match (set("VAULT_SECRET_ID"), set("VAULT_SECRET_ID_FILE")) {
            (Some(secret), None) => SecretId::Given(Secret::new(secret)),
            (None, Some(file)) => SecretId::File(file.into()),
            (None, None) => {
                let detail = "Vault needs the AppRole's secret: set this, or VAULT_SECRET_ID_FILE";
                return Err(wrong("VAULT_SECRET_ID", detail));
            }
            (Some(_), Some(_)) => {
                let detail = "VAULT_SECRET_ID is set as well: one of them is enough";
                return Err(wrong("VAULT_SECRET_ID_FILE", detail));
            }
        };
        let mount = set("VAULT_MOUNT_POINT").unwrap_or_else(|| "secret".to_owned());
        let key_path = set("VENUE_KEY_PATH").unwrap_or_else(|| KEY_PATH.to_owned());
        if !is_path(&mount) {
            return Err(wrong("VAULT_MOUNT_POINT", "it is no path, like secret"));
        }
        let bare = key_path.replace("{tenant_id}", "t").replace("{venue}", "v");
        let is_whole = key_path.contains("{tenant_id}") && key_path.contains("{venue}");
        if !is_whole || !is_path(&bare) {
            // Without the tenant in it all tenants would have one key.
            let detail = "it must name {tenant_id} and {venue}, and nothing but letters, digits, \
                          slashes and -_. besides";
            return Err(wrong("VENUE_KEY_PATH", detail));
        }
        let role_id = Secret::new(role_id);
        let (address, namespace) =
            (address.trim_end_matches('/').to_owned(), set("VAULT_NAMESPACE"));
        Ok(Some(Self { address, role_id, secret_id, namespace, mount, key_path }))
    }

    /// The path of a tenant's keys for a venue.
    pub(super) fn path(&self, tenant: Uuid, venue: Venue) -> String {
        let path = self.key_path.replace("{tenant_id}", &tenant.to_string());
        path.replace("{venue}", venue.name())
    }
}

fn is_path(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_plain)
    };
    text.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Option<VaultSettings>, VaultSettingsError> {
        let find = |name: &str| given.iter().find(|(known, _)| *known == name);
        VaultSettings::read(&|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    const WHOLE: [(&str, &str); 3] = [
        ("VAULT_ADDR", "https://vault:8200/"),
        ("VAULT_ROLE_ID", "canary-role"),
        ("VAULT_SECRET_ID", "canary-secret"),
    ];

    #[test]
    fn the_path_holds_the_tenant_and_nothing_is_shown() {
        assert!(read(&[]).unwrap().is_none());
        let settings = read(&WHOLE).unwrap().unwrap();
        let path = settings.path(Uuid::nil(), Venue::Binance);
        assert_eq!(path, "tenants/00000000-0000-0000-0000-000000000000/connectors/binance");
        assert_eq!(settings.address, "https://vault:8200");
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_name() {
        for (given, name) in [
            (("VAULT_ADDR", "vault:8200"), "VAULT_ADDR"),
            (("VAULT_ADDR", "https://root:canary@vault"), "VAULT_ADDR"),
            (("VAULT_ROLE_ID", ""), "VAULT_ROLE_ID"),
            (("VAULT_SECRET_ID", ""), "VAULT_SECRET_ID"),
            (("VAULT_SECRET_ID_FILE", "/x"), "VAULT_SECRET_ID_FILE"),
            (("VAULT_MOUNT_POINT", "../sys"), "VAULT_MOUNT_POINT"),
            (("VENUE_KEY_PATH", "connectors/{venue}"), "VENUE_KEY_PATH"),
            (("VENUE_KEY_PATH", "t/{tenant_id}"), "VENUE_KEY_PATH"),
            (("VENUE_KEY_PATH", "{tenant_id}/../{venue}"), "VENUE_KEY_PATH"),
            (("VENUE_KEY_PATH", "{tenant_id}/{venue}?x"), "VENUE_KEY_PATH"),
        ] {
            let mut all: Vec<_> = WHOLE.into_iter().filter(|it| it.0 != given.0).collect();
            all.push(given);
            let error = read(&all).unwrap_err();
            assert_eq!(error.name, name, "{given:?}");
            assert!(!error.to_string().contains("canary"));
        }
    }
}
