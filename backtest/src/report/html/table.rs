//! Tables of the page: escaped cells, headers with their scope, a box that scrolls by itself.

use super::text::escape;

/// How a cell is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Tone {
    /// As text.
    #[default]
    Plain,
    /// A gain. The sign says so too.
    Gain,
    /// A loss. The sign says so too.
    Loss,
    /// A code or a hash.
    Code,
}

impl Tone {
    /// Gain or loss by the sign of `value`.
    #[must_use]
    pub fn of(value: Option<f64>) -> Self {
        match value {
            Some(value) if value > 0.0 => Self::Gain,
            Some(value) if value < 0.0 => Self::Loss,
            _ => Self::Plain,
        }
    }

    /// The class in the style sheet.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gain => "gain",
            Self::Loss => "loss",
            Self::Code => "code",
        }
    }
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// Plain text; it is escaped when the table is written.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }

    /// Text in a tone.
    #[must_use]
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its header.
    pub title: &'static str,
    /// Whether it holds numbers, which stand at the right.
    pub is_number: bool,
}

/// A column of text.
#[must_use]
pub const fn words(title: &'static str) -> Column {
    Column { title, is_number: false }
}

/// A column of numbers.
#[must_use]
pub const fn figures(title: &'static str) -> Column {
    Column { title, is_number: true }
}

/// A table. The first cell of each row is its header.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it shows, for those who cannot see it.
    pub label: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, as many cells each as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// Whether the box has a limited height.
    pub is_long: bool,
}

impl Table {
    /// The table in HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let long = if self.is_long { " long" } else { "" };
        let label = escape(&self.label);
        let mut html = format!(
            "<div class=\"scroll{long}\" role=\"region\" tabindex=\"0\" aria-label=\"{label}\">\
             <table><thead><tr>"
        );
        for column in &self.columns {
            let class = if column.is_number { " class=\"num\"" } else { "" };
            html.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escape(column.title)));
        }
        html.push_str("</tr></thead>\n<tbody>");
        for row in &self.rows {
            html.push_str("<tr>");
            for (at, (cell, column)) in row.iter().zip(&self.columns).enumerate() {
                html.push_str(&cell_html(cell, *column, at == 0));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
        html
    }
}

fn cell_html(cell: &Cell, column: Column, is_header: bool) -> String {
    let number = if column.is_number { "num" } else { "" };
    let classes = [number, cell.tone.class()];
    let classes: Vec<&str> = classes.into_iter().filter(|class| !class.is_empty()).collect();
    let class = if classes.is_empty() {
        String::new()
    } else {
        format!(" class=\"{}\"", classes.join(" "))
    };
    let text = escape(&cell.text);
    if is_header {
        format!("<th scope=\"row\"{class}>{text}</th>")
    } else {
        format!("<td{class}>{text}</td>")
    }
}

/// Pairs of a name and a value, as a list of definitions.
#[must_use]
pub fn facts(pairs: &[(String, Cell)]) -> String {
    let mut html = String::from("<dl class=\"facts\">");
    for (name, value) in pairs {
        let class = match value.tone.class() {
            "" => String::new(),
            class => format!(" class=\"{class}\""),
        };
        html.push_str(&format!(
            "<div><dt>{}</dt><dd{class}>{}</dd></div>\n",
            escape(name),
            escape(&value.text)
        ));
    }
    html.push_str("</dl>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_escaped_and_headers_have_a_scope() {
        let table = Table {
            label: "a \"b\"".to_owned(),
            columns: vec![words("Name"), figures("Gain")],
            rows: vec![vec![Cell::new("<b>"), Cell::toned("+1", Tone::Gain)]],
            is_long: false,
        };
        let html = table.html();
        assert!(html.contains("aria-label=\"a &quot;b&quot;\""));
        assert!(html.contains("<th scope=\"col\" class=\"num\">Gain</th>"));
        assert!(html.contains("<th scope=\"row\">&lt;b&gt;</th>"));
        assert!(html.contains("<td class=\"num gain\">+1</td>"));
    }

    #[test]
    fn facts_are_escaped() {
        let html = facts(&[("a<".to_owned(), Cell::toned("<i>", Tone::Code))]);
        assert!(html.contains("<dt>a&lt;</dt><dd class=\"code\">&lt;i&gt;</dd>"));
    }
}
