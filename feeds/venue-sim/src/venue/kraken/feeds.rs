//! The channels of the market: what has been told of each, and what is told next.
//!
//! A book has no numbers: whoever listens applies what is told, cuts the book to the depth that it
//! asked for, and holds the checksum against what it has. What falls out of the depth is not
//! removed by a message of its own; what comes back into it is told again.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{
    Best, Candle, Depth, Event, Exchange, Interval, Nanos, Price, Qty, Side, SymbolId, Trade,
};
use crate::venue::shared::json::array;

use super::frame_faults::{BookFrame, Frame};
use super::shapes::{Shapes, decimals_of, object};
use super::sockets::{Channel, Sockets, Topic};
use super::{moments, public};

/// How often candles are told.
const CANDLE_NS: Nanos = 1_000_000_000;
/// How many trades and candles a snapshot has.
const SNAPSHOT: (usize, usize) = (50, 720);
/// How many levels of a side the checksum covers.
const CHECKED: usize = 10;

/// What is known of the market's channels.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    /// The books as they were told last, by pair and depth.
    books: BTreeMap<(SymbolId, u16), Depth>,
    changed: BTreeSet<SymbolId>,
    trades: BTreeMap<SymbolId, Vec<Trade>>,
    bests: BTreeMap<SymbolId, Best>,
    /// Pairs that were traded since candles were told.
    traded: BTreeSet<SymbolId>,
    candles_ns: Nanos,
    /// Pairs whose rules are not what was told.
    pairs: BTreeSet<SymbolId>,
    has_told_books: bool,
}

/// The checksum of a book: the digits of its best ten asks and bids.
pub(super) fn checksum(shapes: &Shapes<'_>, symbol: SymbolId, book: &Depth) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let levels = book.asks.iter().take(CHECKED).chain(book.bids.iter().take(CHECKED));
    for (price, qty) in levels {
        for text in [shapes.price(symbol, *price), shapes.qty(*qty)] {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            hasher.update(digits.trim_start_matches('0').as_bytes());
        }
    }
    hasher.finalize()
}

/// The levels of one side that make `now` out of `before`, for who cuts at `depth`, best first;
/// and the prices that fall out by that.
fn changes(
    before: &[(Price, Qty)],
    now: &[(Price, Qty)],
    side: Side,
    depth: usize,
) -> (Vec<(Price, Qty)>, Vec<Price>) {
    let key = |price: Price| if side == Side::Buy { -price } else { price };
    let old: BTreeMap<Price, Qty> = before.iter().map(|(price, qty)| (key(*price), *qty)).collect();
    let new: BTreeMap<Price, Qty> = now.iter().map(|(price, qty)| (key(*price), *qty)).collect();
    let worst = new.keys().next_back().copied().unwrap_or(Price::MAX);
    let is_full = new.len() >= depth;
    let (mut told, mut pushed) = (BTreeMap::new(), Vec::new());
    for price in old.keys().filter(|price| !new.contains_key(price)) {
        // What is behind the last level of a full side has been pushed out.
        if is_full && *price > worst {
            pushed.push(price.abs());
        } else {
            told.insert(*price, 0);
        }
    }
    let differs = |(price, qty): &(&Price, &Qty)| old.get(price) != Some(qty);
    told.extend(new.iter().filter(differs).map(|(price, qty)| (*price, *qty)));
    (told.into_iter().map(|(price, qty)| (price.abs(), qty)).collect(), pushed)
}

