//! Round trips: from flat to flat, made from the list of fills.

use qt_engine::Position;
use qt_types::{
    Cash, FeeIn, InstrumentId, InstrumentSpec, Nanos, Price, Qty, Side, round_half_even,
};

use crate::recorder::{Fill, Settled};

/// One round trip. A fill through zero closes one and opens the next; its fee is shared by
/// quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// What was traded.
    pub instrument: InstrumentId,
    /// The side that opened it.
    pub side: Side,
    /// When it was opened (UTC ns).
    pub entry_ns: Nanos,
    /// When it was closed (UTC ns).
    pub exit_ns: Nanos,
    /// The source row of the bar of the first fill.
    pub entry_row: u32,
    /// The source row of the bar of the last fill.
    pub exit_row: u32,
    /// The price of the first fill, in ticks.
    pub entry_price: Price,
    /// The price of the last fill, in ticks.
    pub exit_price: Price,
    /// The largest position, in lots.
    pub qty: Qty,
    /// The notional of all opening fills.
    pub cost: Cash,
    /// All fees.
    pub fees: Cash,
    /// What it brought, after all fees.
    pub profit: Cash,
}

impl RoundTrip {
    /// From the first to the last fill (ns).
    #[must_use]
    pub fn held_ns(&self) -> u64 {
        self.exit_ns.get().saturating_sub(self.entry_ns.get()).max(0).unsigned_abs()
    }
}

/// A trip that is still under way.
#[derive(Clone, Copy)]
struct Open {
    trip: RoundTrip,
    lots: i64,
    flow: Cash,
}

/// The same where some positions ended with their instruments: such a trip is closed at the price
/// of the settlement. In the order in which they were closed.
#[must_use]
pub fn settled_trips(
    fills: &[Fill],
    settlements: &[Settled],
    specs: &[InstrumentSpec],
) -> Vec<RoundTrip> {
    let is_in_kind = fills.iter().any(|fill| fill.fee_in == FeeIn::Base);
    if settlements.is_empty() && !is_in_kind {
        return round_trips(fills, specs);
    }
    let mut trips = Vec::new();
    for (at, spec) in specs.iter().enumerate() {
        let is_it = |instrument: InstrumentId| instrument.index() == at;
        let mut own: Vec<Fill> = Vec::new();
        own.extend(fills.iter().filter(|fill| is_it(fill.instrument)));
        if own.iter().any(|fill| fill.fee_in == FeeIn::Base) {
            trips.extend(trips_in_kind(&own, spec));
            continue;
        }
        let ends = settlements.iter().filter(|settled| is_it(settled.instrument));
        own.extend(ends.filter_map(|settled| closing(settled, fills)));
        trips.extend(round_trips(&own, specs));
    }
    trips.sort_by_key(|trip| trip.exit_ns);
    trips
}

/// A settlement as the fill that it is not, for the trip that it closes.
fn closing(settled: &Settled, fills: &[Fill]) -> Option<Fill> {
    let last = fills.iter().rfind(|fill| fill.instrument == settled.instrument)?;
    Some(Fill {
        venue_ns: settled.venue_ns,
        side: if settled.qty.lots() > 0 { Side::Sell } else { Side::Buy },
        price: settled.price,
        qty: settled.qty.abs(),
        fee: Cash::ZERO,
        fee_amount: Cash::ZERO,
        ..*last
    })
}

/// Trips of an instrument whose fees were taken in kind, by the books: what is bought is less than
/// what was filled, and dust that stays is in no trip.
fn trips_in_kind(fills: &[Fill], spec: &InstrumentSpec) -> Vec<RoundTrip> {
    let (mut position, mut trips) = (Position::default(), Vec::new());
    let (mut open, mut before): (Option<Open>, Cash) = (None, Cash::ZERO);
    for fill in fills {
        let held = position.qty().lots();
        let against = held != 0 && (held > 0) == (fill.side == Side::Sell);
        let closing = if against { fill.qty.lots().min(held.abs()) } else { 0 };
        for (lots, opens) in [(closing, false), (fill.qty.lots() - closing, true)] {
            if lots == 0 {
                continue;
            }
            let whole = fill.qty.lots();
            let (fee, amount) = (share(fill.fee, lots, whole), share(fill.fee_amount, lots, whole));
            let in_kind = fill.fee_in == FeeIn::Base;
            let taken = if in_kind { (amount, FeeIn::Base) } else { (fee, FeeIn::Quote) };
            let mut current = open.take().unwrap_or_else(|| begin(fill));
            let largest = current.trip.qty;
            add(&mut current, fill, lots, fee, spec, opens);
            let qty = Qty::from_lots(lots);
            // The ledger has booked the same before.
            let _ = position.fill_with(spec, fill.side, fill.price, qty, taken);
            let brought = position.realised() - position.fees();
            current.lots = position.qty().lots();
            current.trip.qty = largest.max(position.qty().abs());
            if position.qty().is_zero() {
                current.trip.profit = brought - before;
                trips.push(current.trip);
                before = brought;
            } else {
                open = Some(current);
            }
        }
    }
    trips
}

