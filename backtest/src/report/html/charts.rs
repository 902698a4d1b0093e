//! The charts over time and the distribution of returns. A chart is data for Plotly; colours are
//! names of the style sheet (`--own`), which the page's script replaces, so that charts follow
//! the light and the dark palette.

use serde_json::{Value, json};

use super::ReportInput;
use super::figures::Figures;
use super::text::{Sign, escape, number, percent, plural, significant};
use super::thin::{thin, union};
use crate::report::tables::rolling_sharpe;

/// Points of one line at most.
pub const POINTS_MAX: usize = 3_000;
const DAY_MS: i64 = 86_400_000;
/// Bars of the histogram.
const BINS: usize = 61;
/// Closes that a Sharpe ratio needs at least to say something.
const WINDOW_MIN: usize = 20;
/// Points up to which a line shows each of them.
const DOTS_MAX: usize = 40;

/// A chart of the page.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Its name within the page.
    pub id: String,
    /// What it shows, for those who cannot see it.
    pub label: String,
    /// Its height: `tall`, `middle` or `low`.
    pub height: &'static str,
    /// Traces and layout.
    pub spec: Value,
}

impl Chart {
    /// The place of the chart in the page.
    #[must_use]
    pub fn html(&self) -> String {
        format!(
            "<div class=\"chart {}\" id=\"chart-{}\" data-chart=\"{}\" role=\"img\" \
             aria-label=\"{}\"></div>\n",
            self.height,
            self.id,
            self.id,
            escape(&self.label)
        )
    }
}

/// Numbers with eight digits, null where there is none.
pub fn numbers(values: &[f64], picked: &[usize]) -> Value {
    picked.iter().map(|&at| significant(values[at])).collect()
}

/// The time axis of all charts.
pub fn time_axis(of: &Figures) -> Value {
    let hover = if of.clock.is_daily { "%a %d %b %Y" } else { "%a %d %b %Y %H:%M" };
    let mut axis = json!({"type": "date", "hoverformat": hover, "rangebreaks": of.breaks});
    if let [only_ns] = of.times_ns[..] {
        // Around a lone point the axis would show parts of a millisecond.
        let middle_ms = of.clock.close_ms(only_ns);
        axis["range"] = json!([middle_ms - DAY_MS, middle_ms + DAY_MS]);
    }
    axis
}

fn times(of: &Figures, picked: &[usize]) -> Value {
    picked.iter().map(|&at| of.clock.close_ms(of.times_ns[at])).collect()
}

/// A lone point draws no line: few points are shown as such.
fn mode(points: usize) -> &'static str {
    if points <= DOTS_MAX { "lines+markers" } else { "lines" }
}

/// Equity against buy and hold, with the drawdown below.
#[must_use]
pub fn equity(of: &Figures) -> Chart {
    let third = POINTS_MAX / 3;
    let picked =
        union(&[thin(&of.equity, third), thin(&of.benchmark, third), thin(&of.drawdown, third)]);
    let (x, mode) = (times(of, &picked), mode(picked.len()));
    let mut axis = time_axis(of);
    axis["anchor"] = json!("y2");
    let spec = json!({
        "traces": [
            {
                "type": "scatter", "mode": mode, "name": "Buy and hold", "x": x.clone(),
                "y": numbers(&of.benchmark, &picked),
                "line": {"color": "--held", "width": 1.3},
                "hovertemplate": "%{y:,.2f}",
            },
            {
                "type": "scatter", "mode": mode, "name": "Strategy", "x": x.clone(),
                "y": numbers(&of.equity, &picked),
                "line": {"color": "--own", "width": 2},
                "hovertemplate": "%{y:,.2f}",
            },
            {
                "type": "scatter", "mode": mode, "name": "Drawdown", "x": x, "yaxis": "y2",
                "y": numbers(&of.drawdown, &picked),
                "line": {"color": "--loss", "width": 1},
                "fill": "tozeroy", "fillcolor": "--loss-soft", "showlegend": false,
                "hovertemplate": "%{y:.2%}",
            },
        ],
        "layout": {
            "xaxis": axis,
            "yaxis": {"domain": [0.34, 1], "tickformat": "~s"},
            "yaxis2": {"domain": [0, 0.26], "tickformat": ".3~p", "nticks": 4},
            "hovermode": "x unified", "hoversubplots": "axis",
        },
    });
    let label = "Equity of the strategy and of buy and hold over time, with the drawdown below";
    Chart { id: "equity".to_owned(), label: label.to_owned(), height: "tall", spec }
}

/// Whether all points of the equity chart can stand on a logarithmic axis.
#[must_use]
pub fn can_be_logarithmic(of: &Figures) -> bool {
    of.equity.iter().chain(&of.benchmark).all(|&value| value > 0.0)
}

