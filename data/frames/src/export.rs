//! Bars as a table for other programs: decimal prices, plain time stamps.

use qt_data::series::{BarRecord, BarSeries, DataKind};
use qt_data::source::number::POWERS;

use crate::error::FramesError;
use crate::table::{Column, Table};

/// How an export writes the time at which a bar opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BarTimes {
    /// As an instant: ISO 8601 in CSV, a time stamp in Parquet.
    #[default]
    Iso,
    /// As seconds since 1970.
    EpochS,
    /// As milliseconds since 1970.
    EpochMs,
    /// As nanoseconds since 1970.
    EpochNs,
}

/// The bars of `series` as columns `timestamp,open,high,low,close,volume`, or with `bid_open` to
/// `ask_close` for bid/ask bars. Volume is left out where the source has none. The loader reads
/// both back as they are.
///
/// # Errors
/// When a value has more than 18 digits, or a time is no whole number of the unit asked for.
pub fn bars_table(series: &BarSeries, times: BarTimes) -> Result<Table, FramesError> {
    let mut table = Table::default();
    table.push("timestamp", time_column(series, times)?);
    let spec = &series.spec;
    let prices = |pick: &dyn Fn(usize, &BarRecord) -> Option<i64>| {
        let ticks = series.bars.iter().enumerate().map(|(index, bar)| pick(index, bar));
        decimals(ticks, spec.tick_e9()).ok_or_else(|| too_long(series))
    };
    let sides: [fn(&BarRecord) -> i64; 4] =
        [|bar| bar.open, |bar| bar.high, |bar| bar.low, |bar| bar.close];
    let names = ["open", "high", "low", "close"];
    if series.kind == DataKind::QuoteBars {
        for (side, sign) in [("bid", -1_i64), ("ask", 1)] {
            for (corner, (name, pick)) in names.into_iter().zip(sides).enumerate() {
                let quote = |index: usize, bar: &BarRecord| {
                    let half = series.half_spreads.get(index).map_or(0, |half| half[corner]);
                    pick(bar).checked_add(sign * i64::from(half))
                };
                table.push(&format!("{side}_{name}"), prices(&quote)?);
            }
        }
    } else {
        for (name, pick) in names.into_iter().zip(sides) {
            table.push(name, prices(&|_, bar| Some(pick(bar)))?);
        }
    }
    if series.kind == DataKind::Bars && series.bars.iter().any(|bar| bar.volume != 0) {
        let lots = series.bars.iter().map(|bar| Some(bar.volume));
        let volume = decimals(lots, spec.lot_e9()).ok_or_else(|| too_long(series))?;
        table.push("volume", volume);
    }
    Ok(table)
}

fn time_column(series: &BarSeries, times: BarTimes) -> Result<Column, FramesError> {
    let opens = series.bars.iter().map(|bar| bar.open_ns);
    let (unit, name) = match times {
        BarTimes::Iso => return Ok(Column::TimeNs(opens.collect())),
        BarTimes::EpochS => (1_000_000_000, "seconds"),
        BarTimes::EpochMs => (1_000_000, "milliseconds"),
        BarTimes::EpochNs => (1, "nanoseconds"),
    };
    if let Some(bar) = series.bars.iter().find(|bar| bar.open_ns % unit != 0) {
        let what = format!("row {}: the bar opens at no whole number of {name}", bar.row);
        return Err(FramesError::usage(what, "Export the times in nanoseconds"));
    }
    Ok(Column::I64(opens.map(|ns| ns / unit).collect()))
}

// Counts of a unit in billionths as decimals, with no more digits than the unit has.
fn decimals(counts: impl Iterator<Item = Option<i64>>, unit_e9: i64) -> Option<Column> {
    let scale = (0..POWERS.len()).find(|scale| unit_e9 % POWERS[POWERS.len() - 1 - scale] == 0)?;
    let factor = unit_e9 / POWERS[POWERS.len() - 1 - scale];
    let mantissas = counts.map(|count| count?.checked_mul(factor)).collect::<Option<Vec<i64>>>()?;
    Some(Column::Decimal { mantissas, scale: scale as u32 })
}

fn too_long(series: &BarSeries) -> FramesError {
    let what = format!("{}: a value has more than 18 digits", series.spec.symbol());
    FramesError::usage(what, "Import the data with a larger tick or lot")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;
    use qt_data::generate::{Market, write_bars_csv};
    use qt_data::load::{LoadOptions, Loaded, load};

    fn bars(loaded: Vec<Loaded>) -> BarSeries {
        match loaded.into_iter().next() {
            Some(Loaded::Bars(series)) => series,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn exports_load_as_what_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let options = LoadOptions { symbol: Some("SYN".into()), ..LoadOptions::default() };
        let mut text = Vec::new();
        let market = Market { rows: 900, ..Market::default() };
        write_bars_csv(&mut text, &market, market.bars().unwrap()).unwrap();
        std::fs::write(at("trade.csv"), text).unwrap();
        let trade = bars(load(&at("trade.csv"), &options).unwrap());
        let mut quote = trade.clone();
        quote.kind = DataKind::QuoteBars;
        quote.half_spreads = vec![[1, 2, 1, 3]; quote.bars.len()];
        // One mid needs a digit more than the quotes: the units are those of the loader.
        for bar in &mut quote.bars {
            (bar.volume, bar.open, bar.close) = (0, bar.open.max(10), bar.close.max(10));
        }
        for (index, series) in [trade, quote].into_iter().enumerate() {
            for times in [BarTimes::Iso, BarTimes::EpochS, BarTimes::EpochMs, BarTimes::EpochNs] {
                let table = bars_table(&series, times).unwrap();
                let (csv, parquet) = (at("out.csv"), at("out.parquet"));
                table.write_csv(&csv).unwrap();
                table.write_parquet(&parquet).unwrap();
                let options = LoadOptions {
                    tick_e9: Some(series.spec.tick_e9()),
                    lot_e9: Some(series.spec.lot_e9()),
                    calendar: Some(series.calendar.clone()),
                    check: index == 0,
                    ..options.clone()
                };
                let from_csv = bars(load(&csv, &options).unwrap());
                let from_parquet = bars(read::load(&parquet, &options).unwrap());
                assert_eq!(from_parquet.bars, from_csv.bars, "{times:?}");
                assert_eq!(from_csv.half_spreads, series.half_spreads);
                assert_eq!(from_parquet.half_spreads, series.half_spreads);
                let plain = |series: &BarSeries| {
                    let prices = |bar: &BarRecord| [bar.open_ns, bar.open, bar.high, bar.close];
                    series.bars.iter().map(prices).collect::<Vec<_>>()
                };
                assert_eq!(plain(&from_csv), plain(&series), "{times:?}");
            }
        }
    }

    #[test]
    fn decimals_have_the_digits_of_their_unit() {
        let column = |unit| decimals([Some(3), Some(-1)].into_iter(), unit);
        let want = |mantissas: [i64; 2], scale| {
            Some(Column::Decimal { mantissas: mantissas.to_vec(), scale })
        };
        assert_eq!(column(10_000_000), want([3, -1], 2));
        assert_eq!(column(250_000_000), want([75, -25], 2));
        assert_eq!(column(5_000_000_000), want([15, -5], 0));
        assert_eq!(column(1), want([3, -1], 9));
        assert_eq!(decimals([Some(i64::MAX)].into_iter(), 7_000_000_000), None);
    }
}
