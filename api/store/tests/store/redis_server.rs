//! A Redis of one test's own, which it may kill.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamRangeReply;
use tempfile::TempDir;

use crate::absent;

/// A machine that runs many tests at once is slow; a Redis that is gone refuses at once.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct RedisServer {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl RedisServer {
    /// None where Redis is not installed.
    pub async fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { folder, port: free, child: None };
        if !server.begin() {
            absent("no redis-server on the path");
            return None;
        }
        server.wait().await;
        Some(server)
    }

    fn begin(&mut self) -> bool {
        let started = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = started.ok();
        self.child.is_some()
    }

    async fn wait(&self) {
        for _ in 0..500 {
            if let Ok(mut connection) = self.connected().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Redis does not answer");
    }

    async fn connected(&self) -> redis::RedisResult<MultiplexedConnection> {
        let client = redis::Client::open(self.url())?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// A connection that waits for its answers.
    pub async fn connection(&self) -> MultiplexedConnection {
        self.connected().await.unwrap()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// As when its machine loses its power.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub async fn restart(&mut self) {
        self.kill();
        assert!(self.begin());
        self.wait().await;
    }

    /// All entries of a stream, as lists of fields.
    pub async fn entries(&self, stream: &str) -> Vec<std::collections::HashMap<String, String>> {
        let mut connection = self.connection().await;
        let range = redis::cmd("XRANGE").arg(stream).arg("-").arg("+").to_owned();
        let reply: StreamRangeReply = range.query_async(&mut connection).await.unwrap();
        let entries = reply.ids.into_iter();
        let text = |value: &redis::Value| redis::from_redis_value_ref::<String>(value).unwrap();
        entries
            .map(|entry| {
                entry.map.iter().map(|(name, value)| (name.clone(), text(value))).collect()
            })
            .collect()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
