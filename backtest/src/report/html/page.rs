//! The page as a whole.

use std::sync::OnceLock;

use plotly::Plot;
use serde_json::{Map, Value};

use super::ReportInput;
use super::charts::{self, Chart, Distribution};
use super::figures::Figures;
use super::price::{self, INSTRUMENTS_SHOWN_MAX};
use super::table::facts;
use super::text::{count_of, escape, plural};
use super::{
    bands, cards, depth, execution, heat, money, risk, run_facts, signals, strategies, trades,
    warnings,
};

/// The style sheets, in the order in which later rules win.
const STYLES: [&str; 4] = [
    include_str!("palette.css"),
    include_str!("report.css"),
    include_str!("tables.css"),
    include_str!("media.css"),
];
const SCRIPTS: [&str; 2] = [include_str!("depth.js"), include_str!("report.js")];

/// The sections that the navigation leads to.
const PLACES: [(&str, &str); 7] = [
    ("equity", "Equity"),
    ("returns", "Returns"),
    ("price", "Price"),
    ("trades", "Trades"),
    ("execution", "Execution"),
    ("settings", "Settings"),
    ("reproduce", "Reproduce"),
];

/// The report as one HTML file that needs nothing else. The same input gives the same text.
#[must_use]
pub fn render(input: &ReportInput<'_>) -> String {
    let figures = Figures::of(input);
    let mut page = Page::default();
    page.overview(input, &figures);
    page.bands(input);
    page.returns(input, &figures);
    page.prices(input, &figures);
    page.trades(input, &figures);
    page.execution(input);
    page.facts(input, &figures);
    page.whole(input, &figures)
}

/// The script of Plotly, as its crate carries it: the first of the two scripts there. The other
/// one sets formulas, and there are none here.
fn plotly_script() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let sources = Plot::offline_js_sources();
        let script = sources.split("</script>").next().unwrap_or_default();
        script.split_once('>').map_or_else(String::new, |(_, text)| text.trim().to_owned())
    })
}

/// The sections written so far and the charts that stand in them.
#[derive(Default)]
struct Page {
    body: String,
    charts: Map<String, Value>,
    depths: Map<String, Value>,
}

impl Page {
    fn section(&mut self, id: &str, title: &str, note: &str, body: &str) {
        let note = match note {
            "" => String::new(),
            note => format!("<p class=\"note\">{}</p>\n", escape(note)),
        };
        self.body.push_str(&format!(
            "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\
             <h2 id=\"{id}-title\">{}</h2>\n{note}{body}</section>\n",
            escape(title)
        ));
    }

    fn chart(&mut self, chart: Chart) -> String {
        let html = chart.html();
        self.charts.insert(chart.id, chart.spec);
        html
    }

    fn overview(&mut self, input: &ReportInput<'_>, figures: &Figures) {
        self.body.push_str(&warnings::html(input));
        self.body.push_str(&cards::cards(input, figures));
        let log = if charts::can_be_logarithmic(figures) {
            "<button type=\"button\" class=\"toggle\" data-log=\"equity\" aria-pressed=\"false\">\
             Log scale</button>\n"
        } else {
            ""
        };
        let chart = self.chart(charts::equity(figures));
        let note = format!(
            "Equity at each close in {}, drawdown below. Buy and hold: the capital in equal parts \
             in each instrument at its first open, without fees.",
            cards::currency(input)
        );
        self.section("equity", "Equity and drawdown", &note, &format!("{log}{chart}"));
    }

    fn bands(&mut self, input: &ReportInput<'_>) {
        if let Some(bands) = &input.document.bands {
            let note = "The same data, strategy and seed, with other fills.";
            self.section("bands", "Optimistic and pessimistic fills", note, &bands::html(bands));
        }
    }

