//! Profiles: complete sets of limits under a name, and the commented text that one is edited as.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::keys::{KEYS, Key, KeyRow};
use crate::limits::LimitSet;
use crate::tally::Level;
use crate::unit::Holder;

/// Which profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileName {
    /// Wide: a backtest is held back only where it asks for it.
    Research,
    /// The platform's defaults, for paper trading.
    Paper,
    /// No defaults at all: what is not set denies.
    Live,
}

impl ProfileName {
    /// `research`, `paper` or `live`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Research => "research",
            Self::Paper => "paper",
            Self::Live => "live",
        }
    }

    /// The profile named `text`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Research, Self::Paper, Self::Live].into_iter().find(|name| name.text() == text)
    }

    const fn number(self, row: &KeyRow) -> Option<&'static str> {
        match self {
            Self::Research => Some(row.research),
            Self::Paper => Some(row.paper),
            Self::Live => None,
        }
    }
}

/// Which instruments may be traded (C05).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// All of them.
    All,
    /// Those that the run was given by name, and no others.
    Given,
    /// These symbols.
    Only(BTreeSet<String>),
}

/// The limits of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    name: ProfileName,
    allowed: Allowed,
    instrument: LimitSet,
    instruments: BTreeMap<String, LimitSet>,
    levels: [LimitSet; 4],
}

/// The tables of a profile's text, and the levels that they are for.
const LEVELS: [(&str, Level); 4] = [
    ("strategy", Level::Strategy),
    ("account", Level::Account),
    ("tenant", Level::Tenant),
    ("global", Level::Global),
];

const fn place(level: Level) -> usize {
    match level {
        Level::Strategy => 0,
        Level::Account => 1,
        Level::Tenant => 2,
        Level::Venue | Level::Global | Level::Instrument => 3,
    }
}