impl Feeds {
    /// What happened to the market.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Book(change) => drop(self.changed.insert(change.symbol)),
            Event::Trade(trade) => {
                self.trades.entry(trade.symbol).or_default().push(*trade);
                self.traded.insert(trade.symbol);
            }
            Event::Status { symbol, .. } => drop(self.pairs.insert(*symbol)),
            Event::Tick { symbol, .. } => {
                self.pairs.insert(*symbol);
                self.changed.insert(*symbol);
            }
            _ => {}
        }
    }

    /// Whether changes of books were told in this step.
    pub(super) const fn has_told_books(&self) -> bool {
        self.has_told_books
    }

    /// The book that was told last.
    pub(super) fn told(&self, (symbol, channel): Topic) -> Option<&Depth> {
        let Channel::Book(depth) = channel else { return None };
        self.books.get(&(symbol, depth))
    }

    /// What is told after everything that has happened until now.
    pub(super) fn pace(
        &mut self,
        sockets: &Sockets,
        exchange: &Exchange,
        now_ns: Nanos,
        out: &mut Vec<Frame>,
    ) {
        self.has_told_books = false;
        let is_candle_due = now_ns - self.candles_ns >= CANDLE_NS;
        let is_still = self.changed.is_empty() && self.trades.is_empty() && self.pairs.is_empty();
        if is_still && !is_candle_due {
            return;
        }
        let mut topics: BTreeMap<Topic, Vec<u64>> = BTreeMap::new();
        for (id, socket) in sockets {
            for topic in &socket.topics {
                topics.entry(*topic).or_default().push(*id);
            }
        }
        let shapes = Shapes { exchange };
        for (symbol, trades) in std::mem::take(&mut self.trades) {
            let listeners = topics.get(&(symbol, Channel::Trade)).into_iter().flatten();
            let text = trades_message(&shapes, &trades, false);
            out.extend(
                listeners.map(|id| Frame::text(*id, Some((symbol, Channel::Trade)), text.clone())),
            );
            self.ticker(&topics, &shapes, (symbol, true), now_ns, out);
        }
        for symbol in &std::mem::take(&mut self.changed) {
            let best = exchange.best(*symbol);
            let same = |known: &Best| known.bid == best.bid && known.ask == best.ask;
            if !self.bests.get(symbol).is_some_and(same) {
                self.bests.insert(*symbol, best);
                self.ticker(&topics, &shapes, (*symbol, false), now_ns, out);
            }
            self.books_of(&topics, &shapes, *symbol, now_ns, out);
        }
        // Of books to which nobody listens nothing has been told.
        self.books
            .retain(|(symbol, depth), _| topics.contains_key(&(*symbol, Channel::Book(*depth))));
        self.candles(&topics, &shapes, now_ns, out);
        if !self.pairs.is_empty() {
            let pairs = std::mem::take(&mut self.pairs);
            let text = pairs_message(exchange, |symbol| pairs.contains(&symbol), false);
            let hearers = sockets.iter().filter(|(_, socket)| socket.hears_pairs);
            out.extend(hearers.map(|(id, _)| Frame::text(*id, None, text.clone())));
        }
    }

    fn ticker(
        &self,
        topics: &BTreeMap<Topic, Vec<u64>>,
        shapes: &Shapes<'_>,
        (symbol, at_trades): (SymbolId, bool),
        now_ns: Nanos,
        out: &mut Vec<Frame>,
    ) {
        let topic = (symbol, Channel::Ticker { at_trades });
        let Some(listeners) = topics.get(&topic) else { return };
        let text = ticker_message(shapes, symbol, false, now_ns);
        out.extend(listeners.iter().map(|id| Frame::text(*id, Some(topic), text.clone())));
    }

    fn books_of(
        &mut self,
        topics: &BTreeMap<Topic, Vec<u64>>,
        shapes: &Shapes<'_>,
        symbol: SymbolId,
        now_ns: Nanos,
        out: &mut Vec<Frame>,
    ) {
        self.has_told_books = true;
        let all = (symbol, Channel::Book(0))..=(symbol, Channel::Book(u16::MAX));
        for (topic, listeners) in topics.range(all) {
            let Channel::Book(depth) = topic.1 else { continue };
            let now = shapes.exchange.depth(symbol, usize::from(depth));
            let before = self.books.entry((symbol, depth)).or_insert_with(|| now.clone());
            let of = |before: &[_], now: &[_], side| changes(before, now, side, usize::from(depth));
            let (bids, pushed) = of(&before.bids, &now.bids, Side::Buy);
            let (asks, _) = of(&before.asks, &now.asks, Side::Sell);
            let (checksum, is_snapshot) = (checksum(shapes, symbol, &now), false);
            let frame = BookFrame { bids, asks, pushed, checksum, is_snapshot, time_ns: now_ns };
            *before = now;
            if !frame.bids.is_empty() || !frame.asks.is_empty() {
                out.extend(listeners.iter().map(|id| Frame::book(*id, *topic, frame.clone())));
            }
        }
    }

    /// Candles of pairs that were traded; one that is over is told a last time.
    fn candles(
        &mut self,
        topics: &BTreeMap<Topic, Vec<u64>>,
        shapes: &Shapes<'_>,
        now_ns: Nanos,
        out: &mut Vec<Frame>,
    ) {
        if now_ns - self.candles_ns < CANDLE_NS {
            return;
        }
        let since_ns = std::mem::replace(&mut self.candles_ns, now_ns);
        for symbol in std::mem::take(&mut self.traded) {
            let all = (symbol, Channel::Candles(0))..=(symbol, Channel::Candles(u32::MAX));
            for (topic, listeners) in topics.range(all) {
                let Channel::Candles(minutes) = topic.1 else { continue };
                let interval = Interval::Seconds(minutes * 60);
                let from = interval.bounds(since_ns).0;
                let span = (Some(from), None);
                let candles = shapes.exchange.candles(symbol, interval, span, SNAPSHOT.1);
                let text = candles_message(shapes, (symbol, minutes), &candles, false, now_ns);
                out.extend(listeners.iter().map(|id| Frame::text(*id, Some(*topic), text.clone())));
            }
        }
    }

    /// What a socket is told first of a channel.
    pub(super) fn snapshot(
        &mut self,
        link: u64,
        topic: Topic,
        exchange: &Exchange,
        now_ns: Nanos,
    ) -> Option<Frame> {
        let (symbol, shapes) = (topic.0, Shapes { exchange });
        let text = match topic.1 {
            Channel::Book(depth) => {
                let book = self.books.entry((symbol, depth));
                let book = book.or_insert_with(|| exchange.depth(symbol, usize::from(depth)));
                return Some(Frame::book(link, topic, whole_book(&shapes, symbol, book, now_ns)));
            }
            Channel::Trade => {
                let mut last: Vec<Trade> =
                    exchange.trades(symbol).rev().take(SNAPSHOT.0).copied().collect();
                last.reverse();
                trades_message(&shapes, &last, true)
            }
            Channel::Ticker { .. } => ticker_message(&shapes, symbol, true, now_ns),
            Channel::Candles(minutes) => {
                let interval = Interval::Seconds(minutes * 60);
                let candles = exchange.candles(symbol, interval, (None, None), SNAPSHOT.1);
                candles_message(&shapes, (symbol, minutes), &candles, true, now_ns)
            }
        };
        Some(Frame::text(link, Some(topic), text))
    }

    /// All assets and pairs.
    pub(super) fn pairs(&self, exchange: &Exchange) -> String {
        pairs_message(exchange, |_| true, true)
    }
}

