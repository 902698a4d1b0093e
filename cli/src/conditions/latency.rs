//! How long commands, reports, market data and signals are under way: `5ms`, `jitter:5ms,2ms`, or a
//! file of measured ones by time or, as `sampled:FILE`, by chance; of commands also
//! `new=5ms,replace=7ms,cancel=3ms`.

use qt_backtest::feed::{FeedLatency, FeedStart};
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
    /// From the market to us, where it is not one length of time on top of what the data says.
    pub feed: Option<FeedLatency>,
    /// The shortest of it, in ns.
    pub feed_ns: i64,
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
        let feed = feed(layers, seed.wrapping_add(2))?;
        let uneven = |model: &LatencyModel| {
            let constant = LatencyModel::constant(model.shortest_ns());
            (*model != constant).then(|| model.clone())
        };
        Ok(Self {
            order_ns: order.shortest_ns(),
            response_ns: response.shortest_ns(),
            order: uneven(&order),
            response: uneven(&response),
            feed_ns: feed.model.shortest_ns(),
            feed: feed.added_ns().is_none().then_some(feed),
        })
    }
}

/// `recorded`, `venue`, a latency, or one of both with a latency: `venue+5ms`.
fn feed(layers: &Layers, seed: u64) -> Result<FeedLatency, Failure> {
    const NAME: &str = "feed-latency";
    let text = layers.one(NAME).unwrap_or("0ms").trim();
    let starts = [("recorded", FeedStart::Receipt), ("venue", FeedStart::Venue)];
    let named = starts.into_iter().find_map(|(name, start)| {
        let rest = text.strip_prefix(name)?;
        let model = if rest.is_empty() { Some("0ms") } else { rest.strip_prefix('+') };
        Some((start, model?))
    });
    let (start, text) = named.unwrap_or((FeedStart::Receipt, text));
    if text.starts_with("new=") {
        let what = format!("'{text}' is about commands; market data has one latency");
        return Err(Failure::usage(format!("{}: {what}", layers.place(NAME))));
    }
    Ok(FeedLatency { start, model: model(layers, NAME, text, seed)? })
}

/// The model that `text` of the setting `name` describes.
pub(super) fn model(
    layers: &Layers,
    name: &str,
    text: &str,
    seed: u64,
) -> Result<LatencyModel, Failure> {
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
    if let Some(path) = text.strip_prefix("sampled:") {
        let latencies = latencies(&Source::read(name, path)?)?;
        return Ok(LatencyModel::Sampled { latencies, seed });
    }
    match number::duration_ns(text) {
        Ok(ns) => Ok(LatencyModel::constant(ns)),
        Err(_) if std::path::Path::new(text).is_file() => recorded(&Source::read(name, text)?),
        Err(_) if text.starts_with("new=") => by_action(text).map_err(wrong),
        Err(what) => {
            let by_action = "new=5ms,replace=7ms,cancel=3ms";
            let of_feed = "recorded or venue, alone or as venue+5ms";
            let more = if name == "feed-latency" { of_feed } else { by_action };
            Err(wrong(format!(
                "{what}; or jitter:5ms,2ms; or {more}; or a CSV file that exists, alone or as \
                 sampled:FILE"
            )))
        }
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

/// Latencies whose times mean nothing; one without a unit is in ns.
fn latencies(source: &Source) -> Result<Vec<i64>, Failure> {
    let csv = source.csv()?;
    let latency = csv.need(&["latency", "latencyns"], "latency")?;
    let of = |(line, row): (usize, &[&str])| {
        let text = row.get(latency).copied().unwrap_or_default();
        latency_ns(text).map_err(|what| csv.wrong(line, &what))
    };
    let all: Vec<i64> = csv.rows().map(of).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(source.wrong("no latency is in it")) } else { Ok(all) }
}

fn latency_ns(text: &str) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(ns) if ns >= 0 => Ok(ns),
        _ => number::duration_ns(text),
    }
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
        let ns = latency_ns(cell(latency)).map_err(|what| csv.wrong(line, &what))?;
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
