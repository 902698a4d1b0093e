//! What the user should know before believing a result, the gravest first.

use qt_backtest::feed::FeedLatency;
use qt_backtest::report::parents::ParentEntry;
use qt_backtest::run::RunOutcome;
use qt_backtest::simulator::Ended;
use qt_backtest::venue::FillAt;
use qt_data::quality::{SuspectedSplit, splits};
use qt_data::series::{BarSeries, TradeRecord};
use qt_data::stamp::iso_text;
use qt_risk::Account;
use qt_types::{InstrumentId, InstrumentKind, Price, Qty};

use crate::dataset::ticks::TickData;
use crate::output::number;
use crate::settings::RunPlan;

/// Jumps of one instrument that are told one by one.
const SPLITS_MAX: usize = 5;
/// Closes of others after the end of an instrument's data that are not worth a word.
const CLOSES_AFTER_MAX: usize = 5;
/// Data with a lower score is worth a word.
const SCORE_LOW: f64 = 80.0;

/// All warnings about a run. `prints` are the trades that each series was built from, empty for
/// one that came as bars.
pub fn of(
    plan: &RunPlan,
    series: &[BarSeries],
    prints: &[Vec<TradeRecord>],
    outcome: &RunOutcome,
) -> Vec<String> {
    let mut warnings = Vec::new();
    add_signals(outcome, &mut warnings);
    for (index, series) in series.iter().enumerate() {
        // Bars that were built have other jumps than those the gate has seen.
        let known = series.quality.as_ref().filter(|_| plan.reading.bars.is_none());
        match known {
            Some(report) => add_splits(series, index, &report.splits, outcome, &mut warnings),
            None => {
                let found = splits::suspected(&series.bars);
                add_splits(series, index, &found, outcome, &mut warnings);
            }
        }
    }
    for (index, series) in series.iter().enumerate() {
        add_early_end(series, index, outcome, &mut warnings);
    }
    add_endings(outcome, &mut warnings);
    add_derivatives(plan, outcome, &mut warnings);
    add_money(outcome, &mut warnings);
    add_fills(plan, Met::of(prints), outcome, &mut warnings);
    for series in series {
        add_data(series, &mut warnings);
    }
    add_denials(outcome, &mut warnings);
    warnings
}

/// Other symbols of a file of signals that are told by name.
const SYMBOLS_MAX: usize = 5;

/// Signals that could not do anything.
fn add_signals(outcome: &RunOutcome, into: &mut Vec<String>) {
    let Some(of) = &outcome.signals else { return };
    let (counts, path) = (of.counts(), &of.path);
    if of.read == 0 {
        into.push(format!("{path} holds no signal"));
    } else if counts.told == 0 {
        let known: Vec<&str> = outcome.specs.iter().map(qt_types::InstrumentSpec::symbol).collect();
        let named = of.other_symbols.iter().take(SYMBOLS_MAX).cloned().collect::<Vec<_>>();
        let more = if of.other_symbols.len() > SYMBOLS_MAX { " and others" } else { "" };
        into.push(format!(
            "no signal of {path} is about {}: they are about {}{more} (name the data as they do: \
             --data SYMBOL=FILE)",
            known.join(", "),
            named.join(", ")
        ));
    } else if counts.used == 0 && counts.expired + counts.not_approved > 0 {
        let late = number::plural(counts.expired + counts.not_approved, "signal");
        into.push(format!(
            "none of the signals was heard in time: {late} had expired on arrival (look at their \
             expires_at, --signal-latency and --approval-latency)"
        ));
    } else if counts.used == 0 {
        into.push(format!("all signals of {path} come after the end of the data"));
    }
    for source in of.sources.iter().filter(|source| source.quality.drift.is_found()) {
        into.push(format!(
            "source {} is not what it claims to be, or was: its hits fall behind by more than \
             chance (docs/QUALITY.md, drift)",
            source.name
        ));
    }
}

