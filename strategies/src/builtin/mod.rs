//! The built-in strategies, one a file.
//!
//! Those on bars decide at the close of a bar and trade at the market; how much is the run's
//! sizing rule, and protective orders are the run's exits. Those on books
//! ([`crate::registry::Hears::Book`]) place limit orders and keep to a largest position. Prices
//! enter the arithmetic as ticks wherever a rule does not depend on the unit: sums of whole
//! numbers are exact, so a price that does not move never makes a signal out of rounding.

mod ai_signal_follow;
mod bollinger_reversion;
mod buy_and_hold;
mod donchian_breakout;
mod each;
mod ema_cross;
mod execute_algo;
mod grid;
mod macd;
mod maker_estimates;
mod market_maker;
mod momentum;
mod order_book_imbalance;
mod pairs;
mod quotes;
mod rsi_momentum;
mod rsi_reversion;
mod signal_blend;
mod sma_cross;
mod tape_top;
mod top_of_book_quoter;
mod turn;
mod twap_execute;
mod volume_curve;

pub use each::Each;

use qt_engine::Strategy;
use qt_types::{InstrumentSpec, Number, Price, Qty, Size};

use crate::param::ParamValue;
use crate::registry::StrategyEntry;

/// All of them, in the order in which they are listed.
pub const ENTRIES: &[StrategyEntry] = &[
    buy_and_hold::ENTRY,
    sma_cross::ENTRY,
    ema_cross::ENTRY,
    rsi_reversion::ENTRY,
    rsi_momentum::ENTRY,
    bollinger_reversion::ENTRY,
    macd::ENTRY,
    donchian_breakout::ENTRY,
    momentum::ENTRY,
    pairs::ENTRY,
    top_of_book_quoter::ENTRY,
    market_maker::ENTRY,
    order_book_imbalance::ENTRY,
    grid::ENTRY,
    twap_execute::ENTRY,
    execute_algo::ENTRY,
    ai_signal_follow::ENTRY,
    signal_blend::ENTRY,
];

/// The longest window that a built-in strategy looks at, in bars.
const WINDOW_BARS_MAX: i64 = 20_000;

const _: () = assert!(WINDOW_BARS_MAX as usize <= crate::indicator::PERIOD_MAX);

/// What building an indicator relies on: the parameters were checked before.
const IN_RANGE: &str = "the range of the parameter lies within that of the indicator";

/// A strategy of one instrument on each of `instruments` ones. A single one needs no table.
fn on_each<S: Strategy + 'static>(instruments: usize, make: impl Fn() -> S) -> Box<dyn Strategy> {
    if instruments == 1 {
        return Box::new(make());
    }
    Box::new(Each::new(instruments, make))
}

/// The parameter at place `param` of `entry`, and its value; `None` where that is not allowed.
fn tuned(entry: &StrategyEntry, param: u16, value: Number) -> Option<(&'static str, ParamValue)> {
    let spec = entry.params.get(usize::from(param)).filter(|spec| spec.is_live)?;
    Some((spec.name, spec.value(value)?))
}

/// A price in ticks as a number: exact up to 2^53 ticks.
#[inline]
fn ticks(price: Price) -> f64 {
    price.ticks() as f64
}

/// A quantity in units as whole lots, rounded down.
fn lots(units: f64, spec: &InstrumentSpec) -> i64 {
    // The range of a parameter keeps the product within 63 bits.
    (units * 1e9).round() as i64 / spec.lot_e9()
}

/// The size of an order of `units` units; zero leaves it to the run's sizing rule.
fn size(units: f64, spec: &InstrumentSpec) -> Size {
    if units > 0.0 { Size::Fixed(Qty::from_lots(lots(units, spec))) } else { Size::Auto }
}
