//! `journal`: what a session's journal holds.

#[cfg(feature = "service")]
mod export;
mod market;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use qt_journal::{
    Describer, JournalError, JournalReader, Record, RecordKind, Story, StoryTeller, utc, verify,
};
use qt_types::{
    Event, InstrumentId, InstrumentSpec, OrderId, Payload, Signal, SignalSize, SourceId,
    format_scaled,
};
use serde_json::{Value, json};

use crate::app::Session;
use crate::failure::Failure;

/// Check and read the journal of a session.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade journal verify session/live.qtj\n  \
    quanttrade journal show session/live.qtj --kind command\n  \
    quanttrade journal explain 17 session/live.qtj\n  \
    quanttrade journal signals session/live.qtj > signals.jsonl\n  \
    quanttrade journal market session/live.qtj --out day.qtt")]
pub struct JournalArgs {
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// What to do with a journal.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Read all of it, and say whether it is whole
    Verify {
        /// The journal
        #[arg(value_name = "DIR.qtj")]
        journal: PathBuf,
    },
    /// Print its records, one a line
    Show {
        /// The journal
        #[arg(value_name = "DIR.qtj")]
        journal: PathBuf,
        /// Only records of this kind: spec, config, event, command, control, snapshot, mark, end
        #[arg(long, value_name = "KIND", value_parser = kind)]
        kind: Option<RecordKind>,
        /// Only records of this event and later ones
        #[arg(long, value_name = "EVENT", default_value_t = 0)]
        from: u64,
        /// At most so many records
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Print the signals that it has, as a file for `backtest --signals`
    Signals {
        /// The journal
        #[arg(value_name = "DIR.qtj")]
        journal: PathBuf,
    },
    /// Write what it has of the market, as a file for `backtest --data`
    #[command(after_help = "Example:\n  \
        quanttrade journal market session/live.qtj --out day.qtt")]
    Market(market::MarketArgs),
    /// Write the day of a session of the service: market, signals, limits, and the settings of a
    /// backtest of it
    #[cfg(feature = "service")]
    #[command(after_help = "Example:\n  \
        quanttrade journal export sessions/TENANT/ACCOUNT/journal.qtj --out day\n  \
        quanttrade backtest day/run.toml")]
    Export(export::ExportArgs),
    /// Tell all that happened to one order, and the time in between
    Explain {
        /// The order's number, as fills and other records name it
        #[arg(value_name = "ORDER")]
        order: u64,
        /// The journal
        #[arg(value_name = "DIR.qtj")]
        journal: PathBuf,
    },
}

fn kind(text: &str) -> Result<RecordKind, String> {
    let kind = RecordKind::ALL.into_iter().find(|kind| kind.text() == text);
    kind.ok_or_else(|| {
        let names: Vec<&str> = RecordKind::ALL.iter().map(|kind| kind.text()).collect();
        format!("there is {}", names.join(", "))
    })
}

/// Runs the command.
///
/// # Errors
/// When the journal cannot be read or is damaged.
pub fn run(args: JournalArgs, session: &Session) -> Result<(), Failure> {
    match args.task {
        Task::Verify { journal } => {
            let report = verify(&journal)?;
            if session.out.json {
                let records = RecordKind::ALL.into_iter();
                let records = records.map(|kind| (kind.text(), report.records_of(kind)));
                session.out.document(&json!({
                    "is_whole": report.is_whole(),
                    "is_ended": report.is_ended,
                    "is_live": report.is_live,
                    "segments": report.segments,
                    "runs": report.epochs,
                    "bytes": report.bytes,
                    "from_memory": report.from_memory,
                    "pruned": report.pruned.map(|(first, last)| [first.get(), last.get()]),
                    "torn_bytes": report.cut.as_ref().map_or(0, |cut| cut.bytes),
                    "damage": report.damage.as_ref().map(ToString::to_string),
                    "records": records.collect::<BTreeMap<_, _>>(),
                }))?;
            } else {
                session.out.line(&report.to_string())?;
            }
            match report.damage {
                Some(damage) if session.out.json => Err(Failure::from(damage).documented()),
                Some(damage) => Err(Failure::from(damage)),
                None => Ok(()),
            }
        }
        Task::Show { journal, kind, from, limit } => {
            let mut describer = Describer::new();
            let mut reader = JournalReader::open(&journal, None)?;
            let mut left = limit.unwrap_or(u64::MAX);
            let mut pruned = None;
            while let Some(entry) = reader.next_entry()? {
                if pruned != reader.recovery().pruned {
                    pruned = reader.recovery().pruned;
                    let (first, last) = pruned.unwrap_or_default();
                    session.out.line(&format!("records {first} to {last} were taken away"))?;
                }
                let event = entry.record.stamp().map_or(0, |stamp| stamp.seq.get());
                let is_wanted = kind.is_none_or(|kind| entry.record.kind() == kind);
                if !is_wanted || event < from {
                    describer.see(&entry.record);
                    continue;
                }
                if left == 0 {
                    break;
                }
                left -= 1;
                session.out.line(&describer.line(&entry))?;
            }
            Ok(())
        }
        Task::Signals { journal } => {
            signals(&journal, &mut |line| session.out.line(line)).map(|_| ())
        }
        Task::Market(args) => market::run(&args, session),
        #[cfg(feature = "service")]
        Task::Export(args) => export::run(&args, session),
        Task::Explain { order, journal } => explain(order, &journal, session),
    }
}

/// One line a signal, in the envelope that says when it arrived and whose it is, handed to `each`.
/// Its `signal_id` is the UUID by which the journal knows it. Returns the sources in the order in
/// which they come first, which is how a backtest numbers them.
fn signals(
    journal: &Path,
    each: &mut dyn FnMut(&str) -> Result<(), Failure>,
) -> Result<Vec<SourceId>, Failure> {
    let mut specs: BTreeMap<InstrumentId, InstrumentSpec> = BTreeMap::new();
    let mut sources = Vec::new();
    let mut reader = JournalReader::open(journal, None)?;
    while let Some(entry) = reader.next_entry()? {
        match &entry.record {
            Record::Spec(it) => {
                specs.insert(it.instrument, it.spec.clone());
            }
            Record::Event(event) => {
                if let Payload::Signal(signal) = &event.payload
                    && let Some(spec) = specs.get(&event.instrument)
                {
                    if !sources.contains(&signal.source) {
                        sources.push(signal.source);
                    }
                    each(&signal_line(event, signal, spec).to_string())?;
                }
            }
            _ => {}
        }
    }
    Ok(sources)
}

fn uuid_text(id: [u8; 16]) -> String {
    let mut text = format!("{:032x}", u128::from_be_bytes(id));
    [8, 13, 18, 23].into_iter().for_each(|at| text.insert(at, '-'));
    text
}

fn signal_line(event: &Event, signal: &Signal, spec: &InstrumentSpec) -> Value {
    let e9 = |number: i64| format_scaled(number.into(), 9);
    let share = |number: u32| f64::from(number) / 1e9;
    let mut object = json!({
        "schema_version": 1,
        "signal_id": uuid_text(signal.id),
        "symbol": spec.symbol(),
        "action": signal.action.text(),
        "confidence": share(signal.confidence_e9),
        "strength": share(signal.strength_e9),
        "horizon_seconds": signal.horizon_s,
        "issued_at": utc(event.venue_ns),
        "expires_at": utc(signal.expires_ns),
    });
    let lots = |qty: qt_types::Qty| e9(qty.lots().saturating_mul(spec.lot_e9()));
    match signal.size {
        SignalSize::Open => {}
        SignalSize::Quantity(qty) => object["quantity"] = lots(qty).into(),
        SignalSize::Target(qty) => object["target_position"] = lots(qty).into(),
        SignalSize::WeightE9(weight) => object["weight"] = (weight as f64 / 1e9).into(),
    }
    let prices =
        [("limit_price", signal.limit), ("stop_loss", signal.stop), ("take_profit", signal.target)];
    for (name, price) in prices {
        if let Some(price) = price.get() {
            object[name] = e9(price.ticks().saturating_mul(spec.tick_e9())).into();
        }
    }
    let source = format!("source-{}", signal.source.0);
    json!({"arrived_at": utc(event.recv_ns), "source": source, "signal": object})
}

fn explain(order: u64, journal: &Path, session: &Session) -> Result<(), Failure> {
    let id = OrderId::new((order >> 48) as u16, order);
    let mut teller = StoryTeller::new(id);
    let mut reader = JournalReader::open(journal, None)?;
    while let Some(entry) = reader.next_entry()? {
        teller.see(&entry);
    }
    let story = Story { pruned: reader.recovery().pruned, ..teller.done() };
    if story.steps.is_empty() {
        return Err(Failure::nothing(format!("{}: has no order {order}", journal.display())).hint(
            format!(
                "quanttrade journal show {} --kind command shows the orders",
                journal.display()
            ),
        ));
    }
    if !session.out.json {
        return session.out.line(&story.to_string());
    }
    let steps = story.steps.iter().map(|step| {
        json!({
            "record": step.lsn.get(),
            "event": step.stamp.seq.get(),
            "time": utc(step.stamp.at_ns),
            "after_ns": step.after_ns,
            "what": step.text,
        })
    });
    session.out.document(&json!({"order": order, "steps": steps.collect::<Vec<_>>()}))
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::data(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use qt_codec::signal::SignalObject;
    use qt_types::{InstrumentKind, Nanos, Qty, Seq, SignalAction, VenueId};

    use super::*;

    /// What is printed of a signal reads as the same signal again.
    #[test]
    fn a_signal_that_is_printed_is_the_same_one() {
        let (tick, lot) = (10_000_000, 100_000);
        let kind = InstrumentKind::Spot;
        let spec = InstrumentSpec::new("BTC-USD", "USD", kind, tick, lot, 1_000_000_000).unwrap();
        let price = |ticks| Some(qt_types::Price::from_ticks(ticks)).into();
        let sizes = [
            SignalSize::Open,
            SignalSize::Quantity(Qty::from_lots(15_000)),
            SignalSize::Target(Qty::from_lots(-1)),
            SignalSize::WeightE9(-250_000_001),
        ];
        for (n, size) in (1_u8..).zip(sizes) {
            let signal = Signal {
                id: [n; 16],
                expires_ns: Nanos::new(1_800_000_000_123_456_789),
                size,
                limit: price(4_312_325),
                stop: if n == 2 { qt_types::MaybePrice::NONE } else { price(4_312_300) },
                target: price(4_400_001),
                horizon_s: 60,
                confidence_e9: 850_000_001,
                strength_e9: 333_333_333,
                source: SourceId(n.into()),
                action: if n < 3 { SignalAction::Buy } else { SignalAction::Sell },
            };
            let event = Event {
                seq: Seq::new(1),
                recv_ns: Nanos::new(1_799_999_999_000_000_001),
                venue_ns: Nanos::new(1_799_999_998_000_000_000),
                instrument: InstrumentId(0),
                venue: VenueId::default(),
                payload: Payload::Signal(signal),
            };
            let line = signal_line(&event, &signal, &spec);
            let object = SignalObject::read(line["signal"].to_string().as_bytes()).unwrap();
            assert_eq!(object.on(&spec, signal.source).unwrap(), signal, "{line}");
            assert_eq!(object.issued_ns, event.venue_ns);
            assert_eq!(line["arrived_at"], utc(event.recv_ns));
        }
    }
}