/// What is to be told of rates and of positions that ended with their instruments.
fn add_money(outcome: &RunOutcome, into: &mut Vec<String>) {
    if let Some(of) = &outcome.currencies {
        into.extend(of.notes.iter().cloned());
    }
    for settled in &outcome.settlements {
        let Some(spec) = outcome.specs.get(settled.instrument.index()) else { continue };
        into.push(format!(
            "{} expired on {} with a position of {}: it was settled at {}, and nothing was rolled",
            spec.symbol(),
            &iso_text(settled.venue_ns.get())[..10],
            spec.qty_text(settled.qty),
            spec.price_text(settled.price)
        ));
    }
}

/// All warnings about a run on the ticks `data`.
pub fn of_ticks(
    plan: &RunPlan,
    data: &TickData,
    outcome: &RunOutcome,
    trades_alone: &[InstrumentId],
) -> Vec<String> {
    let mut warnings = Vec::new();
    add_signals(outcome, &mut warnings);
    for id in trades_alone {
        let symbol = outcome.specs.get(id.index()).map_or("?", qt_types::InstrumentSpec::symbol);
        warnings.push(format!(
            "{symbol}: trades alone, no book: a resting order is first at its price, so that \
             fills are kinder than they would be"
        ));
    }
    add_endings(outcome, &mut warnings);
    add_derivatives(plan, outcome, &mut warnings);
    add_money(outcome, &mut warnings);
    if plan.config.order_latency_ns == 0 && plan.config.conditions.order_latency.is_none() {
        warnings.push(
            "orders reach the venue in no time: set --order-latency to what yours take".to_owned(),
        );
    }
    if data.is_instant && plan.config.feed() == FeedLatency::default() {
        warnings.push(
            "the data does not say when it was received: all of it is known when it happens (set \
             --feed-latency to what your feed takes)"
                .to_owned(),
        );
    }
    warnings.extend(data.notes.iter().cloned());
    add_denials(outcome, &mut warnings);
    warnings
}

/// Jumps that look like a split and that a position was held through.
fn add_splits(
    series: &BarSeries,
    index: usize,
    jumps: &[SuspectedSplit],
    outcome: &RunOutcome,
    into: &mut Vec<String>,
) {
    let Some(range) = outcome.ranges.get(index) else { return };
    let held: Vec<&SuspectedSplit> = jumps
        .iter()
        .filter(|jump| (range.start..range.end).contains(&jump.bar))
        .filter(|jump| lots_before(jump.time_ns, index, outcome) != 0)
        .collect();
    let (symbol, spec) = (series.spec.symbol(), &series.spec);
    for jump in held.iter().take(SPLITS_MAX) {
        let price = |ticks: i64| spec.price_text(Price::from_ticks(ticks));
        into.push(format!(
            "{symbol}: a position was held through a jump on {} that looks like a {} split (close \
             {}, then {}): if it is one, the result is wrong; try --price adjusted",
            &iso_text(jump.time_ns)[..10],
            jump.ratio,
            price(jump.close),
            price(jump.open)
        ));
    }
    if held.len() > SPLITS_MAX {
        let more = number::plural((held.len() - SPLITS_MAX) as u64, "more such jump");
        into.push(format!("{symbol}: {more}"));
    }
}

/// Data that ends long before the run does, with a position: nobody could sell it at that price
/// any more.
fn add_early_end(series: &BarSeries, index: usize, outcome: &RunOutcome, into: &mut Vec<String>) {
    let range = outcome.ranges.get(index).filter(|range| range.end == series.bars.len());
    let last = range.and_then(|range| series.bars.get(range.end.checked_sub(1)?));
    let (Some(last), Some(end)) = (last, outcome.end_ns()) else { return };
    let closes = outcome.curve.iter().filter(|(ns, _)| ns.get() > last.close_ns).count();
    let lots = lots_before(i64::MAX, index, outcome);
    if closes > CLOSES_AFTER_MAX && lots != 0 {
        let (symbol, spec) = (series.spec.symbol(), &series.spec);
        into.push(format!(
            "{symbol}: its data ends on {}, {} before the run does on {}: the position of {} is \
             carried on at its last price of {}",
            &iso_text(last.open_ns)[..10],
            number::plural(closes as u64, "close"),
            &iso_text(end.get())[..10],
            spec.qty_text(Qty::from_lots(lots)),
            spec.price_text(Price::from_ticks(last.close)),
        ));
    }
}

