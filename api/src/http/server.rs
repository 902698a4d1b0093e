//! Connections: accepted up to a bound, each with its time limits, all of them ended in order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::app::Shared;
use super::front;
use super::paced::{Paced, Unpaced};
use super::settings::Limits;

const BACKLOG: u32 = 4_096;
/// After an accept that failed, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    connection: close\r\nretry-after: 1\r\ncontent-length: 79\r\n\r\n\
    {\"detail\":\"too many connections\",\"code\":\"TOO_MANY_CONNECTIONS\",\"request_id\":\"\"}";

/// A port that is listened on.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn bind(address: SocketAddr, limits: &Limits) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        // Accepted connections take it over: what waits for a slow client stays bounded.
        socket.set_send_buffer_size(limits.send_buffer_bytes)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is done. Then no connection is accepted any more, requests that are
    /// under way get their time to end, and sockets are closed. Returns whether all ended in time.
    pub async fn run(self, app: Shared, router: Router, stop: impl Future<Output = ()>) -> bool {
        let limits = app.settings.limits;
        let upkeep = tokio::spawn(Arc::clone(&app.metrics).keep_up());
        let places = Arc::new(Semaphore::new(limits.connections_max));
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // Answers are small and waited for.
            let _ = stream.set_nodelay(true);
            match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let stopping = app.stopping.subscribe();
                    let served = serve(app.clone(), router.clone(), stream, peer, stopping, place);
                    tokio::spawn(served);
                }
                Err(_) => {
                    app.metrics.connection_refused();
                    let _ = stream.try_write(FULL);
                }
            }
        }
        drop(self.listener);
        app.stopping.send_replace(true);
        let all = u32::try_from(limits.connections_max).unwrap_or(u32::MAX);
        let ended = tokio::time::timeout(limits.stop_time, places.acquire_many(all)).await;
        upkeep.abort();
        ended.is_ok()
    }
}

/// A place of a connection, which a socket that grows out of it keeps.
#[derive(Clone, Debug)]
pub struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
    unpaced: Unpaced,
}

impl Place {
    /// The connection becomes a socket, which has times of its own.
    pub fn becomes_socket(&self) {
        self.unpaced.set();
    }
}

async fn serve(
    app: Shared,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    mut stopping: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
) {
    let limits = app.settings.limits;
    let unpaced = Unpaced::default();
    let place = Place { _permit: Arc::new(place), unpaced: unpaced.clone() };
    let stream = Paced::new(stream, limits.write_time, unpaced);
    let _open = app.metrics.connection_opened();
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(place.clone());
        let (app, router) = (app.clone(), router.clone());
        async move { Ok::<_, Infallible>(front::answer(app, router, peer, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers_max)
        .max_buf_size(limits.header_bytes_max.max(8_192))
        .keep_alive(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // Without a sender the service is over as well.
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
}

#[cfg(test)]
mod tests {
    use super::FULL;

    #[test]
    fn the_answer_of_a_full_house_is_well_formed() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
