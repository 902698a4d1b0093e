//! `data book`: the order book at a point of a recording.

use std::path::PathBuf;

use clap::Args;
use qt_data::import::{RebuiltBook, rebuild};
use serde_json::json;

use crate::app::Session;
use crate::failure::Failure;
use crate::output::number;
use crate::output::table::table;

/// Rebuild the order book of a recorded stream.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade data book btcusdt.jsonl.gz\n  \
    quanttrade data book btcusdt.jsonl.gz --at 1000 --levels 5 --json")]
pub struct BookArgs {
    /// A recording: one frame a line
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Stop after N applied updates; at the end without it
    #[arg(long, value_name = "N")]
    pub at: Option<u64>,
    /// How many levels of each side to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub levels: usize,
    /// Whose book, where the recording has several; the first one without it
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<String>,
}

/// Runs `data book`.
///
/// # Errors
/// When the file is no recording, or has no book.
pub fn run(args: &BookArgs, session: &Session) -> Result<(), Failure> {
    let book = rebuild(&args.file, args.symbol.as_deref(), args.at)?;
    let of = match &args.symbol {
        Some(symbol) => format!(" of {symbol}"),
        None => String::new(),
    };
    if book.bids.is_empty() && book.asks.is_empty() {
        return Err(Failure::nothing(format!(
            "{}: no book{of} could be rebuilt: it needs a snapshot",
            args.file.display()
        )));
    }
    if session.out.json {
        let shown = |levels: &[(String, String)]| -> Vec<[String; 2]> {
            levels.iter().take(args.levels).map(|(p, q)| [p.clone(), q.clone()]).collect()
        };
        return session.out.document(&json!({
            "symbol": book.symbol,
            "depth_updates_applied": book.applied,
            "dropped_before_snapshot": book.dropped_before_snapshot,
            "gaps": book.gaps,
            "trades": book.trades,
            "last_update_id": book.last_update_id,
            "bid_levels": book.bids.len(),
            "ask_levels": book.asks.len(),
            "bids": shown(&book.bids),
            "asks": shown(&book.asks),
        }));
    }
    session.out.line(&text(&book, args.levels))
}

fn text(book: &RebuiltBook, levels: usize) -> String {
    let empty = (String::new(), String::new());
    let rows = (0..levels.min(book.bids.len().max(book.asks.len()))).map(|at| {
        let (bid, ask) = (book.bids.get(at).unwrap_or(&empty), book.asks.get(at).unwrap_or(&empty));
        [&bid.1, &bid.0, &ask.0, &ask.1].map(Clone::clone).to_vec()
    });
    let header = [">bid quantity", ">bid", ">ask", ">ask quantity"];
    let shown = table(&header, rows);
    format!(
        "{}: {} applied, {} dropped before the snapshot, {}, {}, last update {}\n{} bids, {} \
         asks\n\n{shown}",
        book.symbol,
        number::plural(book.applied, "update"),
        number::count(book.dropped_before_snapshot),
        number::plural(book.gaps, "gap"),
        number::plural(book.trades, "trade"),
        book.last_update_id,
        number::count(book.bids.len() as u64),
        number::count(book.asks.len() as u64),
    )
}
