//! Generated rows as CSV text.

use std::io::{self, Write};

use qt_types::{E9, Tick};

use super::{BookRow, Market};
use crate::calendar::civil::{DAY_NS, Day, HOUR_NS, MINUTE_NS, SECOND_NS};
use crate::export::Speaker;
use crate::series::{BarRecord, TradeRecord};

/// Writes bars under the header `timestamp,open,high,low,close,volume`; bars of a day have dates,
/// shorter ones the ISO time of their open in UTC. Returns the number of rows.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_bars_csv(
    out: &mut impl Write,
    market: &Market,
    bars: impl IntoIterator<Item = BarRecord>,
) -> io::Result<u64> {
    out.write_all(b"timestamp,open,high,low,close,volume\n")?;
    let (tick, lot) = (Unit::new(market.tick_e9), Unit::new(market.lot_e9));
    let daily = market.interval_ns >= DAY_NS;
    let rows = bars.into_iter().map(|bar| {
        let mut line = Vec::with_capacity(96);
        if daily {
            write!(line, "{}", Day::of_ns(bar.open_ns))?;
        } else {
            stamp(&mut line, bar.open_ns)?;
        }
        for price in [bar.open, bar.high, bar.low, bar.close] {
            line.push(b',');
            tick.write(&mut line, price)?;
        }
        line.push(b',');
        lot.write(&mut line, bar.volume)?;
        Ok(line)
    });
    write_lines(out, rows)
}

/// Writes trades under the header `timestamp,price,qty,side`; the side is that of the taker.
/// Returns the number of rows.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_trades_csv(
    out: &mut impl Write,
    market: &Market,
    trades: impl IntoIterator<Item = TradeRecord>,
) -> io::Result<u64> {
    out.write_all(b"timestamp,price,qty,side\n")?;
    let (tick, lot) = (Unit::new(market.tick_e9), Unit::new(market.lot_e9));
    let rows = trades.into_iter().map(|trade| {
        let mut line = Vec::with_capacity(64);
        stamp(&mut line, trade.venue_ns)?;
        line.push(b',');
        tick.write(&mut line, trade.price)?;
        line.push(b',');
        lot.write(&mut line, trade.qty)?;
        line.extend(if trade.aggressor < 0 { &b",sell"[..] } else { b",buy" });
        Ok(line)
    });
    write_lines(out, rows)
}

/// Writes the changes of a book and its trades as [`crate::export`] does: an import reads them back
/// record for record. Everything is known when it happens. Returns the number of rows.
///
/// # Errors
/// When the market's instrument has no units or a name that a line cannot hold, or `out` cannot be
/// written to.
pub fn write_book_csv(
    out: &mut impl Write,
    market: &Market,
    rows: impl IntoIterator<Item = BookRow>,
) -> io::Result<u64> {
    let specs = [market.spec().map_err(io::Error::other)?];
    let speaker = Speaker::new(&specs).map_err(io::Error::other)?;
    out.write_all(speaker.head::<Tick>().as_bytes())?;
    let mut line = String::with_capacity(96);
    let mut count = 0;
    for row in rows {
        line.clear();
        speaker.write(&row.tick(), row.venue_ns, &mut line).map_err(io::Error::other)?;
        out.write_all(line.as_bytes())?;
        count += 1;
    }
    out.flush()?;
    Ok(count)
}

fn write_lines(
    out: &mut impl Write,
    lines: impl Iterator<Item = io::Result<Vec<u8>>>,
) -> io::Result<u64> {
    let mut count = 0;
    for line in lines {
        let mut line = line?;
        line.push(b'\n');
        out.write_all(&line)?;
        count += 1;
    }
    out.flush()?;
    Ok(count)
}

/// A tick or a lot, with the decimals that its multiples need.
struct Unit {
    unit_e9: i64,
    decimals: u32,
}

impl Unit {
    fn new(unit_e9: i64) -> Self {
        let whole = |decimals: &u32| (unit_e9 * 10_i64.pow(*decimals)) % E9 == 0;
        let decimals =
            (0..9).find(|decimals| i64::MAX / 10_i64.pow(*decimals) > unit_e9 && whole(decimals));
        Self { unit_e9, decimals: decimals.unwrap_or(9) }
    }

    /// Appends `count` units with all their decimals: `100.10`.
    fn write(&self, line: &mut Vec<u8>, count: i64) -> io::Result<()> {
        let down = 10_i128.pow(9 - self.decimals);
        let value = i128::from(count) * i128::from(self.unit_e9) / down;
        if self.decimals == 0 {
            return write!(line, "{value}");
        }
        let one = 10_i128.pow(self.decimals);
        let width = self.decimals as usize;
        write!(line, "{}.{:0width$}", value / one, value % one)
    }
}

/// Appends the instant in ISO 8601: seconds, and microseconds where there are any.
fn stamp(line: &mut Vec<u8>, ns: i64) -> io::Result<()> {
    let day = Day::of_ns(ns);
    let clock_ns = ns - day.start_ns();
    let (hour, minute) = (clock_ns / HOUR_NS, clock_ns / MINUTE_NS % 60);
    let (second, fraction) = (clock_ns / SECOND_NS % 60, clock_ns % SECOND_NS);
    write!(line, "{day}T{hour:02}:{minute:02}:{second:02}")?;
    if fraction > 0 {
        write!(line, ".{:06}", fraction / 1000)?;
    }
    line.push(b'Z');
    Ok(())
}
