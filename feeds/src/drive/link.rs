//! One WebSocket: how it opens, what comes over it, how it ends.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, Stream};
use hyper::body::Bytes;
use tokio::time::{Sleep, sleep};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::address::Address;
use super::wire::{Connector, Wire};
use crate::machine::Closed;

/// Largest message that is taken; the largest real ones (a whole book) have some megabytes.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// What is read at once.
const READ_BYTES: usize = 128 << 10;
/// What waits at most for a venue that does not read: then the link is given up.
const WRITE_BYTES_MAX: usize = 256 << 10;
/// How long a close may take until the connection is dropped.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

type Opening = Pin<Box<dyn Future<Output = Result<WebSocketStream<Wire>, Closed>> + Send>>;

/// See the module.
pub(super) struct Socket {
    stage: Stage,
    /// Something was written and has perhaps not left.
    is_unsent: bool,
}

enum Stage {
    Opening(Opening),
    Open(WebSocketStream<Wire>),
    /// Until the other side has closed too, or the time is over.
    Closing(WebSocketStream<Wire>, Closed, Pin<Box<Sleep>>),
    /// To be told, and then it is over.
    Ended(Closed),
}

/// What came of a link.
pub(super) enum Came {
    Opened,
    Text(Utf8Bytes),
    Binary(Bytes),
    Alive,
    Closed(Closed),
}

impl Socket {
    /// Begins to open a WebSocket to `url`, which may take as long as `patience`.
    pub(super) fn open(url: &str, connector: &Connector, patience: Duration) -> Self {
        let (url, connector) = (url.to_owned(), connector.clone());
        let opening = async move {
            let nothing = Closed::NotOpened { status: None, retry_after_s: None };
            match tokio::time::timeout(patience, opened(&url, &connector)).await {
                Ok(result) => result,
                Err(_) => Err(nothing),
            }
        };
        Self { stage: Stage::Opening(Box::pin(opening)), is_unsent: false }
    }

    /// Writes `text`; it is lost where the link does not stand.
    pub(super) fn send(&mut self, text: Vec<u8>) {
        let Stage::Open(stream) = &mut self.stage else { return };
        let written = Utf8Bytes::try_from(text)
            .map_err(|_| ())
            .and_then(|text| Pin::new(stream).start_send(Message::Text(text)).map_err(|_| ()));
        match written {
            Ok(()) => self.is_unsent = true,
            // The venue does not read, and what waits for it is all that may wait.
            Err(()) => self.stage = Stage::Ended(Closed::Broken),
        }
    }

    /// Closes it in order.
    pub(super) fn close(&mut self) {
        let ended = Stage::Ended(Closed::Asked);
        self.stage = match std::mem::replace(&mut self.stage, ended) {
            Stage::Open(stream) => closing(stream, Closed::Asked),
            // Why it ended is known already.
            Stage::Ended(closed) => Stage::Ended(closed),
            Stage::Closing(stream, closed, until) => Stage::Closing(stream, closed, until),
            Stage::Opening(_) => Stage::Ended(Closed::Asked),
        };
        self.is_unsent = true;
    }

    /// What came next. After [`Came::Closed`] it must not be asked again.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        loop {
            match &mut self.stage {
                Stage::Ended(closed) => return Poll::Ready(Came::Closed(closed.clone())),
                Stage::Opening(opening) => match opening.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(stream)) => {
                        self.stage = Stage::Open(stream);
                        return Poll::Ready(Came::Opened);
                    }
                    Poll::Ready(Err(closed)) => self.stage = Stage::Ended(closed),
                },
                Stage::Open(stream) => {
                    if self.is_unsent {
                        match Pin::new(&mut *stream).poll_flush(cx) {
                            Poll::Ready(Ok(())) => self.is_unsent = false,
                            Poll::Ready(Err(_)) => {
                                self.stage = Stage::Ended(Closed::Broken);
                                continue;
                            }
                            Poll::Pending => {}
                        }
                    }
                    let Poll::Ready(next) = Pin::new(stream).poll_next(cx) else {
                        return Poll::Pending;
                    };
                    if let Some(came) = self.took(next) {
                        return Poll::Ready(came);
                    }
                }
                Stage::Closing(stream, closed, until) => {
                    // Whether what is flushed arrives does not matter any more.
                    let _ = Pin::new(&mut *stream).poll_flush(cx);
                    let is_over = match Pin::new(stream).poll_next(cx) {
                        Poll::Ready(next) => !matches!(next, Some(Ok(_))),
                        Poll::Pending => match until.as_mut().poll(cx) {
                            Poll::Ready(()) => true,
                            Poll::Pending => return Poll::Pending,
                        },
                    };
                    if is_over {
                        self.stage = Stage::Ended(closed.clone());
                    }
                }
            }
        }
    }

    /// What an open link gave.
    fn took(&mut self, next: Option<Result<Message, Error>>) -> Option<Came> {
        match next {
            Some(Ok(Message::Text(text))) => Some(Came::Text(text)),
            Some(Ok(Message::Binary(bytes))) => Some(Came::Binary(bytes)),
            Some(Ok(Message::Ping(_))) => {
                // The answer, with the same payload, is written and may wait.
                self.is_unsent = true;
                Some(Came::Alive)
            }
            Some(Ok(Message::Pong(_))) => Some(Came::Alive),
            Some(Ok(Message::Close(frame))) => {
                let why = frame.map_or(Closed::ByVenue(1_005, String::new()), |frame| {
                    Closed::ByVenue(frame.code.into(), frame.reason.as_str().to_owned())
                });
                let ended = Stage::Ended(Closed::Broken);
                if let Stage::Open(stream) = std::mem::replace(&mut self.stage, ended) {
                    self.stage = closing(stream, why);
                }
                None
            }
            Some(Ok(Message::Frame(_))) => None,
            Some(Err(_)) | None => {
                self.stage = Stage::Ended(Closed::Broken);
                None
            }
        }
    }
}

/// The last part of a link's life: the close is written where the venue has not begun it.
fn closing(mut stream: WebSocketStream<Wire>, why: Closed) -> Stage {
    if why == Closed::Asked {
        // Where it cannot be written the link is dropped a little later.
        let _ = Pin::new(&mut stream).start_send(Message::Close(None));
    }
    Stage::Closing(stream, why, Box::pin(sleep(CLOSE_PATIENCE)))
}

async fn opened(url: &str, connector: &Connector) -> Result<WebSocketStream<Wire>, Closed> {
    let nothing = || Closed::NotOpened { status: None, retry_after_s: None };
    let address = Address::of(url, "ws", "wss").ok_or_else(nothing)?;
    let wire = connector.connect(&address).await.map_err(|_| nothing())?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let request = url.into_client_request().map_err(|_| nothing())?;
    match client_async_with_config(request, wire, Some(config)).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(answer)) => {
            let after = answer.headers().get("retry-after").and_then(|text| text.to_str().ok());
            let retry_after_s = after.and_then(|text| text.trim().parse().ok());
            Err(Closed::NotOpened { status: Some(answer.status().as_u16()), retry_after_s })
        }
        Err(_) => Err(nothing()),
    }
}
