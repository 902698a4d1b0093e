//! `risk`: the limits of the risk gate, as a file and in a running service.

#[cfg(feature = "service")]
mod service;
mod traded;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use qt_backtest::report::risk::limits as numbers;
use qt_risk::{
    Allowed, Holder, KEYS, Key, KeyRow, Level, Limit, LimitSet, Profile, ProfileName, commented,
    text_of,
};
use serde_json::{Value, json};

use crate::app::Session;
use crate::args::DataFlags;
use crate::failure::Failure;
use crate::output::file::write_whole;
use crate::output::table::table;
#[cfg(feature = "service")]
use crate::remote::ServiceFlags;
use crate::settings::DataPlan;
use crate::settings::risk::named;

/// Write the limits of the risk gate as a file, look at one, and change those of a service.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  quanttrade risk init --out risk.toml\n  \
    quanttrade risk show risk.toml\n  \
    quanttrade risk set order_qty 2 --symbol BTC-USD")]
pub struct RiskArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Write a commented file with every limit
    #[command(after_help = "Examples:\n  quanttrade risk init\n  \
        quanttrade risk init --profile live --out live.toml")]
    Init {
        /// The profile whose numbers it begins with; live has none
        #[arg(long, value_enum, default_value = "paper")]
        profile: Name,
        /// The file to write
        #[arg(long, value_name = "FILE", default_value = "risk.toml")]
        out: PathBuf,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Print the limits by level, those that hold nothing back, and what is denied that research
    /// lets pass
    #[command(after_help = "Examples:\n  quanttrade risk show risk.toml\n  \
        quanttrade risk show paper --json\n  \
        quanttrade risk show risk.toml --data AAPL.csv")]
    Show {
        /// A file of limits, or research or paper
        #[arg(value_name = "FILE|PROFILE")]
        limits: String,
        /// Also compare them with what is traded in this data; may be given several times
        #[arg(long, value_name = "[SYMBOL=]PATH|ID")]
        data: Vec<String>,
        /// How it is read.
        #[command(flatten)]
        flags: DataFlags,
    },
    /// Print how much of each limit a running service has used, and its kill switches
    #[cfg(feature = "service")]
    #[command(after_help = "Example:\n  quanttrade risk status")]
    Status {
        /// Which service is asked.
        #[command(flatten)]
        service: ServiceFlags,
    },
    /// Set one limit of a running service: tighter at once, looser by two people
    #[cfg(feature = "service")]
    #[command(after_help = "Examples:\n  \
        quanttrade risk set order_qty 2 --symbol BTC-USD\n  \
        quanttrade risk set daily_loss 500 --level account")]
    Set(service::SetArgs),
    /// Agree to looser limits that somebody else has asked for
    #[cfg(feature = "service")]
    #[command(after_help = "Example:\n  \
        quanttrade risk agree 018f4e5a-0000-7000-8000-00000000000b")]
    Agree {
        /// What `risk set` has named
        #[arg(value_name = "ID")]
        id: String,
        /// Which service is asked.
        #[command(flatten)]
        service: ServiceFlags,
    },
}

/// A profile.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Name {
    /// So wide that it holds no backtest back
    Research,
    /// The platform's defaults
    Paper,
    /// No numbers: each has to be decided on
    Live,
}

/// Runs the command.
///
/// # Errors
/// When a file is there already, cannot be written, or is wrong.
pub fn run(args: RiskArgs, session: &Session) -> Result<(), Failure> {
    match args.action {
        Action::Init { profile, out, force } => init(profile, &out, force, session),
        Action::Show { limits, data, flags } => show(&limits, &data, &flags, session),
        #[cfg(feature = "service")]
        Action::Status { service } => service::status(&service, session),
        #[cfg(feature = "service")]
        Action::Set(args) => service::set(&args, session),
        #[cfg(feature = "service")]
        Action::Agree { id, service } => service::agree(&id, &service, session),
    }
}

