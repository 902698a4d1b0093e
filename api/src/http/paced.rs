//! A connection that ends when its client takes nothing of what is written.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Switches the limit of a connection off: sockets have one of their own.
#[derive(Clone, Debug, Default)]
pub struct Unpaced(Arc<AtomicBool>);

impl Unpaced {
    /// From now on writes take as long as they take.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A stream whose writes fail when none of them gets on for too long.
#[derive(Debug)]
pub struct Paced<S> {
    stream: S,
    write_time: Duration,
    unpaced: Unpaced,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    /// `stream`, whose writes may wait for `write_time`.
    pub const fn new(stream: S, write_time: Duration, unpaced: Unpaced) -> Self {
        Self { stream, write_time, unpaced, waiting: None }
    }

    fn held<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() || self.unpaced.0.load(Ordering::Relaxed) {
            self.waiting = None;
            return written;
        }
        let write_time = self.write_time;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(write_time)));
        match waiting.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                // Whoever tries again finds out at once.
                waiting.as_mut().reset(Instant::now());
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.held(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.held(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, sleep};

    use super::{Paced, Unpaced};

    const TIME: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn a_reader_that_takes_nothing_ends_it_and_a_slow_one_does_not() {
        let (near, mut far) = duplex(10);
        let mut paced = Paced::new(near, TIME, Unpaced::default());
        let reader = tokio::spawn(async move {
            let mut bytes = [0_u8; 10];
            for _ in 0..6 {
                sleep(TIME / 4).await;
                far.read_exact(&mut bytes).await.unwrap();
            }
            far
        });
        let began = Instant::now();
        paced.write_all(&[1; 60]).await.unwrap();
        let far = reader.await.unwrap();
        assert!(began.elapsed() > TIME, "all of it took longer than one write may");
        let began = Instant::now();
        let error = paced.write_all(&[1; 60]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= TIME, "{:?}", began.elapsed());
        drop(far);
    }

    #[tokio::test]
    async fn a_socket_has_its_own_time() {
        let (near, mut far) = duplex(10);
        let unpaced = Unpaced::default();
        let mut paced = Paced::new(near, TIME, unpaced.clone());
        unpaced.set();
        let reader = tokio::spawn(async move {
            sleep(TIME * 3).await;
            let mut bytes = [0_u8; 100];
            far.read_exact(&mut bytes).await.unwrap();
        });
        paced.write_all(&[1; 100]).await.unwrap();
        reader.await.unwrap();
    }
}
