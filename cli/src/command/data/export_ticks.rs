//! `data export` of ticks: trades, best prices, books, or everything, as text or Parquet.

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use qt_data::error::DataError;
use qt_data::export::{self, Packed, Speaker};
use qt_data::stamp::iso_text;
use qt_data::ticks::{RecordKind, TickFile};
use qt_frames::text::ParquetText;
use qt_types::{InstrumentSpec, OrderTick, Tick, TickFlags};
use serde_json::json;

use crate::app::Session;
use crate::dataset::booked::Booked;
use crate::dataset::ticks;
use crate::failure::Failure;
use crate::output::file::{Target, write_whole};
use crate::output::{Progress, number};
use crate::settings::DataPlan;

/// Bytes of text that are held before they are written.
const HELD_BYTES: usize = 1 << 16;
/// The columns of best prices.
const QUOTE_COLUMNS: &str = "venue_ns,recv_ns,symbol,bid_price,bid_qty,ask_price,ask_qty";

/// Which of the records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Every trade: time, price, quantity, who took
    Trades,
    /// The best bid and ask, whenever they have changed
    Quotes,
    /// Every change of the book, without the trades
    Book,
    /// Everything; an import of it gives the same records again
    All,
}

/// What is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The data, as it was given.
    pub data: &'a str,
    /// Which records.
    pub what: What,
    /// From this time at the venue on (UTC ns).
    pub from_ns: i64,
    /// Before this one.
    pub to_ns: i64,
    /// The file.
    pub out: &'a Path,
}

/// Writes what `wish` says.
///
/// # Errors
/// When the data cannot be read, nothing of it is asked for, or the file cannot be written.
pub fn run(wish: &Wish<'_>, plan: &DataPlan, session: &Session) -> Result<(), Failure> {
    check_ending(wish.out)?;
    let file = ticks::convert(wish.data, plan, false, &session.out)?.file;
    let specs = file.description()?.instruments;
    let one = chosen(wish.data, &specs)?;
    let export = Export { wish, file: &file, specs: &specs, one };
    let bar = session.out.progress(file.len(), "records");
    let done = match file.kind() {
        RecordKind::Levels => export.write::<Tick>(&bar),
        RecordKind::Orders => export.write::<OrderTick>(&bar),
    };
    bar.finish();
    let Done { rows, from_ns, to_ns, books } = done?;
    if session.out.json {
        let symbols: Vec<&str> = specs.iter().map(InstrumentSpec::symbol).collect();
        return session.out.document(&json!({
            "path": wish.out, "what": format!("{:?}", wish.what).to_lowercase(), "rows": rows,
            "symbols": one.map_or(symbols, |one| vec![specs[usize::from(one)].symbol()]),
            "from": iso_text(from_ns), "to": iso_text(to_ns), "books": books,
        }));
    }
    let begin = match books {
        0 => String::new(),
        count => format!(", {} as of the start in front", number::plural(count, "book")),
    };
    session.out.line(&format!(
        "{}: {}, {} to {}{begin}",
        wish.out.display(),
        number::plural(rows, "row"),
        iso_text(from_ns),
        iso_text(to_ns)
    ))
}

fn check_ending(path: &Path) -> Result<(), Failure> {
    let name = path.display().to_string().to_lowercase();
    let endings = [".csv", ".csv.gz", ".csv.zst", ".parquet"];
    if endings.iter().any(|ending| name.ends_with(ending)) {
        return Ok(());
    }
    Err(Failure::usage(format!("{}: ticks are written as text or Parquet", path.display()))
        .hint("give the file the ending .csv, .csv.gz, .csv.zst or .parquet"))
}

/// Where lines go.
enum Sink<'a> {
    Text(Packed<&'a mut Target>),
    Parquet(Box<ParquetText<&'a mut Target>>),
}

impl<'a> Sink<'a> {
    fn new(path: &Path, target: &'a mut Target) -> io::Result<Self> {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
            return Ok(Self::Parquet(Box::new(ParquetText::new(target))));
        }
        Packed::new(path, target).map(Self::Text)
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Text(out) => out.write_all(text.as_bytes()),
            Self::Parquet(out) => out.write_all(text.as_bytes()),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Text(out) => out.finish(),
            Self::Parquet(out) => out.finish(),
        }
    }
}