fn init(name: Name, out: &PathBuf, force: bool, session: &Session) -> Result<(), Failure> {
    if out.exists() && !force {
        return Err(Failure::usage(format!("{}: is there already", out.display()))
            .hint("name another file with --out, or write over it with --force"));
    }
    let name = match name {
        Name::Research => ProfileName::Research,
        Name::Paper => ProfileName::Paper,
        Name::Live => ProfileName::Live,
    };
    write_whole(out, |file| file.write_all(commented(name).as_bytes()))?;
    if session.out.json {
        return session.out.document(&json!({"file": out, "profile": name.text()}));
    }
    session.out.line(&format!("{}: the limits of {}", out.display(), name.text()))
}

/// The largest share of a day's volume of an order, above which its limit protects from nothing.
const DAY_SHARE_BPS: i128 = 1_000;

fn show(text: &str, data: &[String], flags: &DataFlags, session: &Session) -> Result<(), Failure> {
    let limits = named(text, "risk show")?;
    let profile = &limits.profile;
    let mut plan = DataPlan::new(&session.layers(&flags.0, None)?)?;
    plan.load.threads = session.threads;
    let traded = traded::rows(profile, data, &plan, &session.out)?;
    let off = holding_nothing(profile);
    let denies = denied_beyond_research(profile);
    if session.out.json {
        let rows = |rows: &[Tighter]| -> Vec<Value> {
            let row = |row: &Tighter| {
                json!({"table": row.table, "limit": row.row.name, "value": row.value,
                    "research": row.research, "unit": row.row.unit.text()})
            };
            rows.iter().map(row).collect()
        };
        return session.out.document(&json!({
            "profile": profile.name().text(),
            "file": limits.file,
            "allowed": allowed_text(profile),
            "limits": numbers(profile),
            "toothless": off,
            "denies": rows(&denies),
            "traded": traded,
        }));
    }
    let mut parts = vec![format!(
        "{}: the profile {}; may be traded: {}",
        limits.file.as_deref().unwrap_or("as delivered"),
        profile.name().text(),
        allowed_text(profile)
    )];
    parts.push(levels(profile));
    parts.extend(own(profile));
    parts.push(match off.as_slice() {
        [] => "Every limit holds something back.".to_owned(),
        off => format!("Limits that hold nothing back:\n  {}", off.join("\n  ")),
    });
    parts.push(if denies.is_empty() {
        "It denies nothing that research lets pass.".to_owned()
    } else {
        let rows = denies.iter().map(|tighter| {
            let (value, row) = (tighter.value.clone(), tighter.row);
            vec![tighter.table.clone(), row.name.to_owned(), value, row.about.to_owned()]
        });
        let rows = table(&["table", "limit", ">above", "what is denied then"], rows);
        format!("What it denies that research lets pass:\n{rows}")
    });
    if !traded.is_empty() {
        parts.push(traded::text(&traded));
    }
    session.out.line(&parts.join("\n\n"))
}

fn allowed_text(profile: &Profile) -> String {
    match profile.allowed() {
        Allowed::All => "all".to_owned(),
        Allowed::Given => "what a run is given by name".to_owned(),
        Allowed::Only(symbols) if symbols.is_empty() => "nothing".to_owned(),
        Allowed::Only(symbols) => symbols.iter().cloned().collect::<Vec<_>>().join(", "),
    }
}

const LEVELS: [Level; 4] = [Level::Strategy, Level::Account, Level::Tenant, Level::Global];

fn number(row: &KeyRow, limit: Limit) -> String {
    let hard = text_of(row.unit, limit.hard);
    if limit.soft == limit.hard {
        return hard;
    }
    format!("{hard} (warns above {})", text_of(row.unit, limit.soft))
}

/// Every limit with its unit: those of instruments once, the others by level.
fn levels(profile: &Profile) -> String {
    let of = |holder: Holder| KEYS.iter().filter(move |row| row.holder == holder);
    let instruments = of(Holder::Instrument).map(|row| {
        let limit = profile.instrument("").get(row.key);
        vec![row.name.to_owned(), number(row, limit), row.unit.text().to_owned()]
    });
    let nodes = of(Holder::Node).map(|row| {
        let mut cells = vec![row.name.to_owned()];
        cells.extend(LEVELS.map(|level| number(row, profile.level(level).get(row.key))));
        cells.push(row.unit.text().to_owned());
        cells
    });
    let first = table(&["each instrument", ">limit", "unit"], instruments);
    let header = ["all instruments", ">strategy", ">account", ">tenant", ">global", "unit"];
    format!("{first}\n\n{}", table(&header, nodes))
}

