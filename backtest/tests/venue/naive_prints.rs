//! A second simulator of orders against trades, written from the rules in `docs/SEMANTICS.md`:
//! market, limit and stop orders without brackets, nothing ever refused.

/// A trade: time (UTC ns), price in ticks, lots (0: the source does not say).
#[derive(Clone, Copy, Debug)]
pub struct NaivePrint {
    pub time_ns: i64,
    pub price: i64,
    pub lots: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrintKind {
    Market,
    Limit(i64),
    Stop(i64),
}

/// An order, decided at the end of bar `bar`: at 100 (bar + 1) ns.
#[derive(Clone, Copy, Debug)]
pub struct PrintOrder {
    pub bar: usize,
    /// +1 buys, -1 sells.
    pub sign: i64,
    pub kind: PrintKind,
    pub lots: i64,
    /// The first trade or never (IOC, FOK).
    pub at_once: bool,
    /// All of it or nothing (FOK).
    pub all_or_none: bool,
}

/// The fills as (row of the trade, sign, price, lots). `orders` in the order of their placement.
pub fn simulate(
    prints: &[NaivePrint],
    orders: &[PrintOrder],
    touch: bool,
    whole: bool,
) -> Vec<(u32, i64, i64, i64)> {
    let mut open: Vec<i64> = orders.iter().map(|order| order.lots).collect();
    let mut triggered = vec![false; orders.len()];
    let mut fills = Vec::new();
    for (row, print) in prints.iter().enumerate() {
        let mut left = if whole || print.lots == 0 { i64::MAX } else { print.lots };
        for (n, order) in orders.iter().enumerate() {
            if open[n] == 0 || (order.bar as i64 + 1) * 100 > print.time_ns {
                continue;
            }
            let sign = order.sign;
            let price = match order.kind {
                PrintKind::Market => Some(print.price),
                PrintKind::Limit(at) => {
                    let meets = print.price * sign < at * sign || (touch && print.price == at);
                    meets.then_some(if order.at_once { print.price } else { at })
                }
                PrintKind::Stop(at) => {
                    triggered[n] |= print.price * sign >= at * sign;
                    triggered[n].then_some(print.price)
                }
            };
            let lots = match price {
                Some(_) if order.all_or_none && open[n] > left => 0,
                Some(_) => open[n].min(left),
                None => 0,
            };
            if let Some(price) = price
                && lots > 0
            {
                fills.push((row as u32, sign, price, lots));
                (open[n], left) = (open[n] - lots, left - lots);
            }
            if order.at_once {
                open[n] = 0;
            }
        }
    }
    fills
}
