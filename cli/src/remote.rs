//! A running service, as the command line asks it: the owner of this machine's, found by itself, or
//! one that is named.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use qt_auth::Owner;
use serde_json::Value;
use ureq::Agent;

use crate::failure::{Failure, Reason};
use crate::fetch::client::tls;
use crate::place::DataDir;
use crate::version;

/// The port of a service where nobody named another one.
const PORT: &str = "8009";
/// The service answers within 25 s, or says that it does not.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which service is asked, and as whom.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceFlags {
    /// Where the service is; on this machine, at PORT or 8009, without it
    #[arg(long, value_name = "URL", env = "QUANTTRADE_URL", hide_env = true)]
    pub url: Option<String>,
    /// Read the token from FILE; without it owner.token of the data directory is read
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// A service that is asked.
#[derive(Debug)]
pub struct Remote {
    agent: Agent,
    url: String,
    token: String,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl ServiceFlags {
    /// The service that these name.
    ///
    /// # Errors
    /// When there is no token.
    pub fn remote(&self) -> Result<Remote, Failure> {
        let port = std::env::var("PORT").ok().filter(|port| !port.trim().is_empty());
        let port = port.as_deref().unwrap_or(PORT).trim();
        let url = self.url.clone().unwrap_or_else(|| format!("http://127.0.0.1:{port}"));
        let url = url.trim_end_matches('/').to_owned();
        let config = Agent::config_builder()
            .user_agent(format!("quanttrade/{}", version::VERSION))
            .http_status_as_error(false)
            // A token goes to the service that was named, and nowhere else.
            .max_redirects(0)
            .timeout_global(Some(PATIENCE));
        let config = match url.strip_prefix("https://") {
            Some(_) => config.tls_config(tls(None)?).build(),
            None => config.build(),
        };
        Ok(Remote { agent: config.new_agent(), url, token: self.token()? })
    }

    fn token(&self) -> Result<String, Failure> {
        if let Some(path) = &self.token_file {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::usage(format!("{}: it cannot be read: {error}", path.display()))
            })?;
            return Ok(text.trim().to_owned());
        }
        let folder = DataDir::find().path;
        let owner = Owner::find(&folder).map_err(|error| Failure::failed(error.to_string()))?;
        let token = owner.map(|owner| owner.token().reveal().to_owned());
        token.ok_or_else(|| {
            Failure::failed(format!("{}: no owner.token is there", folder.display())).hint(
                "start quanttrade serve with the same QUANTTRADE_DATA_DIR, or name a token \
                 by --token-file",
            )
        })
    }
}

impl Remote {
    /// Asks by `method`; what is refused is a failure with the service's words.
    ///
    /// # Errors
    /// When no service answers, or it refuses.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json");
        let wrong = |error: ureq::http::Error| Failure::usage(format!("{}: {error}", self.url));
        let text = body.map(Value::to_string).unwrap_or_default();
        let sent = match body {
            Some(_) => self.agent.run(request.body(text).map_err(wrong)?),
            None => self.agent.run(request.body(()).map_err(wrong)?),
        };
        let mut response = sent.map_err(|error| {
            Failure::failed(format!("{}: no service answers: {error}", self.url))
                .hint("start it with quanttrade serve, or say where it is by --url")
        })?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string();
        let text = text.map_err(|error| Failure::failed(format!("{}: {error}", self.url)))?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(Answer { status, body });
        }
        let reason = match status {
            401 | 403 | 404 | 409 | 422 => Reason::Refused,
            _ => Reason::Failed,
        };
        let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (code, detail) = (word("code"), word("detail"));
        let fields = body["fields"].as_array().into_iter().flatten();
        let fields = fields.map(|it| {
            let of = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
            format!("; {}: {}", of("field"), of("detail"))
        });
        let fields: String = fields.collect();
        Err(Failure::new(
            reason,
            format!("the service refuses ({status} {code}): {detail}{fields}"),
        ))
    }
}
