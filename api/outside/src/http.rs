//! The one way out over HTTP: bounded answers, no redirects, and, where a tenant names the address,
//! nobody is called whom the guard refuses.
//!
//! A host is looked up once for a call, what comes of it is checked, and the connection goes to
//! exactly that: there is no second look-up between the check and the call that could say something
//! else.

use std::fmt::Debug;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use thiserror::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::guard::Guard;

/// The largest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// The largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct HttpError(pub String);

/// How names become addresses.
pub trait Lookup: Debug + Send + Sync {
    /// The addresses of the host of `uri`.
    ///
    /// # Errors
    /// When it has none.
    fn look_up(&self, uri: &Uri) -> Result<Vec<SocketAddr>, HttpError>;
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET`, `POST`, ...
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body; none for methods that have none.
    pub body: Option<String>,
}

impl Call {
    /// A call without a body.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET", url: url.into(), headers: Vec::new(), body: None }
    }

    /// A call with a document.
    #[must_use]
    pub fn post(url: impl Into<String>, body: impl Into<String>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { method: "POST", url: url.into(), headers, body: Some(body.into()) }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body, as far as it was wanted.
    pub body: Vec<u8>,
}

/// Calls others. Clones share what it needs for TLS.
#[derive(Clone, Debug)]
pub struct Http {
    agent: ureq::Agent,
    body_bytes_max: u64,
    /// Whether an answer whose body breaks off is none.
    needs_body: bool,
}

impl Http {
    /// Calls addresses that whoever runs the service has configured.
    #[must_use]
    pub fn trusted(time: Duration) -> Self {
        let resolver = Guarded { guard: None, lookup: None };
        let agent = agent(time, resolver);
        Self { agent, body_bytes_max: ANSWER_BYTES_MAX, needs_body: true }
    }

    /// Calls addresses that tenants name: only those that `guard` lets pass, and at most
    /// `body_bytes_max` of an answer are read; its status counts, also where its body breaks off.
    /// `lookup` stands in for the system's.
    #[must_use]
    pub fn guarded(
        guard: Guard,
        lookup: Option<Arc<dyn Lookup>>,
        time: Duration,
        body_bytes_max: u64,
    ) -> Self {
        let agent = agent(time, Guarded { guard: Some(guard), lookup });
        Self { agent, body_bytes_max, needs_body: false }
    }

    /// Calls, and waits for the answer.
    ///
    /// # Errors
    /// When there is none in time, or the address is refused. The text holds no header.
    pub async fn call(&self, call: Call) -> Result<Answer, HttpError> {
        let http = self.clone();
        let task = tokio::task::spawn_blocking(move || send(&http, call));
        task.await.map_err(|error| HttpError(error.to_string()))?
    }
}

fn send(http: &Http, call: Call) -> Result<Answer, HttpError> {
    let mut request = ureq::http::Request::builder().method(call.method).uri(&call.url);
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    // The words of the builder could repeat a header.
    let unsendable = |_| HttpError("the request cannot be sent: its address or a header".into());
    let said = |error: ureq::Error| match error {
        ureq::Error::Other(inner) => HttpError(inner.to_string()),
        other => HttpError(other.to_string()),
    };
    let sent = match call.body {
        Some(body) => http.agent.run(request.body(body).map_err(unsendable)?),
        None => http.agent.run(request.body(()).map_err(unsendable)?),
    };
    let answer = sent.map_err(said)?;
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    // What is behind the bound is nobody's business: the connection is closed.
    let mut reader = answer.into_body().into_reader().take(http.body_bytes_max);
    let read = reader.read_to_end(&mut body);
    if http.needs_body {
        read.map_err(|error| HttpError(error.to_string()))?;
    }
    Ok(Answer { status, body })
}

fn agent(time: Duration, resolver: Guarded) -> ureq::Agent {
    let native = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<Certificate<'static>> =
        native.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
        .root_certs(RootCerts::new_with_certs(&certificates))
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        // A proxy would look the host up a second time.
        .proxy(None)
        .timeout_global(Some(time))
        .max_response_header_size(HEAD_BYTES_MAX)
        // A connection that is kept would be one to what the host was resolved to before.
        .max_idle_connections(0)
        .user_agent("quanttrade")
        .build();
    ureq::Agent::with_parts(config, DefaultConnector::default(), resolver)
}

/// Resolves, and lets pass what the guard lets pass.
#[derive(Debug)]
struct Guarded {
    guard: Option<Guard>,
    lookup: Option<Arc<dyn Lookup>>,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let other = |error: HttpError| ureq::Error::Other(Box::new(error));
        let found = match &self.lookup {
            None => DefaultResolver::default().resolve(uri, config, timeout)?,
            Some(lookup) => {
                let mut found = self.empty();
                for address in lookup.look_up(uri).map_err(other)? {
                    found.push(address);
                }
                found
            }
        };
        if let Some(guard) = &self.guard {
            guard.check(uri, &found).map_err(|refused| other(HttpError(refused.0)))?;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    /// Where each answer breaks off.
    fn breaking() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).unwrap();
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort";
                stream.write_all(answer).unwrap();
            }
        });
        url
    }

    #[tokio::test]
    async fn the_status_of_a_tenants_receiver_counts_without_its_body() {
        let (url, time) = (breaking(), Duration::from_secs(5));
        let guard = Guard::parse("127.0.0.0/8").unwrap();
        let guarded = Http::guarded(guard, None, time, 1_024).call(Call::get(url.as_str())).await;
        assert_eq!(guarded.unwrap().status, 200);
        assert!(Http::trusted(time).call(Call::get(url.as_str())).await.is_err());
    }
}
