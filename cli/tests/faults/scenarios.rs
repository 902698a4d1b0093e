//! The scenarios: a fault each, as the rules of a plan, and how the run trades.

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

/// A fault, and what the plan says of it.
#[derive(Debug)]
pub struct Scenario {
    /// The fault's name in a plan.
    pub name: &'static str,
    pub mode: Mode,
    /// The fields of its rule beside its name.
    pub rule: &'static str,
}

const fn paper(name: &'static str, rule: &'static str) -> Scenario {
    Scenario { name, mode: Mode::Paper, rule }
}

const fn live(name: &'static str, rule: &'static str) -> Scenario {
    Scenario { name, mode: Mode::Live, rule }
}

/// Some changes of the book, again and again.
const DELTAS: &str = "at_ms = 1500\nevery_ms = 1500\ntimes = 3\ncount = 2";
/// A frame now and then.
const FRAMES: &str = "at_ms = 1500\nevery_ms = 700\ntimes = 5";
/// An order now and then.
const ORDERS: &str = "request = \"place\"\nafter = 3\nevery = 5\ntimes = 4";
/// A report now and then.
const REPORTS: &str = "after = 3\nevery = 4\ntimes = 6";

pub const SCENARIOS: &[Scenario] = &[
    paper("drop-delta", DELTAS),
    paper("duplicate-delta", DELTAS),
    paper("swap-deltas", DELTAS),
    paper("late-delta", "at_ms = 1500\nevery_ms = 1500\ntimes = 3\ndelay_ms = 300"),
    paper("remove-absent", DELTAS),
    paper("crossed-book", DELTAS),
    paper("empty-side", DELTAS),
    paper("stale-snapshot", "times = 2\nevery = 1\nby = 50"),
    paper("snapshot-at-last", ""),
    paper("snapshot-before-first", ""),
    paper("snapshot-refused", "status = 503\nretry_ms = 500"),
    paper("snapshot-timeout", ""),
    paper("snapshot-slow", "delay_ms = 3000"),
    paper("huge-frame", "bytes = 10000000"),
    paper("unknown-field", FRAMES),
    paper("unknown-value", FRAMES),
    paper("key-order", FRAMES),
    paper("garbage-frame", "at_ms = 1500\nevery_ms = 700\ntimes = 3\nbytes = 64"),
    paper("fragmented-frame", FRAMES),
    paper("binary-frame", FRAMES),
    paper("ping-inside", "at_ms = 1500\nevery_ms = 700\ntimes = 3\nbytes = 20"),
    paper("cut-frame", "at_ms = 2000\nstream = \"depth\""),
    paper("foreign-symbol", FRAMES),
    paper("burst", "at_ms = 2000\nfor_ms = 800\nrate = 5000"),
    paper("refuse-connect", "for_ms = 1500\nconnection = \"streams\""),
    paper("slow-connect", "delay_ms = 1500\nconnection = \"streams\""),
    paper("outage", "at_ms = 2500\nfor_ms = 2500"),
    paper("close-code", "at_ms = 2500\ncode = 1012\nconnection = \"streams\""),
    paper("reset", "at_ms = 2500\nconnection = \"streams\""),
    paper("shutdown-notice", "at_ms = 2500\ndelay_ms = 1500\nconnection = \"streams\""),
    paper("ack-error-one", ""),
    paper("ack-lost", ""),
    paper("data-before-ack", ""),
    live("order-lost", ORDERS),
    live("answer-lost", ORDERS),
    live("answer-slow", "request = \"place\"\nafter = 3\nevery = 5\ntimes = 4\ndelay_ms = 800"),
    live("fill-before-ack", ORDERS),
    live("unknown-error", "request = \"place\"\nafter = 3\nevery = 5\ntimes = 3\ncode = -1007"),
    live("partial-fills", "after = 2\nevery = 3\ntimes = 4\ncount = 3"),
    live("partial-then-cancel", "after = 2\nevery = 4\ntimes = 4"),
    live("expire-order", "after = 2\nevery = 4\ntimes = 4"),
    live("fill-before-cancel", "request = \"cancel\"\nafter = 2\nevery = 3\ntimes = 4"),
    live("cancel-rejected", "request = \"cancel\"\nafter = 2\nevery = 3\ntimes = 3"),
    live("duplicate-report", REPORTS),
    live("late-report", "after = 3\nevery = 4\ntimes = 6\ndelay_ms = 600"),
    live("drop-report", REPORTS),
    live("swap-reports", REPORTS),
    live("foreign-report", REPORTS),
    live("balance-before-fill", REPORTS),
    live("balance-lost", REPORTS),
    live("not-found-yet", "request = \"orders\"\ntimes = 3\nevery = 1\ndelay_ms = 1000"),
    live("outage", "at_ms = 5000\nfor_ms = 4000"),
    live("close-code", "at_ms = 5000\ncode = 1006\nconnection = \"api\""),
    live("reset", "at_ms = 5000\nconnection = \"api\""),
    live("half-open", "at_ms = 5000\nconnection = \"api\""),
    live("clock-skew", "at_ms = 5000\nby_ms = 250"),
    live("rate-limited", "at_ms = 5000\nfor_ms = 1500\nretry_ms = 1000"),
    live(
        "filter-refused",
        "request = \"place\"\nafter = 3\nevery = 5\ntimes = 4\nrule = \"LOT_SIZE\"",
    ),
    live("odd-fee", "at_ms = 1\nppm = 333"),
    live("negative-fee", "at_ms = 1\nppm = 100"),
];