/// The instrument that `given` names in a file of several.
fn chosen(given: &str, specs: &[InstrumentSpec]) -> Result<Option<u16>, Failure> {
    let Some((symbol, _)) = given.split_once('=').filter(|_| specs.len() > 1) else {
        return Ok(None);
    };
    let found = specs.iter().position(|spec| spec.symbol() == symbol);
    let names: Vec<&str> = specs.iter().map(InstrumentSpec::symbol).collect();
    let missing = || {
        Failure::data(format!("{given}: holds no {symbol}"))
            .hint(format!("it holds {}", names.join(", ")))
    };
    let found = found.ok_or_else(missing)?;
    Ok(Some(u16::try_from(found).unwrap_or(u16::MAX)))
}

/// What was written.
struct Done {
    rows: u64,
    /// Times at the venue of the first and the last row (UTC ns).
    from_ns: i64,
    to_ns: i64,
    /// Books that were written in front.
    books: u64,
}

/// Why writing ended.
enum Stop {
    Io(io::Error),
    Failure(Failure),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<DataError> for Stop {
    fn from(error: DataError) -> Self {
        Self::Failure(error.into())
    }
}

struct Export<'a> {
    wish: &'a Wish<'a>,
    file: &'a TickFile,
    specs: &'a [InstrumentSpec],
    /// The only instrument that is wanted.
    one: Option<u16>,
}

impl Export<'_> {
    fn write<R: Booked>(&self, bar: &Progress) -> Result<Done, Failure> {
        let mut stopped = None;
        let mut done = None;
        let written = write_whole(self.wish.out, |target| {
            let outcome = self.write_to::<R>(target, bar);
            outcome.map(|made| done = Some(made)).map_err(|stop| match stop {
                Stop::Io(error) => error,
                Stop::Failure(failure) => {
                    stopped = Some(failure);
                    io::Error::other("stopped")
                }
            })
        });
        match stopped {
            Some(failure) => Err(failure),
            None => written.map(|()| done).and_then(|done| {
                done.ok_or_else(|| Failure::failed("nothing was written".to_owned()))
            }),
        }
    }

    fn write_to<R: Booked>(&self, target: &mut Target, bar: &Progress) -> Result<Done, Stop> {
        let speaker = Speaker::new(self.specs)?;
        let mut lines = Lines::<R> {
            wish: self.wish,
            speaker,
            specs: self.specs,
            out: Sink::new(self.wish.out, target)?,
            text: match self.wish.what {
                What::Trades => format!("{}\n", export::TRADE_COLUMNS),
                What::Quotes => format!("{QUOTE_COLUMNS}\n"),
                What::Book | What::All => speaker.head::<R>(),
            },
            books: self.specs.iter().map(|_| None).collect(),
            is_begun: false,
            done: Done { rows: 0, from_ns: i64::MAX, to_ns: i64::MIN, books: 0 },
        };
        let mut seen = 0;
        for index in 0..self.file.blocks() {
            let Some(entry) = self.file.entry(index)? else { break };
            if entry.venue_first >= self.wish.to_ns {
                break;
            }
            let is_before = entry.venue_last < self.wish.from_ns;
            if !(is_before && self.wish.what == What::Trades) {
                let block = self.file.block::<R>(index)?;
                for record in block.iter().take_while(|r| r.venue_ns() < self.wish.to_ns) {
                    if self.one.is_none_or(|one| one == record.instrument()) {
                        lines.take(&record, record.recv_ns(block.base_ns()))?;
                    }
                }
            }
            seen += u64::from(entry.records);
            bar.set(seen, String::new);
        }
        lines.finish()
    }
}

/// Price in ticks and quantity in lots of the best bid and the best ask.
type Best = [Option<(i64, i64)>; 2];

/// The lines of a file, as they are made.
struct Lines<'a, R: Booked> {
    wish: &'a Wish<'a>,
    specs: &'a [InstrumentSpec],
    speaker: Speaker<'a>,
    out: Sink<'a>,
    text: String,
    /// By instrument: its book, and the best prices that were written last.
    books: Vec<Option<(R::Book, Best)>>,
    /// Whether the start was passed.
    is_begun: bool,
    done: Done,
}

