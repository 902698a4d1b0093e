//! `FEEDS`: what the market of all sessions is.

use std::path::PathBuf;

use qt_sessions::market::RecordedFeed;
use qt_types::{E9, parse_e9};

use super::settings::{Get, SettingsError, wrong};

/// The fastest that a recording is played, in billionths.
const SPEED_MAX_E9: i64 = 1_000 * E9;

/// A venue that is to be the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueName {
    /// Its name.
    pub name: String,
    /// Its instruments.
    pub symbols: Vec<String>,
    /// Where it is reached, if not at its own addresses.
    pub url: Option<String>,
}

/// How feeds are written.
const FEEDS: &str = "write recording:FILE, or recording:FILE@10 for ten times its pace, or \
                     VENUE:SYMBOL such as binance-spot:BTCUSDT";

/// `recording:FILE` or `recording:FILE@SPEED`, with commas between several; or `VENUE:SYMBOL`,
/// again with commas, all of one venue.
pub(super) fn feeds(
    set: &Get<'_>,
) -> Result<(Vec<RecordedFeed>, Option<VenueName>), SettingsError> {
    let list = set("FEEDS").unwrap_or_default();
    let url = set("VENUE_URL");
    let (mut recordings, mut venue) = (Vec::new(), None::<VenueName>);
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let named = entry.split_once(':').filter(|(_, rest)| !rest.is_empty());
        match named {
            Some(("recording", rest)) => recordings.push(recording(rest)?),
            Some((name, symbol)) if is_venue(name) && is_symbol(symbol) => {
                let new = || VenueName { name: name.to_owned(), symbols: vec![], url: url.clone() };
                let venue = venue.get_or_insert_with(new);
                if venue.name != name {
                    let detail = format!("{} and {name}: all of one venue", venue.name);
                    return Err(wrong("FEEDS", detail));
                }
                if venue.symbols.iter().any(|known| known == symbol) {
                    return Err(wrong("FEEDS", format!("'{entry}' is there twice")));
                }
                venue.symbols.push(symbol.to_owned());
            }
            _ => return Err(wrong("FEEDS", format!("'{entry}' is no feed: {FEEDS}"))),
        }
    }
    if venue.is_some() && !recordings.is_empty() {
        return Err(wrong("FEEDS", "a venue, or recordings: not both".to_owned()));
    }
    if venue.is_none() && url.is_some() {
        return Err(wrong("VENUE_URL", "FEEDS names no venue that could be there".to_owned()));
    }
    Ok((recordings, venue))
}

fn is_venue(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')
}

fn is_symbol(symbol: &str) -> bool {
    let is_of_name = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'/');
    symbol.len() <= 32 && symbol.bytes().all(is_of_name)
}

fn recording(named: &str) -> Result<RecordedFeed, SettingsError> {
    let (path, speed) = named.rsplit_once('@').unwrap_or((named, "1"));
    let speed_e9 = parse_e9(speed).ok().filter(|speed| (1..=SPEED_MAX_E9).contains(speed));
    let speed_e9 = speed_e9.ok_or_else(|| {
        wrong("FEEDS", format!("'{speed}' is no speed above 0 and up to 1000: {FEEDS}"))
    })?;
    Ok(RecordedFeed { path: PathBuf::from(path), speed_e9 })
}
