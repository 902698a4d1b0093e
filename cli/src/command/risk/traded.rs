//! `risk show --data`: what the limits on quantities come to beside what is traded.

use std::collections::BTreeMap;

use qt_data::calendar::Calendar;
use qt_data::calendar::civil::Day;
use qt_data::load::Loaded;
use qt_data::ticks::{Record, RecordKind, TickFile};
use qt_risk::{Key, LimitSet, Profile, Unit, largest_order_e9, text_of};
use qt_types::{InstrumentSpec, OrderTick, Price, Qty, Tick, TickKind};
use serde::Serialize;

use crate::dataset::{self, ticks};
use crate::failure::Failure;
use crate::output::table::table;
use crate::output::{Output, number};
use crate::settings::DataPlan;

/// The share of a day's volume of an order, above which a limit protects from nothing.
const DAY_SHARE: f64 = 0.1;
/// How many times the volume that is traded a day `day_volume` may be said to be.
const STATED_TIMES: f64 = 2.0;

/// What was traded of one instrument.
struct Traded {
    spec: InstrumentSpec,
    /// Lots by day.
    days: BTreeMap<Day, i128>,
    /// Lots of each trade; none where the data are bars.
    trades: Vec<i64>,
    /// The last price in ticks; zero without one.
    last: i64,
}

/// The limits on quantities of one instrument beside its volume.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    /// Its name.
    pub(super) symbol: String,
    /// Days with rows; the first and the last may be parts of days.
    pub(super) days: usize,
    /// The average volume of a day, in units; null where the data have no volume.
    pub(super) day_volume: Option<String>,
    /// The median quantity of a trade, in units; null where the data are bars.
    pub(super) median_trade: Option<String>,
    /// The largest quantity of one order that its limits let pass, in units.
    pub(super) largest_order: String,
    /// Which limit that is.
    pub(super) largest_order_by: &'static str,
    /// It as a share of the average day.
    pub(super) order_day_share: Option<f64>,
    /// It in median trades.
    pub(super) order_trades: Option<f64>,
    /// The largest position as a share of the average day.
    pub(super) position_day_share: Option<f64>,
    /// What is wide beside that.
    pub(super) findings: Vec<String>,
}

/// The limits of `profile` beside what is traded in `given`.
///
/// # Errors
/// When data cannot be read.
pub(super) fn rows(
    profile: &Profile,
    given: &[String],
    plan: &DataPlan,
    out: &Output,
) -> Result<Vec<Row>, Failure> {
    let mut all = Vec::new();
    for name in given {
        if ticks::is_ticks(name, plan) {
            let file = ticks::convert(name, plan, false, out)?.file;
            all.extend(match file.kind() {
                RecordKind::Levels => of_ticks::<Tick>(&file)?,
                RecordKind::Orders => of_ticks::<OrderTick>(&file)?,
            });
        } else {
            for loaded in dataset::open(name, plan)? {
                all.push(of_loaded(loaded, name)?);
            }
        }
    }
    Ok(all.iter().map(|traded| row(profile, traded)).collect())
}

fn of_loaded(loaded: Loaded, name: &str) -> Result<Traded, Failure> {
    let mut days = BTreeMap::new();
    let mut add = |calendar: &Calendar, ns: i64, lots: i64| {
        *days.entry(calendar.trading_day(ns)).or_default() += i128::from(lots);
    };
    let (spec, trades, last) = match loaded {
        Loaded::Bars(series) => {
            series.bars.iter().for_each(|bar| add(&series.calendar, bar.open_ns, bar.volume));
            let last = series.bars.last().map_or(0, |bar| bar.close);
            (series.spec, Vec::new(), last)
        }
        Loaded::Trades(series) => {
            series.trades.iter().for_each(|one| add(&series.calendar, one.venue_ns, one.qty));
            let last = series.trades.last().map_or(0, |one| one.price);
            (series.spec, series.trades.iter().map(|one| one.qty).collect(), last)
        }
        Loaded::Quotes(_) | Loaded::Values(_) => {
            return Err(Failure::data(format!("{name}: holds no traded volume"))
                .hint("give bars, trades, or a recording of an order book"));
        }
    };
    Ok(Traded { spec, days, trades, last })
}

/// A record that may tell of a trade.
trait Traders: Record {
    /// Price in ticks and lots, where it does.
    fn trade(&self) -> Option<(i64, i64)>;
}

impl Traders for Tick {
    fn trade(&self) -> Option<(i64, i64)> {
        (self.kind() == Some(TickKind::Trade)).then_some((self.price, self.qty))
    }
}

impl Traders for OrderTick {
    fn trade(&self) -> Option<(i64, i64)> {
        self.is_trade().then_some((self.price, self.qty))
    }
}

