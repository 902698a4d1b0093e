//! `data indicator`: one indicator over a file.

use clap::Args;
use qt_data::load::Loaded;
use qt_strategies::indicator::{Candle, catalog, parse};
use qt_types::{Price, Qty};
use serde_json::{Value, json};

use super::{only_one, plan};
use crate::app::Session;
use crate::args::DataFlags;
use crate::dataset::{self, bars_of};
use crate::failure::Failure;
use crate::output::number;
use crate::output::table::table;

/// Compute one indicator over a file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade data indicator prices.csv \"RSI(14)\"\n  \
    quanttrade data indicator prices.csv \"MACD(12,26,9).hist\" --json\n  \
    quanttrade data indicator --list")]
pub struct IndicatorArgs {
    /// A file, a catalog id or a sample
    #[arg(value_name = "[SYMBOL=]PATH|ID", required_unless_present = "list")]
    pub data: Option<String>,
    /// The indicator with its arguments, and .name where it has several values
    #[arg(required_unless_present = "list")]
    pub indicator: Option<String>,
    /// List all indicators
    #[arg(long)]
    pub list: bool,
    /// How many of the latest rows are printed; all of them with 0
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub rows: usize,
    /// How the file is read.
    #[command(flatten)]
    pub flags: DataFlags,
}

/// Runs the command.
///
/// # Errors
/// When there is no such indicator, the data cannot be read, or there is no value.
pub fn run(args: &IndicatorArgs, session: &Session) -> Result<(), Failure> {
    let (Some(data), Some(text), false) = (&args.data, &args.indicator, args.list) else {
        return list(session);
    };
    let mut indicator = parse(text)?;
    let plan = plan(&args.flags, session)?;
    let loaded = only_one(dataset::open(data, &plan)?, data)?;
    let (times, candles) = candles(loaded, &plan)?;
    let values: Vec<Option<f64>> = candles.iter().map(|candle| indicator.update(candle)).collect();
    let first = values.iter().position(Option::is_some);
    let defined = values.iter().enumerate().filter_map(|(row, value)| Some((row, (*value)?)));
    let nothing = first.is_none().then(|| {
        Failure::nothing(format!(
            "{} needs {} before its first value, and there are {}",
            indicator.name(),
            number::plural(indicator.first_row() as u64 + 1, "bar"),
            number::count(candles.len() as u64)
        ))
    });
    if session.out.json {
        let rows: Vec<Value> = defined.map(|(row, value)| json!([row, value])).collect();
        session.out.document(&json!({
            "indicator": text.trim(),
            "canonical": indicator.name(),
            "first_defined_row": first,
            "rows": rows,
        }))?;
        return nothing.map_or(Ok(()), |failure| Err(failure.documented()));
    }
    if let Some(failure) = nothing {
        return Err(failure);
    }
    let all: Vec<(usize, f64)> = defined.collect();
    let shown = if args.rows == 0 { all.len() } else { args.rows.min(all.len()) };
    let rows = all[all.len() - shown..].iter().map(|(row, value)| {
        vec![row.to_string(), qt_data::stamp::iso_text(times[*row]), value.to_string()]
    });
    session.out.line(&table(&[">row", "time", &format!(">{}", indicator.name())], rows))?;
    if shown < all.len() {
        let count = number::count(all.len() as u64);
        session.out.note(&format!("the last {shown} of {count} values; --rows 0 prints all"));
    }
    Ok(())
}

/// When each row opens, and its prices in units of the currency.
fn candles(
    loaded: Loaded,
    plan: &crate::settings::DataPlan,
) -> Result<(Vec<i64>, Vec<Candle>), Failure> {
    if let (Loaded::Values(series), None) = (&loaded, &plan.bars) {
        let unit = 10_f64.powi(i32::try_from(series.decimals).unwrap_or(0));
        let candles = series.values.iter().map(|value| Candle::flat(*value as f64 / unit, 0.0));
        return Ok((series.times_ns.clone(), candles.collect()));
    }
    let series = bars_of(loaded, plan.bars.as_ref())?;
    let price = |ticks: i64| series.spec.price_f64(Price::from_ticks(ticks));
    let candle = |bar: &qt_data::series::BarRecord| Candle {
        open: price(bar.open),
        high: price(bar.high),
        low: price(bar.low),
        close: price(bar.close),
        volume: series.spec.qty_f64(Qty::from_lots(bar.volume)),
    };
    let times = series.bars.iter().map(|bar| bar.open_ns).collect();
    Ok((times, series.bars.iter().map(candle).collect()))
}

fn list(session: &Session) -> Result<(), Failure> {
    if session.out.json {
        let all: Vec<Value> = catalog()
            .iter()
            .map(|info| {
                let arguments: Vec<Value> = info
                    .arguments
                    .iter()
                    .map(|a| {
                        json!({
                            "name": a.name, "default": a.default, "min": a.min, "max": a.max,
                        })
                    })
                    .collect();
                json!({
                    "name": info.name, "usage": info.usage(), "doc": info.doc,
                    "arguments": arguments, "outputs": info.outputs,
                })
            })
            .collect();
        return session.out.document(&json!({"indicators": all}));
    }
    let rows = catalog().iter().map(|info| vec![info.usage(), info.doc.to_owned()]);
    session.out.line(&table(&["indicator", "what it measures"], rows))
}
