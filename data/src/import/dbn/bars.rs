//! The schemas `ohlcv-1s`, `-1m`, `-1h`, `-1d` as a table of bars.

use dbn::{OhlcvMsg, RType, RecordRef, UNDEF_PRICE};
use qt_types::{InstrumentKind, Tick};

use super::kind_of;
use super::stream::{Stop, records, time, typed};
use super::symbols::Symbols;
use crate::error::DataError;
use crate::import::input::Input;
use crate::import::instruments::Instruments;
use crate::import::row::{Place, Row, RowIssue, RowSink};
use crate::series::Source;
use crate::source::table::{Cells, RawTable, TableColumn};

/// The bars of `input`, in the file's order, and what its instruments are.
///
/// # Errors
/// When it cannot be read, has no bars, or one without a time.
pub(super) fn table(input: &Input<'_>) -> Result<(RawTable, Option<InstrumentKind>), DataError> {
    let mut names = Names { instruments: Instruments::default(), path: input.name() };
    let mut bars = Bars::default();
    let ((_, kind), count) = records(
        input,
        |metadata| Ok((Symbols::of(metadata), kind_of(&metadata.dataset))),
        |(symbols, _), record, _| {
            if record.header().rtype().ok() == Some(RType::SymbolMapping) {
                return symbols.learn(&record);
            }
            if !is_bar(&record) {
                return Ok(());
            }
            let bar = typed::<OhlcvMsg>(&record)?;
            let open_ns = time(bar.hd.ts_event)
                .ok_or_else(|| Stop::Issue(RowIssue::new("ts_event", b"", "is no time")))?;
            if let Some(number) = symbols.instrument::<Tick>(&record, open_ns, &mut names)? {
                bars.take(number, open_ns, bar)?;
            }
            Ok(())
        },
    )?;
    if bars.open_ns.is_empty() {
        return Err(DataError::UnknownFormat {
            path: input.name().to_owned(),
            what: format!("it has no bars among {count} records"),
            fix: "Name a file of bars, choose a strategy for order books if it has ticks, or give \
                  it by --definitions beside the data if it has definitions"
                .to_owned(),
            supported: "ohlcv-1s, ohlcv-1m, ohlcv-1h, ohlcv-1d".to_owned(),
        });
    }
    let source = Source {
        path: input.name().to_owned(),
        sha256: input.sha256()?,
        format: "dbn, ohlcv".to_owned(),
    };
    Ok((RawTable { source, columns: bars.columns(&names.instruments) }, kind))
}

fn is_bar(record: &RecordRef<'_>) -> bool {
    use RType::{Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, OhlcvEod};
    let bars = [Ohlcv1S, Ohlcv1M, Ohlcv1H, Ohlcv1D, OhlcvEod];
    record.header().rtype().is_ok_and(|rtype| bars.contains(&rtype))
}

/// The cells of bars, column by column.
#[derive(Default)]
struct Bars {
    open_ns: Vec<i64>,
    /// Numbers of the instruments.
    of: Vec<u16>,
    /// Open, high, low and close in billionths, and the rows that have none.
    prices: [(Vec<i64>, Vec<u32>); 4],
    volume: Vec<i64>,
}

impl Bars {
    fn take(&mut self, of: u16, open_ns: i64, bar: &OhlcvMsg) -> Result<(), Stop> {
        let too_large = || Stop::Issue(RowIssue::new("volume", b"", "is too large"));
        let volume = i64::try_from(bar.volume).map_err(|_| too_large())?;
        let row = u32::try_from(self.of.len()).unwrap_or(u32::MAX);
        let prices = [bar.open, bar.high, bar.low, bar.close];
        for ((cells, missing), price) in self.prices.iter_mut().zip(prices) {
            if price == UNDEF_PRICE {
                missing.push(row);
            }
            cells.push(price);
        }
        self.open_ns.push(open_ns);
        self.of.push(of);
        self.volume.push(volume);
        Ok(())
    }

    fn columns(self, instruments: &Instruments) -> Vec<TableColumn> {
        let symbol = |number: u16| {
            let seen = instruments.list.get(usize::from(number));
            seen.map_or_else(String::new, |seen| seen.symbol.clone())
        };
        let symbols = self.of.iter().map(|number| symbol(*number)).collect();
        let column = |name: &str, cells: Cells, missing: Vec<u32>| TableColumn {
            name: name.to_owned(),
            cells,
            missing,
        };
        let mut columns = vec![
            column("timestamp", Cells::EpochNs(self.open_ns), Vec::new()),
            column("symbol", Cells::Text(symbols), Vec::new()),
        ];
        let names = ["open", "high", "low", "close"];
        columns.extend(
            names
                .into_iter()
                .zip(self.prices)
                .map(|(name, (cells, missing))| column(name, Cells::Billionths(cells), missing)),
        );
        columns.push(column("volume", Cells::Int(self.volume), Vec::new()));
        columns
    }
}

/// Gives instruments their numbers; takes no rows.
struct Names<'a> {
    instruments: Instruments,
    path: &'a str,
}

impl RowSink<Tick> for Names<'_> {
    fn instrument(&mut self, symbol: &str) -> Result<Option<u16>, DataError> {
        self.instruments.number(symbol, None, self.path)
    }

    fn row(&mut self, _row: &Row<Tick>, _place: Place) -> Result<(), DataError> {
        Ok(())
    }

    fn fact(&mut self, _name: &'static str, _place: Place) {}
}
