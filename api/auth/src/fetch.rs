//! Calls to other services: the public keys of an issuer are fetched, spans handed over.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use qt_trading::Doing;

/// The largest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: u64 = 256 * 1_024;
/// How long one fetch may take.
pub const FETCH_TIME_MAX: Duration = Duration::from_secs(5);

/// Why keys did not come.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// From where keys are fetched.
pub trait KeySource: Send + Sync {
    /// The key set as JSON.
    fn fetch(&self) -> Doing<'_, Result<Vec<u8>, FetchError>>;
}

/// Calls one address.
#[derive(Clone, Debug)]
pub struct Agent {
    agent: ureq::Agent,
    url: String,
}

impl Agent {
    /// Calls `url`, which has been checked. Redirects are not followed: they could lead from https
    /// to http.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let native = rustls_native_certs::load_native_certs().certs;
        let certificates: Vec<Certificate<'static>> =
            native.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&certificates))
            .build();
        let mut config = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(FETCH_TIME_MAX))
            .user_agent("quanttrade");
        if super::config::is_local_url(url) {
            config = config.proxy(None);
        }
        Self { agent: config.build().new_agent(), url: url.to_owned() }
    }
}

impl Agent {
    /// Sends a document, and returns the status of the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_json(&self, body: String) -> Result<u16, FetchError> {
        let Self { agent, url } = self.clone();
        let posting = tokio::task::spawn_blocking(move || {
            let request = agent.post(&url).header("Content-Type", "application/json");
            request.send(body).map(|answer| answer.status().as_u16())
        });
        let posted = posting.await.map_err(|error| FetchError(error.to_string()))?;
        posted.map_err(|error| FetchError(error.to_string()))
    }
}

impl KeySource for Agent {
    fn fetch(&self) -> Doing<'_, Result<Vec<u8>, FetchError>> {
        let (agent, url) = (self.agent.clone(), self.url.clone());
        Box::pin(async move {
            let task = tokio::task::spawn_blocking(move || get(&agent, &url));
            task.await.map_err(|error| FetchError(error.to_string()))?
        })
    }
}

fn get(agent: &ureq::Agent, url: &str) -> Result<Vec<u8>, FetchError> {
    let said = |error: ureq::Error| FetchError(error.to_string());
    let mut answer = agent.get(url).header("Accept", "application/json").call().map_err(said)?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(FetchError(format!("the answer's status is {status}")));
    }
    answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(said)
}
