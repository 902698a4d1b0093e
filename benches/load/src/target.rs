//! The service that is asked, and as whom.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::wire::Line;

/// Where a running service is.
#[derive(Clone, Debug, Args)]
pub struct TargetArgs {
    /// Host and port
    #[arg(long, default_value = "127.0.0.1:8009")]
    pub address: String,
    /// A file with a token a line: one for each tenant
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// The service's process, whose memory is then told
    #[arg(long, value_name = "PID")]
    pub process: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The service that is asked.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host and port.
    pub address: Arc<str>,
    /// One for each tenant.
    pub tokens: Arc<[String]>,
    /// Its process, where that is known.
    pub process: Option<u32>,
}

impl TargetArgs {
    /// The target that these name.
    pub fn target(&self) -> Result<Target, String> {
        let path = self.token_file.display();
        let text = std::fs::read_to_string(&self.token_file);
        let text = text.map_err(|error| format!("{path}: {error}"))?;
        let tokens: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if tokens.is_empty() {
            return Err(format!("{path}: no token is in it"));
        }
        let address = self.address.as_str().into();
        Ok(Target { address, tokens: tokens.into(), process: self.process })
    }
}

impl Target {
    /// The token of tenant `tenant`.
    pub fn token(&self, tenant: usize) -> &str {
        &self.tokens[tenant % self.tokens.len()]
    }

    /// One request as tenant `tenant`, with all its headers.
    pub fn request(&self, tenant: usize, method: &str, path: &str, body: &str) -> Vec<u8> {
        let token = self.token(tenant);
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// Asks once as the first tenant, over a connection of its own: status and body.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        self.ask_as(0, method, path, body).await
    }

    /// The same as tenant `tenant`.
    pub async fn ask_as(
        &self,
        tenant: usize,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(u16, String), String> {
        let told = |error: std::io::Error| format!("{method} {path}: {error}");
        let mut line = Line::open(&self.address).await.map_err(told)?;
        let status = line.ask(&self.request(tenant, method, path, body)).await.map_err(told)?;
        Ok((status, String::from_utf8_lossy(line.body()).into_owned()))
    }

    /// A series of `/metrics` without labels.
    pub async fn figure(&self, name: &str) -> Option<f64> {
        let (_, text) = self.ask("GET", "/metrics", "").await.ok()?;
        let line = text
            .lines()
            .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }
}
