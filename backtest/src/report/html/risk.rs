//! The risk gate: which limits there were, what was denied and why, and how near the run came.

use qt_risk::{Allowed, CONTROLS, ProfileName, Reject};

use super::ReportInput;
use super::run_facts::pair;
use super::table::{Cell, Table, Tone, facts, figures, words};
use super::text::{count, escape};
use crate::report::risk::{RiskDocument, limits};

/// The section of the gate.
#[must_use]
pub fn section(input: &ReportInput<'_>) -> String {
    let outcome = &input.outcome.risk;
    let profile = &outcome.limits.profile;
    let source = match &outcome.limits.file {
        Some(file) => format!("{}, from {file}", profile.name().text()),
        None => format!("{}, as delivered", profile.name().text()),
    };
    let allowed = match profile.allowed() {
        Allowed::All => "all".to_owned(),
        Allowed::Given => "those that the run was given".to_owned(),
        Allowed::Only(symbols) => symbols.iter().cloned().collect::<Vec<_>>().join(", "),
    };
    let document = RiskDocument::new(outcome);
    let mut html = facts(&[
        pair("Profile", source),
        pair("Instruments that may be traded", allowed),
        pair("Orders denied by a control", count(outcome.denials())),
        pair("Warnings at soft limits", count(outcome.warnings())),
    ]);
    if profile.name() == ProfileName::Research && outcome.limits.file.is_none() {
        html.push_str(
            "<p class=\"note\">Its limits are so wide that none holds a backtest back: what \
             restricts orders here is the account and the settings of the run.</p>\n",
        );
    }
    html.push_str(&denied(&document));
    html.push_str(&rejects(input));
    html.push_str(&lowest(&document));
    html.push_str(&headroom(&document));
    html.push_str(&numbers(input));
    html
}

/// The controls that said something.
fn denied(document: &RiskDocument) -> String {
    let told = |entry: &&crate::report::risk::ControlEntry| entry.denials + entry.warnings > 0;
    let rows: Vec<Vec<Cell>> = document
        .controls
        .iter()
        .filter(told)
        .map(|entry| {
            vec![
                Cell::new(format!("{} {}", entry.control, entry.name)),
                Cell::new(count(entry.denials)),
                Cell::new(count(entry.warnings)),
            ]
        })
        .collect();
    if rows.is_empty() {
        return format!(
            "<p class=\"empty\">None of the {} controls denied an order or warned.</p>\n",
            CONTROLS.len()
        );
    }
    let columns = vec![words("Control"), figures("Denied"), figures("Warned")];
    let label = "Denials and warnings by control".to_owned();
    format!("<h3>By control</h3>\n{}", Table { label, columns, rows, is_long: false }.html())
}

/// The last rejection of each control, field by field.
fn rejects(input: &ReportInput<'_>) -> String {
    let list = input.outcome.risk.controls.iter();
    let rejects: Vec<&Reject> = list.filter_map(|control| control.last.as_ref()).collect();
    if rejects.is_empty() {
        return String::new();
    }
    let rows = rejects.iter().map(|reject| {
        let fields = reject.fields();
        let value = |name: &str| {
            let found = fields.iter().find(|(known, _)| *known == name);
            found.map_or_else(String::new, |(_, value)| value.clone())
        };
        let cell = |name: &str| Cell::new(value(name));
        vec![
            Cell::new(value("control")),
            Cell::toned(value("code"), Tone::Code),
            cell("level"),
            cell("observed"),
            cell("limit"),
            cell("unit"),
            cell("reference"),
            Cell::new(qt_data::stamp::iso_text(reject.at_ns.get())),
            cell("retry"),
        ]
    });
    let columns = vec![
        words("Control"),
        words("Code"),
        words("Level"),
        figures("Observed"),
        figures("Limit"),
        words("Unit"),
        words("Reference price"),
        words("Time"),
        words("Retry"),
    ];
    let label = "The last rejection of each control".to_owned();
    let table = Table { label, columns, rows: rows.collect(), is_long: false };
    format!("<h3>The last rejection of each</h3>\n{}", table.html())
}

