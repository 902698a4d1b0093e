//! What the HTTP face is configured with.

use std::time::Duration;

use qt_trading::secret::Secret;

/// Where it listens, what it answers to, and within which bounds.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Prefixes under which every route works; `/` is always one of them.
    pub base_paths: Vec<String>,
    /// Origins of pages that may call us, as `scheme://host[:port]`.
    pub cors_origins: Vec<String>,
    /// Who shows it sees the business series of `/metrics`.
    pub metrics_token: Option<Secret>,
    /// The bounds.
    pub limits: Limits,
}

impl Default for HttpSettings {
    fn default() -> Self {
        let base_paths = ["/", "/trading", "/api/v1/trading", "/api/brain/quanttrade"];
        Self {
            base_paths: base_paths.map(str::to_owned).to_vec(),
            cors_origins: Vec::new(),
            metrics_token: None,
            limits: Limits::default(),
        }
    }
}

/// How much, and how long. Every one of them is enforced by the server itself, not by a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; more are told 503 and closed.
    pub connections_max: usize,
    /// From the first moment of a connection, or the last answer, to the end of the next headers.
    /// It bounds idle connections as well: whoever keeps one for longer opens another.
    pub header_time: Duration,
    /// For the whole body.
    pub body_time: Duration,
    /// From the headers to the answer. Below the 30 s after which the gateway gives up.
    pub request_time: Duration,
    /// Without a byte of an answer taken by its client; sockets have times of their own.
    pub write_time: Duration,
    /// For requests that are under way when the service stops.
    pub stop_time: Duration,
    /// Bytes of a body.
    pub body_bytes_max: usize,
    /// Bytes of all bodies that are being read.
    pub bodies_bytes_max: usize,
    /// Bytes of the bodies of one tenant.
    pub tenant_bodies_bytes_max: usize,
    /// Bytes of a data set.
    pub dataset_bytes_max: usize,
    /// Bytes of all headers with the request line.
    pub header_bytes_max: usize,
    /// Headers of a request.
    pub headers_max: usize,
    /// How deep JSON may be nested.
    pub json_depth_max: usize,
    /// Bytes that may wait for a client in the kernel.
    pub send_buffer_bytes: u32,
    /// For sockets.
    pub sockets: SocketLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            header_time: Duration::from_secs(8),
            body_time: Duration::from_secs(20),
            request_time: Duration::from_secs(25),
            write_time: Duration::from_secs(10),
            stop_time: Duration::from_millis(2_500),
            body_bytes_max: 1 << 20,
            bodies_bytes_max: 64 << 20,
            tenant_bodies_bytes_max: 16 << 20,
            dataset_bytes_max: 32 << 20,
            header_bytes_max: 32 << 10,
            headers_max: 100,
            json_depth_max: 32,
            send_buffer_bytes: 256 << 10,
            sockets: SocketLimits::default(),
        }
    }
}

/// The bounds of sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketLimits {
    /// Sockets at once.
    pub sockets_max: usize,
    /// Sockets of one tenant at once.
    pub tenant_max: usize,
    /// Subscriptions of a socket.
    pub subscriptions_max: usize,
    /// Bytes of a message from a client.
    pub message_bytes_max: usize,
    /// Messages of a client a second, on average over ten.
    pub messages_per_s: u32,
    /// Until a new socket has authenticated.
    pub auth_time: Duration,
    /// Between pings.
    pub ping_every: Duration,
    /// Without a word from the client.
    pub idle_time: Duration,
    /// Between heartbeats.
    pub heartbeat_every: Duration,
    /// A write that takes longer makes a reader of private channels too slow (4008).
    pub write_time: Duration,
    /// Bytes that may wait in our memory for a reader.
    pub write_buffer_bytes: usize,
    /// Between two messages of the same public topic.
    pub publish_every: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            sockets_max: 15_000,
            tenant_max: 12_000,
            subscriptions_max: 50,
            message_bytes_max: 16 << 10,
            messages_per_s: 20,
            auth_time: Duration::from_secs(5),
            ping_every: Duration::from_secs(20),
            idle_time: Duration::from_secs(60),
            heartbeat_every: Duration::from_secs(15),
            write_time: Duration::from_secs(3),
            write_buffer_bytes: 256 << 10,
            publish_every: Duration::from_millis(50),
        }
    }
}