    fn returns(&mut self, input: &ReportInput<'_>, figures: &Figures) {
        let note = "In per cent, by calendar month (UTC). The first month counts from the initial \
                    capital; the last column is the whole year.";
        self.section("returns", "Monthly returns", note, &heat::monthly(input));
        let periods = input.outcome.periods_per_year;
        let closes = input.outcome.curve.len();
        let window = charts::sharpe_window(periods, closes);
        let share = if window == charts::half_year(periods) {
            "about half a year"
        } else {
            "a quarter of the run, as half a year is longer than that"
        };
        let window = count_of(window);
        let rolling = match charts::sharpe(input, figures) {
            _ if input.outcome.is_too_short() => {
                nothing("Not drawn: the run is too short for figures per year.")
            }
            Some(chart) => self.chart(chart),
            None => nothing(&format!(
                "Not drawn: it needs more than {window} closes with some change in them."
            )),
        };
        let distribution = Distribution::of(figures);
        let (histogram, histogram_note) = match distribution.chart() {
            Some(chart) => (self.chart(chart), distribution.note()),
            None => (nothing("Not drawn: the equity never moved."), String::new()),
        };
        self.body.push_str("<div class=\"pair\">\n");
        let note = format!(
            "Of the last {window} closes ({share}), annualised with {} closes a year.",
            count_of(periods.round() as usize)
        );
        self.section("distribution", "Distribution of returns", &histogram_note, &histogram);
        self.section("rolling", "Rolling Sharpe ratio", &note, &rolling);
        self.body.push_str("</div>\n<div class=\"pair\">\n");
        let clock = figures.clock;
        let comparison = cards::comparison(input, figures);
        self.section("comparison", "Strategy against buy and hold", "", &comparison);
        self.section("years", "Years", "", &heat::yearly(input));
        self.body.push_str("</div>\n");
        self.section("drawdowns", "Deepest drawdowns", "", &heat::deepest(input, clock));
    }

    fn prices(&mut self, input: &ReportInput<'_>, figures: &Figures) {
        let mut body = String::new();
        let count = input.series.len();
        for index in 0..count.min(INSTRUMENTS_SHOWN_MAX) {
            let Some(price) = price::price(input, figures, index) else { continue };
            if count > 1 {
                let symbol = escape(input.series[index].spec.symbol());
                body.push_str(&format!("<h3>{symbol}</h3>\n"));
            }
            if !price.note.is_empty() {
                body.push_str(&format!("<p class=\"note\">{}</p>\n", escape(&price.note)));
            }
            body.push_str(&self.chart(price.chart));
        }
        let note = if count > INSTRUMENTS_SHOWN_MAX {
            format!("The first {INSTRUMENTS_SHOWN_MAX} of {count} instruments.")
        } else {
            String::new()
        };
        self.section("price", "Price, entries and exits", &note, &body);
        let chart = self.chart(charts::exposure(figures));
        let note = "Market value of the positions over the equity at each close; net counts \
                    shorts as negative.";
        self.section("exposure", "Exposure", note, &chart);
    }

    fn trades(&mut self, input: &ReportInput<'_>, figures: &Figures) {
        let count = input.outcome.trips.len();
        let mut body = String::new();
        let note = if count == 0 {
            body.push_str(&nothing("No trade was closed."));
            String::new()
        } else {
            body.push_str(&facts(&cards::trade_statistics(input)));
            body.push_str(&trades::extremes(input, figures.clock));
            body.push_str(&format!(
                "<h3>All trades</h3>\n<p class=\"note\">{}</p>\n",
                escape(&trades::list_note(count))
            ));
            body.push_str(&trades::all(input, figures.clock));
            "A trade is a round trip from flat to flat, its profit after all fees. MAE and MFE: \
             the worst and the best price while it was open, against the entry price."
                .to_owned()
        };
        self.section("trades", "Trades", &note, &body);
        self.section("orders", "Orders", "", &run_facts::orders(input));
        if let Some(body) = strategies::section(input) {
            let note = "Realised by the average cost of each strategy's own position. Where \
                        several trade one instrument, that is another split between realised and \
                        open than the account's; the sums over both are the account's.";
            self.section("strategies", "Strategies", note, &body);
        }
        if let Some(body) = signals::section(input) {
            self.section("signals", "Signals", signals::NOTE, &body);
        }
        if let Some(body) = money::section(input) {
            let note = "Totals are in the currency of the account, at the rates of the end; the \
                        equity at those of each close. Trades are in their instrument's currency.";
            self.section("money", "Currencies and settlements", note, &body);
        }
        self.section("risk", "Risk gate", "", &risk::section(input));
    }

