//! What the first lines of a text tell: separator, header, meaning of the columns.

use super::Format;
use super::field::{Role, key};
use super::layout::Layout;
use super::number::Number;
use super::parser::{COLUMNS_MAX, is_skipped, shown, unquote};
use crate::error::DataError;
use crate::series::DataKind;
use crate::stamp::{EpochUnit, StampForm};

/// Rows that are looked at.
const SAMPLE_ROWS: usize = 200;
/// What some programs write before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a text is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Between the cells of a line.
    pub separator: u8,
    /// What the columns mean.
    pub layout: Layout,
    /// Whether a column says who took liquidity.
    pub sided: bool,
    /// Bytes before the first row.
    pub skip_bytes: usize,
    /// Lines before the first row.
    pub skip_lines: u64,
    /// How the stamps are written.
    pub form: StampForm,
    /// How the times of receipt are written; `None` without any that can be told.
    pub received: Option<StampForm>,
    /// The format in words: `csv, header`.
    pub label: String,
}

// A line of the sample: its number from 0, where it begins and ends, and its text.
struct Line<'t> {
    index: u64,
    begin: usize,
    end: usize,
    text: &'t [u8],
}

/// Finds out how to read a text that begins with `head`; `whole` says that this is all of it.
///
/// # Errors
/// When it is empty, has a header only, is no text, or of no known layout.
pub fn recognise(
    path: &str,
    head: &[u8],
    whole: bool,
    format: Option<Format>,
) -> Result<Dialect, DataError> {
    check_text(path, head)?;
    let unknown = |what: String| DataError::UnknownFormat {
        path: path.to_owned(),
        what,
        fix: "Name the columns in a header line, as date,open,high,low,close,volume, or say what \
              the file is with --format"
            .to_owned(),
        supported: Format::list(),
    };
    let mut lines = sample(head);
    // A spreadsheet's hint, and a title line as some vendors put before the header.
    while lines.len() > 1 && is_preamble(lines[0].text, lines[1].text) {
        lines.remove(0);
    }
    let Some(first) = lines.first() else {
        return Err(DataError::Empty { path: path.to_owned() });
    };
    let separator = separator_of(first.text);
    let cells = split(first.text, separator);
    if cells.len() > COLUMNS_MAX {
        return Err(unknown(format!("the first line has {} cells", cells.len())));
    }
    if first.text.first().is_some_and(|byte| matches!(byte, b'{' | b'[')) {
        return Err(unknown("it looks like JSON".to_owned()));
    }
    let header = !cells.iter().any(|cell| is_data(cell));
    let (names, rows_at) =
        if header { header_names(cells, &lines, separator) } else { (vec![], 0) };
    let rows: Vec<Vec<String>> =
        lines[rows_at..].iter().map(|line| split(line.text, separator)).collect();
    if rows.is_empty() {
        if whole || lines.len() > 1 {
            return Err(DataError::HeaderOnly { path: path.to_owned(), header: shown(first.text) });
        }
        return Err(unknown("the first line has no end".to_owned()));
    }
    let (layout, label) = if header {
        named(&names, format).map_err(unknown)?
    } else {
        headerless(&rows, format).map_err(unknown)?
    };
    let (skip_bytes, skip_lines) = match rows_at.checked_sub(1) {
        Some(last) => (lines[last].end, lines[last].index + 1),
        None => (lines[0].begin, lines[0].index),
    };
    let form = stamp_form(&layout, &rows).map_err(unknown)?;
    let received = received_form(&layout, &rows);
    let sided = layout.has(Role::Side) || layout.has(Role::BuyerMaker);
    let label = format!("{label}, {}", form.text());
    Ok(Dialect { separator, layout, sided, skip_bytes, skip_lines, form, received, label })
}

fn check_text(path: &str, head: &[u8]) -> Result<(), DataError> {
    let wrong = |what, offset: usize, fix| {
        Err(DataError::NotText { path: path.to_owned(), what, offset: offset as u64, fix })
    };
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return wrong("the text is UTF-16", 0, "Save it as UTF-8");
    }
    if let Some(offset) = memchr::memchr(0, head) {
        let fix = "Name a file of market data, or unpack it first";
        return wrong("this is binary data, no table of text", offset, fix);
    }
    let part = &head[..head.len().min(1 << 16)];
    // Names in a local alphabet are fine; a cut through the last letter is ours.
    let foreign = match std::str::from_utf8(part) {
        Ok(_) => false,
        Err(error) => error.error_len().is_some(),
    };
    let strange = |byte: &u8| matches!(byte, 1..=8 | 14..=31) || (foreign && *byte > 126);
    let count = part.iter().filter(|byte| strange(byte)).count();
    if count * 10 > part.len() {
        let offset = part.iter().position(strange).unwrap_or(0);
        let fix = "Name a file of market data, or unpack it first";
        return wrong("this is binary data, no table of text", offset, fix);
    }
    Ok(())
}

