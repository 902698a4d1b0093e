//! One source with several instruments: one part for each.

use crate::error::DataError;
use crate::source::decimals::DecimalColumn;
use crate::source::rows::{LineMap, Rows, Texts};

/// Splits `rows` by instrument, in the order of their first rows; `wanted` picks one of several.
///
/// # Errors
/// When the instrument that is wanted is not among several.
pub fn by_symbol(mut rows: Rows, wanted: Option<&str>) -> Result<Vec<Rows>, DataError> {
    if rows.symbol_names.len() < 2 {
        return Ok(vec![rows]);
    }
    let picked: Vec<usize> = match wanted {
        None => (0..rows.symbol_names.len()).collect(),
        Some(wanted) => {
            let found = rows.symbol_names.iter().position(|name| name == wanted);
            vec![found.ok_or_else(|| DataError::Usage {
                what: format!("{}: there is no instrument '{wanted}' in it", rows.source.path),
                fix: format!("Use one of: {}", rows.symbol_names.join(", ")),
            })?]
        }
    };
    // Findings about single rows are known by line only: they belong to the first part.
    let mut findings = std::mem::take(&mut rows.findings);
    let parts = picked.into_iter().map(|symbol| {
        let mut part = part(&rows, symbol);
        part.findings = std::mem::take(&mut findings);
        part
    });
    Ok(parts.collect())
}

fn part(rows: &Rows, symbol: usize) -> Rows {
    let indexes: Vec<usize> =
        (0..rows.len()).filter(|row| usize::from(rows.symbols[*row]) == symbol).collect();
    let mut part = Rows::new(&rows.layout, rows.form, 0);
    part.facts = rows.facts;
    part.stamps = indexes.iter().map(|row| rows.stamps[*row]).collect();
    if !rows.received.is_empty() {
        part.received = indexes.iter().map(|row| rows.received[*row]).collect();
    }
    part.numbers = rows
        .numbers
        .iter()
        .map(|(field, column)| {
            let mantissas = indexes.iter().map(|row| column.mantissas[*row]).collect();
            (*field, DecimalColumn { mantissas, rounded_first: None, ..column.clone() })
        })
        .collect();
    let (mut texts, mut lines) = (Texts::default(), LineMap::default());
    for (index, row) in indexes.iter().enumerate() {
        if let Some(text) = rows.texts.get(*row) {
            texts.push(text, None);
        }
        if let Some(line) = rows.lines.line(*row) {
            lines.push(index, line);
        }
    }
    (part.texts, part.lines) = (texts, lines);
    if !rows.aggressors.is_empty() {
        part.aggressors = indexes.iter().map(|row| rows.aggressors[*row]).collect();
    }
    part.symbols = vec![0; indexes.len()];
    part.symbol_names = vec![rows.symbol_names[symbol].clone()];
    part.notes.clone_from(&rows.notes);
    part.source.clone_from(&rows.source);
    part
}
