//! `data generate`: a synthetic market from a seed.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::{Args, ValueEnum};
use qt_data::build::BarSpec;
use qt_data::calendar::{Calendar, Day};
use qt_data::generate::{Market, write_bars_csv, write_book_csv, write_trades_csv};
use qt_types::{format_scaled, parse_e9};
use serde_json::json;

use crate::app::Session;
use crate::failure::Failure;
use crate::output::file::write_whole;
use crate::output::{number, progress};

/// What is generated.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Rows {
    /// Open, high, low, close, volume
    Bars,
    /// Printed trades
    Trades,
    /// A snapshot and the updates of an order book, with its trades
    Book,
}

/// Write a synthetic market, made from a seed: the same seed gives the same bytes everywhere.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade data generate bars --seed 7 --rows 7800 --interval 1m --out minutes.csv\n  \
    quanttrade data generate trades --rows 100000 --calendar 24x7 --out trades.csv\n  \
    quanttrade data generate book --rows 100000 --interval 1s --out book.csv\n\n\
    The prices are a random walk: nothing can be earned on them but by chance.")]
pub struct GenerateArgs {
    /// What the rows are
    #[arg(value_enum)]
    pub rows_are: Rows,
    /// Markets of different seeds differ in everything
    #[arg(long, value_name = "N", default_value_t = Market::default().seed)]
    pub seed: u64,
    /// How many rows
    #[arg(long, value_name = "N", default_value_t = Market::default().rows)]
    pub rows: u64,
    /// Length of a bar; average time between trades or book events
    #[arg(long, value_name = "TIME", default_value = "1m")]
    pub interval: String,
    /// No row is earlier (a date, UTC)
    #[arg(long, value_name = "DATE", default_value = "2024-01-02")]
    pub start: String,
    /// When the market is open: xnys, fx, 24x7 or a calendar file
    #[arg(long, value_name = "CALENDAR", default_value = "xnys")]
    pub calendar: String,
    /// The first price
    #[arg(long, value_name = "P", default_value = "100")]
    pub start_price: String,
    /// Standard deviation of a year's returns (0.2 is 20 %)
    #[arg(long, value_name = "V", default_value_t = Market::default().volatility)]
    pub volatility: f64,
    /// Average return of a year
    #[arg(
        long,
        value_name = "R",
        default_value_t = Market::default().drift,
        allow_negative_numbers = true
    )]
    pub drift: f64,
    /// Price step
    #[arg(long, value_name = "T", default_value = "0.01")]
    pub tick: String,
    /// Quantity step
    #[arg(long, value_name = "L", default_value = "1")]
    pub lot: String,
    /// Average volume of a bar, in lots
    #[arg(long, value_name = "N", default_value_t = Market::default().bar_lots)]
    pub bar_lots: i64,
    /// Average size of a trade or an order in the book, in lots
    #[arg(long, value_name = "N", default_value_t = Market::default().order_lots)]
    pub order_lots: i64,
    /// The file to write; standard output without it
    #[arg(long, value_name = "FILE.csv")]
    pub out: Option<PathBuf>,
}

impl GenerateArgs {
    fn market(&self) -> Result<Market, Failure> {
        let decimal = |name: &str, text: &str| {
            parse_e9(text).map_err(|what| Failure::usage(format!("--{name}: {what}")))
        };
        let start = Day::parse(&self.start).ok_or_else(|| {
            Failure::usage(format!("--start: '{}' is no date; write 2024-01-02", self.start))
        })?;
        let interval_ns = match self.interval.parse::<BarSpec>()? {
            BarSpec::Time { interval_ns } => interval_ns,
            other => {
                return Err(Failure::usage(format!("--interval: {other} is no length of time"))
                    .hint("write 1s, 1m, 5m, 1h or 1d"));
            }
        };
        Ok(Market {
            seed: self.seed,
            rows: self.rows,
            start_ns: start.start_ns(),
            interval_ns,
            calendar: Calendar::parse(&self.calendar)?,
            start_price_e9: decimal("start-price", &self.start_price)?,
            volatility: self.volatility,
            drift: self.drift,
            tick_e9: decimal("tick", &self.tick)?,
            lot_e9: decimal("lot", &self.lot)?,
            bar_lots: self.bar_lots,
            order_lots: self.order_lots,
            ..Market::default()
        })
    }
}

/// Runs the command.
///
/// # Errors
/// When an option is out of range or the file cannot be written.
pub fn run(args: &GenerateArgs, session: &Session) -> Result<(), Failure> {
    let market = args.market()?;
    let made = Arc::new(AtomicU64::new(0));
    let writer = writer(args.rows_are, &market, &made)?;
    // Rows on a terminal are to be seen themselves.
    let is_seen = args.out.is_none() && io::stdout().is_terminal();
    let shown = if is_seen { None } else { progress::making(market.rows, "rows", &made) };
    let Some(path) = &args.out else {
        if session.out.json {
            return Err(Failure::usage("--json cannot share standard output with the rows")
                .hint("add --out FILE.csv"));
        }
        let mut out = io::BufWriter::new(io::stdout().lock());
        return match writer(&mut out).and_then(|rows| out.flush().map(|()| rows)) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::failed(format!("standard output cannot be written to: {error}")))
            }
            _ => Ok(()),
        };
    };
    let mut rows = 0;
    write_whole(path, |out| {
        rows = writer(out)?;
        Ok(())
    })?;
    drop(shown);
    if session.out.json {
        return session.out.document(&json!({
            "path": path, "rows": rows, "seed": market.seed,
            "start_price": format_scaled(i128::from(market.start_price_e9), 9),
        }));
    }
    session.out.line(&format!("{}: {}", path.display(), number::plural(rows, "row")))
}

/// Writes rows and says how many.
type Writer<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<u64> + 'a>;

/// What writes the rows, and counts them in `made`. Options are checked here, before a file is
/// begun.
fn writer<'a>(rows: Rows, market: &'a Market, made: &'a AtomicU64) -> Result<Writer<'a>, Failure> {
    let count = move || {
        made.fetch_add(1, Ordering::Relaxed);
    };
    Ok(match rows {
        Rows::Bars => {
            let bars = market.bars()?.inspect(move |_| count());
            Box::new(move |mut out| write_bars_csv(&mut out, market, bars))
        }
        Rows::Trades => {
            let trades = market.trades()?.inspect(move |_| count());
            Box::new(move |mut out| write_trades_csv(&mut out, market, trades))
        }
        Rows::Book => {
            let book = market.book()?.inspect(move |_| count());
            Box::new(move |mut out| write_book_csv(&mut out, market, book))
        }
    })
}
