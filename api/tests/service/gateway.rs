//! The platform's gateways, as far as a backend can notice them (PLATFORM 3.1 and 3.3).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Which gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The API gateway: `/trading/*` with the prefix cut off, which leaves two slashes; no header
    /// added, none checked.
    Api,
    /// The brain gateway: another prefix, which stays; the tenant and a service token are put in,
    /// and the service is asked for its health every now and then.
    Brain {
        /// What is put into `X-Tenant-ID`.
        tenant: String,
    },
}

impl Kind {
    /// Where the service is found behind it.
    pub const fn prefix(&self) -> &'static str {
        match self {
            Self::Api => "/trading",
            Self::Brain { .. } => "/api/brain/quanttrade",
        }
    }
}

struct Gateway {
    kind: Kind,
    backend: SocketAddr,
}

/// The gateways give a backend so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// The brain gateway waits so long for `/health`.
const HEALTH_PATIENCE: Duration = Duration::from_secs(2);

/// Starts a gateway before `backend`, and says where it listens.
pub async fn start(kind: Kind, backend: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Arc::new(Gateway { kind, backend });
    let app = Router::new().fallback(pass).with_state(gateway);
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn detail(status: StatusCode, words: &str) -> Response {
    (status, axum::Json(serde_json::json!({ "detail": words }))).into_response()
}

async fn pass(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Neither forwards HEAD: their tables of methods do not have it.
    if parts.method == Method::HEAD {
        return detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    }
    // The whole body is read before anything is passed on.
    let Ok(body) = to_bytes(body, 64 << 20).await else {
        return detail(StatusCode::INTERNAL_SERVER_ERROR, "unreadable body");
    };
    let Some(path) = forwarded(&gateway.kind, &parts.uri) else {
        return detail(StatusCode::NOT_FOUND, "another service");
    };
    if let Kind::Brain { .. } = gateway.kind {
        let (none, nothing) = (HeaderMap::new(), Bytes::new());
        let health = ask(&gateway, &Method::GET, "/health", &none, &nothing);
        match timeout(HEALTH_PATIENCE, health).await {
            Ok(Ok(answer)) if answer.status() == StatusCode::OK => {}
            _ => return detail(StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
        }
    }
    let call = ask(&gateway, &parts.method, &path, &parts.headers, &body);
    match timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            detail(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable")
        }
        Ok(Err(error)) => detail(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(_) => detail(StatusCode::GATEWAY_TIMEOUT, "Gateway timeout"),
    }
}

/// The path as the backend gets it; none for what is somebody else's.
fn forwarded(kind: &Kind, uri: &Uri) -> Option<String> {
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let path = uri.path();
    let rest = path.strip_prefix(kind.prefix())?;
    Some(match kind {
        // "/" is put before a rest that begins with one.
        Kind::Api if rest.is_empty() => format!("/{query}"),
        Kind::Api => format!("/{rest}{query}"),
        Kind::Brain { .. } => format!("{path}{query}"),
    })
}

async fn ask(
    gateway: &Gateway,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> std::io::Result<Response> {
    let mut stream = TcpStream::connect(gateway.backend).await?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", gateway.backend);
    for (name, value) in headers {
        if !["host", "content-length", "connection", "transfer-encoding"].contains(&name.as_str()) {
            head += &format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
        }
    }
    if let Kind::Brain { tenant } = &gateway.kind {
        head += &format!("x-tenant-id: {tenant}\r\nx-service-auth: a.service.token\r\n");
    }
    head += &format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    answered(&answer).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

/// The answer as a gateway gives it on: headers in a dictionary, which keeps one of each name.
fn answered(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let body = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse::<u16>().ok()?;
    let named = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: BTreeMap<String, String> = lines.filter_map(named).collect();
    // An answer that must be decoded would reach the client broken: it is not sent at all.
    if headers.contains_key("content-encoding") || headers.contains_key("transfer-encoding") {
        return None;
    }
    let length: usize = headers.get("content-length").map_or(Some(0), |text| text.parse().ok())?;
    if length != body.len() {
        return None;
    }
    let mut answer = Response::builder().status(status).body(Body::from(body.to_vec())).ok()?;
    for (name, value) in headers {
        let name = HeaderName::try_from(name).ok()?;
        answer.headers_mut().insert(name, HeaderValue::try_from(value).ok()?);
    }
    Some(answer)
}