/// The lots of instrument `index` that were held when the bar of `time_ns` opened.
fn lots_before(time_ns: i64, index: usize, outcome: &RunOutcome) -> i64 {
    let instrument = u16::try_from(index).map(InstrumentId);
    let fills = outcome.fills.iter();
    fills
        .take_while(|fill| fill.venue_ns.get() < time_ns)
        .filter(|fill| Ok(fill.instrument) == instrument)
        .map(|fill| fill.side.sign() * fill.qty.lots())
        .sum()
}

fn add_endings(outcome: &RunOutcome, into: &mut Vec<String>) {
    let until = outcome.end_ns().map_or_else(String::new, |ns| iso_text(ns.get()));
    match outcome.ended {
        Ended::Data => {}
        Ended::Bankrupt => into.push(format!("the equity was used up at {until}: the run stopped")),
        Ended::Interrupted => into.push(format!("interrupted: the result reaches to {until}")),
    }
    into.extend(qt_backtest::report::parents::of(outcome).iter().map(ParentEntry::text));
    if outcome.is_too_short() {
        let closes = number::plural(outcome.curve.len() as u64, "close");
        into.push(format!("{closes} are too few for figures per year: do not use those"));
    }
    if outcome.margin_calls > 0 {
        let calls = number::plural(outcome.margin_calls, "margin call");
        into.push(format!("{calls}: all positions were closed each time"));
    }
    if outcome.intents_dropped > 0 {
        let dropped = number::plural(outcome.intents_dropped, "intent");
        into.push(format!("{dropped} dropped: the strategy asked for too many at once"));
    }
}

/// Liquidations, and perpetuals that were held for nothing.
fn add_derivatives(plan: &RunPlan, outcome: &RunOutcome, into: &mut Vec<String>) {
    let liquidations = outcome.counts.liquidations;
    if liquidations > 0 {
        let times = number::plural(liquidations, "liquidation");
        into.push(format!("{times}: the margin was used up and is gone, with a fee on top"));
    }
    if outcome.counts.busts > 0 {
        let busts = number::plural(outcome.counts.busts, "execution");
        into.push(format!("{busts} taken back, as the faults say"));
    }
    let faults = plan.config.conditions.faults.len() as u64;
    if faults > 0 {
        into.push(format!("{} played, as --faults says", number::plural(faults, "fault")));
    }
    let is_free = plan.config.conditions.funding.is_empty();
    let was_traded = |index: usize| outcome.fills.iter().any(|f| f.instrument.index() == index);
    for (index, spec) in outcome.specs.iter().enumerate() {
        let kinds = [InstrumentKind::Perpetual, InstrumentKind::InversePerpetual];
        if is_free && kinds.contains(&spec.kind()) && was_traded(index) {
            into.push(format!(
                "{} is a perpetual and no funding was charged: add --funding FILE.csv or \
                 --funding-rate R",
                spec.symbol()
            ));
        }
    }
}

/// What the orders of a run met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    Bars,
    Trades,
    Both,
}

impl Met {
    fn of(prints: &[Vec<TradeRecord>]) -> Self {
        let on_trades = prints.iter().filter(|prints| !prints.is_empty()).count();
        match on_trades {
            0 => Self::Bars,
            count if count == prints.len() => Self::Trades,
            _ => Self::Both,
        }
    }

    /// What had the volume.
    const fn text(self) -> &'static str {
        match self {
            Self::Bars => "their bar",
            Self::Trades => "the trade that was met",
            Self::Both => "the bar or trade that was met",
        }
    }
}

