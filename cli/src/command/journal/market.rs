//! `journal market`: what a session saw of its market, as a file that `backtest --data` reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use qt_data::ticks::{Description, Record as TickRecord, SourceFact, TickWriter, Written};
use qt_journal::{JournalReader, Record};
use qt_runtime::live::words_of;
use qt_runtime::paper::tick_of;
use qt_types::{Event, InstrumentId, InstrumentSpec, Nanos, OrderTick, Payload, Tick};
use serde_json::json;

use crate::app::Session;
use crate::failure::Failure;
use crate::output::number;

/// What is to be written where.
#[derive(Debug, Args)]
pub struct MarketArgs {
    /// The journal
    #[arg(value_name = "DIR.qtj")]
    pub journal: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE.qtt")]
    pub out: PathBuf,
    /// Only this instrument
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the journal cannot be read or has no market, or the file cannot be written.
pub fn run(args: &MarketArgs, session: &Session) -> Result<(), Failure> {
    let saw = write(&args.journal, &args.out, args.symbol.as_deref())?;
    let times = saw.written.times;
    let (from, to) = (text(times.recv_first), text(times.recv_last));
    if session.out.json {
        return session.out.document(&json!({
            "path": args.out, "records": saw.written.records, "symbols": saw.symbols,
            "from": from, "to": to,
        }));
    }
    let records = number::plural(saw.written.records, "record");
    let path = args.out.display();
    session.out.line(&format!("{path}: {records} of {}, {from} to {to}", saw.symbols.join(", ")))
}

fn text(ns: i64) -> String {
    qt_data::stamp::iso_text(ns)
}

/// What a session saw.
pub struct Saw {
    /// The file.
    pub written: Written,
    /// Of which instruments.
    pub symbols: Vec<String>,
}

/// Writes what the session of `journal` saw of its market, or of the instrument `symbol`, to `out`.
///
/// # Errors
/// As [`run`].
pub fn write(journal: &Path, out: &Path, symbol: Option<&str>) -> Result<Saw, Failure> {
    let (mut reader, mut specs) = (JournalReader::open(journal, None)?, Specs::default());
    let (is_paper, mut file) = (is_paper(journal), None);
    while let Some(entry) = reader.next_entry()? {
        match &entry.record {
            Record::Spec(it) => specs.add(it.instrument, &it.spec, symbol),
            Record::Event(event) => {
                let Some(place) = specs.place(event.instrument) else { continue };
                let Some(record) = Seen::of(event, place) else { continue };
                // A venue in the same process hears of the market when the session does.
                let record = if is_paper { record.at(event.recv_ns) } else { record };
                let file = match &mut file {
                    Some(file) => file,
                    None => file.insert(File::create(out, &record)?),
                };
                file.push(record, event.recv_ns).map_err(|failure| specs.apart(failure))?;
            }
            _ => {}
        }
        if let Some((first, last)) = reader.recovery().pruned {
            return Err(Failure::data(format!(
                "{}: records {first} to {last} were taken away, so its market is not whole",
                journal.display()
            ))
            .hint("a service with SESSION_PRUNE=false keeps all of its journals"));
        }
    }
    if let Some(symbol) = symbol.filter(|_| specs.chosen.is_empty()) {
        let all = specs.all.join(", ");
        return Err(Failure::usage(format!("{symbol} is no instrument of this journal ({all})")));
    }
    let Some(file) = file else {
        let what = format!("{}: it has no order books or trades", journal.display());
        return Err(Failure::nothing(what));
    };
    let symbols = specs.chosen.iter().map(|spec| spec.symbol().to_owned()).collect();
    let source = SourceFact {
        path: journal.display().to_string(),
        importer: "journal".to_owned(),
        ..SourceFact::default()
    };
    let description =
        Description { instruments: specs.chosen, sources: vec![source], ..Description::default() };
    Ok(Saw { written: file.finish(&description)?, symbols })
}

/// The instruments of a journal, and which of them are written.
#[derive(Default)]
struct Specs {
    places: BTreeMap<InstrumentId, u16>,
    chosen: Vec<InstrumentSpec>,
    all: Vec<String>,
}

impl Specs {
    fn add(&mut self, of: InstrumentId, spec: &InstrumentSpec, symbol: Option<&str>) {
        // Every run that goes on with a journal writes them again.
        if self.all.iter().any(|known| known == spec.symbol()) {
            return;
        }
        self.all.push(spec.symbol().to_owned());
        if symbol.is_none_or(|symbol| symbol == spec.symbol()) {
            let place = u16::try_from(self.chosen.len()).unwrap_or(u16::MAX);
            self.places.insert(of, place);
            self.chosen.push(spec.clone());
        }
    }