/// The share of the equity that is in the market.
#[must_use]
pub fn exposure(of: &Figures) -> Chart {
    let differ = of.net.iter().zip(&of.gross).any(|(net, gross)| (net - gross).abs() > 1e-12);
    let picked = if differ {
        union(&[thin(&of.net, POINTS_MAX / 2), thin(&of.gross, POINTS_MAX / 2)])
    } else {
        thin(&of.net, POINTS_MAX)
    };
    let x = times(of, &picked);
    let mut traces = vec![json!({
        "type": "scatter", "mode": mode(picked.len()), "name": "Net", "x": x.clone(),
        "y": numbers(&of.net, &picked),
        "line": {"color": "--own", "width": 1, "shape": "hv"},
        "fill": "tozeroy", "fillcolor": "--own-soft", "hovertemplate": "%{y:.1%}",
    })];
    if differ {
        traces.push(json!({
            "type": "scatter", "mode": mode(picked.len()), "name": "Gross", "x": x,
            "y": numbers(&of.gross, &picked),
            "line": {"color": "--held", "width": 1.2, "shape": "hv", "dash": "dot"},
            "hovertemplate": "%{y:.1%}",
        }));
    }
    let spec = json!({
        "traces": traces,
        "layout": {
            "xaxis": time_axis(of), "yaxis": {"tickformat": ".3~p", "rangemode": "tozero"},
            "hovermode": "x unified", "showlegend": differ,
        },
    });
    let label = "Value of the positions over the equity, over time";
    Chart { id: "exposure".to_owned(), label: label.to_owned(), height: "low", spec }
}

/// Closes in half a year, at least twenty.
#[must_use]
pub fn half_year(periods_per_year: f64) -> usize {
    (periods_per_year / 2.0).round().max(WINDOW_MIN as f64) as usize
}

/// The window of the rolling Sharpe ratio: half a year, but at most a quarter of the run, so that
/// a short run has a line to see. At least twenty closes.
#[must_use]
pub fn sharpe_window(periods_per_year: f64, closes: usize) -> usize {
    half_year(periods_per_year).min((closes / 4).max(WINDOW_MIN))
}

/// The rolling Sharpe ratio; `None` when the run is shorter than its window.
#[must_use]
pub fn sharpe(input: &ReportInput<'_>, of: &Figures) -> Option<Chart> {
    let periods = input.outcome.periods_per_year;
    let window = sharpe_window(periods, of.times_ns.len());
    let rate = input.config.risk_free_rate;
    let ratios: Vec<f64> = rolling_sharpe(&input.outcome.curve, window, periods, rate)
        .into_iter()
        .map(|ratio| ratio.unwrap_or(f64::NAN))
        .collect();
    let first = ratios.iter().position(|ratio| ratio.is_finite())?;
    let picked: Vec<usize> =
        thin(&ratios[first..], POINTS_MAX / 2).into_iter().map(|at| at + first).collect();
    let spec = json!({
        "traces": [{
            "type": "scatter", "mode": mode(picked.len()), "name": "Sharpe ratio",
            "x": times(of, &picked), "y": numbers(&ratios, &picked),
            "line": {"color": "--own", "width": 1.5}, "hovertemplate": "%{y:.2f}",
        }],
        "layout": {
            "xaxis": time_axis(of), "yaxis": {"tickformat": ".1f"},
            "hovermode": "x unified", "showlegend": false,
            "shapes": [across(0.0, "--muted", "dot")],
        },
    });
    let label = format!("Sharpe ratio of the last {window} closes over time");
    Some(Chart { id: "sharpe".to_owned(), label, height: "middle", spec })
}

fn across(y: f64, color: &str, dash: &str) -> Value {
    json!({
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y,
        "line": {"color": color, "width": 1, "dash": dash},
    })
}

fn upright(x: f64, color: &str, dash: &str) -> Value {
    json!({
        "type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x,
        "line": {"color": color, "width": 1.5, "dash": dash},
    })
}

/// The returns of the closes at which the equity moved.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// In ascending order.
    returns: Vec<f64>,
    mean: f64,
    /// Closes without a change, which are left out.
    flat: usize,
}