/// The closed round trips of `fills`, in the order in which they were closed. Amounts that leave
/// the range of the ledger cannot occur: the ledger has booked the same fills before.
#[must_use]
pub fn round_trips(fills: &[Fill], specs: &[InstrumentSpec]) -> Vec<RoundTrip> {
    let mut open: Vec<Option<Open>> = vec![None; specs.len()];
    let mut trips = Vec::new();
    for fill in fills {
        let Some(spec) = specs.get(fill.instrument.index()) else { continue };
        let slot = &mut open[fill.instrument.index()];
        let held = slot.map_or(0, |open| open.lots);
        let against = held != 0 && (held > 0) == (fill.side == Side::Sell);
        let closing = if against { fill.qty.lots().min(held.abs()) } else { 0 };
        let opening = fill.qty.lots() - closing;
        let fee_closing = share(fill.fee, closing, fill.qty.lots());
        if closing > 0
            && let Some(mut current) = slot.take()
        {
            add(&mut current, fill, closing, fee_closing, spec, false);
            if current.lots == 0 {
                current.trip.profit = current.flow;
                trips.push(current.trip);
            } else {
                *slot = Some(current);
            }
        }
        if opening > 0 {
            let mut current = slot.take().unwrap_or_else(|| begin(fill));
            add(&mut current, fill, opening, fill.fee - fee_closing, spec, true);
            *slot = Some(current);
        }
    }
    trips
}

fn share(fee: Cash, part: i64, whole: i64) -> Cash {
    if part == whole {
        return fee;
    }
    let product = fee.nano().saturating_mul(i128::from(part));
    Cash::from_nano(round_half_even(product, i128::from(whole.max(1))))
}

fn begin(fill: &Fill) -> Open {
    let trip = RoundTrip {
        instrument: fill.instrument,
        side: fill.side,
        entry_ns: fill.venue_ns,
        exit_ns: fill.venue_ns,
        entry_row: fill.row,
        exit_row: fill.row,
        entry_price: fill.price,
        exit_price: fill.price,
        qty: Qty::ZERO,
        cost: Cash::ZERO,
        fees: Cash::ZERO,
        profit: Cash::ZERO,
    };
    Open { trip, lots: 0, flow: Cash::ZERO }
}

fn add(open: &mut Open, fill: &Fill, lots: i64, fee: Cash, spec: &InstrumentSpec, opens: bool) {
    let notional = spec.notional(fill.price, Qty::from_lots(lots)).unwrap_or(Cash::ZERO);
    open.lots += fill.side.sign() * lots;
    // What an inverse contract was worth less what it is worth.
    let is_gain = (fill.side == Side::Sell) != spec.is_inverse();
    open.flow += if is_gain { notional } else { -notional };
    open.flow -= fee;
    let trip = &mut open.trip;
    trip.fees += fee;
    trip.exit_ns = fill.venue_ns;
    trip.exit_row = fill.row;
    trip.exit_price = fill.price;
    trip.qty = trip.qty.max(Qty::from_lots(open.lots.abs()));
    if opens {
        trip.cost += notional;
    }
}

#[cfg(test)]
mod tests {
    use qt_types::{E9, InstrumentKind, Liquidity, OrderId, OrderKind};

    use super::*;
    use crate::venue::FillPath;

    fn fill(side: Side, price: i64, lots: i64, fee: &str) -> Fill {
        Fill {
            venue_ns: Nanos::new(price),
            instrument: InstrumentId(0),
            order: OrderId::new(0, 1),
            strategy: Some(qt_types::StrategyId::FIRST),
            exec: qt_types::ExecId(1),
            side,
            kind: OrderKind::Market,
            price: Price::from_ticks(price),
            qty: Qty::from_lots(lots),
            fee: fee.parse().unwrap(),
            fee_amount: fee.parse().unwrap(),
            fee_in: FeeIn::Quote,
            liquidity: Liquidity::Taker,
            path: FillPath::Market,
            row: 0,
        }
    }

    #[test]
    fn a_fill_through_zero_closes_one_and_opens_the_next() {
        let spec = InstrumentSpec::new("X", "USD", InstrumentKind::Equity, E9, E9, E9).unwrap();
        let fills = [
            fill(Side::Buy, 10, 2, "1"),
            fill(Side::Buy, 20, 2, "1"),
            fill(Side::Sell, 30, 6, "3"),
            fill(Side::Buy, 25, 2, "1"),
            fill(Side::Buy, 25, 1, "0"),
        ];
        let trips = round_trips(&fills, &[spec]);
        assert_eq!(trips.len(), 2);
        // Bought for 60, sold 4 at 30 for 120, fees 1 + 1 + 4/6 of 3.
        assert_eq!(trips[0].profit, "56".parse().unwrap());
        assert_eq!((trips[0].qty, trips[0].side), (Qty::from_lots(4), Side::Buy));
        // Sold 2 at 30, bought back at 25, fees 1 + 1.
        assert_eq!(trips[1].profit, "8".parse().unwrap());
        assert_eq!((trips[1].entry_price.ticks(), trips[1].side), (30, Side::Sell));
    }
}
