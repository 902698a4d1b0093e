//! The view of a book with our orders and fills in it: its data, packed, and its place on the
//! page. The page's script unpacks it and draws the window that is looked at.

use qt_engine::book::Level;
use qt_types::{InstrumentId, InstrumentSpec, Liquidity, Price, Qty, Side};
use serde_json::{Value, json};

use super::ReportInput;
use super::text::{count_of, escape, plural};
use crate::execution::{DepthSample, FILLS_SHOWN_MAX, Rest, SAMPLES_MAX, states_around};
use crate::recorder::Fill;

/// Fills that are marked; of more, so many evenly over the run.
const FILLS_MARKED_MAX: usize = 1_200;
/// Stretches of resting that are drawn; those of orders with a fill come first.
const RESTS_DRAWN_MAX: usize = 1_200;
/// Digits of packed numbers.
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
/// Steps of the heat.
const HEAT_MAX: f64 = 63.0;
/// Smaller numbers take one digit.
const SHORT: usize = 48;

/// One view.
pub struct DepthView {
    /// Its name within the page.
    pub id: String,
    /// Its place, with the buttons.
    pub html: String,
    /// What it draws from.
    pub data: Value,
    /// What was kept, in sentences.
    pub note: String,
}

/// The view of a book that was sampled; `None` where nothing was.
#[must_use]
pub fn view(
    input: &ReportInput<'_>,
    id: InstrumentId,
    samples: &[DepthSample],
) -> Option<DepthView> {
    let spec = input.outcome.specs.get(id.index())?;
    let start_ns = samples.first()?.from_ns;
    let all: Vec<&Fill> = input.outcome.fills.iter().filter(|f| f.instrument == id).collect();
    let fills = evenly(&all, FILLS_MARKED_MAX);
    let log = &input.outcome.execution.log;
    let rests = rests(log.rests().kept(), id);
    let name = format!("depth-{}", id.index());
    let end_ns = samples.last().map_or(start_ns, |sample| sample.from_ns);
    let data = json!({
        "start": start_ns / 1_000, "end": (end_ns - start_ns) / 1_000,
        "tick": spec.price_f64(Price::from_ticks(1)), "decimals": decimals(spec.tick_e9()),
        "lot": spec.qty_f64(Qty::from_lots(1)), "lotDecimals": decimals(spec.lot_e9()),
        "book": packed(samples, start_ns),
        "fills": fills.iter().map(|fill| json!([
            (fill.venue_ns.get() - start_ns) / 1_000, fill.price.ticks(), fill.qty.lots(),
            u8::from(fill.side == Side::Sell), u8::from(fill.liquidity == Liquidity::Maker),
        ])).collect::<Vec<_>>(),
        "rests": rests.iter().map(|rest| json!([
            (rest.from_ns.get() - start_ns) / 1_000, (rest.to_ns.get() - start_ns) / 1_000,
            rest.price.ticks(), u8::from(rest.side == Side::Sell),
        ])).collect::<Vec<_>>(),
    });
    let shown = all.len().min(FILLS_SHOWN_MAX);
    let which = if shown == all.len() {
        plural(shown as u64, "fill")
    } else {
        format!("{} of {}", count_of(shown), plural(all.len() as u64, "fill"))
    };
    let mut note = format!(
        "The best ten levels of the venue's book at {} moments: at most {} of them evenly over the \
         run, and before and after each of {which} every state, up to {}. The stronger the \
         colour, the more rests there (logarithmic).",
        count_of(samples.len()),
        count_of(SAMPLES_MAX),
        count_of(states_around(all.len())),
    );
    if fills.len() < all.len() {
        note.push_str(&format!(" Marked are {} fills, evenly.", count_of(fills.len())));
    }
    if (rests.len() as u64) < log.rests().seen() {
        note.push_str(&format!(
            " Of the {} stretches for which our orders rested, {} are drawn.",
            super::text::count(log.rests().seen()),
            count_of(rests.len()),
        ));
    }
    Some(DepthView { html: place(&name, spec), id: name, data, note })
}

fn place(name: &str, spec: &InstrumentSpec) -> String {
    let symbol = escape(spec.symbol());
    let button = |act: &str, label: &str, text: &str| {
        format!("<button type=\"button\" data-act=\"{act}\" aria-label=\"{label}\">{text}</button>")
    };
    format!(
        "<div class=\"depth\"><div class=\"tools\">{}{}{}{}{}<span class=\"where\" \
         aria-live=\"polite\"></span></div>\n<div class=\"chart deep\" id=\"chart-{name}\" \
         data-depth=\"{name}\" role=\"img\" aria-label=\"Book of {symbol} over time with our \
         orders and fills\"></div></div>\n",
        button("all", "The whole run", "Whole run"),
        button("out", "Zoom out", "\u{2212}"),
        button("in", "Zoom in", "+"),
        button("back", "The fill before", "\u{2039} Fill"),
        button("next", "The next fill", "Fill \u{203a}"),
    )
}

