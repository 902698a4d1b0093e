//! A machine that does what a test says and tells it what happened, and servers for it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use qt_feeds::drive::{self, Authorities, Driver};
use qt_feeds::machine::{Act, Call, Closed, Failure, Happened, Link, Machine, Method, Request};
use qt_types::Nanos;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// What happened, to keep.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Opened(u8),
    Frame(u8, Vec<u8>),
    Alive(u8),
    Closed(u8, Closed),
    Answered(u32, u16, Vec<u8>),
    Failed(u32, Failure),
}

struct Scripted {
    acts: mpsc::Receiver<Act>,
    heard: mpsc::Sender<Heard>,
}

impl Machine for Scripted {
    fn handle(&mut self, happened: Happened<'_>, _now_ns: Nanos) {
        let heard = match happened {
            Happened::Opened(link) => Heard::Opened(link.0),
            Happened::Frame(link, bytes) => Heard::Frame(link.0, bytes.to_vec()),
            Happened::Alive(link) => Heard::Alive(link.0),
            Happened::Closed(link, why) => Heard::Closed(link.0, why),
            Happened::Answered { call, status, body, .. } => {
                Heard::Answered(call.0, status, body.to_vec())
            }
            Happened::Failed(call, failure) => Heard::Failed(call.0, failure),
            Happened::Time => return,
        };
        let _ = self.heard.send(heard);
    }

    fn next_act(&mut self) -> Option<Act> {
        self.acts.try_recv().ok()
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        None
    }
}

/// A driver on a thread, and the test's end of its machine.
pub struct Rig {
    runtime: Runtime,
    acts: mpsc::Sender<Act>,
    heard: mpsc::Receiver<Heard>,
    handle: Option<drive::Handle>,
    driven: Option<tokio::task::JoinHandle<()>>,
}

impl Rig {
    pub fn new(authorities: Authorities) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
        let (acts, to_do) = mpsc::channel();
        let (told, heard) = mpsc::channel();
        let begun = Instant::now();
        let clock = move || Nanos::new(i64::try_from(begun.elapsed().as_nanos()).unwrap_or(0));
        let settings = drive::Settings { clock: Box::new(clock), authorities, witness: None };
        let machine = Scripted { acts: to_do, heard: told };
        let (driver, handle) = Driver::new(machine, settings).expect("a driver");
        let driven = runtime.spawn(async move {
            driver.run().await;
        });
        Self { runtime, acts, heard, handle: Some(handle), driven: Some(driven) }
    }

    /// A server that does `serve` with each of its connections.
    pub fn serve<F, S>(&self, serve: S) -> SocketAddr
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = self.runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        self.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        address
    }

    pub fn act(&self, act: Act) {
        self.acts.send(act).expect("a driver that runs");
        self.handle.as_ref().expect("it was not stopped").wake();
    }

    pub fn open(&self, link: u8, url: String) {
        self.act(Act::Open(Link(link), url));
    }

    pub fn get(&self, call: u32, url: String, patience: Duration) {
        let patience_ns = i64::try_from(patience.as_nanos()).expect("not so long");
        let (headers, body) = (Vec::new(), Vec::new());
        let request = Request { method: Method::Get, url, headers, body, patience_ns };
        self.act(Act::Call(Call(call), request));
    }

    /// What happened next.
    pub fn next(&self) -> Heard {
        self.heard.recv_timeout(Duration::from_secs(60)).expect("something happens")
    }

    /// That nothing has happened so far.
    pub fn assert_quiet(&self) {
        assert_eq!(self.heard.try_recv().ok(), None);
    }

    /// Stops the driver and waits for its end.
    pub fn stop(&mut self) {
        self.handle.take().expect("once").stop();
        let driven = self.driven.take().expect("once");
        self.runtime.block_on(driven).expect("it ends");
    }
}

/// A port where nobody listens.
pub fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}
