//! An event as bytes. Each is written in one way only: what is left out because it follows from
//! the rest must be left out.

use qt_types::{
    Bar, BarFlags, Cash, CurrencyId, Denied, Event, ExecId, FeeIn, InstrumentId, Nanos, OrderId,
    OrderTick, Payload, Price, Qty, Report, Seq, StrategyId, Tick, Timer, Trade, VenueId,
};

use super::bytes::{In, Malformed, Out};
use super::{asked, codes, control, signal};

/// The first byte: which payload it is, and whether `venue_ns` stands there whole and not as its
/// distance before `recv_ns`.
const PAYLOAD_MASK: u8 = 0x0f;
const VENUE_NS_WHOLE: u8 = 0x10;

const BAR: u8 = 0;
const TRADE: u8 = 1;
const TICK: u8 = 2;
const ORDER: u8 = 3;
const TIMER: u8 = 4;
const REPORT: u8 = 5;
const DENIED: u8 = 6;
const CONTROL: u8 = 7;
/// The same as a timer and a denial, of another strategy than the first one, which follows.
const TIMER_OF: u8 = 8;
const DENIED_OF: u8 = 9;
const ASKED: u8 = 10;
const SIGNAL: u8 = 11;

/// The first byte of a tick: what does not follow from the event, and which numbers are long.
const OWN_TIME: u8 = 1;
const OWN_INSTRUMENT: u8 = 2;
const LONG_PRICE: u8 = 4;
const LONG_QTY: u8 = 8;

#[inline]
pub fn write(out: &mut Out<'_>, event: &Event) {
    let first = out.at();
    let number = match event.payload {
        Payload::Bar(_) => BAR,
        Payload::Trade(_) => TRADE,
        Payload::Tick(_) => TICK,
        Payload::Order(_) => ORDER,
        Payload::Timer(timer) if timer.strategy != StrategyId::FIRST => TIMER_OF,
        Payload::Timer(_) => TIMER,
        Payload::Report(_) => REPORT,
        Payload::Denied(denied) if denied.strategy != StrategyId::FIRST => DENIED_OF,
        Payload::Denied(_) => DENIED,
        Payload::Control(_) => CONTROL,
        Payload::Asked(_) => ASKED,
        Payload::Signal(_) => SIGNAL,
    };
    out.u8(number);
    out.u64(event.seq.get());
    out.i64(event.recv_ns.get());
    match before(event.recv_ns, event.venue_ns) {
        Some(distance) => out.i32(distance),
        None => {
            out.patch(first, number | VENUE_NS_WHOLE);
            out.i64(event.venue_ns.get());
        }
    }
    out.u16(event.instrument.0);
    out.u8(event.venue.0);
    match &event.payload {
        Payload::Bar(bar) => write_bar(out, bar),
        Payload::Trade(trade) => write_trade(out, trade),
        Payload::Tick(tick) => write_tick(out, tick, event),
        Payload::Order(tick) => write_order_tick(out, tick, event),
        Payload::Timer(timer) => {
            out.i64(timer.due_ns.get());
            out.u32(timer.token);
            write_other(out, timer.strategy);
        }
        Payload::Report(report) => write_report(out, report),
        Payload::Denied(denied) => {
            out.u64(denied.order.get());
            out.u8(codes::maybe_side_code(denied.side));
            out.i64(denied.qty.lots());
            out.u8(codes::deny_code(denied.reason));
            write_other(out, denied.strategy);
        }
        Payload::Control(control) => control::write(out, control),
        Payload::Asked(asked) => asked::write(out, asked),
        Payload::Signal(signal) => signal::write(out, signal),
    }
}

/// The number of a strategy that is not the first one.
fn write_other(out: &mut Out<'_>, strategy: StrategyId) {
    if strategy != StrategyId::FIRST {
        out.u16(strategy.0);
    }
}

fn read_other(from: &mut In<'_>, is_other: bool) -> Result<StrategyId, Malformed> {
    let strategy = StrategyId(if is_other { from.u16()? } else { 0 });
    match (is_other, strategy) {
        (true, StrategyId::FIRST) => Err(Malformed("the first strategy in its long form")),
        _ => Ok(strategy),
    }
}

/// How long before `recv_ns` it was, where four bytes hold that.
#[inline(always)]
pub fn before(recv_ns: Nanos, venue_ns: Nanos) -> Option<i32> {
    let distance = recv_ns.get().checked_sub(venue_ns.get())?;
    i32::try_from(distance).ok()
}

