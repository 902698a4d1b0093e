//! `docs/VENUE.md` shows the tables of codes as they are in the program.

use super::super::codes::{EXPIRED, Meaning, OF_FUTURES, TABLE};

fn in_words(meaning: Meaning) -> String {
    match meaning {
        Meaning::Refused(reason) => format!("`{}`", reason.text()),
        Meaning::TooOften => "`THROTTLED`; nothing more is sent for a while".to_owned(),
        Meaning::Clock => "`VENUE_REFUSED`; the time is asked for anew".to_owned(),
        Meaning::Keys => "`VENUE_REFUSED`; the keys are told to be wrong".to_owned(),
        Meaning::NoOrder => "`UNKNOWN_ORDER`; to a question: not there".to_owned(),
        Meaning::Unknown => "unknown: nothing is reported, the venue is asked".to_owned(),
    }
}

fn table() -> String {
    let mut text = "| code | text contains | meaning |\n|---|---|---|\n".to_owned();
    for row in TABLE {
        text.push_str(&format!("| {} | {} | {} |\n", row.code, row.text, in_words(row.meaning)));
    }
    text.push_str("\n| ended with | reason |\n|---|---|\n");
    for (name, reason) in EXPIRED {
        text.push_str(&format!("| `{name}` | `{}` |\n", reason.text()));
    }
    text
}

#[test]
fn the_page_has_the_table() {
    let page = include_str!("../../../../../../docs/VENUE.md");
    let table = table();
    assert!(page.contains(&table), "put this into docs/VENUE.md:\n\n{table}");
    let mut table = "| code | meaning |\n|---|---|\n".to_owned();
    for row in OF_FUTURES {
        table.push_str(&format!("| {} | {} |\n", row.code, in_words(row.meaning)));
    }
    assert!(page.contains(&table), "put this into docs/VENUE.md:\n\n{table}");
}