    fn execution(&mut self, input: &ReportInput<'_>) {
        let entry = &input.document.execution;
        if entry.orders.sent == 0 {
            return;
        }
        let note = "How the orders fared on their way. Slippage is against the middle of our \
                    book, or the last price, at the decision; positive is dearer.";
        self.section("execution", "Execution", note, &execution::summary(input));
        let list = execution::shown(entry);
        for &(index, of) in &list {
            let title = match list.len() {
                1 => "Fills and the market after them".to_owned(),
                _ => format!("Fills in {} and the market after them", of.symbol),
            };
            let mut body = execution::instrument(of, cards::currency(input));
            if let Some(unit) = entry.markout_unit
                && let Some(chart) = execution::markout_chart(of, index, unit)
            {
                let note = "Markouts: how far the market stood in favour of the fill that long \
                            after it, mean and standard error over fills, before fees.";
                body.push_str(&format!("<h3>Markouts</h3>\n<p class=\"note\">{note}</p>\n"));
                body.push_str(&self.chart(chart));
                body.push_str(&execution::markout_table(of, unit));
            }
            self.section(&format!("fills-{index}"), &title, "", &body);
        }
        for (id, samples) in &input.outcome.execution.books {
            let Some(view) = depth::view(input, *id, samples) else { continue };
            let symbol = input.outcome.specs[id.index()].symbol();
            let title = match input.outcome.specs.len() {
                1 => "Depth and fills".to_owned(),
                _ => format!("Depth and fills of {symbol}"),
            };
            self.depths.insert(view.id.clone(), view.data);
            self.section(&format!("book-{}", view.id), &title, &view.note, &view.html);
        }
    }

    fn facts(&mut self, input: &ReportInput<'_>, figures: &Figures) {
        self.section("settings", "Settings", "", &run_facts::settings(input));
        self.section("data", "Data", "", &run_facts::data(input, figures.clock));
        self.section("reproduce", "Reproduce this run", "", &run_facts::reproduce(input));
    }

    /// Puts everything into its frame. The scripts carry a mark, the policy names it: whatever
    /// else might get into the page as a script does not run.
    fn whole(self, input: &ReportInput<'_>, figures: &Figures) -> String {
        let document = input.document;
        let symbols = document.symbols.join(", ");
        let title = escape(&format!("{} on {symbols}", document.strategy));
        let nonce = escape(&document.determinism_hash);
        let text = |map| Value::Object(map).to_string().replace('<', "\\u003c");
        let (data, depths) = (text(self.charts), text(self.depths));
        let script = SCRIPTS.join("\n");
        let style = STYLES.join("\n");
        let nav: String = PLACES
            .iter()
            .map(|(id, name)| format!("<a href=\"#{id}\">{name}</a>"))
            .collect::<Vec<_>>()
            .join("\n");
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data: blob:; \
             base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{title} \u{2013} QuantTrade backtest</title>\n\
             <style>\n{style}</style>\n</head>\n<body>\n{}\
             <nav aria-label=\"Sections\">{nav}</nav>\n<main>\n\
             <noscript><p class=\"empty\">The charts need JavaScript; the tables do \
             not.</p></noscript>\n{}</main>\n{}\
             <script type=\"application/json\" id=\"chart-data\">{data}</script>\n\
             <script type=\"application/json\" id=\"depth-data\">{depths}</script>\n\
             <script nonce=\"{nonce}\">{}</script>\n\
             <script nonce=\"{nonce}\">\n{script}</script>\n</body>\n</html>\n",
            header(input, figures),
            self.body,
            footer(input),
            plotly_script(),
        )
    }
}

fn nothing(text: &str) -> String {
    format!("<p class=\"empty\">{}</p>\n", escape(text))
}

fn header(input: &ReportInput<'_>, figures: &Figures) -> String {
    let ranges = input.series.iter().zip(&figures.ranges);
    let shown = ranges.map(|(series, range)| &series.bars[range.clone()]);
    let first = shown.clone().filter_map(|bars| bars.first()).map(|bar| bar.open_ns).min();
    let last = shown.clone().filter_map(|bars| bars.last()).map(|bar| bar.close_ns).max();
    let events = match &input.outcome.records {
        Some(records) => plural(records.iter().sum(), "record"),
        None => plural(shown.map(|bars| bars.len() as u64).sum(), "bar"),
    };
    let clock = figures.clock;
    let period = match (first, last) {
        (Some(first), Some(last)) => {
            format!("{} to {}", clock.instant(first), clock.close(last))
        }
        _ => "no data".to_owned(),
    };
    let symbols = input.document.symbols.join(", ");
    let note = match input.generated_note {
        "" => String::new(),
        note => format!("<span>{}</span>", escape(note)),
    };
    format!(
        "<header><p class=\"over\">QuantTrade backtest report</p>\n\
         <h1>{} <span class=\"on\">on</span> {}</h1>\n\
         <p class=\"under\"><span>{period}</span><span>{}</span><span>{}</span>{note}</p>\
         </header>\n",
        escape(&input.document.strategy),
        escape(&symbols),
        events,
        escape(cards::currency(input)),
    )
}

fn footer(input: &ReportInput<'_>) -> String {
    format!(
        "<footer><p>QuantTrade {}. Past results say nothing certain about future ones. Charts by \
         Plotly.js (MIT licence).</p></footer>\n",
        escape(input.version)
    )
}