/// The other way round, or the whole time.
#[inline]
pub fn read_venue_ns(
    from: &mut In<'_>,
    recv_ns: Nanos,
    is_whole: bool,
) -> Result<Nanos, Malformed> {
    if !is_whole {
        let venue_ns = recv_ns.get().checked_sub(i64::from(from.i32()?));
        return venue_ns.map(Nanos::new).ok_or(Malformed("a time out of range"));
    }
    let venue_ns = Nanos::new(from.i64()?);
    match before(recv_ns, venue_ns) {
        Some(_) => Err(Malformed("a short time in its long form")),
        None => Ok(venue_ns),
    }
}

#[inline]
pub fn read(from: &mut In<'_>) -> Result<Event, Malformed> {
    let first = from.u8()?;
    let seq = Seq::new(from.u64()?);
    let recv_ns = Nanos::new(from.i64()?);
    let venue_ns = match first & !PAYLOAD_MASK {
        0 => read_venue_ns(from, recv_ns, false)?,
        VENUE_NS_WHOLE => read_venue_ns(from, recv_ns, true)?,
        _ => return Err(Malformed("an event with bits that have no meaning")),
    };
    let instrument = InstrumentId(from.u16()?);
    let venue = VenueId(from.u8()?);
    let payload = match first & PAYLOAD_MASK {
        BAR => Payload::Bar(read_bar(from)?),
        TRADE => Payload::Trade(read_trade(from)?),
        TICK => Payload::Tick(read_tick(from, venue_ns, instrument)?),
        ORDER => Payload::Order(read_order_tick(from, venue_ns, instrument)?),
        of @ (TIMER | TIMER_OF) => Payload::Timer(Timer {
            due_ns: Nanos::new(from.i64()?),
            token: from.u32()?,
            strategy: read_other(from, of == TIMER_OF)?,
        }),
        REPORT => Payload::Report(read_report(from)?),
        of @ (DENIED | DENIED_OF) => Payload::Denied(Denied {
            order: order(from.u64()?),
            side: codes::maybe_side(from.u8()?)?,
            qty: Qty::from_lots(from.i64()?),
            reason: codes::deny(from.u8()?)?,
            strategy: read_other(from, of == DENIED_OF)?,
        }),
        CONTROL => Payload::Control(control::read(from)?),
        ASKED => Payload::Asked(asked::read(from)?),
        SIGNAL => Payload::Signal(signal::read(from)?),
        _ => return Err(Malformed("an event of no known kind")),
    };
    Ok(Event { seq, recv_ns, venue_ns, instrument, venue, payload })
}

/// The order with this number, whatever run it is of.
pub const fn order(number: u64) -> OrderId {
    OrderId::new((number >> 48) as u16, number)
}

fn write_bar(out: &mut Out<'_>, bar: &Bar) {
    out.i64(bar.open_ns.get());
    for price in [bar.open, bar.high, bar.low, bar.close] {
        out.i64(price.ticks());
    }
    out.i64(bar.volume.lots());
    for half in bar.half_spread {
        out.i32(half);
    }
    out.u32(bar.flags.bits());
    out.u32(bar.row);
}

fn read_bar(from: &mut In<'_>) -> Result<Bar, Malformed> {
    let open_ns = Nanos::new(from.i64()?);
    let mut price = || from.i64().map(Price::from_ticks);
    let (open, high, low, close) = (price()?, price()?, price()?, price()?);
    let volume = Qty::from_lots(from.i64()?);
    let half_spread = [from.i32()?, from.i32()?, from.i32()?, from.i32()?];
    let flags = BarFlags::from_bits(from.u32()?);
    Ok(Bar { open_ns, open, high, low, close, volume, half_spread, flags, row: from.u32()? })
}

fn write_trade(out: &mut Out<'_>, trade: &Trade) {
    out.i64(trade.price.ticks());
    out.i64(trade.qty.lots());
    out.u8(codes::maybe_side_code(trade.aggressor));
    out.u32(trade.flags.bits());
    out.u32(trade.row);
}

fn read_trade(from: &mut In<'_>) -> Result<Trade, Malformed> {
    Ok(Trade {
        price: Price::from_ticks(from.i64()?),
        qty: Qty::from_lots(from.i64()?),
        aggressor: codes::maybe_side(from.u8()?)?,
        flags: BarFlags::from_bits(from.u32()?),
        row: from.u32()?,
    })
}

/// What ticks of both kinds have.
struct Common {
    venue_ns: i64,
    price: i64,
    qty: i64,
    latency_ns: u32,
    instrument: u16,
    kind: u8,
    flags: u8,
}

#[inline(always)]
fn write_common(out: &mut Out<'_>, tick: &Common, event: &Event) {
    let at = out.at();
    let mut mask = 0;
    out.u8(mask);
    out.u8(tick.kind);
    out.u8(tick.flags);
    out.u32(tick.latency_ns);
    if tick.venue_ns != event.venue_ns.get() {
        mask |= OWN_TIME;
        out.i64(tick.venue_ns);
    }
    if tick.instrument != event.instrument.0 {
        mask |= OWN_INSTRUMENT;
        out.u16(tick.instrument);
    }
    if out.short(tick.price) {
        mask |= LONG_PRICE;
    }
    if out.short(tick.qty) {
        mask |= LONG_QTY;
    }
    out.patch(at, mask);
}

