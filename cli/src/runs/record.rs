//! One run, as the ledger keeps it.

use qt_backtest::report::result::ResultDocument;
use serde::Serialize;
use serde_json::{Value, json};

use super::RunId;
use crate::failure::{Failure, Reason};
use crate::version::{self, Code};

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRecord {
    /// Its name.
    pub id: String,
    /// When it began (UTC ns).
    pub started_ns: i64,
    /// `backtest`, `demo` or `sweep`.
    pub kind: String,
    /// `done`, `empty`, `bankrupt` or `interrupted`; `failed` when the run was made, but what was
    /// asked of it could not be written.
    pub state: String,
    /// The exit code of its command.
    pub exit_code: u8,
    /// The program's version.
    pub version: String,
    /// The commit it was built from, with `-dirty` behind it where its sources had changed since;
    /// `unknown` without git.
    pub commit: String,
    /// The crate of the user's own that the program was built from: name, version, and a hash of
    /// its sources; null where it was none.
    pub program: Value,
    /// The command that makes the run again.
    pub command: String,
    /// The strategy.
    pub strategy: String,
    /// Its parameters.
    pub params: Value,
    /// The instruments.
    pub symbols: Value,
    /// The data, with hashes.
    pub data: Value,
    /// What everything random followed from.
    pub seed: u64,
    /// The figures.
    pub metrics: Value,
    /// The determinism hash in hex.
    pub determinism_hash: String,
    /// Events that went through.
    pub events: u64,
    /// Time of the loop in seconds.
    pub wall_seconds: f64,
}

impl RunRecord {
    /// A record of this program that says nothing of a result yet.
    pub fn new(id: &RunId, started_ns: i64, kind: &str, program: Option<Code>) -> Self {
        Self {
            id: id.text().to_owned(),
            started_ns,
            kind: kind.to_owned(),
            state: "done".to_owned(),
            exit_code: 0,
            version: version::VERSION.to_owned(),
            commit: version::COMMIT.to_owned(),
            program: json!(program),
            command: String::new(),
            strategy: String::new(),
            params: json!({}),
            symbols: json!([]),
            data: json!([]),
            seed: 0,
            metrics: json!({}),
            determinism_hash: String::new(),
            events: 0,
            wall_seconds: 0.0,
        }
    }

    /// Takes over how the command ended.
    pub fn ended_with(&mut self, ended: &Result<(), Failure>) {
        let reason = ended.as_ref().err().map(|failure| failure.reason);
        self.exit_code = reason.map_or(0, Reason::code);
        // Other reasons are states of the run itself.
        if matches!(reason, Some(Reason::Failed | Reason::Usage)) {
            "failed".clone_into(&mut self.state);
        }
    }

    /// Takes over what the result document says.
    #[must_use]
    pub fn with_result(mut self, document: &ResultDocument, events: u64) -> Self {
        self.strategy.clone_from(&document.strategy);
        self.params = json!(document.params);
        self.symbols = json!(document.symbols);
        self.data = json!(document.data);
        self.metrics = metrics(document);
        self.determinism_hash.clone_from(&document.determinism_hash);
        self.events = events;
        self.wall_seconds = document.wall_seconds;
        self
    }
}

/// The figures that are worth a comparison, in the order in which they are shown.
pub const METRICS: &[&str] = &[
    "initial_capital",
    "final_equity",
    "total_fees",
    "borrow_paid",
    "total_return",
    "annualized_return",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "exposure",
    "fills",
    "trades",
    "win_rate",
    "profit_factor",
    "open_position",
];

fn metrics(document: &ResultDocument) -> Value {
    let whole = serde_json::to_value(&document.metrics).unwrap_or_default();
    let mut picked = serde_json::Map::new();
    for name in METRICS {
        let value = match *name {
            "initial_capital" => json!(document.initial_capital),
            "final_equity" => json!(document.final_equity),
            "total_fees" => json!(document.total_fees),
            "borrow_paid" => json!(document.borrow_paid),
            "fills" => json!(document.fills),
            "open_position" => document.open_position.clone(),
            name => whole.get(name).cloned().unwrap_or_default(),
        };
        picked.insert((*name).to_owned(), value);
    }
    Value::Object(picked)
}
