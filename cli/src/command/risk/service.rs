//! `risk status`, `set` and `agree`: the limits that a running service has in force.

use clap::Args;
use serde_json::{Value, json};

use crate::app::Session;
use crate::failure::Failure;
use crate::output::table::table;
use crate::remote::{Answer, ServiceFlags};

/// What `risk set` takes.
#[derive(Clone, Debug, Args)]
pub struct SetArgs {
    /// The limit, as `risk show` names it
    #[arg(value_name = "NAME")]
    name: String,
    /// What it is to be
    #[arg(value_name = "VALUE", allow_negative_numbers = true)]
    value: String,
    /// Of this instrument
    #[arg(long, value_name = "S", conflicts_with = "level")]
    symbol: Option<String>,
    /// Of strategy, account, tenant or global
    #[arg(long, value_name = "LEVEL", default_value = "account")]
    level: String,
    /// Which service is asked.
    #[command(flatten)]
    service: ServiceFlags,
}

/// Prints how the limits and switches of the service stand.
///
/// # Errors
/// When no service answers, or it refuses.
pub fn status(service: &ServiceFlags, session: &Session) -> Result<(), Failure> {
    let Answer { body, .. } = service.remote()?.ask("GET", "/risk/status", None)?;
    if session.out.json {
        return session.out.document(&body);
    }
    let of = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let phase =
        format!("session {}: {}", of(&body["session"], "account_id"), body["session"]["phase"]);
    let rows = body["limits"].as_array().into_iter().flatten().map(|row| {
        ["control", "level", "symbol", "observed", "limit", "unit"].map(|it| of(row, it)).to_vec()
    });
    let mut parts = vec![
        phase.replace('"', ""),
        table(&["control", "level", "symbol", ">used", ">limit", "unit"], rows),
    ];
    for held in body["kill_states"].as_array().into_iter().flatten() {
        if held["is_killed"] == true {
            let (level, subject) = (of(held, "level"), of(held, "subject"));
            parts.push(format!("kill switch tripped: {level} {subject} ({})", of(held, "reason")));
        }
    }
    session.out.line(&parts.join("\n\n"))
}

/// Sets one limit: tighter at once, looser once it is agreed to.
///
/// # Errors
/// When no service answers, or it refuses.
pub fn set(args: &SetArgs, session: &Session) -> Result<(), Failure> {
    let remote = args.service.remote()?;
    let Answer { body: now, .. } = remote.ask("GET", "/risk/limits", None)?;
    let (level, symbol) = match &args.symbol {
        Some(symbol) => ("instrument", json!(symbol)),
        None => (args.level.as_str(), Value::Null),
    };
    let limit = json!({ "name": args.name, "level": level, "symbol": symbol, "value": args.value });
    let body = json!({ "version": now["version"], "limits": [limit] });
    told(&remote.ask("PUT", "/risk/limits", Some(&body))?, session)
}

/// Agrees to a loosening that waits.
///
/// # Errors
/// When no service answers, or it refuses.
pub fn agree(id: &str, service: &ServiceFlags, session: &Session) -> Result<(), Failure> {
    let remote = service.remote()?;
    let Answer { body: now, .. } = remote.ask("GET", "/risk/limits", None)?;
    let body = json!({ "version": now["version"], "proposal_id": id });
    told(&remote.ask("PUT", "/risk/limits", Some(&body))?, session)
}

fn told(answer: &Answer, session: &Session) -> Result<(), Failure> {
    let Answer { status, body } = answer;
    if session.out.json {
        return session.out.document(body);
    }
    let version = &body["version"];
    let newest = body["proposals"].get(0).map(|it| it["id"].as_str().unwrap_or_default());
    session.out.line(&match (status, newest) {
        (202, Some(id)) => format!(
            "it is looser: version {version} stays in force until a second person agrees (the \
             owner of a machine: 10 seconds or more from now)\n    quanttrade risk agree {id}"
        ),
        _ => format!("version {version} is in force"),
    })
}
