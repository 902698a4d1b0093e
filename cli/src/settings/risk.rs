//! The limits of the risk gate: a profile by name, or a file as `risk init` writes it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use qt_backtest::risk::RiskLimits;
use qt_risk::{Allowed, Profile, ProfileName};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Layers;
use crate::failure::Failure;
use crate::version;

/// The limits that `--risk-profile` names.
///
/// # Errors
/// When it names no profile and no file, or the file is wrong.
pub fn limits(layers: &Layers) -> Result<RiskLimits, Failure> {
    match layers.one("risk-profile") {
        None => Ok(RiskLimits::default()),
        Some(text) => named(text, &layers.place("risk-profile")),
    }
}

/// The limits called `text`: a profile, or a file. `place` says who asks, for messages.
///
/// # Errors
/// As [`limits`].
pub fn named(text: &str, place: &str) -> Result<RiskLimits, Failure> {
    let program = version::program();
    match ProfileName::from_text(text) {
        Some(ProfileName::Live) => Err(Failure::usage(format!(
            "{place}: the profile live has no limits of its own: every one must be decided on"
        ))
        .hint(format!(
            "{program} risk init --profile live --out live.toml writes a file to fill in"
        ))),
        Some(name) => Ok(RiskLimits::delivered(name)),
        None if !Path::new(text).exists() => Err(Failure::usage(format!(
            "{place}: '{text}' is neither research nor paper, and there is no such file"
        ))
        .hint(format!("{program} risk init --out risk.toml writes a file to start from"))),
        None => {
            let profile = read(Path::new(text))?;
            Ok(RiskLimits { profile: Arc::new(profile), file: Some(text.to_owned()) })
        }
    }
}

/// One line of a file: `key = value` in a table.
struct Line<'a> {
    table: String,
    key: &'a str,
    value: &'a Spanned<DeValue<'a>>,
    at: usize,
}

/// The profile in the file at `path`. Every limit must be in it.
///
/// # Errors
/// With file and line, when it cannot be read, is not TOML, names what does not exist, has a
/// number that is out of range, or lacks a limit.
fn read(path: &Path) -> Result<Profile, Failure> {
    let name = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{name}: the limits cannot be read: {error}")))?;
    let fail = |at: usize, what: &str| {
        let line = text[..at.min(text.len())].matches('\n').count() + 1;
        Failure::usage(format!("{name}:{line}: {what}"))
            .hint(format!("{} risk init writes a file with every limit", version::program()))
    };
    let document = DeTable::parse(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        fail(at, &format!("not valid TOML: {}", error.message()))
    })?;
    let mut profile = Profile::new(ProfileName::Live);
    let mut lines = Vec::new();
    for (key, value) in document.get_ref() {
        let at = key.span().start;
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("profile", value) => {
                let known = value.as_str().and_then(ProfileName::from_text);
                let wanted = "profile is one of \"research\", \"paper\", \"live\"";
                profile = profile.named(known.ok_or_else(|| fail(at, wanted))?);
            }
            ("allowed", value) => profile.allow(allowed(value).map_err(|what| fail(at, &what))?),
            (table, DeValue::Table(values)) => collect(table, values, &mut lines),
            (other, _) => {
                let what = format!(
                    "there is no setting '{other}' outside of a table; there are: profile, allowed"
                );
                return Err(fail(at, &what));
            }
        }
    }
    // A soft limit is held against its hard one, an instrument's own ones are those of all first.
    let is_soft = |line: &Line<'_>| line.key.ends_with(".soft");
    lines.sort_by_key(|line| (line.table.starts_with("instrument."), is_soft(line), line.at));
    for line in &lines {
        let number = number(line.value.get_ref()).ok_or_else(|| {
            let kind = line.value.get_ref().type_str();
            fail(line.at, &format!("[{}] {} is a number, not {kind}", line.table, line.key))
        })?;
        profile.set(&line.table, line.key, &number).map_err(|what| fail(line.at, &what))?;
    }
    if let Some((table, key)) = profile.first_missing() {
        let row = key.row();
        return Err(Failure::usage(format!(
            "{name}: [{table}] {} is missing, and a limit that is missing denies every order: {} \
             In {}.",
            row.name,
            row.about,
            row.unit.text()
        ))
        .hint(format!("add {} = \"NUMBER\" to [{table}]", row.name)));
    }
    Ok(profile)
}

fn collect<'a>(table: &str, values: &'a DeTable<'a>, into: &mut Vec<Line<'a>>) {
    for (key, value) in values {
        match value.get_ref() {
            DeValue::Table(inner) if table == "instrument" => {
                collect(&format!("instrument.{}", key.get_ref()), inner, into);
            }
            _ => into.push(Line {
                table: table.to_owned(),
                key: key.get_ref().as_ref(),
                value,
                at: key.span().start,
            }),
        }
    }
}

