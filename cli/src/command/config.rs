//! `config`: all settings, and where each value comes from.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::app::Session;
use crate::args::RunFlags;
use crate::failure::Failure;
use crate::output::table::table;
use crate::place::DataDir;
use crate::settings::keys::{Arity, KEYS};
use crate::settings::{Layers, Origin};

/// Show all settings and where each value comes from.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade config show")]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Print every setting with its value and origin: default, file, environment or flag
    #[command(after_help = "Examples:\n  quanttrade config show\n  \
        QUANTTRADE_CAPITAL=50000 quanttrade config show --config quanttrade.toml --json")]
    Show {
        /// The settings.
        #[command(flatten)]
        flags: Box<RunFlags>,
        /// Show only what somebody set
        #[arg(long)]
        set: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When a configuration cannot be used.
pub fn run(args: ConfigArgs, session: &Session) -> Result<(), Failure> {
    let Action::Show { flags, set } = args.action;
    let layers = session.layers(&flags.0, None)?;
    let data_dir = DataDir::find();
    if session.out.json {
        return session.out.document(&document(&layers, &data_dir, set));
    }
    let mut rows = vec![vec![
        "data-dir".to_owned(),
        data_dir.path.display().to_string(),
        data_dir.origin.to_owned(),
        crate::place::DATA_DIR_VARIABLE.to_owned(),
    ]];
    for key in KEYS {
        let origin = layers.origin(key.name);
        if set && origin == Origin::Default {
            continue;
        }
        let value = value_text(&layers, key.name, key.arity);
        rows.push(vec![key.name.to_owned(), value, origin.to_string(), key.variable()]);
    }
    session.out.line(&table(&["setting", "value", "from", "variable"], rows))?;
    let files: Vec<String> = layers.files().iter().map(|f| f.display().to_string()).collect();
    let files = if files.is_empty() { "none".to_owned() } else { files.join(", ") };
    session.out.note(&format!("configuration files: {files}"));
    Ok(())
}

fn value_text(layers: &Layers, name: &str, arity: Arity) -> String {
    match arity {
        Arity::Flag => layers.is_on(name).to_string(),
        // The default is that of one instrument (`RunPlan::share_default_weight`).
        Arity::One(_) if name == "weight" && layers.given(name).is_none() => {
            let weight = layers.one(name).unwrap_or_default();
            format!("{weight}, shared by all instruments")
        }
        Arity::One(_) => layers.one(name).unwrap_or_default().to_owned(),
        Arity::Many(_) => layers.many(name).join(", "),
    }
}

fn document(layers: &Layers, data_dir: &DataDir, set: bool) -> Value {
    let settings: serde_json::Map<String, Value> = KEYS
        .iter()
        .filter(|key| !set || layers.origin(key.name) != Origin::Default)
        .map(|key| {
            let value = match key.arity {
                Arity::Flag => json!(layers.is_on(key.name)),
                Arity::One(_) => json!(layers.one(key.name)),
                Arity::Many(_) => json!(layers.many(key.name)),
            };
            let origin = layers.origin(key.name).to_string();
            let entry = json!({"value": value, "origin": origin, "variable": key.variable()});
            (key.name.to_owned(), entry)
        })
        .collect();
    json!({
        "data_dir": {"value": data_dir.path, "origin": data_dir.origin},
        "files": layers.files(),
        "settings": settings,
    })
}