/// A whole book as a frame.
pub(super) fn whole_book(
    shapes: &Shapes<'_>,
    symbol: SymbolId,
    book: &Depth,
    time_ns: Nanos,
) -> BookFrame {
    BookFrame {
        bids: book.bids.clone(),
        asks: book.asks.clone(),
        pushed: Vec::new(),
        checksum: checksum(shapes, symbol, book),
        is_snapshot: true,
        time_ns,
    }
}

/// A message of a channel of the market.
fn message(channel: &str, is_snapshot: bool, data: &str) -> String {
    let kind = if is_snapshot { "snapshot" } else { "update" };
    format!("{{\"channel\":\"{channel}\",\"type\":\"{kind}\",\"data\":{data}}}")
}

/// A book's message.
pub(super) fn book_message(shapes: &Shapes<'_>, symbol: SymbolId, frame: &BookFrame) -> String {
    let levels = |levels: &[(Price, Qty)]| {
        array(levels.iter().map(|(price, qty)| {
            format!("{{\"price\":{},\"qty\":{}}}", shapes.price(symbol, *price), shapes.qty(*qty))
        }))
    };
    let book = object()
        .text("symbol", shapes.symbol(symbol))
        .raw("bids", &levels(&frame.bids))
        .raw("asks", &levels(&frame.asks))
        .number("checksum", frame.checksum)
        .text("timestamp", &moments::micros(frame.time_ns));
    message("book", frame.is_snapshot, &format!("[{}]", book.done()))
}

fn trades_message(shapes: &Shapes<'_>, trades: &[Trade], is_snapshot: bool) -> String {
    let one = |trade: &Trade| {
        let is_market = public::takes_at_market(shapes.exchange, trade);
        object()
            .text("symbol", shapes.symbol(trade.symbol))
            .text("side", trade.aggressor.text())
            .raw("price", &shapes.price(trade.symbol, trade.price))
            .raw("qty", &shapes.qty(trade.qty))
            .text("ord_type", if is_market { "market" } else { "limit" })
            .number("trade_id", trade.id)
            .text("timestamp", &moments::micros(trade.time_ns))
            .done()
    };
    message("trade", is_snapshot, &array(trades.iter().map(one)))
}

fn ticker_message(
    shapes: &Shapes<'_>,
    symbol: SymbolId,
    is_snapshot: bool,
    now_ns: Nanos,
) -> String {
    let (best, day) = (shapes.exchange.best(symbol), shapes.exchange.ticker(symbol));
    let (bid, ask) = (best.bid.unwrap_or_default(), best.ask.unwrap_or_default());
    let price = |price| shapes.price(symbol, price);
    let change = day.last - day.open;
    // In hundredths of a percent.
    let percent = (i128::from(change) * 10_000).checked_div(i128::from(day.open)).unwrap_or(0);
    let one = object()
        .text("symbol", shapes.symbol(symbol))
        .raw("bid", &price(bid.0))
        .raw("bid_qty", &shapes.qty(bid.1))
        .raw("ask", &price(ask.0))
        .raw("ask_qty", &shapes.qty(ask.1))
        .raw("last", &price(day.last))
        .raw("volume", &shapes.base(day.volume))
        .raw("vwap", &price(day.average))
        .raw("low", &price(day.low))
        .raw("high", &price(day.high))
        .raw("change", &price(change))
        .raw("change_pct", &crate::exchange::units::units_text(percent, 2))
        .text("timestamp", &moments::micros(now_ns));
    message("ticker", is_snapshot, &format!("[{}]", one.done()))
}