/// The stretches of `id`, those of orders with a fill first, at most [`RESTS_DRAWN_MAX`].
fn rests(all: &[Rest], id: InstrumentId) -> Vec<Rest> {
    let of = |is_filled: bool| -> Vec<Rest> {
        let own = all.iter().filter(|rest| rest.instrument == id && rest.is_filled == is_filled);
        own.copied().collect()
    };
    let mut drawn = evenly(&of(true), RESTS_DRAWN_MAX);
    drawn.extend(evenly(&of(false), RESTS_DRAWN_MAX - drawn.len()));
    drawn
}

/// At most `most` of `values`, evenly spread.
fn evenly<T: Clone>(values: &[T], most: usize) -> Vec<T> {
    if values.len() <= most {
        return values.to_vec();
    }
    (0..most).map(|at| values[at * values.len() / most].clone()).collect()
}

/// How many decimals a multiple of `step_e9` billionths needs.
fn decimals(step_e9: i64) -> usize {
    (0..9).find(|&places| step_e9 % 10_i64.pow(9 - places as u32) == 0).unwrap_or(9)
}

/// States one after the other: times as differences in us, best prices as differences in ticks,
/// and of the levels how far each is behind the one before and how much rests there.
fn packed(samples: &[DepthSample], start_ns: i64) -> Value {
    let levels = samples.iter().flat_map(|s| s.depth.bids().iter().chain(s.depth.asks()));
    let most = levels.map(|level| level.qty.lots()).max().unwrap_or(0).max(1);
    let scale = HEAT_MAX / (most as f64).ln_1p();
    let (mut times, mut bids, mut asks) = (Vec::new(), Vec::new(), Vec::new());
    let mut text = Vec::new();
    let (mut last_us, mut last) = (0, [0_i64; 2]);
    for sample in samples {
        let us = (sample.from_ns - start_ns) / 1_000;
        times.push(us - last_us);
        last_us = us;
        let sides = [sample.depth.bids(), sample.depth.asks()];
        for (side, (levels, list)) in sides.into_iter().zip([&mut bids, &mut asks]).enumerate() {
            let best = levels.first().map(|level| level.price.ticks());
            list.push(best.map(|best| best - last[side]));
            last[side] = best.unwrap_or(last[side]);
            text.push(DIGITS[levels.len()]);
            pack_levels(levels, scale, &mut text);
        }
    }
    json!({
        "times": times, "bids": bids, "asks": asks, "most": most,
        "levels": String::from_utf8_lossy(&text),
    })
}

fn pack_levels(levels: &[Level], scale: f64, text: &mut Vec<u8>) {
    let mut before = levels.first().map_or(0, |level| level.price.ticks());
    for (at, level) in levels.iter().enumerate() {
        let behind = (level.price.ticks() - before).unsigned_abs() as usize;
        before = level.price.ticks();
        if at > 0 {
            if behind < SHORT {
                text.push(DIGITS[behind]);
            } else {
                let rest = (behind - SHORT).min((64 - SHORT) * 64 - 1);
                text.extend([DIGITS[SHORT + rest / 64], DIGITS[rest % 64]]);
            }
        }
        let heat = (level.qty.lots().max(0) as f64).ln_1p() * scale;
        text.push(DIGITS[heat.round().clamp(0.0, HEAT_MAX) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_packed_as_distances_and_heat() {
        // 1 lot of at most 1: 63 steps; 60 ticks behind: 48 + 0 * 64 + 12.
        let level =
            |price, qty| Level { price: Price::from_ticks(price), qty: Qty::from_lots(qty) };
        let mut text = Vec::new();
        let scale = HEAT_MAX / 1.0_f64.ln_1p();
        pack_levels(&[level(100, 1), level(97, 0), level(37, 1)], scale, &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), "_30mC_");
    }

    #[test]
    fn steps_have_as_many_decimals_as_they_need() {
        assert_eq!(decimals(1_000_000_000), 0);
        assert_eq!(decimals(100_000_000), 1);
        assert_eq!(decimals(250_000_000), 2);
        assert_eq!(decimals(1), 9);
    }

    #[test]
    fn what_is_drawn_lies_over_all_of_it() {
        assert_eq!(evenly(&[1, 2, 3, 4, 5, 6], 3), [1, 3, 5]);
        assert_eq!(evenly(&[1, 2], 3), [1, 2]);
    }
}
