//! `kill` and `arm`: the kill switches of a running service.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::app::Session;
use crate::failure::Failure;
use crate::remote::ServiceFlags;

/// What a switch holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// One strategy
    Strategy,
    /// The account
    Account,
    /// The tenant
    Tenant,
    /// A venue, for all tenants
    Venue,
    /// Everything
    Global,
}

impl Level {
    const fn text(self) -> &'static str {
        match self {
            Self::Strategy => "strategy",
            Self::Account => "account",
            Self::Tenant => "tenant",
            Self::Venue => "venue",
            Self::Global => "global",
        }
    }
}

/// Which switch, and why.
#[derive(Clone, Debug, Args)]
pub struct SwitchArgs {
    /// What it holds back
    #[arg(value_enum)]
    pub level: Level,
    /// Which strategy or venue; account and tenant are those of the token
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Why; it is written down
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Which service is asked.
    #[command(flatten)]
    pub service: ServiceFlags,
}

impl SwitchArgs {
    fn body(&self) -> Value {
        let mut body = json!({ "level": self.level.text(), "reason": self.reason });
        if let Some(id) = &self.id {
            body["id"] = id.as_str().into();
        }
        body
    }
}

/// Trip a kill switch of a running service: nothing leaves any more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade kill account --reason \"orders that nobody asked for\"\n  \
    quanttrade kill strategy 018f4e5a-0000-7000-8000-00000000000a --reason drift\n  \
    quanttrade kill global --reason \"wrong prices\"\n\n\
    Open orders are cancelled; the answer lists them, and those of which nobody knows.\n\
    It ends when nothing more can leave and that is written down. Exit code 5: refused.")]
pub struct KillArgs {
    /// Which switch.
    #[command(flatten)]
    pub switch: SwitchArgs,
}

/// Approve that orders may leave again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade arm account --reason \"the cause is found\"\n\n\
    Two people must, within 15 minutes, each with a token of their own. The owner of a machine\n\
    confirms twice, 10 seconds or more apart. What still holds orders back is listed.\n\
    Exit code 5: refused, like what was tripped again.")]
pub struct ArmArgs {
    /// Which switch.
    #[command(flatten)]
    pub switch: SwitchArgs,
}

/// Runs `kill`.
///
/// # Errors
/// When no service answers, or it refuses.
pub fn kill(args: &KillArgs, session: &Session) -> Result<(), Failure> {
    let remote = args.switch.service.remote()?;
    let answer = remote.ask("POST", "/risk/kill", Some(&args.switch.body()))?;
    if session.out.json {
        return session.out.document(&answer.body);
    }
    let mut words = vec![format!("{}: nothing leaves any more", args.switch.level.text())];
    for (name, said) in [
        ("cancelled", "cancelled"),
        ("cancel_pending", "being cancelled"),
        ("unknown", "of which nobody knows"),
        ("could_not_cancel", "that could not be cancelled"),
    ] {
        let ids = answer.body[name].as_array().map(Vec::as_slice).unwrap_or_default();
        if !ids.is_empty() {
            let ids: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
            words.push(format!("orders {said}: {}", ids.join(", ")));
        }
    }
    session.out.line(&words.join("\n"))
}

/// Runs `arm`.
///
/// # Errors
/// When no service answers, or it refuses.
pub fn arm(args: &ArmArgs, session: &Session) -> Result<(), Failure> {
    let remote = args.switch.service.remote()?;
    let answer = remote.ask("POST", "/risk/arm", Some(&args.switch.body()))?;
    if session.out.json {
        return session.out.document(&answer.body);
    }
    let of = |name: &str| answer.body[name].as_str().unwrap_or_default().to_owned();
    let level = args.switch.level.text();
    let mut words = vec![match of("status").as_str() {
        "waiting" if answer.body["not_before"].is_string() => {
            format!("{level}: confirm it once more, not before {}", of("not_before"))
        }
        "waiting" => format!("{level}: a second person must approve before {}", of("expires_at")),
        "armed" => format!("{level}: this switch holds nothing back any more"),
        _ => format!("{level}: this switch was not tripped"),
    }];
    for held in answer.body["still_killed"].as_array().into_iter().flatten() {
        let of = |name: &str| held[name].as_str().unwrap_or_default();
        words.push(format!("still tripped: {} {} ({})", of("level"), of("subject"), of("reason")));
    }
    session.out.line(&words.join("\n"))
}