fn candles_message(
    shapes: &Shapes<'_>,
    (symbol, minutes): (SymbolId, u32),
    candles: &[Candle],
    is_snapshot: bool,
    now_ns: Nanos,
) -> String {
    let price = |price| shapes.price(symbol, price);
    let one = |candle: &Candle| {
        object()
            .text("symbol", shapes.symbol(symbol))
            .number("interval", minutes)
            .text("interval_begin", &moments::nanos(candle.open_ns))
            .raw("open", &price(candle.open))
            .raw("high", &price(candle.high))
            .raw("low", &price(candle.low))
            .raw("close", &price(candle.close))
            .raw("volume", &shapes.base(candle.volume))
            .raw("vwap", &price(public::average(shapes, symbol, candle)))
            .number("trades", candle.trades)
            .text("timestamp", &moments::micros(candle.end_ns.min(now_ns.max(candle.open_ns))))
            .done()
    };
    message("ohlc", is_snapshot, &array(candles.iter().map(one)))
}

fn pairs_message(
    exchange: &Exchange,
    is_wanted: impl Fn(SymbolId) -> bool,
    is_snapshot: bool,
) -> String {
    let asset = |spec: &crate::exchange::AssetSpec| {
        object()
            .text("id", &spec.name)
            .text("status", "enabled")
            .number("precision", spec.decimals)
            .number("precision_display", spec.decimals.min(5))
            .truth("borrowable", false)
            .raw("collateral_value", "1.00")
            .done()
    };
    let unit = |units: i64, decimals: u8| {
        let decimals_told = decimals_of(units, decimals);
        let text = crate::exchange::units::units_text(i128::from(units), decimals);
        let cut = usize::from(decimals - decimals_told);
        text[..text.len() - cut].trim_end_matches('.').to_owned()
    };
    let pair = |(symbol, spec): (SymbolId, &crate::exchange::SymbolSpec)| {
        let name = |id| exchange.asset(id).map_or("", |spec| &*spec.name);
        let tick = unit(spec.filters.price.step, spec.price_decimals);
        let base = exchange.asset(spec.base).map_or(8, |spec| spec.decimals);
        is_wanted(symbol).then(|| {
            object()
                .text("symbol", &spec.name)
                .text("base", name(spec.base))
                .text("quote", name(spec.quote))
                .text("status", public::pair_status(spec.status))
                .number("qty_precision", base)
                .raw("qty_increment", &unit(spec.filters.lot.step, base))
                .number(
                    "price_precision",
                    decimals_of(spec.filters.price.step, spec.price_decimals),
                )
                .number("cost_precision", 5)
                .truth("marginable", false)
                .truth("has_index", false)
                .raw("cost_min", "0.50")
                .raw("tick_size", &tick)
                .raw("price_increment", &tick)
                .raw("qty_min", &unit(spec.filters.lot.min, base))
                .done()
        })
    };
    let data = object()
        .raw("assets", &array(exchange.assets().iter().map(asset)))
        .raw("pairs", &array(exchange.symbols().filter_map(pair)));
    message("instrument", is_snapshot, &data.done())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a client does with what it is told.
    fn applied(
        before: &[(Price, Qty)],
        told: &[(Price, Qty)],
        side: Side,
        depth: usize,
    ) -> Vec<(Price, Qty)> {
        let mut book: BTreeMap<Price, Qty> = before.iter().copied().collect();
        for (price, qty) in told {
            if *qty == 0 {
                book.remove(price);
            } else {
                book.insert(*price, *qty);
            }
        }
        let mut levels: Vec<_> = book.into_iter().collect();
        if side == Side::Buy {
            levels.reverse();
        }
        levels.truncate(depth);
        levels
    }

    fn side_of(prices: &BTreeMap<Price, Qty>, side: Side, depth: usize) -> Vec<(Price, Qty)> {
        applied(&[], &prices.iter().map(|(p, q)| (*p, *q)).collect::<Vec<_>>(), side, depth)
    }

    proptest! {
        #[test]
        fn who_cuts_at_the_depth_has_the_book(
            books in proptest::collection::vec(
                proptest::collection::btree_map(1_i64..30, 1_i64..4, 0..20), 2..8),
            depth in 1_usize..12,
            buys in any::<bool>(),
        ) {
            let side = if buys { Side::Buy } else { Side::Sell };
            let mut mine = side_of(&books[0], side, depth);
            for pair in books.windows(2) {
                let before = side_of(&pair[0], side, depth);
                let now = side_of(&pair[1], side, depth);
                mine = applied(&mine, &changes(&before, &now, side, depth).0, side, depth);
                prop_assert_eq!(&mine, &now);
            }
        }
    }
}