#[inline(always)]
fn read_common(
    from: &mut In<'_>,
    venue_ns: Nanos,
    instrument: InstrumentId,
) -> Result<Common, Malformed> {
    let [mask, kind, flags] = from.take()?;
    let latency_ns = from.u32()?;
    let has = |bit: u8| mask & bit != 0;
    let mut tick = Common {
        venue_ns: venue_ns.get(),
        price: 0,
        qty: 0,
        latency_ns,
        instrument: 0,
        kind,
        flags,
    };
    tick.instrument = instrument.0;
    if has(OWN_TIME) {
        tick.venue_ns = from.i64()?;
    }
    if has(OWN_INSTRUMENT) {
        tick.instrument = from.u16()?;
    }
    let is_same = (has(OWN_TIME) && tick.venue_ns == venue_ns.get())
        || (has(OWN_INSTRUMENT) && tick.instrument == instrument.0);
    if is_same || mask > (OWN_TIME | OWN_INSTRUMENT | LONG_PRICE | LONG_QTY) {
        return Err(Malformed("a tick that repeats its event, or with bits that have no meaning"));
    }
    tick.price = from.short(has(LONG_PRICE))?;
    tick.qty = from.short(has(LONG_QTY))?;
    Ok(tick)
}

#[inline(always)]
fn write_tick(out: &mut Out<'_>, tick: &Tick, event: &Event) {
    let Tick { venue_ns, price, qty, latency_ns, instrument, kind, flags } = *tick;
    let common = Common { venue_ns, price, qty, latency_ns, instrument, kind, flags };
    write_common(out, &common, event);
}

fn read_tick(
    from: &mut In<'_>,
    venue_ns: Nanos,
    instrument: InstrumentId,
) -> Result<Tick, Malformed> {
    let common = read_common(from, venue_ns, instrument)?;
    let Common { venue_ns, price, qty, latency_ns, instrument, kind, flags } = common;
    Ok(Tick { venue_ns, price, qty, latency_ns, instrument, kind, flags })
}

fn write_order_tick(out: &mut Out<'_>, tick: &OrderTick, event: &Event) {
    let OrderTick { venue_ns, order, price, qty, latency_ns, instrument, kind, flags } = *tick;
    out.u64(order);
    let common = Common { venue_ns, price, qty, latency_ns, instrument, kind, flags };
    write_common(out, &common, event);
}

fn read_order_tick(
    from: &mut In<'_>,
    venue_ns: Nanos,
    instrument: InstrumentId,
) -> Result<OrderTick, Malformed> {
    let order = from.u64()?;
    let common = read_common(from, venue_ns, instrument)?;
    let Common { venue_ns, price, qty, latency_ns, instrument, kind, flags } = common;
    Ok(OrderTick { venue_ns, order, price, qty, latency_ns, instrument, kind, flags })
}

fn write_report(out: &mut Out<'_>, report: &Report) {
    for number in [report.order.get(), report.exec.0, report.of.0] {
        out.u64(number);
    }
    for number in [report.price.ticks(), report.qty.lots(), report.leaves.lots()] {
        out.i64(number);
    }
    out.i128(report.fee.nano());
    out.put(match report.fee_in {
        FeeIn::Quote => [0, 0],
        FeeIn::Base => [1, 0],
        FeeIn::Currency(currency) => [2, currency.0],
    });
    out.u8(codes::report_kind_code(report.kind));
    out.u8(codes::reject_code(report.reason));
    out.u8(codes::liquidity_code(report.liquidity));
}

fn read_report(from: &mut In<'_>) -> Result<Report, Malformed> {
    Ok(Report {
        order: order(from.u64()?),
        exec: ExecId(from.u64()?),
        of: ExecId(from.u64()?),
        price: Price::from_ticks(from.i64()?),
        qty: Qty::from_lots(from.i64()?),
        leaves: Qty::from_lots(from.i64()?),
        fee: Cash::from_nano(from.i128()?),
        fee_in: match from.take()? {
            [0, 0] => FeeIn::Quote,
            [1, 0] => FeeIn::Base,
            [2, currency] => FeeIn::Currency(CurrencyId(currency)),
            _ => return Err(Malformed("a fee in no known kind of money")),
        },
        kind: codes::report_kind(from.u8()?)?,
        reason: codes::reject(from.u8()?)?,
        liquidity: codes::liquidity(from.u8()?)?,
    })
}