fn add_fills(plan: &RunPlan, met: Met, outcome: &RunOutcome, into: &mut Vec<String>) {
    if plan.config.fill_at == FillAt::Close {
        into.push(match met {
            Met::Trades => "--fill close is optimistic for orders that are decided on a trade: \
                            they fill at it; those decided on a bar fill at the next trade"
                .to_owned(),
            Met::Bars | Met::Both => {
                "--fill close is optimistic: orders fill at the price they were decided on"
                    .to_owned()
            }
        });
    }
    let counts = &outcome.counts;
    if counts.fills_over_volume > 0 {
        let fills = number::plural(counts.fills_over_volume, "fill");
        let limit = match met {
            Met::Trades if plan.config.whole_fills => "leave --whole-fills away",
            // Nothing else fills more than a trade has.
            Met::Trades => "--close-at-end closes whole positions",
            Met::Bars | Met::Both => "limit them with --max-participation",
        };
        into.push(format!(
            "{fills} larger than all the volume of {}: not possible in a real market; {limit}",
            met.text()
        ));
    }
    if counts.fills_over_tenth > counts.fills_over_volume {
        let fills = number::plural(counts.fills_over_tenth, "fill");
        let why = if met == Met::Trades {
            "others were in line for it"
        } else {
            "the price would have moved"
        };
        into.push(format!("{fills} above 10 % of the volume of {}: {why}", met.text()));
    }
    if matches!(plan.config.account, Account::Margin { .. }) {
        into.push(match plan.config.borrow_rate_e9 {
            0 => "margin account: borrowing and short positions cost no fee here; --borrow-rate \
                  sets one for short positions"
                .to_owned(),
            _ => "margin account: borrowed money costs no interest here".to_owned(),
        });
    }
    if counts.ambiguous_bars > 0 {
        let bars = number::plural(counts.ambiguous_bars, "bar");
        let best = (outcome.final_equity + counts.ambiguous_gain).to_string();
        into.push(format!(
            "{bars} in which stop and target could both have been hit: the stop counts; with the \
             target first, the final equity would be {}",
            number::amount(&best, 2)
        ));
    }
}

fn add_data(series: &BarSeries, into: &mut Vec<String>) {
    let symbol = series.spec.symbol();
    match &series.quality {
        None => into.push(format!("{symbol}: the quality gate was skipped")),
        Some(report) if report.score < SCORE_LOW => into.push(format!(
            "{symbol}: the data's quality score is {:.1} of 100 (quanttrade data check {})",
            report.score, series.source.path
        )),
        Some(_) => {}
    }
    let rounded = series.notes.iter().filter(|note| note.contains("rounded half-even"));
    into.extend(rounded.map(|note| format!("{symbol}: {note}")));
}

fn add_denials(outcome: &RunOutcome, into: &mut Vec<String>) {
    let account = |code: &str| {
        let told = outcome.risk.last_with(code);
        code == "MAX_ORDER_QTY" && told.is_none_or(|reject| reject.control == "C15b")
    };
    for (code, count) in outcome.denials.iter().filter(|(_, count)| **count > 0) {
        let orders = number::plural(*count, "order");
        // What the gate has to say of it, where it is one of its limits.
        let known = if account(code) { " (above --max-order-qty)" } else { meaning(code) };
        let told = outcome.risk.last_with(code).filter(|_| known.is_empty());
        let told = told.map(|reject| {
            format!(
                " ({}: at last {} {} against a limit of {}, {})",
                reject.control,
                reject.observed,
                reject.unit,
                reject.limit,
                reject.level.text()
            )
        });
        let meaning = told.unwrap_or_else(|| known.to_owned());
        into.push(format!("{orders} denied: {code}{meaning}"));
    }
}

/// What a code means for the user.
fn meaning(code: &str) -> &'static str {
    match code {
        "INSUFFICIENT_FUNDS" => " (the cost and fee at the fill exceed the free cash)",
        "SHORT_NOT_ALLOWED" => " (a cash account cannot sell more than it holds)",
        "SIZE_BELOW_LOT" => " (the size comes out below one lot)",
        "NO_STOP" => " (--risk-per-trade needs a stop: add --stop-loss)",
        _ => "",
    }
}
