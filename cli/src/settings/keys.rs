//! All settings by name. One table serves the flags, the environment, the configuration file and
//! `config show`.

/// Which commands know a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// How data is read.
    Data,
    /// What of the data a run uses.
    Range,
    /// The strategy.
    Strategy,
    /// Account and sizing.
    Account,
    /// Costs and fills.
    Fills,
    /// Figures and checks.
    Figures,
    /// Where a backtest's results go.
    Output,
}

impl Group {
    /// The heading in the help.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Data | Self::Range => "Data",
            Self::Strategy => "Strategy",
            Self::Account => "Account and size",
            Self::Fills => "Costs and fills",
            Self::Figures => "Figures",
            Self::Output => "Results",
        }
    }
}

/// How many values a setting has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Yes or no.
    Flag,
    /// One value, called so in the help.
    One(&'static str),
    /// Any number of values, called so in the help.
    Many(&'static str),
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name: the flag without the dashes in front.
    pub name: &'static str,
    /// How many values it has.
    pub arity: Arity,
    /// Which commands know it.
    pub group: Group,
    /// The value where none is given; empty for none.
    pub default: &'static str,
    /// One line on what it does.
    pub help: &'static str,
}

impl Key {
    /// The environment variable of the same meaning.
    pub fn variable(&self) -> String {
        format!("QUANTTRADE_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// The setting called `name`; `_` and `-` are the same.
pub fn find(name: &str) -> Option<&'static Key> {
    let name = name.replace('_', "-");
    KEYS.iter().find(|key| key.name == name)
}

/// Settings of which only one can hold; one given on a higher layer replaces the others.
pub const EXCLUSIVE: &[&[&str]] = &[
    &["qty", "weight", "risk-per-trade", "target-volatility", "kelly"],
    &["stop-loss", "trailing-stop"],
];

/// Pairs of which the first, on a higher layer, replaces the second, and which do not go together
/// on one layer.
pub const CONFLICTS: &[(&str, &str)] = &[
    ("fee-rate", "maker-rate"),
    ("fee-rate", "taker-rate"),
    ("maker-rate", "fee-rate"),
    ("taker-rate", "fee-rate"),
    ("funding", "funding-rate"),
    ("funding-rate", "funding"),
];

const fn key(
    group: Group,
    name: &'static str,
    arity: Arity,
    default: &'static str,
    help: &'static str,
) -> Key {
    Key { name, arity, group, default, help }
}

use Arity::{Flag, Many, One};
use Group::{Account, Data, Figures, Fills, Output, Range, Strategy};

/// All of them, in the order of the help.
pub const KEYS: &[Key] = &[
    key(
        Range,
        "data",
        Many("[SYMBOL=]PATH|ID"),
        "",
        "A file, a catalog id or sample:NAME; may be given several times",
    ),
    key(Data, "format", One("FORMAT"), "", "Force the file format instead of recognising it"),
    key(Data, "tz", One("ZONE"), "UTC", "Time zone of stamps without one (IANA name)"),
    key(
        Data,
        "calendar",
        One("CALENDAR"),
        "",
        "24x7, fx, xnys, none or a calendar file; chosen from the data without it",
    ),
    key(
        Data,
        "price",
        One("raw|adjusted"),
        "raw",
        "Prices as traded, or scaled for splits and dividends",
    ),
    key(
        Data,
        "factors",
        One("FILE"),
        "",
        "Factor file for --price adjusted; an Adj Close column is used without it",
    ),
    key(Data, "tick", One("T"), "", "Price step; derived from the data without it"),
    key(Data, "lot", One("L"), "", "Quantity step; derived from the data without it"),
    key(Data, "multiplier", One("M"), "1", "Units of the underlying per contract"),
    key(
        Data,
        "definitions",
        One("FILE.dbn"),
        "",
        "Units and expiries of instruments, from DBN definitions; they win over other settings",
    ),
    key(
        Data,
        "kind",
        One("KIND"),
        "",
        "equity, spot, fx, future, perpetual, inverse-future, inverse-perpetual or index; by the \
         calendar without it",
    ),
    key(
        Data,
        "currency",
        Many("[SYMBOL=]C"),
        "",
        "Currency of the prices; guessed from the symbol without it",
    ),
    key(
        Data,
        "bars",
        One("SPEC"),
        "",
        "Build these bars first: 5m, 1h, 1d, tick:1000, volume:500, dollar:1000000",
    ),
    key(Data, "no-check", Flag, "", "Skip the quality gate; the report says so"),
    key(Data, "min-score", One("N"), "", "Refuse data with a quality score below N (0 to 100)"),
    key(
        Range,
        "from",
        One("TIME"),
        "",
        "Trade bars that open at TIME or later; earlier ones only warm up",
    ),
    key(Range, "to", One("TIME"), "", "Leave out bars that open at TIME or later"),
    key(
        Strategy,
        "strategy",
        Many("[NAME=]STRATEGY[@SYMBOL+..]"),
        "",
        "The strategy: see `strategies list`; given several times they run on one account",
    ),
    key(
        Strategy,
        "param",
        Many("NAME=VALUE"),
        "",
        "A parameter of the strategy; of several strategies STRATEGY.NAME=VALUE; may be given \
         several times",
    ),
    key(
        Account,
        "account",
        One("cash|margin"),
        "cash",
        "Cash buys only what is paid for; margin may borrow and go short",
    ),
    key(
        Account,
        "leverage",
        One("L"),
        "1",
        "How large all positions may be, in multiples of the equity (margin)",
    ),
    key(Account, "capital", One("AMOUNT"), "100000", "Money at the start"),
    key(
        Account,
        "account-currency",
        One("C"),
        "",
        "Currency of the account; that of the instruments without it",
    ),
    key(
        Account,
        "deposit",
        Many("C=AMOUNT"),
        "",
        "Money at the start in another currency, or a token for fees",
    ),
    key(
        Account,
        "fx",
        Many("PAIR=FILE|RATE"),
        "",
        "Rates of a pair of currencies: any file of bars, trades or quotes, or one number",
    ),
    key(Account, "fx-spread-bps", One("B"), "0", "What exchanging money costs, in basis points"),
    key(
        Account,
        "fx-max-age",
        One("TIME"),
        "7d",
        "Deny new orders in a currency whose rate is older",
    ),
    key(Account, "qty", One("Q"), "", "Size entries by a fixed quantity"),
    key(
        Account,
        "weight",
        One("W"),
        "0.95",
        "Size entries by this share of the equity; several instruments share the default evenly",
    ),
    key(
        Account,
        "risk-per-trade",
        One("R"),
        "",
        "Size entries so that the stop loses this share of the equity",
    ),
    key(
        Account,
        "target-volatility",
        One("V"),
        "",
        "Size entries so that the position has the volatility V a year (0.2 is 20 per cent)",
    ),
    key(
        Account,
        "volatility-window",
        One("N"),
        "20",
        "How many of the last returns --target-volatility measures with",
    ),
    key(
        Account,
        "kelly",
        One("W:B|trades"),
        "",
        "Size entries by the Kelly share: trades win with probability W and B times what they \
         lose else; trades takes both from the run",
    ),
    key(Account, "kelly-fraction", One("F"), "0.25", "The part of the Kelly share that is used"),
    key(
        Account,
        "kelly-start",
        One("W"),
        "0.01",
        "Share of the equity before the run has 20 trades for --kelly trades",
    ),
    key(
        Account,
        "size-cap",
        One("W"),
        "",
        "The largest share of the equity of an entry: without it 1 with --target-volatility, \
         0.1 with --kelly",
    ),
    key(
        Account,
        "stop-loss",
        One("PCT"),
        "",
        "Add a stop PCT per cent away to each entry that is made by ctx.enter",
    ),
    key(
        Account,
        "take-profit",
        One("PCT"),
        "",
        "Add a target PCT per cent away to each entry that is made by ctx.enter",
    ),
    key(
        Account,
        "trailing-stop",
        One("PCT"),
        "",
        "Add a stop that trails by PCT per cent to each entry that is made by ctx.enter",
    ),
    key(
        Account,
        "borrow-rate",
        One("R"),
        "0",
        "Fee per year on the value of short positions (margin; 0.02 is two per cent)",
    ),
    key(
        Account,
        "margin",
        One("isolated|cross"),
        "isolated",
        "Whether each derivative stands for itself, or all equity behind all (margin)",
    ),
    key(
        Account,
        "margin-tiers",
        One("FILE.toml"),
        "",
        "Margin to open and to keep, by size and date; by the leverage without it (margin)",
    ),
    key(Account, "max-order-qty", One("Q"), "", "Deny orders larger than Q"),
    key(
        Account,
        "risk-profile",
        One("NAME|FILE"),
        "research",
        "Limits of the risk gate: research, paper or a file (`risk show`)",
    ),
    key(Fills, "fee-rate", One("R"), "0.001", "Fee as a share of the notional"),
    key(Fills, "maker-rate", One("R"), "", "Fee of orders that rested, in the place of --fee-rate"),
    key(Fills, "taker-rate", One("R"), "", "Fee of orders that took, in the place of --fee-rate"),
    key(
        Fills,
        "fee-asset",
        One("quote|base|TOKEN"),
        "quote",
        "What fees are taken in: base takes those of spot purchases from what was bought; TOKEN, \
         or TOKEN,base, from its --deposit as long as that lasts",
    ),
    key(Fills, "fee-token-discount", One("D"), "0", "How much less fees are in a token (0.25)"),
    key(
        Fills,
        "expiry",
        Many("[SYMBOL=]TIME[@PRICE]"),
        "",
        "When futures expire, and at which price: at the last one without it",
    ),
    key(Fills, "fee-tiers", One("FILE.toml"), "", "Fees by the volume of the 30 days before"),
    key(
        Fills,
        "funding",
        Many("[SYMBOL=]FILE.csv"),
        "",
        "Funding rates of perpetuals: time, rate and, if known, mark",
    ),
    key(
        Fills,
        "funding-rate",
        One("R"),
        "",
        "The same funding rate every interval (0.0001 is a hundredth of a per cent)",
    ),
    key(Fills, "funding-interval", One("TIME"), "8h", "Time between two fundings at that rate"),
    key(
        Fills,
        "slippage-bps",
        One("B"),
        "0",
        "How far market and stop orders slip, in basis points",
    ),
    key(
        Fills,
        "fill",
        One("next-open|close"),
        "next-open",
        "Where market orders fill; close is optimistic",
    ),
    key(
        Fills,
        "max-participation",
        One("X"),
        "",
        "Fill at most X times a bar's volume; the rest goes on",
    ),
    key(
        Fills,
        "whole-fills",
        Flag,
        "",
        "On trades, fill orders whole, not only for what each trade's quantity allows",
    ),
    key(
        Fills,
        "queue-model",
        One("MODEL"),
        "risk-averse",
        "On books: how the place in a queue is estimated (risk-averse, prob-power[:N], prob-log)",
    ),
    key(Fills, "no-impact", Flag, "", "On books, what our fills took is there for the next order"),
    key(
        Fills,
        "self-trade",
        One("MODE"),
        "expire-taker",
        "On books, when our own orders could meet: expire-taker, expire-maker or expire-both",
    ),
    key(
        Fills,
        "venue-lacks",
        One("LIST"),
        "",
        "What the venue cannot do and the engine does: stop, stop_limit, take_profit, \
         limit_if_touched, trailing_stop, oco, oto, iceberg, peg, gtd, day, ioc, fok, \
         post_only, reduce_only, amend, all",
    ),
    key(Fills, "touch-fills", Flag, "", "Fill limit orders that the price only touches"),
    key(Fills, "close-at-end", Flag, "", "Close open positions at the last close"),
    key(
        Fills,
        "feed-latency",
        One("TIME|MODEL"),
        "0ms",
        "From the market to us, on top of the data's times of receipt (500us, jitter:5ms,2ms, a \
         file; venue+5ms counts from the venue's times)",
    ),
    key(
        Fills,
        "order-latency",
        One("TIME|MODEL"),
        "0ms",
        "From us to the venue: 5ms, jitter:5ms,2ms, new=5ms,replace=7ms,cancel=3ms or a CSV file",
    ),
    key(
        Fills,
        "response-latency",
        One("TIME|MODEL"),
        "",
        "From the venue to us; as --order-latency without it",
    ),
    key(Fills, "signals", One("FILE"), "", "Signals of agents, one JSON object a line"),
    key(Fills, "signal-latency", One("TIME|MODEL"), "0ms", "From a source to us: 2s, jitter:2s,5s"),
    key(Fills, "approval-latency", One("TIME|MODEL"), "", "How long a human takes to approve: 2m"),
    key(Fills, "approval-below", One("SHARE"), "", "Confidence below which one is asked [0.85]"),
    key(
        Fills,
        "faults",
        One("FILE.toml"),
        "",
        "What goes wrong at the venue and on the way there: halts, lost links, refusals ...",
    ),
    key(
        Fills,
        "instruments",
        One("FILE.toml"),
        "",
        "What the venue asks of orders by date: tick, lot, least worth, price band",
    ),
    key(
        Figures,
        "risk-free-rate",
        One("R"),
        "0",
        "Per year, for the Sharpe ratio (0.02 is two per cent)",
    ),
    key(Figures, "periods-per-year", One("P"), "", "Closes a year has; from the data without it"),
    key(Figures, "sample", One("TIME"), "1s", "On ticks: time between two samples of the equity"),
    key(Figures, "seed", One("N"), "1", "What everything random follows from"),
    key(Figures, "allow-no-trades", Flag, "", "A run without fills is a success too"),
    key(Output, "report", One("FILE.html"), "", "Write a report that opens offline"),
    key(Output, "out", One("DIR"), "", "Write result.json, fills.csv, trades.csv and equity.csv"),
    key(
        Output,
        "bands",
        Flag,
        "",
        "Run with kinder and with harsher fills as well, and show all three side by side",
    ),
    key(Output, "full-curve", Flag, "", "All points of the equity curve in the JSON result"),
];

#[cfg(test)]
mod tests;