/// How near the orders of the run came to each limit.
fn lowest(document: &RiskDocument) -> String {
    let rows: Vec<Vec<Cell>> = document
        .controls
        .iter()
        .filter_map(|entry| {
            let (found, of) = entry.lowest.as_ref().map(|found| (found, &found.headroom))?;
            Some(vec![
                Cell::new(format!("{} {}", entry.control, entry.name)),
                Cell::new(of.level),
                Cell::new(format!("{} {}", found.side, found.instrument)),
                Cell::new(of.observed.as_str()),
                Cell::new(of.limit.as_str()),
                Cell::new(of.left.as_str()),
                Cell::new(format!("{:.2} %", found.left_share * 100.0)),
                Cell::new(of.unit),
                Cell::new(found.time.as_str()),
            ])
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let columns = vec![
        words("Control"),
        words("Level"),
        words("Order"),
        figures("Observed"),
        figures("Limit"),
        figures("Left"),
        figures("Of the limit"),
        words("Unit"),
        words("Time"),
    ];
    let label = "The least that was left of each limit in the run".to_owned();
    format!(
        "<h3>Lowest headroom of the run</h3>\n<p class=\"note\">Of all orders that passed, the one \
         that left the least of the limit's share, itself included.</p>\n{}",
        Table { label, columns, rows, is_long: true }.html()
    )
}

fn headroom(document: &RiskDocument) -> String {
    let rows: Vec<Vec<Cell>> = document
        .controls
        .iter()
        .filter_map(|entry| {
            let found = entry.headroom.as_ref()?;
            Some(vec![
                Cell::new(format!("{} {}", entry.control, entry.name)),
                Cell::new(found.level),
                Cell::new(found.observed.as_str()),
                Cell::new(found.limit.as_str()),
                Cell::new(found.left.as_str()),
                Cell::new(found.unit),
            ])
        })
        .collect();
    let columns = vec![
        words("Control"),
        words("Level"),
        figures("Observed"),
        figures("Limit"),
        figures("Left"),
        words("Unit"),
    ];
    let label = "What was left of each limit at the end".to_owned();
    format!(
        "<h3>Headroom at the end</h3>\n<p class=\"note\">With one lot more, for the level, \
         instrument and side that are nearest to their limit. What is worst of a day or of all \
         time (C22, C23) counts as it was then.</p>\n{}",
        Table { label, columns, rows, is_long: true }.html()
    )
}

/// Every number of the profile.
fn numbers(input: &ReportInput<'_>) -> String {
    let mut rows = Vec::new();
    for (table, values) in limits(&input.outcome.risk.limits.profile) {
        for (key, value) in values {
            let cells = [table.clone(), key].map(|text| Cell::toned(text, Tone::Code));
            rows.push(cells.into_iter().chain([Cell::new(value)]).collect());
        }
    }
    let columns = vec![words("Table"), words("Limit"), figures("Number")];
    let label = escape("Every limit of the profile");
    format!("<h3>Limits</h3>\n{}", Table { label, columns, rows, is_long: true }.html())
}

#[cfg(test)]
mod tests {
    use qt_risk::{Key, Limit, Profile, ProfileName};

    use super::super::fixture::{DAY_NS, Finished, Turns, series, waves};
    use super::*;
    use crate::config::RunConfig;

    fn html(change: impl FnOnce(&mut Profile)) -> String {
        let mut config = RunConfig::default();
        let mut profile = Profile::new(ProfileName::Research);
        change(&mut profile);
        config.risk.profile = std::sync::Arc::new(profile);
        let bars = series("XYZ", DAY_NS, 10_000, &waves(200));
        Finished::new(vec![bars], config, Box::new(Turns::new(7, false))).with(section)
    }

    #[test]
    fn nothing_denied_is_said_and_every_limit_stands_there() {
        let html = html(|_| {});
        assert!(html.contains("None of the 32 controls denied an order or warned."));
        assert!(!html.contains("The last rejection of each"));
        assert!(html.contains("research, as delivered") && html.contains("reference_age_ms"));
    }

    #[test]
    fn the_lowest_headroom_is_told_with_its_time() {
        // Orders of 95 % of about 100,000, against a limit of 200,000 units of money.
        let html = html(|profile| {
            let limit = Limit::hard(200_000_000_000_000);
            profile.instruments_mut().set(Key::OrderNotional, limit);
        });
        let (_, table) = html.split_once("Lowest headroom of the run").unwrap();
        let (_, row) = table.split_once("C07 order notional").unwrap();
        let (row, _) = row.split_once("</tr>").unwrap();
        assert!(row.contains("<td class=\"num\">200000</td>"), "{row}");
        assert!(row.contains("buy XYZ") && row.contains("currency"), "{row}");
    }

    #[test]
    fn a_denial_is_told_with_its_numbers() {
        // 95 % of 100,000 in one order, against a limit of 5,000 units of money.
        let html = html(|profile| {
            let limit = Limit::hard(5_000_000_000_000);
            profile.instruments_mut().set(Key::OrderNotional, limit);
        });
        let entries = 200 / 7;
        assert!(html.contains("<th scope=\"row\">C07 order notional</th>"), "{html}");
        assert!(html.contains(&format!("<td class=\"num\">{entries}</td>")), "{html}");
        assert!(
            html.contains("MAX_ORDER_NOTIONAL") && html.contains("<td class=\"num\">5000</td>")
        );
    }
}