impl Profile {
    /// The profile `name` as it is delivered.
    #[must_use]
    pub fn new(name: ProfileName) -> Self {
        let of = |holder: Holder| {
            let rows = KEYS.iter().filter(|row| row.holder == holder);
            let values = rows.filter_map(|row| {
                name.number(row).map(|number| (row.name.to_owned(), number.to_owned()))
            });
            let mut set = LimitSet::default();
            // The tables are constants, and a test reads all of them: an error leaves limits
            // missing, and those deny.
            let _ = set.read(holder, &values.collect());
            set
        };
        let node = of(Holder::Node);
        Self {
            name,
            allowed: match name {
                ProfileName::Research => Allowed::All,
                ProfileName::Paper => Allowed::Given,
                ProfileName::Live => Allowed::Only(BTreeSet::new()),
            },
            instrument: of(Holder::Instrument),
            instruments: BTreeMap::new(),
            levels: [node.clone(), node.clone(), node.clone(), node],
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> ProfileName {
        self.name
    }

    /// The same limits under another name.
    #[must_use]
    pub fn named(mut self, name: ProfileName) -> Self {
        self.name = name;
        self
    }

    /// Which instruments may be traded.
    #[must_use]
    pub const fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Sets which instruments may be traded.
    pub fn allow(&mut self, allowed: Allowed) {
        self.allowed = allowed;
    }

    /// Whether `symbol` is on the list from the start. Of [`Allowed::Given`] a gate knows nothing:
    /// who makes it puts what was given on its list ([`crate::RiskGate::allow`]).
    #[must_use]
    pub fn allows(&self, symbol: &str) -> bool {
        match &self.allowed {
            Allowed::All => true,
            Allowed::Given => false,
            Allowed::Only(symbols) => symbols.contains(symbol),
        }
    }

    /// The instruments that have limits of their own.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.instruments.keys().map(String::as_str)
    }

    /// The first limit that nobody has set, with its table.
    #[must_use]
    pub fn first_missing(&self) -> Option<(String, Key)> {
        let own =
            self.instruments.iter().map(|(symbol, set)| (format!("instrument.{symbol}"), set));
        let of_all = std::iter::once(("instrument".to_owned(), &self.instrument));
        let missing = |(table, set): (String, &LimitSet)| {
            Some((table, set.first_missing(Holder::Instrument)?))
        };
        of_all.chain(own).find_map(missing).or_else(|| {
            LEVELS.iter().find_map(|&(table, level)| {
                Some((table.to_owned(), self.level(level).first_missing(Holder::Node)?))
            })
        })
    }

    /// The limits of the instrument `symbol`.
    #[must_use]
    pub fn instrument(&self, symbol: &str) -> &LimitSet {
        self.instruments.get(symbol).unwrap_or(&self.instrument)
    }

    /// The same, to be changed; an instrument without limits of its own gets those of all.
    pub fn instrument_mut(&mut self, symbol: &str) -> &mut LimitSet {
        let of_all = &self.instrument;
        self.instruments.entry(symbol.to_owned()).or_insert_with(|| of_all.clone())
    }

    /// The limits of every instrument that has none of its own.
    pub const fn instruments_mut(&mut self) -> &mut LimitSet {
        &mut self.instrument
    }

    /// The limits of each strategy, account or tenant, or of all together.
    #[must_use]
    pub const fn level(&self, level: Level) -> &LimitSet {
        &self.levels[place(level)]
    }

    /// The same, to be changed.
    pub const fn level_mut(&mut self, level: Level) -> &mut LimitSet {
        &mut self.levels[place(level)]
    }

    /// Sets what `tables` name: `instrument`, `instrument.SYMBOL`, `strategy`, `account`,
    /// `tenant`, `global`, and in them `key = number` or `key.soft = number`.
    ///
    /// # Errors
    /// A sentence that says which table and key is wrong, and what is possible.
    pub fn read(
        &mut self,
        tables: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<(), String> {
        // The table of all instruments comes before those of single ones in this order.
        for (name, values) in tables {
            self.table_mut(name)?.read(values).map_err(|why| format!("[{name}] {why}"))?;
        }
        Ok(())
    }

    /// Sets one line of the table `table`: `key = text` or `key.soft = text`. A soft limit comes
    /// after its hard one, and an instrument's own limits after those of all.
    ///
    /// # Errors
    /// A sentence on what is wrong and what is possible.
    pub fn set(&mut self, table: &str, key: &str, text: &str) -> Result<(), String> {
        let line = BTreeMap::from([(key.to_owned(), text.to_owned())]);
        self.table_mut(table)?.read(&line).map_err(|why| format!("[{table}] {why}"))
    }

    fn table_mut(&mut self, name: &str) -> Result<Table<'_>, String> {
        let (set, holder) = if name == "instrument" {
            (&mut self.instrument, Holder::Instrument)
        } else if let Some(symbol) = name.strip_prefix("instrument.") {
            (self.instrument_mut(symbol), Holder::Instrument)
        } else if let Some(&(_, level)) = LEVELS.iter().find(|(known, _)| *known == name) {
            (self.level_mut(level), Holder::Node)
        } else {
            return Err(format!(
                "[{name}] is no table of limits; there are: instrument, instrument.SYMBOL, \
                 strategy, account, tenant, global"
            ));
        };
        Ok(Table { set, holder })
    }
}

/// One table of a profile's text.
struct Table<'a> {
    set: &'a mut LimitSet,
    holder: Holder,
}

impl Table<'_> {
    fn read(self, values: &BTreeMap<String, String>) -> Result<(), String> {
        self.set.read(self.holder, values)
    }
}

/// The head of the text, and what stands for [`Allowed`] in it.
fn head(name: ProfileName) -> String {
    let allowed = match name {
        ProfileName::Research => "allowed = \"all\"",
        ProfileName::Paper => "allowed = \"given\"",
        ProfileName::Live => "# allowed = ",
    };
    format!(
        "# Risk limits, from the profile `{0}`. docs/RISK.md says what each control does.\n\
         # An observed value may be equal to its limit; only more is too much.\n\
         # Every limit can have a soft one that only warns: \"key.soft\" = \"number\".\n\
         # A limit that is missing denies every order. Money of 1e15 or more and shares of\n\
         # 1000000000 bps or more hold nothing back.\n\
         profile = \"{0}\"\n\n\
         # What may be traded (C05): \"all\", \"given\" (the instruments that a run is given by\n\
         # name) or a list of symbols, such as [\"SPY\", \"QQQ\"]. Without it: nothing.\n\
         {allowed}\n\n\
         # An instrument can have limits of its own: [instrument.SYMBOL] with those that differ.\n",
        name.text()
    )
}

