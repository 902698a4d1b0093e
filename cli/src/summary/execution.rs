//! How the orders were executed, in a few lines.

use qt_backtest::report::execution::{ExecutionEntry, MarkoutEntry, TimesEntry, measure};

use crate::output::{Ink, Output, number};

/// A second after a fill; on bars, five closes.
const AFTER_NS: i64 = 1_000_000_000;
const AFTER_BARS: i64 = 5;

/// The lines; `None` where no order was sent.
pub fn lines(entry: &ExecutionEntry, out: &Output) -> Option<String> {
    let orders = &entry.orders;
    if orders.sent == 0 {
        return None;
    }
    let mut lines = vec![out.paint(Ink::Bold, "Execution")];
    let mut add = |name: &str, text: String| lines.push(format!("  {name:<18}{text}"));
    add(
        "Orders",
        format!(
            "{} sent, {} taken in, {} with a fill ({})",
            number::count(orders.sent),
            number::count(orders.accepted),
            number::count(orders.filled),
            number::percent(orders.fill_ratio),
        ),
    );
    if let [of] = entry.instruments.as_slice() {
        let ratio = number::percent(of.fill_ratio);
        add("Quantity", format!("{} of {} filled ({ratio})", of.filled, of.asked));
        if let Some(queue) = &of.queue {
            let qty = |value: Option<f64>| value.map_or(number::NONE.into(), quantity);
            add(
                "Queue on arrival",
                format!("half had {} ahead at most, 90 % {}", qty(queue.p50), qty(queue.p90)),
            );
        }
    }
    if entry.to_acknowledgement.max_ns.is_some_and(|ns| ns > 0) {
        add("To the venue", times(&entry.to_venue));
        add("To its answer", times(&entry.to_acknowledgement));
    }
    if entry.time_to_fill.max_ns.is_some_and(|ns| ns > 0) {
        add("To the first fill", times(&entry.time_to_fill));
    }
    let fees = &entry.fees;
    add(
        "Fees",
        format!(
            "{} as maker ({} fills), {} as taker ({} fills)",
            number::amount(&fees.maker, 2),
            number::count(fees.maker_fills),
            number::amount(&fees.taker, 2),
            number::count(fees.taker_fills),
        ),
    );
    if let Some(mean) = entry.slippage.mean_bps {
        let error = entry.slippage.error_bps.map_or(String::new(), |e| format!(" ± {e:.2}"));
        let cost = number::amount(&entry.slippage.cost, 2);
        add("Slippage", format!("{mean:+.2}{error} bps against the decision, {cost} in all"));
    }
    if let (Some(unit), [of]) = (entry.markout_unit, entry.instruments.as_slice()) {
        let (after, text) = if unit == "ns" { (AFTER_NS, "1 s") } else { (AFTER_BARS, "5 bars") };
        let parts: Vec<String> = ["maker", "taker"]
            .into_iter()
            .filter_map(|liquidity| markout(&of.markouts, liquidity, after, unit))
            .collect();
        if !parts.is_empty() {
            add("Markout", format!("{} after {text}", parts.join(", ")));
        }
    }
    Some(lines.join("\n"))
}

/// Half and almost all of the lengths of time.
fn times(times: &TimesEntry) -> String {
    let text = |ns: Option<u64>| {
        ns.map_or_else(|| number::NONE.to_owned(), |ns| number::seconds(ns as f64 / 1e9))
    };
    format!("half within {}, 99 % within {}", text(times.p50_ns), text(times.p99_ns))
}

/// The mean markout of the fills of one liquidity, both sides.
fn markout(entries: &[MarkoutEntry], liquidity: &str, after: i64, unit: &str) -> Option<String> {
    let own = entries.iter().filter(|e| e.liquidity == liquidity && e.after == after);
    let (mut count, mut sum) = (0_u64, 0.0);
    for entry in own {
        count += entry.n;
        sum += entry.shown(unit).0? * entry.n as f64;
    }
    (count > 0).then(|| format!("{liquidity} {:+.2} {}", sum / count as f64, measure(unit)))
}

fn quantity(value: f64) -> String {
    let text = number::fixed(value, 6);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