// The first lines that are neither blank nor comments.
fn sample(head: &[u8]) -> Vec<Line<'_>> {
    let (mut lines, mut at, mut index) = (Vec::new(), 0, 0);
    while at < head.len() && lines.len() < SAMPLE_ROWS {
        let end = memchr::memchr(b'\n', &head[at..]).map_or(head.len(), |length| at + length + 1);
        let mark = if at == 0 && head.starts_with(BYTE_ORDER_MARK) { 3 } else { 0 };
        let begin = at + mark;
        let text = head[begin..end].trim_ascii_end();
        if !is_skipped(text) {
            lines.push(Line { index, begin, end, text });
        }
        at = end;
        index += 1;
    }
    lines
}

fn is_preamble(line: &[u8], next: &[u8]) -> bool {
    let cells = |line: &[u8]| split(line, separator_of(line)).len();
    line.starts_with(b"sep=") || (cells(line) == 1 && cells(next) > 2)
}

// The separator that cuts the line into most cells.
fn separator_of(line: &[u8]) -> u8 {
    let plain = unquote(line, b'\n');
    let count = |separator: &u8| memchr::memchr_iter(*separator, &plain).count();
    // On a tie the comma wins, then in this order.
    *b"|\t;,".iter().max_by_key(|separator| count(separator)).unwrap_or(&b',')
}

fn split(line: &[u8], separator: u8) -> Vec<String> {
    let plain = unquote(line, separator);
    let cells = plain.split(|byte| *byte == separator);
    cells.map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect()
}

// A number, a stamp or a truth value: what no column is called.
fn is_data(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    Number::parse(bytes).is_ok() || StampForm::of(bytes, None).is_some()
}

// The names, and where among the lines the rows begin. One writer of data frames puts two more
// lines below the names: the ticker of each column, and the name of the first one.
fn header_names(mut names: Vec<String>, lines: &[Line<'_>], separator: u8) -> (Vec<String>, usize) {
    let below = |at: usize| lines.get(at).map(|line| split(line.text, separator));
    let ticker = below(1).is_some_and(|cells| key(&cells[0]) == "ticker");
    if let Some(third) = below(2).filter(|_| ticker)
        && third[1..].iter().all(String::is_empty)
    {
        names[0].clone_from(&third[0]);
        return (names, 3);
    }
    (names, 1)
}

fn named(names: &[String], format: Option<Format>) -> Result<(Layout, String), String> {
    let layout = Layout::from_names(names, format.and_then(Format::kind))?;
    let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
    let name = match format {
        Some(format) => format.name(),
        None if keys.iter().any(|key| key == "takerbuyvolume") => Format::BinanceKlines.name(),
        None if keys.iter().any(|key| key == "adjclose") => Format::Yahoo.name(),
        None => Format::Csv.name(),
    };
    Ok((layout, format!("{name}, header")))
}

fn stamp_form(layout: &Layout, rows: &[Vec<String>]) -> Result<StampForm, String> {
    let column = |role| layout.roles.iter().position(|other| *other == role);
    let Some(stamp) = column(Role::Stamp) else {
        return Err("no column holds the time".to_owned());
    };
    let clock = column(Role::Clock);
    let form = |row: &Vec<String>| {
        let clock = clock.and_then(|clock| row.get(clock)).map(String::as_bytes);
        StampForm::of(row.get(stamp)?.as_bytes(), clock)
    };
    rows.iter().find_map(form).ok_or_else(|| {
        let cell = rows[0].get(stamp).map_or("", String::as_str);
        let name = layout.name_of(Role::Stamp);
        format!("the column '{name}' holds no time: '{}'", shown(cell.as_bytes()))
    })
}

fn received_form(layout: &Layout, rows: &[Vec<String>]) -> Option<StampForm> {
    let column = layout.roles.iter().position(|role| *role == Role::Received)?;
    rows.iter().find_map(|row| StampForm::of(row.get(column)?.as_bytes(), None))
}

// A table without names is recognised by what its cells look like.
fn headerless(rows: &[Vec<String>], format: Option<Format>) -> Result<(Layout, String), String> {
    let width = rows[0].len();
    let candidates = format.map_or_else(
        || SHAPES.iter().collect::<Vec<_>>(),
        |format| SHAPES.iter().filter(|shape| shape.fits_format(format)).collect(),
    );
    let seen: Vec<&Vec<String>> = rows.iter().filter(|row| row.len() == width).collect();
    // Bad rows are for the gate to find: nine of ten rows decide.
    let fits = |shape: &Shape| {
        shape.widths.contains(&width)
            && seen.iter().filter(|row| (shape.fits)(row)).count() * 10 >= seen.len() * 9
    };
    let found = candidates.into_iter().find(|shape| fits(shape));
    let Some(shape) = found else {
        let wanted = format.map_or("no known layout", |_| "not the layout of that format");
        return Err(format!(
            "the first line is no header, and its {width} cells are {wanted}: '{}'",
            shown(rows[0].join(",").as_bytes())
        ));
    };
    let mut names: Vec<String> = shape.names.iter().map(|name| (*name).to_owned()).collect();
    names.resize(width, "extra".to_owned());
    let layout = Layout::from_names(&names, Some(shape.kind))?;
    Ok((layout, format!("{}, no header", shape.format.name())))
}

// One layout without a header.
struct Shape {
    format: Format,
    kind: DataKind,
    widths: &'static [usize],
    names: &'static [&'static str],
    fits: fn(&[String]) -> bool,
}