/// The profile `name` as a text to be edited: TOML with every limit, what it is for and in which
/// unit. Where the profile has no number the line is commented out: until it is set, nothing
/// passes.
#[must_use]
pub fn commented(name: ProfileName) -> String {
    let mut text = head(name);
    let tables = [("instrument", Holder::Instrument)];
    let levels = LEVELS.map(|(table, _)| (table, Holder::Node));
    for (table, holder) in tables.into_iter().chain(levels) {
        let _ = write!(text, "\n[{table}]\n");
        for row in KEYS.iter().filter(|row| row.holder == holder) {
            let _ = writeln!(text, "# {} In {}.", row.about, row.unit.text());
            let _ = match name.number(row) {
                Some(number) => writeln!(text, "{} = \"{number}\"", row.name),
                None => writeln!(text, "# {} = ", row.name),
            };
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Key;
    use crate::limits::Limit;

    /// What the command line's TOML reader hands over.
    fn tables(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut tables: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut table = String::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[') {
                table = name.trim_end_matches(']').to_owned();
            } else {
                let (key, value) = line.split_once(" = ").unwrap();
                let value = value.trim_matches('"').to_owned();
                if !table.is_empty() {
                    tables.entry(table.clone()).or_default().insert(key.to_owned(), value);
                }
            }
        }
        tables
    }

    #[test]
    fn research_and_paper_are_complete_and_live_has_nothing() {
        for name in [ProfileName::Research, ProfileName::Paper] {
            let profile = Profile::new(name);
            assert_eq!(profile.instrument("X").first_missing(Holder::Instrument), None);
            for (_, level) in LEVELS {
                assert_eq!(profile.level(level).first_missing(Holder::Node), None);
            }
        }
        let live = Profile::new(ProfileName::Live);
        for row in &KEYS {
            assert!(live.instrument("X").get(row.key).is_missing());
            assert!(live.level(Level::Global).get(row.key).is_missing());
        }
    }

    #[test]
    fn paper_holds_the_defaults_of_the_platform() {
        let paper = Profile::new(ProfileName::Paper);
        let bps = |key: Key| paper.level(Level::Account).get(key).hard;
        assert_eq!(bps(Key::PositionShareBps), 1_000, "a position is at most 10 %");
        assert_eq!(bps(Key::PortfolioRiskBps), 500, "the risk of all of them at most 5 %");
        assert_eq!(bps(Key::LeverageBps), 10_000, "and what they are worth at most once");
        assert_eq!(bps(Key::DailyLossBps), 200);
        assert_eq!(bps(Key::DrawdownBps), 1_500);
    }

    #[test]
    fn the_commented_text_reads_back() {
        for name in [ProfileName::Research, ProfileName::Paper, ProfileName::Live] {
            let mut read = Profile::new(ProfileName::Live).named(name);
            read.allow(Profile::new(name).allowed().clone());
            read.read(&tables(&commented(name))).unwrap();
            assert_eq!(read, Profile::new(name));
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let mut paper = Profile::new(ProfileName::Paper);
        let mut read = |text: &str| paper.read(&tables(text));
        assert!(read("[account]\nexposure = \"ten\"\n").unwrap_err().contains("not a decimal"));
        assert!(read("[account]\norder_qty = \"1\"\n").unwrap_err().contains("there are"));
        assert!(read("[desk]\nexposure = \"1\"\n").unwrap_err().contains("[desk]"));
        assert!(read("[account]\nfills = \"70000\"\n").unwrap_err().contains("65536"));
        assert!(read("[account]\norders_per_s = \"0\"\n").unwrap_err().contains("outside 1"));
        assert!(read("[account]\nexposure.soft = \"1e9\"\n").is_err());
        assert!(read("[account]\nexposure = \"5\"\nexposure.soft = \"6\"\n").is_err());
        read("[account]\nexposure = \"5\"\nexposure.soft = \"4\"\n").unwrap();
        read("[instrument.BTC]\norder_qty = \"0.5\"\n").unwrap();
        let limit = paper.level(Level::Account).get(Key::Exposure);
        assert_eq!(limit, Limit { soft: 4_000_000_000, hard: 5_000_000_000 });
        assert_eq!(paper.instrument("BTC").get(Key::OrderQty).hard, 500_000_000);
        assert_eq!(paper.instrument("ETH").get(Key::OrderQty).hard, 1_000_000_000_000_000);
    }
}
