//! The schemas `ohlcv-1s`, `-1m`, `-1h`, `-1d` to bars.

use dbn::{OhlcvMsg, RType, RecordRef, UNDEF_PRICE};
use qt_types::{BarFlags, Tick};

use super::fixed;
use super::stream::{Stop, records, time, typed};
use super::symbols::Symbols;
use crate::calendar::Calendar;
use crate::calendar::civil::{DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS};
use crate::error::DataError;
use crate::import::input::Input;
use crate::import::instruments::Instruments;
use crate::import::options::ImportOptions;
use crate::import::row::{Place, Row, RowIssue, RowSink};
use crate::import::units::Counter;
use crate::quality::structure::interval_ns;
use crate::series::{BarRecord, BarSeries, DataKind, Source, Stamps};
use crate::source::number::Number;

/// The bars of `input`: one series for each instrument.
///
/// # Errors
/// When it cannot be read, has no bars, or one that cannot be kept.
pub(super) fn bars(
    input: &Input<'_>,
    options: &ImportOptions,
) -> Result<Vec<BarSeries>, DataError> {
    options.check()?;
    let mut names = Names { instruments: Instruments::default(), options, path: input.name() };
    let mut all: Vec<(u16, RawBar)> = Vec::new();
    let (_, count) = records(
        input,
        |metadata| Ok(Symbols::of(metadata)),
        |symbols, record, count| {
            if record.header().rtype().ok() == Some(RType::SymbolMapping) {
                return symbols.learn(&record);
            }
            let Some(length_ns) = length_of(&record) else { return Ok(()) };
            let bar = RawBar::read(&record, length_ns, count)?;
            if let Some(instrument) =
                symbols.instrument::<Tick>(&record, bar.open_ns, &mut names)?
            {
                let seen = &mut names.instruments.list[usize::from(instrument)];
                bar.prices.iter().for_each(|price| seen.prices.see(*price));
                seen.sizes.see(bar.volume);
                all.push((instrument, bar));
            }
            Ok(())
        },
    )?;
    if all.is_empty() {
        let path = input.name().to_owned();
        return Err(DataError::UnknownFormat {
            path,
            what: format!("it has no bars among {count} records"),
            fix: "Import ticks into the tick store, and read bars only from ohlcv files".to_owned(),
            supported: "ohlcv-1s, ohlcv-1m, ohlcv-1h, ohlcv-1d".to_owned(),
        });
    }
    let mut notes = Vec::new();
    let specs = names.instruments.specs(options, &[], None, input.name(), &mut notes)?;
    let sha256 = input.sha256()?;
    specs
        .into_iter()
        .enumerate()
        .map(|(instrument, spec)| {
            let counters = (Counter::new(spec.tick_e9()), Counter::new(spec.lot_e9()));
            let mine = all.iter().filter(|(other, _)| usize::from(*other) == instrument);
            let bars = mine.map(|(_, bar)| bar.record(&counters, input.name()));
            let mut bars: Vec<BarRecord> = bars.collect::<Result<_, _>>()?;
            bars.sort_by_key(|bar| bar.open_ns);
            let stamps: Vec<i64> = bars.iter().map(|bar| bar.open_ns).collect();
            let calendar = Calendar::suggest(&bars, DataKind::Bars, false);
            calendar.mark_sessions(&mut bars);
            Ok(BarSeries {
                spec,
                kind: DataKind::Bars,
                interval_ns: interval_ns(&stamps),
                bars,
                half_spreads: Vec::new(),
                stamps: Stamps::Iso,
                calendar,
                source: Source {
                    path: input.name().to_owned(),
                    sha256: sha256.clone(),
                    format: "dbn, ohlcv".to_owned(),
                },
                quality: None,
                notes: notes.clone(),
            })
        })
        .collect()
}

// How long a record's bar is; `None` when it is no bar.
fn length_of(record: &RecordRef<'_>) -> Option<i64> {
    match record.header().rtype().ok()? {
        RType::Ohlcv1S => Some(SECOND_NS),
        RType::Ohlcv1M => Some(MINUTE_NS),
        RType::Ohlcv1H => Some(HOUR_NS),
        RType::Ohlcv1D | RType::OhlcvEod => Some(DAY_NS),
        _ => None,
    }
}

// A bar with exact prices.
struct RawBar {
    open_ns: i64,
    close_ns: i64,
    prices: [Number; 4],
    volume: Number,
    record: u64,
}

impl RawBar {
    fn read(record: &RecordRef<'_>, length_ns: i64, count: u64) -> Result<Self, Stop> {
        let bar = typed::<OhlcvMsg>(record)?;
        let issue = |what: &str| Stop::Issue(RowIssue::new("", b"", what));
        let open_ns = time(bar.hd.ts_event).ok_or_else(|| issue("has no time"))?;
        let prices = [bar.open, bar.high, bar.low, bar.close];
        if prices.contains(&UNDEF_PRICE) {
            return Err(issue("has no price"));
        }
        if bar.high < bar.low {
            return Err(issue("has its highest price below its lowest"));
        }
        let volume = i64::try_from(bar.volume).map_err(|_| issue("has too large a volume"))?;
        let volume = Number { mantissa: volume, scale: 0, rounded: false };
        let close_ns = open_ns.saturating_add(length_ns);
        Ok(Self { open_ns, close_ns, prices: prices.map(fixed), volume, record: count })
    }

    fn record(&self, counters: &(Counter, Counter), path: &str) -> Result<BarRecord, DataError> {
        let (ticks, lots) = counters;
        let price = |at: usize| {
            ticks.exact(self.prices[at]).ok_or_else(|| {
                let what = format!("is no multiple of the tick {}", ticks.text());
                let text = self.prices[at].text();
                RowIssue::new("price", text.as_bytes(), what)
                    .fixed_by("Give the tick of the data, or leave --tick away")
                    .at(path, Place::Record(self.record))
            })
        };
        Ok(BarRecord {
            open_ns: self.open_ns,
            close_ns: self.close_ns,
            open: price(0)?,
            high: price(1)?,
            low: price(2)?,
            close: price(3)?,
            volume: lots.whole(self.volume),
            flags: BarFlags::NONE,
            row: u32::try_from(self.record).unwrap_or(u32::MAX),
        })
    }
}

// Gives instruments their numbers; takes no rows.
struct Names<'a> {
    instruments: Instruments,
    options: &'a ImportOptions,
    path: &'a str,
}

impl RowSink<Tick> for Names<'_> {
    fn instrument(&mut self, symbol: &str) -> Result<Option<u16>, DataError> {
        self.instruments.number(symbol, self.options.symbol.as_deref(), self.path)
    }

    fn row(&mut self, _row: &Row<Tick>, _place: Place) -> Result<(), DataError> {
        Ok(())
    }

    fn fact(&mut self, _name: &'static str, _place: Place) {}
}
