//! LOBSTER's message files: each event of one share's order book, by order.

use qt_types::{InstrumentKind, OrderTick, OrderTickKind, TickFlags};

use super::day::Midnight;
use super::input::Input;
use super::lines::{LineParser, LineSource, Stop, decimal, whole};
use super::row::{Place, Row, RowIssue, RowSink, RowSource};
use crate::source::number::{Number, POWERS};

/// Decimals of the prices, which are whole numbers in the file.
const PRICE_DECIMALS: u32 = 4;

/// Whether `line` could be of such a file: time, type, order, size, price, direction.
pub(super) fn is_line(line: &[u8]) -> bool {
    let cells: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
    let [time, kind, order, size, price, direction] = cells.as_slice() else { return false };
    let seconds = Number::parse(time)
        .is_ok_and(|time| (0..86_400).contains(&(time.mantissa / POWERS[time.scale as usize])));
    let direction = matches!(direction.trim_ascii(), b"1" | b"-1");
    let number = |text: &[u8]| whole("", text).is_ok();
    seconds
        && direction
        && matches!(kind, [b'1'..=b'7'])
        && [order, size, price].into_iter().all(|cell| number(cell))
}

/// The rows of `input`, which are about `symbol` on the day that begins at `midnight`.
pub(super) fn source<'a>(
    input: Input<'a>,
    symbol: String,
    midnight: Midnight,
) -> Box<dyn RowSource<OrderTick> + 'a> {
    let parser = LobsterParser { symbol, midnight, instrument: None };
    Box::new(LineSource { input, header: false, kind: Some(InstrumentKind::Equity), parser })
}

#[derive(Clone)]
struct LobsterParser {
    symbol: String,
    midnight: Midnight,
    instrument: Option<u16>,
}

impl LineParser<OrderTick> for LobsterParser {
    fn line(
        &mut self,
        line: &[u8],
        place: Place,
        sink: &mut dyn RowSink<OrderTick>,
    ) -> Result<(), Stop> {
        let instrument = match self.instrument {
            Some(instrument) => instrument,
            None => match sink.instrument(&self.symbol)? {
                Some(instrument) => *self.instrument.insert(instrument),
                None => return Ok(()),
            },
        };
        let mut cells = [&b""[..]; 6];
        let mut count = 0;
        for cell in line.split(|byte| *byte == b',') {
            if let Some(place) = cells.get_mut(count) {
                *place = cell.trim_ascii();
            }
            count += 1;
        }
        if count != cells.len() {
            let what = format!("has {count} cells, not {}", cells.len());
            return Err(RowIssue::new("", line, what).into());
        }
        let Some(event) = Event::read(&cells)? else {
            sink.fact("messages of an unknown type (left out)", place);
            return Ok(());
        };
        let venue_ns = self.midnight.at(decimal("time", cells[0])?)?;
        let row = Row {
            instrument,
            kind: event.kind,
            flags: event.flags.with(TickFlags::LAST),
            venue_ns: Some(venue_ns),
            recv_ns: None,
            order: event.order,
            price: event.price,
            qty: Some(event.qty),
        };
        Ok(sink.row(&row, place)?)
    }
}

struct Event {
    kind: OrderTickKind,
    flags: TickFlags,
    order: u64,
    price: Number,
    qty: Number,
}

impl Event {
    fn read(cells: &[&[u8]; 6]) -> Result<Option<Self>, RowIssue> {
        let number = |column, text| whole(column, text);
        let price = number("price", cells[4])?;
        let qty = number("size", cells[3])?;
        let order = number("order id", cells[2])?;
        let order =
            u64::try_from(order).map_err(|_| RowIssue::new("order id", cells[2], "is negative"))?;
        let sells = match cells[5] {
            b"1" => false,
            b"-1" => true,
            other => return Err(RowIssue::new("direction", other, "is neither 1 nor -1")),
        };
        let side = |sells| if sells { TickFlags::ASK } else { TickFlags::NONE };
        // Whoever meets a resting order took liquidity on the other side.
        let (kind, flags) = match cells[1] {
            b"1" => (OrderTickKind::Add, side(sells)),
            b"2" => (OrderTickKind::Reduce, side(sells)),
            b"3" => (OrderTickKind::Delete, side(sells)),
            b"4" => (OrderTickKind::Execute, side(sells)),
            b"5" => (OrderTickKind::Trade, side(!sells)),
            b"6" => (OrderTickKind::Trade, TickFlags::NO_AGGRESSOR),
            b"7" => (OrderTickKind::Status, TickFlags::NONE),
            _ => return Ok(None),
        };
        let integer = |mantissa, scale| Number { mantissa, scale, rounded: false };
        if kind == OrderTickKind::Status {
            // The price tells: -1 halted, 0 quotes only, 1 trading.
            let qty = integer(i64::from(price == 1), 0);
            return Ok(Some(Self { kind, flags, order: 0, price: Number::ZERO, qty }));
        }
        if qty < 0 || price <= 0 {
            let (column, text) = if qty < 0 { ("size", cells[3]) } else { ("price", cells[4]) };
            return Err(RowIssue::new(column, text, "is not positive"));
        }
        let price = integer(price, PRICE_DECIMALS);
        Ok(Some(Self { kind, flags, order, price, qty: integer(qty, 0) }))
    }
}
