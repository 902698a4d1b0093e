//! Requests at a fixed rate over connections that are kept open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::{Target, server, summary};

/// Requests at a fixed rate.
#[derive(Debug, Args)]
pub struct RequestArgs {
    #[command(flatten)]
    target: Target,
    /// What to ask for; several are asked for in turn
    #[arg(long, default_value = "/portfolio")]
    path: Vec<String>,
    /// POST this body; {n} in it becomes a number of its own
    #[arg(long, value_name = "JSON")]
    body: Option<String>,
    /// Requests a second
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// Connections
    #[arg(long, default_value_t = 64)]
    connections: u64,
    /// How long
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// What one connection has seen.
struct Seen {
    times: Histogram<u64>,
    statuses: BTreeMap<u16, u64>,
    broken: u64,
}

/// Runs the requests and prints what was seen.
pub async fn run(args: &RequestArgs) -> Result<(), String> {
    let token = args.target.token()?;
    let heads: Vec<String> = args.path.iter().map(|path| head(args, path, &token)).collect();
    let heads: Arc<[String]> = heads.into();
    let number = Arc::new(AtomicU64::new(0));
    let began = Instant::now() + Duration::from_millis(200);
    let ends = began + Duration::from_secs(args.seconds);
    let gap = Duration::from_secs_f64(args.connections as f64 / args.rate.max(1) as f64);
    let mut tasks = Vec::new();
    for connection in 0..args.connections {
        let offset = gap.mul_f64(connection as f64 / args.connections as f64);
        let plan = Plan {
            address: args.target.address.clone(),
            heads: Arc::clone(&heads),
            body: args.body.clone(),
            number: Arc::clone(&number),
            first: began + offset,
            gap,
            ends,
        };
        tasks.push(tokio::spawn(plan.follow()));
    }
    let (mut times, mut statuses, mut broken) = (summary::times(), BTreeMap::new(), 0);
    for task in tasks {
        let seen = task.await.map_err(|error| error.to_string())?;
        times.add(&seen.times).map_err(|error| error.to_string())?;
        broken += seen.broken;
        for (status, count) in seen.statuses {
            *statuses.entry(status.to_string()).or_insert(0) += count;
        }
    }
    let seconds = (Instant::now() - began).as_secs_f64();
    let result = json!({
        "asked_rate": args.rate,
        "rate": (times.len() as f64 / seconds).round(),
        "times": summary::percentiles(&times),
        "statuses": statuses,
        "broken": broken,
        "resident_kib": server::resident_kib(args.target.process),
    });
    summary::print(&result, args.target.json);
    Ok(())
}

/// The beginning of a request, up to the length of its body.
fn head(args: &RequestArgs, path: &str, token: &str) -> String {
    let method = if args.body.is_some() { "POST" } else { "GET" };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: "
    )
}

/// What one connection does.
struct Plan {
    address: String,
    heads: Arc<[String]>,
    body: Option<String>,
    number: Arc<AtomicU64>,
    first: Instant,
    gap: Duration,
    ends: Instant,
}

impl Plan {
    async fn follow(self) -> Seen {
        let mut seen = Seen { times: summary::times(), statuses: BTreeMap::new(), broken: 0 };
        let (mut due, mut line) = (self.first, None);
        let mut buffer = Vec::with_capacity(64 << 10);
        while due < self.ends {
            sleep_until(due).await;
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            match self.one(&mut line, &mut buffer, number).await {
                Ok(status) => *seen.statuses.entry(status).or_insert(0) += 1,
                Err(_) => {
                    seen.broken += 1;
                    line = None;
                }
            }
            let taken = due.elapsed().as_micros();
            seen.times.saturating_record(u64::try_from(taken).unwrap_or(u64::MAX).max(1));
            due += self.gap;
        }
        seen
    }

    /// One request and its answer's status.
    async fn one(
        &self,
        line: &mut Option<TcpStream>,
        buffer: &mut Vec<u8>,
        number: u64,
    ) -> std::io::Result<u16> {
        let stream = match line {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address).await?;
                stream.set_nodelay(true)?;
                line.insert(stream)
            }
        };
        let body = self.body.as_ref().map(|body| body.replace("{n}", &number.to_string()));
        let body = body.unwrap_or_default();
        let head = &self.heads[usize::try_from(number).unwrap_or(0) % self.heads.len()];
        let request = format!("{head}{}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await?;
        buffer.clear();
        loop {
            if let Some((status, whole)) = answer(buffer)
                && buffer.len() >= whole
            {
                return Ok(status);
            }
            if stream.read_buf(buffer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Status and length of the answer that begins in `bytes`, once its head is there.
fn answer(bytes: &[u8]) -> Option<(u16, usize)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let status = text.split_whitespace().nth(1)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some((status, head + length.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn an_answer_is_measured_by_its_head() {
        let bytes = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(answer(bytes), Some((201, bytes.len())));
        assert_eq!(answer(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