impl Distribution {
    /// The returns of a run.
    #[must_use]
    pub fn of(figures: &Figures) -> Self {
        let all = figures.equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0);
        let mut returns: Vec<f64> = all.filter(|r| r.is_finite() && *r != 0.0).collect();
        returns.sort_by(f64::total_cmp);
        let mean = returns.iter().sum::<f64>() / returns.len().max(1) as f64;
        let flat = figures.equity.len().saturating_sub(1) - returns.len();
        Self { returns, mean, flat }
    }

    /// One sentence on what the histogram shows.
    #[must_use]
    pub fn note(&self) -> String {
        let flat = match self.flat {
            0 => String::new(),
            1 => "; one close without a change is left out".to_owned(),
            flat => format!("; {} without a change are left out", plural(flat as u64, "close")),
        };
        let gains = self.returns.iter().filter(|r| **r > 0.0).count();
        let share = gains as f64 / self.returns.len().max(1) as f64;
        format!(
            "Returns from close to close: mean {}, worst {}, best {}, {} above zero{flat}.",
            small(self.mean),
            small(self.returns.first().copied().unwrap_or(f64::NAN)),
            small(self.returns.last().copied().unwrap_or(f64::NAN)),
            percent(Some(share), Sign::Minus),
        )
    }

    /// The histogram; `None` when no close moved the equity.
    #[must_use]
    pub fn chart(&self) -> Option<Chart> {
        let (low, high) = self.bounds()?;
        // Zero is an edge, so that no bar mixes losses and gains.
        let width = (high - low) / BINS as f64;
        let first = (low / width).floor();
        let bins = ((high / width).ceil() - first).max(1.0) as usize;
        let mut counts = vec![0_u64; bins];
        for r in &self.returns {
            let at = (r.clamp(low, high) / width).floor() - first;
            counts[(at.max(0.0) as usize).min(bins - 1)] += 1;
        }
        // Few closes are counted one by one, not by halves.
        let step = if counts.iter().all(|&count| count <= 8) { json!(1) } else { Value::Null };
        let middle = |at: usize| (first + at as f64 + 0.5) * width;
        let x: Vec<_> = (0..bins).map(|at| significant(middle(at))).collect();
        let ranges: Vec<String> = (0..bins)
            .map(|at| {
                (small((first + at as f64) * width), small((first + at as f64 + 1.0) * width))
            })
            .map(|(from, to)| format!("{from} to {to}"))
            .collect();
        let colors: Vec<&str> =
            (0..bins).map(|at| if middle(at) > 0.0 { "--gain" } else { "--loss" }).collect();
        let spec = json!({
            "traces": [{
                "type": "bar", "x": x, "y": counts, "customdata": ranges,
                "marker": {"color": colors, "opacity": 0.85},
                "hovertemplate": "%{customdata}<br>%{y:,} closes<extra></extra>",
            }],
            "layout": {
                "bargap": 0.06, "showlegend": false, "hovermode": "closest",
                "xaxis": {"tickformat": ".3~p", "nticks": 9},
                "yaxis": {"tickformat": ",d", "dtick": step},
                "shapes": [upright(0.0, "--muted", "solid"), upright(self.mean, "--own", "dash")],
                "annotations": [{
                    "x": self.mean, "y": 1, "yref": "paper", "yanchor": "bottom",
                    "text": format!("mean {}", small(self.mean)), "showarrow": false,
                    "font": {"color": "--own"},
                }],
            },
        });
        let label = format!("Histogram of the returns. {}", self.note());
        Some(Chart { id: "distribution".to_owned(), label, height: "middle", spec })
    }

    /// The range of the histogram: what one return in five hundred exceeds on either side goes
    /// into the outermost bars.
    fn bounds(&self) -> Option<(f64, f64)> {
        let last = self.returns.len().checked_sub(1)?;
        let aside = last / 500;
        let (low, high) = (self.returns[aside], self.returns[last - aside]);
        if high > low { Some((low, high)) } else { Some((low - 1e-6, high + 1e-6)) }
    }
}

/// A return as per cent, with more digits when it is small.
fn small(value: f64) -> String {
    let decimals = if value.abs() < 0.001 { 4 } else { 2 };
    format!("{}%", number(value * 100.0, decimals, Sign::Both))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(returns: &[f64]) -> Distribution {
        let mut sorted = returns.to_vec();
        sorted.sort_by(f64::total_cmp);
        Distribution { mean: 0.0, returns: sorted, flat: 0 }
    }

    #[test]
    fn every_return_is_in_one_bar() {
        for returns in [vec![0.01], vec![-0.02, 0.03], (1..2_000).map(f64::from).collect()] {
            let chart = distribution(&returns).chart().unwrap();
            let trace = &chart.spec["traces"][0];
            let counted: u64 =
                trace["y"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
            assert_eq!(counted, returns.len() as u64);
        }
        assert!(distribution(&[]).chart().is_none());
    }

    #[test]
    fn zero_is_an_edge_of_the_histogram() {
        let chart = distribution(&[-0.031, -0.001, 0.002, 0.05]).chart().unwrap();
        let trace = &chart.spec["traces"][0];
        let bars = trace["x"].as_array().unwrap().iter().zip(trace["y"].as_array().unwrap());
        let losses: u64 =
            bars.filter(|(x, _)| x.as_f64().unwrap() < 0.0).map(|(_, y)| y.as_u64().unwrap()).sum();
        assert_eq!(losses, 2);
    }

    #[test]
    fn the_window_is_half_a_year_or_a_quarter_of_a_short_run() {
        assert_eq!(sharpe_window(252.0, 5_000), 126);
        assert_eq!(sharpe_window(12.0, 5_000), 20);
        assert_eq!(sharpe_window(525_600.0, 2_000_000), 262_800);
        assert_eq!(sharpe_window(525_600.0, 1_000), 250);
        assert_eq!(sharpe_window(525_600.0, 1), 20);
    }
}
