//! What a scenario is: a fault, how often it has to strike, by which count of the run it shows, and
//! how it ends. What is tried is in `paper.rs` and `live.rs`.

use crate::live::LIVE;
use crate::paper::PAPER;

/// How long anything may take: never how long it does.
pub const PATIENCE_S: u64 = 150;

/// How a run trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With the simulated venue.
    Paper,
    /// With real orders.
    Live,
}

impl Mode {
    pub const fn text(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Live => "live",
        }
    }
}

/// How a scenario has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In step, and all that is believed is true.
    True,
    /// With a break: what moved the account was nobody's order that the run could know of. It says
    /// so, and has nothing open.
    Break,
    /// Without an instrument: it is told no more, and nothing is open.
    Stopped,
    /// Without a link: the venue does not let it in any more. What it knows of is true.
    Barred,
}

/// The venues of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Venues {
    All,
    /// Where what is bought is owned.
    Spot,
    /// Where accounts have positions.
    Futures,
}

/// A fault, and what the plan says of it.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The fault's name in a plan.
    pub name: &'static str,
    /// What tells it from others of that name.
    pub kind: &'static str,
    pub mode: Mode,
    /// Where it can be met.
    pub venues: Venues,
    /// When: fields of its rule.
    pub when: &'static str,
    /// What the fault needs to know, and whom it is about: the other fields.
    pub how: &'static str,
    /// Other rules of its plan: what brings about that it can be met.
    pub beside: &'static str,
    /// How often it has to strike.
    pub times: u64,
    /// Counts of the run that must not be zero in the end.
    pub shows: &'static [&'static str],
    pub end: End,
    /// Words of the exchange.
    pub exchange: &'static [&'static str],
    /// Whether the strategy is one that moves its orders instead of cancelling them.
    pub moves: bool,
    /// Whether it is a part of the plan of all faults.
    pub is_lasting: bool,
    /// Whether a connection is lost by it, or not made.
    pub cuts: bool,
    /// How long anything may take, in seconds.
    pub patience_s: u64,
}

impl Scenario {
    const fn new(name: &'static str, mode: Mode, when: &'static str, how: &'static str) -> Self {
        Self {
            name,
            kind: "",
            mode,
            venues: Venues::All,
            when,
            how,
            beside: "",
            times: 3,
            shows: &[],
            end: End::True,
            exchange: &["--symbols", "BTCUSDT"],
            moves: false,
            is_lasting: true,
            cuts: false,
            patience_s: PATIENCE_S,
        }
    }

    /// It is going to fail.
    pub const fn impatient(self) -> Self {
        Self { patience_s: 10, ..self }
    }

    pub const fn paper(name: &'static str, when: &'static str, how: &'static str) -> Self {
        Self::new(name, Mode::Paper, when, how)
    }

    pub const fn live(name: &'static str, when: &'static str, how: &'static str) -> Self {
        Self::new(name, Mode::Live, when, how)
    }

    pub const fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub const fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    pub const fn beside(self, beside: &'static str) -> Self {
        Self { beside, ..self }
    }

    pub const fn shows(self, shows: &'static [&'static str]) -> Self {
        Self { shows, ..self }
    }

    /// It ends otherwise than well, and so is no part of the plan of all.
    pub const fn ends(self, end: End) -> Self {
        Self { end, is_lasting: false, ..self }
    }

    pub const fn exchange(self, exchange: &'static [&'static str]) -> Self {
        Self { exchange, ..self }
    }

    pub const fn moves(self) -> Self {
        Self { moves: true, ..self }
    }

    /// It needs something of its own, and so is no part of the plan of all.
    pub const fn alone(self) -> Self {
        Self { is_lasting: false, ..self }
    }

    /// It is there only where what is bought is owned.
    pub const fn spot(self) -> Self {
        Self { venues: Venues::Spot, ..self }
    }

    /// It is there only where accounts have positions.
    pub const fn futures(self) -> Self {
        Self { venues: Venues::Futures, ..self }
    }

    /// Whether it is there at `venue`.
    pub fn is_at(&self, venue: &str) -> bool {
        match self.venues {
            Venues::All => true,
            Venues::Spot => !has_positions(venue),
            Venues::Futures => has_positions(venue),
        }
    }

    /// A connection is lost by it, or not made.
    pub const fn cuts(self) -> Self {
        Self { cuts: true, ..self }
    }

    /// Its name on the page.
    pub fn title(&self) -> String {
        if self.kind.is_empty() {
            return self.name.to_owned();
        }
        format!("{} ({})", self.name, self.kind)
    }

    /// Its plan.
    pub fn plan(&self) -> String {
        let rule = rule(self.name, &[self.when, self.how]);
        format!("seed = 7\n{rule}\n{}\n", self.beside)
    }
}

/// Whether accounts have positions at `venue`.
pub fn has_positions(venue: &str) -> bool {
    venue == "binance-usdm"
}

/// A rule of a plan.
pub fn rule(name: &str, fields: &[&str]) -> String {
    format!("\n[[fault]]\nwhat = \"{name}\"\n{}\n", fields.join("\n"))
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    PAPER.iter().chain(LIVE)
}

/// All faults of a mode that a run of `length_ms` outlives. Those of connections come once each, as
/// far from each other as can be: links that are lost all the time are made again less and less
/// often. The others come four times, one after the other.
pub fn plan_of_all(venue: &str, mode: Mode, length_ms: u64) -> (String, usize) {
    let lasting = all().filter(|it| it.mode == mode && it.is_at(venue));
    let lasting = lasting.filter(|it| it.is_lasting && !it.moves);
    let (cuts, others): (Vec<_>, Vec<_>) = lasting.partition(|it| it.cuts);
    let mut plan = "seed = 7\n".to_owned();
    let mut add = |which: &[&Scenario], apart_ms: u64, again: &str| {
        for (at, scenario) in which.iter().enumerate() {
            let when = format!("at_ms = {}\n{again}", 5_000 + apart_ms * at as u64);
            plan += &rule(scenario.name, &[&when, scenario.how]);
        }
    };
    add(&cuts, length_ms / (cuts.len() as u64 + 1), "times = 1");
    let every_ms = length_ms / 4;
    add(&others, every_ms / (others.len() as u64 + 1), &format!("every_ms = {every_ms}"));
    (plan, cuts.len() + others.len())
}
