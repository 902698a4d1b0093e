//! Tables on the terminal.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// One line below the header, and nothing else that is not a value.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table with `header`; columns whose title begins with `>` are right-aligned.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if !std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        // A pipe has no width: nothing is broken into lines for it.
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(header.iter().map(|title| title.trim_start_matches('>').to_owned()));
    table.add_rows(rows);
    for (column, title) in table.column_iter_mut().zip(header) {
        if title.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// How many characters a line of the terminal on standard error has.
pub fn terminal_width() -> usize {
    Table::new().use_stderr().width().map_or(usize::MAX, usize::from)
}

/// Lines of a name and a value, the names padded to one width.
pub fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let pairs: Vec<(&str, String)> = pairs.into_iter().collect();
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_pairs_line_up() {
        let text = table(&["name", ">count"], [vec!["a".to_owned(), "1,000".to_owned()]]);
        assert!(text.contains("name") && text.contains("1,000"), "{text}");
        assert_eq!(pairs([("a", "1".to_owned()), ("bcd", "2".to_owned())]), "a    1\nbcd  2");
    }
}