fn allowed(value: &DeValue<'_>) -> Result<Allowed, String> {
    let wanted = "allowed is \"all\", \"given\" or a list of symbols, such as [\"SPY\", \"QQQ\"]";
    match value {
        DeValue::String(text) if text == "all" => Ok(Allowed::All),
        DeValue::String(text) if text == "given" => Ok(Allowed::Given),
        DeValue::Array(list) => {
            let symbols = list.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            let symbols: Option<BTreeSet<String>> = symbols.collect();
            Ok(Allowed::Only(symbols.ok_or(wanted)?))
        }
        _ => Err(wanted.to_owned()),
    }
}

/// A number as it was written: text keeps every digit.
fn number(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use qt_risk::{Key, Level, commented};

    use super::*;

    fn write(name: &str, text: &str) -> String {
        let folder = std::env::temp_dir().join(format!("qt-limits-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    #[test]
    fn what_init_writes_is_read_back() {
        for name in [ProfileName::Research, ProfileName::Paper] {
            let path = write(&format!("{}.toml", name.text()), &commented(name));
            let read = named(&path, "--risk-profile").unwrap();
            assert_eq!(*read.profile, Profile::new(name));
            assert_eq!(read.file, Some(path));
        }
        let path = write("live.toml", &commented(ProfileName::Live));
        let failure = named(&path, "--risk-profile").unwrap_err();
        assert!(failure.message.contains("[instrument] order_qty is missing"), "{failure}");
    }

    #[test]
    fn own_limits_soft_limits_and_lists_are_read() {
        let text = commented(ProfileName::Paper)
            .replace("allowed = \"given\"", "allowed = [\"SPY\", \"BTC/USD\"]")
            .replace("\nexposure = \"100000\"", "\nexposure = 5000\n\"exposure.soft\" = 4000.5")
            + "\n[instrument.\"BTC/USD\"]\n\"long.soft\" = 0.5\nlong = \"1.5\"\n";
        let read = named(&write("own.toml", &text), "--risk-profile").unwrap();
        let profile = &read.profile;
        assert!(profile.allows("BTC/USD") && !profile.allows("QQQ"));
        let limit = profile.level(Level::Tenant).get(Key::Exposure);
        assert_eq!((limit.soft, limit.hard), (4_000_500_000_000, 5_000_000_000_000));
        let own = profile.instrument("BTC/USD").get(Key::Long);
        assert_eq!((own.soft, own.hard), (500_000_000, 1_500_000_000));
        let other = profile.instrument("SPY").get(Key::Long);
        assert_eq!(other.hard, 1_000_000_000_000_000);
    }

    #[test]
    fn mistakes_are_told_with_file_and_line() {
        let told =
            |name: &str, text: &str| named(&write(name, text), "--risk-profile").unwrap_err();
        let cases = [
            ("profile = \"paper\"\nallowed = \"some\"\n", "2: allowed is"),
            ("\n\nprofile = 3\n", "3: profile is one of"),
            ("limit = 3\n", "1: there is no setting 'limit'"),
            ("[desk]\n\nexposure = 1\n", "3: [desk] is no table of limits"),
            (
                "[account]\nexposure = \"ten\"\n",
                "2: [account] exposure = ten: 'ten' is not a decimal",
            ),
            ("[account]\norder_qty = 1\n", "2: [account] 'order_qty' is no limit of this table"),
            ("[account]\nfills = 70000\n", "2: [account] fills = 70000: outside 0 to 65536"),
            ("[account]\nexposure = true\n", "2: [account] exposure is a number, not boolean"),
            ("[account]\n\"exposure.soft\" = 1\n", "2: [account] exposure.soft = 1: above"),
            ("[account]\nexposure = \n", "2: not valid TOML"),
            ("[instrument.X]\nfills = 1\n", "2: [instrument.X] 'fills' is no limit"),
        ];
        for (at, (text, wanted)) in cases.into_iter().enumerate() {
            let failure = told(&format!("bad{at}.toml"), text);
            assert!(failure.message.contains(&format!("bad{at}.toml:{wanted}")), "{failure}");
            assert_eq!(failure.reason.code(), 2);
        }
        let failure = named("live", "--risk-profile").unwrap_err();
        assert!(failure.message.contains("no limits of its own"), "{failure}");
        let failure = named("nowhere.toml", "--risk-profile").unwrap_err();
        assert!(failure.message.contains("there is no such file"), "{failure}");
    }
}
