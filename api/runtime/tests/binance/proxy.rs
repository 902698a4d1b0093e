//! A wire between both sides that can be cut, and stopped.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[derive(Clone)]
pub struct Proxy {
    pub addr: SocketAddr,
    inside: Arc<Inside>,
}

struct Inside {
    to: SocketAddr,
    open: Mutex<Vec<TcpStream>>,
    /// New connections are closed at once.
    is_down: AtomicBool,
    /// Nothing of what the venue says gets through.
    is_silent: AtomicBool,
    is_over: AtomicBool,
    accepted: AtomicU64,
}

impl Proxy {
    pub fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let inside = Arc::new(Inside {
            to,
            open: Mutex::default(),
            is_down: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
        });
        let shared = Arc::clone(&inside);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.is_over.load(Ordering::Acquire) {
                    return;
                }
                if let Ok(stream) = stream {
                    shared.serve(stream);
                }
            }
        });
        Self { addr, inside }
    }

    /// Every connection is lost at once.
    pub fn cut(&self) {
        for stream in self.inside.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn set_down(&self, is_down: bool) {
        self.inside.is_down.store(is_down, Ordering::Release);
    }

    /// The venue is not heard any more, and hears.
    pub fn set_silent(&self, is_silent: bool) {
        self.inside.is_silent.store(is_silent, Ordering::Release);
    }

    /// Connections that were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.inside.accepted.load(Ordering::Acquire)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Inside {
    fn serve(self: &Arc<Self>, from: TcpStream) {
        if self.is_down.load(Ordering::Acquire) {
            return;
        }
        self.accepted.fetch_add(1, Ordering::AcqRel);
        let Ok(to) = TcpStream::connect(self.to) else { return };
        for stream in [&from, &to] {
            let _ = stream.set_nodelay(true);
            self.open.lock().unwrap().push(stream.try_clone().unwrap());
        }
        let (from_two, to_two) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        self.pump(from, to, false);
        self.pump(to_two, from_two, true);
    }

    fn pump(self: &Arc<Self>, mut from: TcpStream, mut to: TcpStream, is_theirs: bool) {
        let inside = Arc::clone(self);
        thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(count) = from.read(&mut buffer) {
                while is_theirs && inside.is_silent.load(Ordering::Acquire) {
                    thread::sleep(Duration::from_millis(2));
                }
                if count == 0 || to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}