impl<R: Booked> Lines<'_, R> {
    /// Takes the next record, which was known at `recv_ns`.
    fn take(&mut self, record: &R, recv_ns: i64) -> Result<(), Stop> {
        let (what, venue_ns) = (self.wish.what, record.venue_ns());
        let is_before = venue_ns < self.wish.from_ns;
        if !is_before && !std::mem::replace(&mut self.is_begun, true) {
            self.begin(venue_ns, recv_ns)?;
        }
        if what == What::Quotes || (is_before && what != What::Trades) {
            self.follow(record);
        }
        if is_before {
            return Ok(());
        }
        match what {
            What::Trades if record.is_trade() => {
                let written = self.speaker.write_trade(record, recv_ns, &mut self.text);
                self.told(written, venue_ns)
            }
            What::Quotes if record.flags().has(TickFlags::LAST) => self.quote(record, recv_ns),
            What::Book if record.is_book() => self.record(record, recv_ns),
            What::All => self.record(record, recv_ns),
            _ => Ok(()),
        }
    }

    /// The books as they are before the first record, which has these times, where there is
    /// something before it: who reads on sees nothing before that record.
    fn begin(&mut self, venue_ns: i64, recv_ns: i64) -> Result<(), Stop> {
        if !matches!(self.wish.what, What::Book | What::All) {
            return Ok(());
        }
        for (instrument, book) in (0_u16..).zip(std::mem::take(&mut self.books)) {
            let Some((book, _)) = book else { continue };
            // A book that is not to be trusted stays unknown until the feed tells it anew.
            if R::view(&book).is_stale() {
                continue;
            }
            self.done.books += 1;
            for record in R::snapshot(&book, venue_ns, instrument) {
                self.record(&record, recv_ns)?;
            }
        }
        Ok(())
    }

    /// Keeps the book of the record's instrument in step.
    fn follow(&mut self, record: &R) {
        let Some(slot) = self.books.get_mut(usize::from(record.instrument())) else { return };
        if slot.is_none() && record.price().ticks() == 0 {
            return;
        }
        let (book, _) = slot.get_or_insert_with(|| (R::book(record.price()), Best::default()));
        record.apply(book);
    }

    /// A row of best prices, where `record` has changed them.
    fn quote(&mut self, record: &R, recv_ns: i64) -> Result<(), Stop> {
        let at = usize::from(record.instrument());
        let Some((spec, Some((book, last)))) = self.specs.get(at).zip(self.books.get_mut(at))
        else {
            return Ok(());
        };
        let view = R::view(book);
        let plain = |(price, qty): (qt_types::Price, qt_types::Qty)| (price.ticks(), qty.lots());
        let best = [view.best_bid().map(plain), view.best_ask().map(plain)];
        if best == *last {
            return Ok(());
        }
        *last = best;
        let cells = best.map(|side| match side {
            Some((price, qty)) => format!(
                "{},{}",
                export::scaled(price, spec.tick_e9()),
                export::scaled(qty, spec.lot_e9())
            ),
            None => ",".to_owned(),
        });
        let (venue_ns, symbol) = (record.venue_ns(), spec.symbol());
        let [bid, ask] = cells;
        self.text.push_str(&format!("{venue_ns},{recv_ns},{symbol},{bid},{ask}\n"));
        self.told(Ok(()), venue_ns)
    }

    fn record(&mut self, record: &R, recv_ns: i64) -> Result<(), Stop> {
        let written = self.speaker.write(record, recv_ns, &mut self.text);
        self.told(written, record.venue_ns())
    }

    /// A row was written to the text, or could not be.
    fn told(&mut self, written: std::fmt::Result, venue_ns: i64) -> Result<(), Stop> {
        written.map_err(|_| {
            let data = self.wish.data;
            Failure::data(format!("{data}: a record is of no known kind or instrument"))
        })?;
        self.done.rows += 1;
        self.done.from_ns = self.done.from_ns.min(venue_ns);
        self.done.to_ns = venue_ns;
        if self.text.len() >= HELD_BYTES {
            self.out.put(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Done, Stop> {
        if self.done.rows == 0 {
            let what = format!("{:?}", self.wish.what).to_lowercase();
            let data = self.wish.data;
            let failure = Failure::nothing(format!("{data}: none of '{what}' in the range"));
            return Err(failure.hint("see what it holds: data info").into());
        }
        self.out.put(&self.text)?;
        self.out.finish()?;
        Ok(self.done)
    }
}
