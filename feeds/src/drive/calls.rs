//! Requests by HTTP/1.1 on connections that are kept, a few to each host.
//!
//! A request is only said not to have been sent where that is certain: no connection came to be,
//! or the one that was kept was over before it took the request. Whatever else goes wrong, nobody
//! knows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::address::{Address, Place};
use super::wire::Connector;
use crate::machine::{Call, Failure, Method, Request};

/// Connections to one host: as many requests are on their way to it at once.
const CONNECTIONS_MAX: usize = 4;
/// Hosts whose connections are kept.
const HOSTS_MAX: usize = 16;
/// Largest body of an answer.
pub(super) const BODY_BYTES_MAX: usize = 32 << 20;
/// Largest head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 100;
/// A connection that rested longer is not used again: venues close theirs after a minute.
const REST_MAX: Duration = Duration::from_secs(20);

type Sender = SendRequest<Full<Bytes>>;

/// A host, and what is kept of it.
struct Host {
    permits: Semaphore,
    idle: Mutex<Vec<(Sender, Instant)>>,
}

/// All hosts.
pub(super) struct Hosts {
    connector: Connector,
    known: BTreeMap<Place, Arc<Host>>,
}

/// What became of a request.
pub(super) struct Done {
    pub(super) call: Call,
    pub(super) url: String,
    pub(super) outcome: Result<Answer, Failure>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Hosts {
    pub(super) const fn new(connector: Connector) -> Self {
        Self { connector, known: BTreeMap::new() }
    }

    /// The way of one request, whose future never fails and never takes longer than its patience.
    pub(super) fn ask(
        &mut self,
        call: Call,
        request: Request,
    ) -> impl Future<Output = Done> + Send + use<> {
        let address = Address::of(&request.url, "http", "https");
        let host = address.as_ref().map(|address| self.host(address.place()));
        let connector = self.connector.clone();
        async move {
            let url = request.url.clone();
            let outcome = match address.zip(host) {
                Some((address, host)) => asked(request, &address, &host, &connector).await,
                None => Err(Failure::NotSent),
            };
            Done { call, url, outcome }
        }
    }

    fn host(&mut self, place: Place) -> Arc<Host> {
        if !self.known.contains_key(&place) && self.known.len() >= HOSTS_MAX {
            self.known.clear();
        }
        let new = || {
            let (permits, idle) = (Semaphore::new(CONNECTIONS_MAX), Mutex::default());
            Arc::new(Host { permits, idle })
        };
        Arc::clone(self.known.entry(place).or_insert_with(new))
    }
}

async fn asked(
    request: Request,
    address: &Address,
    host: &Host,
    connector: &Connector,
) -> Result<Answer, Failure> {
    let patience_ns = u64::try_from(request.patience_ns).unwrap_or(0);
    let until = Instant::now() + Duration::from_nanos(patience_ns);
    let _permit = match timeout_at(until, host.permits.acquire()).await {
        Ok(Ok(permit)) => permit,
        _ => return Err(Failure::NotSent),
    };
    let mut message = message_of(request, address).ok_or(Failure::NotSent)?;
    loop {
        let kept = timeout_at(until, kept(host)).await.map_err(|_| Failure::NotSent)?;
        let is_new = kept.is_none();
        let mut sender = match kept {
            Some(sender) => sender,
            None => timeout_at(until, made(address, connector))
                .await
                .ok()
                .flatten()
                .ok_or(Failure::NotSent)?,
        };
        match timeout_at(until, sender.try_send_request(message)).await {
            Err(_) => return Err(Failure::Unknown),
            Ok(Ok(response)) => {
                let answer = timeout_at(until, whole(response)).await;
                let answer = answer.ok().flatten().ok_or(Failure::Unknown)?;
                if !sender.is_closed() {
                    host.idle.lock().await.push((sender, Instant::now()));
                }
                return Ok(answer);
            }
            Ok(Err(mut error)) => match error.take_message() {
                // The connection was over before the request was taken from us.
                Some(_) if is_new => return Err(Failure::NotSent),
                Some(taken) => message = taken,
                None => return Err(Failure::Unknown),
            },
        }
    }
}

/// A connection that is kept and still good.
async fn kept(host: &Host) -> Option<Sender> {
    loop {
        let (mut sender, since) = host.idle.lock().await.pop()?;
        if since.elapsed() < REST_MAX && !sender.is_closed() && sender.ready().await.is_ok() {
            return Some(sender);
        }
    }
}

async fn made(address: &Address, connector: &Connector) -> Option<Sender> {
    let wire = connector.connect(address).await.ok()?;
    let mut builder = Builder::new();
    builder.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let (sender, connection) = builder.handshake(TokioIo::new(wire)).await.ok()?;
    // It ends when the sender is dropped or the other side closes.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Some(sender)
}

fn message_of(request: Request, address: &Address) -> Option<http::Request<Full<Bytes>>> {
    let method = match request.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Delete => http::Method::DELETE,
    };
    let mut message = http::Request::builder()
        .method(method)
        .uri(address.path.as_str())
        .header(HOST, address.authority.as_str());
    for (name, value) in &request.headers {
        let mut value = HeaderValue::from_bytes(value.bytes()).ok()?;
        value.set_sensitive(true);
        message = message.header(*name, value);
    }
    message.body(Full::new(Bytes::from(request.body))).ok()
}

async fn whole(response: http::Response<Incoming>) -> Option<Answer> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.ok()?.to_bytes();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    Some(Answer { status: head.status.as_u16(), headers: headers.collect(), body })
}