    fn place(&self, of: InstrumentId) -> Option<u16> {
        self.places.get(&of).copied()
    }

    /// Venues of a session have clocks of their own: what is in one order for us is not for them.
    fn apart(&self, failure: Failure) -> Failure {
        if self.chosen.len() < 2 {
            return failure;
        }
        failure.hint("write a file for each instrument: --symbol SYMBOL")
    }
}

/// Whether the journal is one of a session of the service.
fn is_paper(journal: &Path) -> bool {
    let words = words_of(journal).unwrap_or_default();
    words.first().is_some_and(|first| first.starts_with("paper session"))
}

/// A record of the market.
#[derive(Clone, Copy)]
enum Seen {
    Level(Tick),
    Order(OrderTick),
}

impl Seen {
    /// What `event` says about the market; bars are not recorded, they follow from trades.
    fn of(event: &Event, instrument: u16) -> Option<Self> {
        let venue_ns = event.venue_ns.get();
        match &event.payload {
            Payload::Tick(tick) => Some(Self::Level(Tick { instrument, venue_ns, ..*tick })),
            Payload::Trade(trade) => {
                Some(Self::Level(Tick { instrument, venue_ns, ..tick_of(trade) }))
            }
            Payload::Order(tick) => Some(Self::Order(OrderTick { instrument, venue_ns, ..*tick })),
            _ => None,
        }
    }

    /// The same as if it had happened at `at_ns` (UTC).
    const fn at(self, at_ns: Nanos) -> Self {
        let venue_ns = at_ns.get();
        match self {
            Self::Level(tick) => Self::Level(Tick { venue_ns, ..tick }),
            Self::Order(tick) => Self::Order(OrderTick { venue_ns, ..tick }),
        }
    }
}

/// A file that is being written: one has records of one kind.
enum File {
    Levels(TickWriter<Tick>),
    Orders(TickWriter<OrderTick>),
}

impl File {
    fn create(path: &Path, first: &Seen) -> Result<Self, Failure> {
        Ok(match first {
            Seen::Level(_) => Self::Levels(TickWriter::create(path)?),
            Seen::Order(_) => Self::Orders(TickWriter::create(path)?),
        })
    }

    fn push(&mut self, record: Seen, recv_ns: Nanos) -> Result<(), Failure> {
        match (self, record) {
            (Self::Levels(file), Seen::Level(tick)) => push(file, tick, recv_ns),
            (Self::Orders(file), Seen::Order(tick)) => push(file, tick, recv_ns),
            _ => {
                let what = "its instruments have books by price and books by order";
                Err(Failure::data(what.to_owned()))
            }
        }
    }

    fn finish(self, description: &Description) -> Result<Written, Failure> {
        Ok(match self {
            Self::Levels(file) => file.finish(description)?,
            Self::Orders(file) => file.finish(description)?,
        })
    }
}

fn push<R: TickRecord>(file: &mut TickWriter<R>, record: R, recv_ns: Nanos) -> Result<(), Failure> {
    Ok(file.push(record, recv_ns.get())?)
}