/// The limits that single instruments have of their own.
fn own(profile: &Profile) -> Option<String> {
    let of_all = profile.instrument("");
    let mut rows = Vec::new();
    for symbol in profile.symbols() {
        for row in KEYS.iter().filter(|row| row.holder == Holder::Instrument) {
            let limit = profile.instrument(symbol).get(row.key);
            if limit != of_all.get(row.key) {
                let unit = row.unit.text().to_owned();
                rows.push(vec![symbol.to_owned(), row.name.to_owned(), number(row, limit), unit]);
            }
        }
    }
    (!rows.is_empty()).then(|| table(&["instrument", "limit", ">its own", "unit"], rows))
}

/// What switches a limit off by its window, and orders that are too large a part of a day.
fn holding_nothing(profile: &Profile) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |place: &str, set: &LimitSet, holder: Holder| {
        for row in KEYS.iter().filter(|row| row.holder == holder) {
            let limit = set.get(row.key);
            let is_window = row.name.ends_with("_window_ms");
            if limit.is_off(row.unit) || is_window && limit.hard == 0 {
                found.push(format!("[{place}] {} = {}", row.name, text_of(row.unit, limit.hard)));
            }
        }
        if holder == Holder::Instrument {
            found.extend(large_orders(place, set));
        }
    };
    look("instrument", profile.instrument(""), Holder::Instrument);
    for symbol in profile.symbols() {
        look(&format!("instrument.{symbol}"), profile.instrument(symbol), Holder::Instrument);
    }
    for level in LEVELS {
        look(level.text(), profile.level(level), Holder::Node);
    }
    found
}

/// Orders that may be more than a tenth of the day's volume that the file itself states.
fn large_orders(place: &str, set: &LimitSet) -> Option<String> {
    let spec = qt_types::InstrumentSpec::new(
        place,
        "USD",
        qt_types::InstrumentKind::Spot,
        1,
        1,
        qt_types::E9,
    );
    let volume = set.get(Key::DayVolume).hard;
    let mut alone = Profile::new(ProfileName::Live);
    *alone.instruments_mut() = set.clone();
    let volumes = BTreeMap::from([(place.to_owned(), volume)]);
    let found = qt_risk::toothless(&alone, &[spec.ok()?], &volumes, DAY_SHARE_BPS);
    let order = text_of(qt_risk::Unit::Quantity, found.first()?.order_e9);
    Some(format!(
        "[{place}] an order may be {order} units, more than a tenth of day_volume = {}",
        text_of(qt_risk::Unit::Quantity, volume)
    ))
}

/// A limit that is tighter than that of research.
struct Tighter {
    table: String,
    row: &'static KeyRow,
    value: String,
    research: String,
}

fn denied_beyond_research(profile: &Profile) -> Vec<Tighter> {
    let research = Profile::new(ProfileName::Research);
    let mut found = Vec::new();
    let mut look = |place: String, set: &LimitSet, wide: &LimitSet, holder: Holder| {
        for row in KEYS.iter().filter(|row| row.holder == holder) {
            let (limit, wide) = (set.get(row.key), wide.get(row.key));
            // Measures are no limits: what is measured with them is listed by itself.
            let is_measure = row.name.ends_with("_window_ms")
                || matches!(row.key, Key::DayVolume | Key::StressBps);
            if limit.hard < wide.hard && !is_measure {
                let text = |limit: Limit| text_of(row.unit, limit.hard);
                let (value, research) = (text(limit), text(wide));
                found.push(Tighter { table: place.clone(), row, value, research });
            }
        }
    };
    let of_all = research.instrument("");
    look("instrument".to_owned(), profile.instrument(""), of_all, Holder::Instrument);
    for symbol in profile.symbols() {
        let set = profile.instrument(symbol);
        look(format!("instrument.{symbol}"), set, of_all, Holder::Instrument);
    }
    for level in LEVELS {
        let set = profile.level(level);
        look(level.text().to_owned(), set, research.level(level), Holder::Node);
    }
    found
}
