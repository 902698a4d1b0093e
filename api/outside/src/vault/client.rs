//! Vault over HTTP: log in by AppRole, renew the token, read from the KV store of version 2.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use thiserror::Error;
use tokio::sync::Mutex;

use super::settings::{SecretId, VaultSettings};
use crate::http::{Answer, Call, Http};
use qt_trading::secret::Secret;

/// How long one call may take.
const CALL: Duration = Duration::from_secs(5);
/// How long after a renewal that failed the next one is tried, at most.
const RETRY: Duration = Duration::from_secs(30);

/// Why Vault gives no answer. No text of these holds a token, a key or anything of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VaultError {
    /// There is no such entry, or it was deleted.
    #[error("there is no such entry")]
    Absent,
    /// It does not let us: the AppRole, or its policy.
    #[error("Vault refuses: {0}")]
    Refused(&'static str),
    /// It cannot be reached, is sealed, or answers what it should not.
    #[error("Vault: {0}")]
    Unavailable(String),
}

/// A token of Vault's.
struct Token {
    text: Secret,
    /// When it was given or renewed.
    at: Instant,
    lease: Duration,
    is_renewable: bool,
    /// When it was last tried in vain to renew it.
    tried: Option<Instant>,
}

impl Token {
    /// Whether its time is as good as over.
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.at) >= self.lease.saturating_sub(CALL.min(self.lease / 8))
    }

    /// Whether it is to be renewed: two thirds of its time are over, and the last attempt was not
    /// just now.
    fn is_due(&self, now: Instant) -> bool {
        let is_old = now.duration_since(self.at) >= self.lease * 2 / 3;
        let pause = RETRY.min(self.lease / 30);
        let was_tried = self.tried.is_some_and(|at| now.duration_since(at) < pause);
        self.is_renewable && is_old && !was_tried
    }
}