fn of_ticks<R: Traders>(file: &TickFile) -> Result<Vec<Traded>, Failure> {
    let specs = file.description()?.instruments;
    let traded = |spec| Traded { spec, days: BTreeMap::new(), trades: Vec::new(), last: 0 };
    let mut all: Vec<Traded> = specs.into_iter().map(traded).collect();
    for index in 0..file.blocks() {
        for record in file.block::<R>(index)?.iter() {
            let Some(of) = all.get_mut(usize::from(record.instrument())) else { continue };
            let lots = of.days.entry(Day::of_ns(record.venue_ns())).or_default();
            let Some((price, qty)) = record.trade() else { continue };
            *lots += i128::from(qty);
            of.trades.push(qty);
            of.last = price;
        }
    }
    Ok(all)
}

/// The largest order that `limits` let pass, in billionths of a unit, and by which limit.
fn largest_order(limits: &LimitSet, traded: &Traded) -> (i128, &'static str) {
    let spec = &traded.spec;
    let by_quantity = limits.get(Key::OrderQty).hard;
    let of_day = largest_order_e9(limits);
    let lot = spec.notional(Price::from_ticks(traded.last), Qty::from_lots(1));
    let lot_worth = lot.map_or(0, |worth| worth.nano());
    let by_worth = match limits.get(Key::OrderNotional).hard.checked_div(lot_worth) {
        Some(lots) if lot_worth > 0 => lots.saturating_mul(i128::from(spec.lot_e9())),
        _ => i128::MAX,
    };
    match of_day.min(by_worth).max(0) {
        least if least == by_worth.max(0) && by_worth < of_day => (least, "order_notional"),
        least if least < by_quantity => (least, "order_adv_bps"),
        least => (least, "order_qty"),
    }
}

fn row(profile: &Profile, traded: &Traded) -> Row {
    let limits = profile.instrument(traded.spec.symbol());
    let lot_e9 = i128::from(traded.spec.lot_e9());
    let count = traded.days.len() as i128;
    let lots: i128 = traded.days.values().sum();
    let day_e9 = (count > 0 && lots > 0).then(|| lots.saturating_mul(lot_e9) / count);
    let mut trades = traded.trades.clone();
    trades.sort_unstable();
    let median_e9 = trades.get(trades.len() / 2).map(|&lots| i128::from(lots) * lot_e9);
    let (order_e9, by) = largest_order(limits, traded);
    let position_e9 = limits.get(Key::Long).hard.max(limits.get(Key::Short).hard);
    let share = |part_e9: i128, whole_e9: Option<i128>| {
        whole_e9.filter(|&whole| whole > 0).map(|whole| part_e9 as f64 / whole as f64)
    };
    let order_day_share = share(order_e9, day_e9);
    let mut findings = Vec::new();
    match (day_e9, order_day_share) {
        (None, _) => findings.push("the data have no traded volume".to_owned()),
        (_, Some(part)) if part > DAY_SHARE => findings.push(format!(
            "one order may be {} of the average day ({by}): more than a tenth protects from \
             nothing",
            number::percent(Some(part)),
        )),
        _ => {}
    }
    let stated_e9 = limits.get(Key::DayVolume).hard;
    if let Some(times) = share(stated_e9, day_e9).filter(|&times| times > STATED_TIMES) {
        findings.push(format!(
            "day_volume = {} is {} times what is traded: order_adv_bps lets that much more pass",
            text_of(Unit::Quantity, stated_e9),
            number::fixed(times, 1),
        ));
    }
    Row {
        symbol: traded.spec.symbol().to_owned(),
        days: traded.days.len(),
        day_volume: day_e9.map(|day| text_of(Unit::Quantity, day)),
        median_trade: median_e9.map(|median| text_of(Unit::Quantity, median)),
        largest_order: text_of(Unit::Quantity, order_e9),
        largest_order_by: by,
        order_day_share,
        order_trades: share(order_e9, median_e9),
        position_day_share: share(position_e9, day_e9),
        findings,
    }
}

/// The rows as a table, and below it what is wide.
pub(super) fn text(rows: &[Row]) -> String {
    let header = [
        "instrument",
        ">days",
        ">average day",
        ">median trade",
        ">largest order",
        "by",
        ">of a day",
        ">in median trades",
        ">largest position of a day",
    ];
    let none = || number::NONE.to_owned();
    let cells = rows.iter().map(|row| {
        vec![
            row.symbol.clone(),
            row.days.to_string(),
            row.day_volume.clone().unwrap_or_else(none),
            row.median_trade.clone().unwrap_or_else(none),
            row.largest_order.clone(),
            row.largest_order_by.to_owned(),
            number::percent(row.order_day_share),
            row.order_trades.map_or_else(none, |times| number::fixed(times, 1)),
            number::percent(row.position_day_share),
        ]
    });
    let mut text = format!("Beside what is traded:\n{}", table(&header, cells));
    for row in rows {
        for finding in &row.findings {
            text.push_str(&format!("\n  {}: {finding}", row.symbol));
        }
    }
    text
}
