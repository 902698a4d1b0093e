//! How long commands and reports are under way: `5ms`, `new=5ms,replace=7ms,cancel=3ms`,
//! `jitter:5ms,2ms`, or a file of measured ones.

use qt_backtest::venue::LatencyModel;

use super::table::{self, Source};
use crate::failure::Failure;
use crate::settings::{Layers, number};

/// The latencies of both ways.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// From us to the venue, where it is no plain length of time.
    pub order: Option<LatencyModel>,
    /// From the venue to us, likewise.
    pub response: Option<LatencyModel>,
    /// The shortest of each, in ns.
    pub order_ns: i64,
    /// The shortest of each, in ns.
    pub response_ns: i64,
}

impl Latencies {
    /// What `layers` say; a jitter follows from `seed`.
    pub fn of(layers: &Layers, seed: u64) -> Result<Self, Failure> {
        let order = layers.one("order-latency").unwrap_or("0ms");
        let response = layers.one("response-latency").unwrap_or(order);
        let is_own = layers.given("response-latency").is_some();
        let from = if is_own { "response-latency" } else { "order-latency" };
        let order = model(layers, "order-latency", order, seed)?;
        // The two ways do not jitter in step.
        let response = model(layers, from, response, seed.wrapping_add(1))?;
        let uneven = |model: &LatencyModel| {
            let constant = LatencyModel::constant(model.shortest_ns());
            (*model != constant).then(|| model.clone())
        };
        Ok(Self {
            order_ns: order.shortest_ns(),
            response_ns: response.shortest_ns(),
            order: uneven(&order),
            response: uneven(&response),
        })
    }
}

fn model(layers: &Layers, name: &str, text: &str, seed: u64) -> Result<LatencyModel, Failure> {
    let text = text.trim();
    let wrong = |what: String| Failure::usage(format!("{}: {what}", layers.place(name)));
    if let Some(parts) = text.strip_prefix("jitter:") {
        let Some((base, spread)) = parts.split_once(',') else {
            return Err(wrong(format!("'{text}' is not of the form jitter:BASE,SPREAD")));
        };
        return Ok(LatencyModel::Jittered {
            base_ns: number::duration_ns(base).map_err(wrong)?,
            spread_ns: number::duration_ns(spread).map_err(wrong)?,
            seed,
        });
    }
    match number::duration_ns(text) {
        Ok(ns) => Ok(LatencyModel::constant(ns)),
        Err(_) if std::path::Path::new(text).is_file() => recorded(&Source::read(name, text)?),
        Err(_) if text.starts_with("new=") => by_action(text).map_err(wrong),
        Err(what) => Err(wrong(format!(
            "{what}; or jitter:5ms,2ms; or new=5ms,replace=7ms,cancel=3ms; or a CSV file that \
             exists"
        ))),
    }
}

fn by_action(text: &str) -> Result<LatencyModel, String> {
    let (mut new, mut replace, mut cancel) = (None, None, None);
    for part in text.split(',') {
        let (name, time) = part.split_once('=').unwrap_or((part, ""));
        let slot = match name.trim() {
            "new" => &mut new,
            "replace" => &mut replace,
            "cancel" => &mut cancel,
            other => return Err(format!("'{other}' is none of new, replace and cancel")),
        };
        *slot = Some(number::duration_ns(time)?);
    }
    let new_ns = new.ok_or("the latency of new orders is missing")?;
    let (replace_ns, cancel_ns) = (replace.unwrap_or(new_ns), cancel.unwrap_or(new_ns));
    Ok(LatencyModel::Constant { new_ns, replace_ns, cancel_ns })
}

/// Times and latencies; a latency without a unit is in ns.
fn recorded(source: &Source) -> Result<LatencyModel, Failure> {
    let csv = source.csv()?;
    let time = csv.need(&["time", "timestamp", "timens"], "time")?;
    let latency = csv.need(&["latency", "latencyns"], "latency")?;
    let mut points: Vec<(i64, i64)> = Vec::new();
    for (line, row) in csv.rows() {
        let cell = |at: usize| row.get(at).copied().unwrap_or_default();
        let time_ns = table::time_ns(cell(time)).map_err(|what| csv.wrong(line, &what))?;
        let text = cell(latency);
        let ns = match text.parse::<i64>() {
            Ok(ns) if ns >= 0 => ns,
            _ => number::duration_ns(text).map_err(|what| csv.wrong(line, &what))?,
        };
        if points.last().is_some_and(|last| last.0 >= time_ns) {
            return Err(csv.wrong(line, "the times do not rise"));
        }
        points.push((time_ns, ns));
    }
    if points.is_empty() {
        return Err(source.wrong("no latency is in it"));
    }
    Ok(LatencyModel::Recorded(points))
}