#[derive(Deserialize)]
struct Given {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: String,
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

#[derive(Deserialize)]
struct Read<T> {
    data: Version<T>,
}

#[derive(Deserialize)]
struct Version<T> {
    data: Option<T>,
}

/// A client of Vault.
pub struct Vault {
    settings: VaultSettings,
    http: Http,
    token: Mutex<Option<Token>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Vault {
    /// A client that logs in when it is needed.
    #[must_use]
    pub fn new(settings: VaultSettings) -> Self {
        Self { settings, http: Http::trusted(CALL), token: Mutex::default() }
    }

    /// Its settings.
    #[must_use]
    pub(super) const fn settings(&self) -> &VaultSettings {
        &self.settings
    }

    /// The newest version of the entry at `path`, as a `T`; none where it is no `T`.
    ///
    /// # Errors
    /// When there is none, or Vault does not give it.
    pub(super) async fn entry<T>(&self, path: &str) -> Result<Option<T>, VaultError>
    where
        T: for<'de> Deserialize<'de>,
    {
        let url = format!("{}/v1/{}/data/{path}", self.settings.address, self.settings.mount);
        let token = self.token(None).await?;
        let mut answer = self.call(Call::get(url.as_str()), Some(&token)).await?;
        // The token was revoked, or its policy does not let us: one that is good is not thrown away
        // for a path that it may not read.
        if answer.status == 403 && !self.is_good(&token).await? {
            let token = self.token(Some(&token)).await?;
            answer = self.call(Call::get(url), Some(&token)).await?;
        }
        match answer.status {
            200 => {}
            // A version that was deleted is 404 as well.
            404 => return Err(VaultError::Absent),
            403 => return Err(VaultError::Refused("its policy does not let us read the path")),
            status => return Err(unexpected(status)),
        }
        match serde_json::from_slice::<Read<serde_json::Value>>(&answer.body) {
            Err(_) => Err(VaultError::Unavailable("the answer is no entry".to_owned())),
            Ok(Read { data: Version { data: None } }) => Err(VaultError::Absent),
            Ok(Read { data: Version { data: Some(data) } }) => {
                Ok(serde_json::from_value(data).ok())
            }
        }
    }

    /// A token that is good; another one than `bad`.
    async fn token(&self, bad: Option<&Secret>) -> Result<Secret, VaultError> {
        let mut kept = self.token.lock().await;
        let now = Instant::now();
        let good = kept.as_mut().filter(|it| bad != Some(&it.text) && !it.is_over(now));
        if let Some(token) = good {
            if !token.is_due(now) {
                return Ok(token.text.clone());
            }
            token.tried = Some(now);
            let old = token.text.clone();
            let renewed = self.renewed(token).await;
            // A token can be renewed no further than its longest time: then there is a new one.
            let new = match renewed {
                Ok(token) => Ok(token),
                Err(_) => self.log_in().await,
            };
            return Ok(match new {
                Ok(token) => kept.insert(token).text.clone(),
                Err(error) => {
                    tracing::warn!(%error, "the token of Vault is not renewed, and is good yet");
                    old
                }
            });
        }
        *kept = None;
        Ok(kept.insert(self.log_in().await?).text.clone())
    }

    /// Whether Vault knows the token.
    async fn is_good(&self, token: &Secret) -> Result<bool, VaultError> {
        let url = format!("{}/v1/auth/token/lookup-self", self.settings.address);
        let answer = self.call(Call::get(url), Some(token)).await?;
        match answer.status {
            200 => Ok(true),
            403 => Ok(false),
            status => Err(unexpected(status)),
        }
    }

    async fn renewed(&self, token: &Token) -> Result<Token, VaultError> {
        let url = format!("{}/v1/auth/token/renew-self", self.settings.address);
        let at = Instant::now();
        let answer = self.call(Call::post(url, "{}"), Some(&token.text)).await?;
        given(&answer, at)
    }

    async fn log_in(&self) -> Result<Token, VaultError> {
        let secret_id = match &self.settings.secret_id {
            SecretId::Given(secret) => secret.clone(),
            SecretId::File(path) => {
                let text = tokio::fs::read_to_string(path).await.map_err(|error| {
                    VaultError::Unavailable(format!("VAULT_SECRET_ID_FILE: {error}"))
                })?;
                Secret::new(text.trim())
            }
        };
        let url = format!("{}/v1/auth/approle/login", self.settings.address);
        let role_id = self.settings.role_id.reveal();
        let body = json!({"role_id": role_id, "secret_id": secret_id.reveal()}).to_string();
        let at = Instant::now();
        let answer = self.call(Call::post(url, body), None).await?;
        match answer.status {
            400 | 401 | 403 => Err(VaultError::Refused("the AppRole is not accepted")),
            _ => given(&answer, at),
        }
    }

    async fn call(&self, call: Call, token: Option<&Secret>) -> Result<Answer, VaultError> {
        let mut call = call.with("x-vault-request", "true");
        if let Some(token) = token {
            call = call.with("x-vault-token", token.reveal());
        }
        if let Some(namespace) = &self.settings.namespace {
            call = call.with("x-vault-namespace", namespace.as_str());
        }
        self.http.call(call).await.map_err(|error| VaultError::Unavailable(error.to_string()))
    }
}

fn given(answer: &Answer, at: Instant) -> Result<Token, VaultError> {
    if answer.status != 200 {
        return Err(unexpected(answer.status));
    }
    let given: Given = serde_json::from_slice(&answer.body)
        .map_err(|_| VaultError::Unavailable("the answer holds no token".to_owned()))?;
    let Auth { client_token, lease_duration, renewable } = given.auth;
    // A lease of zero is a token without an end.
    let lease = if lease_duration == 0 { u64::from(u32::MAX) } else { lease_duration };
    Ok(Token {
        text: Secret::new(client_token),
        at,
        lease: Duration::from_secs(lease),
        is_renewable: renewable,
        tried: None,
    })
}

fn unexpected(status: u16) -> VaultError {
    VaultError::Unavailable(match status {
        503 => "it is sealed, or not ready".to_owned(),
        status => format!("the status is {status}"),
    })
}