impl Shape {
    fn fits_format(&self, format: Format) -> bool {
        let general =
            matches!(format, Format::Bars | Format::Trades | Format::Quotes | Format::Values);
        self.format == format
            || format == Format::Csv
            || (general && format.kind() == Some(self.kind))
    }
}

const SHAPES: &[Shape] = &[
    Shape {
        format: Format::BinanceKlines,
        kind: DataKind::Bars,
        widths: &[11, 12],
        names: &["open_time", "open", "high", "low", "close", "volume", "close_time"],
        fits: |row| is_epoch(&row[0]) && is_bar(&row[1..5]) && is_epoch(&row[6]),
    },
    Shape {
        format: Format::BinanceTrades,
        kind: DataKind::Trades,
        widths: &[6, 7],
        names: &["id", "price", "qty", "quote_qty", "time", "is_buyer_maker"],
        fits: |row| numbers(&row[..4]).is_some() && is_epoch(&row[4]) && is_truth(&row[5]),
    },
    Shape {
        format: Format::BinanceAggTrades,
        kind: DataKind::Trades,
        widths: &[7, 8],
        names: &["id", "price", "qty", "first_id", "last_id", "time", "is_buyer_maker"],
        fits: |row| numbers(&row[..5]).is_some() && is_epoch(&row[5]) && is_truth(&row[6]),
    },
    Shape {
        format: Format::BinanceBookTicker,
        kind: DataKind::Quotes,
        widths: &[7],
        names: &[
            "update_id",
            "best_bid_price",
            "best_bid_qty",
            "best_ask_price",
            "best_ask_qty",
            "transaction_time",
            "event_time",
        ],
        fits: |row| numbers(&row[..5]).is_some() && is_epoch(&row[5]) && is_epoch(&row[6]),
    },
    Shape {
        format: Format::KrakenTrades,
        kind: DataKind::Trades,
        widths: &[3],
        names: &["timestamp", "price", "volume"],
        fits: |row| is_epoch(&row[0]) && numbers(&row[1..]).is_some(),
    },
    Shape {
        format: Format::HistData,
        kind: DataKind::Quotes,
        widths: &[3, 4],
        names: &["timestamp", "bid", "ask"],
        fits: |row| is_time(&row[0]) && numbers(&row[1..3]).is_some_and(|sides| sides[0] > 0.0),
    },
    Shape {
        format: Format::Csv,
        kind: DataKind::Bars,
        widths: &[5, 6, 7, 8],
        names: &["timestamp", "open", "high", "low", "close", "volume"],
        fits: |row| is_stamp(&row[0]) && is_bar(&row[1..5]),
    },
    Shape {
        format: Format::Csv,
        kind: DataKind::Bars,
        widths: &[6, 7, 8, 9],
        names: &["date", "time", "open", "high", "low", "close", "volume"],
        fits: |row| {
            StampForm::of(row[0].as_bytes(), Some(row[1].as_bytes())).is_some()
                && is_bar(&row[2..6])
        },
    },
    Shape {
        format: Format::Csv,
        kind: DataKind::Values,
        widths: &[2],
        names: &["timestamp", "value"],
        fits: |row| is_stamp(&row[0]) && numbers(&row[1..]).is_some(),
    },
];

fn is_stamp(cell: &str) -> bool {
    StampForm::of(cell.as_bytes(), None).is_some()
}

fn is_time(cell: &str) -> bool {
    StampForm::of(cell.as_bytes(), None) == Some(StampForm::DateTime)
}

fn is_epoch(cell: &str) -> bool {
    let form = StampForm::of(cell.as_bytes(), None);
    matches!(
        form,
        Some(StampForm::Epoch(EpochUnit::Seconds | EpochUnit::Millis | EpochUnit::Micros))
    )
}

fn is_truth(cell: &str) -> bool {
    cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false")
}

// The cells as numbers, for comparing only.
fn numbers(cells: &[String]) -> Option<Vec<f64>> {
    let number = |cell: &String| {
        let number = Number::parse(cell.as_bytes()).ok()?;
        Some(number.mantissa as f64 / 10_f64.powi(number.scale as i32))
    };
    cells.iter().map(number).collect()
}

// Open, high, low, close in this order: the magnitudes and the order of high and low are those of
// prices.
fn is_bar(cells: &[String]) -> bool {
    numbers(cells).is_some_and(|prices| {
        let (high, low) = (prices[1], prices[2]);
        low > 0.0 && high >= low && prices[0] < high * 2.0 && prices[3] < high * 2.0
    })
}

#[cfg(test)]
mod tests;
