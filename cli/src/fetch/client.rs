//! An HTTP client for archives: tries again what may pass, and says what does not.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Body, Proxy};

use crate::failure::Failure;
use crate::version;

/// Redirects that are followed for one file.
const REDIRECTS_MAX: u32 = 5;

/// How the client behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions<'a> {
    /// How long it waits for a connection, an answer, and the next bytes of one.
    pub timeout: Duration,
    /// How often it tries again.
    pub retries: u32,
    /// How long it waits before the first of these; twice as long before each other one.
    pub pause: Duration,
    /// A file of certificates to trust in the place of the system's.
    pub ca: Option<&'a Path>,
}

/// The client.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    retries: u32,
    pause: Duration,
}

/// Why something did not come.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What happened.
    pub what: String,
    /// Whether it may pass by itself.
    pub may_pass: bool,
    /// Whether the server is not trusted.
    pub is_distrust: bool,
}

impl Trouble {
    /// Something that may pass.
    pub fn passing(what: impl Into<String>) -> Self {
        Self { what: what.into(), may_pass: true, is_distrust: false }
    }

    /// Something that stays as it is.
    fn lasting(what: impl Into<String>) -> Self {
        Self { what: what.into(), may_pass: false, is_distrust: false }
    }

    /// The failure of fetching `url`.
    pub fn failure(&self, url: &str) -> Failure {
        let failure = Failure::failed(format!("{url}: {}", self.what));
        match (self.is_distrust, self.may_pass) {
            (true, _) => failure
                .hint("name the authority that signed the server's certificate with --ca FILE.pem"),
            (false, true) => failure.hint(
                "run the command again: what is there is kept; --base-url names another server",
            ),
            (false, false) => failure.hint("check --base-url"),
        }
    }
}

impl From<ureq::Error> for Trouble {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(what) => Self::passing(format!("no answer in time ({what})")),
            ureq::Error::TooManyRedirects => {
                Self::lasting(format!("more than {REDIRECTS_MAX} redirects"))
            }
            ureq::Error::BadUri(what) => Self::lasting(format!("no address: {what}")),
            ureq::Error::Io(error) => error.into(),
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
                Self::passing(error.to_string())
            }
            ureq::Error::Protocol(what) => Self::passing(format!("the answer is damaged: {what}")),
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
                Self { is_distrust: true, ..Self::lasting(error.to_string()) }
            }
            other => Self::lasting(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        let inner = error.get_ref();
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return Self { is_distrust: true, ..Self::lasting(error.to_string()) };
        }
        if let Some(ureq::Error::Timeout(what)) = inner.and_then(|inner| inner.downcast_ref()) {
            return Self::passing(format!("no answer in time ({what})"));
        }
        Self::passing(error.to_string())
    }
}

impl Client {
    /// A client that behaves as `options` say. Proxies are those of the environment
    /// (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(options: &ClientOptions<'_>) -> Result<Self, Failure> {
        let tls = tls(options.ca)?;
        let timeout = Some(options.timeout);
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(Proxy::try_from_env())
            .user_agent(format!("quanttrade/{}", version::VERSION))
            .http_status_as_error(false)
            .max_redirects(REDIRECTS_MAX)
            .timeout_resolve(timeout)
            .timeout_connect(timeout)
            .timeout_recv_response(timeout)
            .timeout_per_read(timeout)
            .build();
        let (retries, pause) = (options.retries, options.pause);
        Ok(Self { agent: config.new_agent(), retries, pause })
    }

    /// What is at `url` from byte `from` on; `None` where there is nothing.
    ///
    /// # Errors
    /// What went wrong.
    pub fn get(&self, url: &str, from: u64) -> Result<Option<Response<Body>>, Trouble> {
        let mut request = self.agent.get(url);
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        let response = request.call()?;
        match response.status().as_u16() {
            200 | 206 => Ok(Some(response)),
            404 | 410 => Ok(None),
            // What is asked for is past the end: nothing of it can be used.
            416 => Err(Trouble::passing("the server has less than was there before")),
            code @ (408 | 425 | 429 | 500..=599) => {
                Err(Trouble::passing(format!("the server answers {code}")))
            }
            code => Err(Trouble::lasting(format!("the server answers {code}"))),
        }
    }

    /// Tries `what` until it works, does not pass, or was tried often enough.
    ///
    /// # Errors
    /// The last trouble.
    pub fn persist<T>(
        &self,
        mut what: impl FnMut() -> Result<T, Trouble>,
        mut tell: impl FnMut(&Trouble, Duration),
    ) -> Result<T, Trouble> {
        let mut pause = self.pause;
        for _ in 0..self.retries {
            match what() {
                Err(trouble) if trouble.may_pass => {
                    tell(&trouble, pause);
                    std::thread::sleep(pause);
                    pause = pause.saturating_mul(2);
                }
                other => return other,
            }
        }
        what()
    }
}

/// How servers are trusted: by the authorities of the file `ca`, or the system's.
///
/// # Errors
/// When the certificates cannot be read.
pub fn tls(ca: Option<&Path>) -> Result<TlsConfig, Failure> {
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&trusted(ca)?))
        .build())
}

/// The authorities whose certificates are trusted: those of the file `ca`, or the system's.
fn trusted(ca: Option<&Path>) -> Result<Vec<Certificate<'static>>, Failure> {
    let Some(path) = ca else {
        // Those that cannot be read are missing: a server that needs them is not trusted.
        let found = rustls_native_certs::load_native_certs().certs;
        return Ok(found.iter().map(|cert| Certificate::from_der(cert).to_owned()).collect());
    };
    let wrong = |what: String| Failure::usage(format!("--ca {}: {what}", path.display()));
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut all = Vec::new();
    for item in parse_pem(&pem) {
        match item.map_err(|error| wrong(error.to_string()))? {
            PemItem::Certificate(certificate) => all.push(certificate),
            _ => return Err(wrong("holds something that is no certificate".to_owned())),
        }
    }
    if all.is_empty() {
        return Err(wrong("holds no certificate (PEM)".to_owned()));
    }
    Ok(all)
}
