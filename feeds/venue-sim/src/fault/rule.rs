//! A rule of a plan: what goes wrong, when, and to whom.

use super::kind::Fault;
use super::{ConnectionKind, RequestKind};

/// A rule of a plan. What is `None` does not matter.
///
/// *When*: from `at_ms` after the start until `until_ms`. In that time each question that fits is
/// counted. With `every_ms` the first one after each of those times is an occurrence; with
/// `after` the one with that number, and with `every` each so many further ones; with
/// `probability` each one by chance; with none of these the first one. At most `times` occurrences
/// come: one, unless the rule repeats itself by `every_ms`, `every` or `probability`.
///
/// *How long*: an occurrence is the question itself and as many more as to make `count`, or all
/// for `for_ms`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Rule {
    /// What goes wrong.
    pub what: Option<Fault>,
    /// From when on, in ms after the start.
    pub at_ms: u64,
    /// Until when, in ms after the start.
    pub until_ms: Option<u64>,
    /// Again and again, in ms.
    pub every_ms: Option<u64>,
    /// At the question with this number, from one.
    pub after: Option<u64>,
    /// At each so many further ones.
    pub every: Option<u64>,
    /// By chance, in millionths.
    pub chance_e6: Option<u32>,
    /// How many occurrences at most.
    pub times: Option<u64>,
    /// How many questions an occurrence is.
    pub count: Option<u64>,
    /// Or how long it is, in ms.
    pub for_ms: Option<u64>,
    /// Of which symbol.
    pub symbol: Option<String>,
    /// On which stream, by its name or a part of it.
    pub stream: Option<String>,
    /// Of which account.
    pub account: Option<String>,
    /// On which kind of connection.
    pub connection: Option<ConnectionKind>,
    /// Which kind of request.
    pub request: Option<RequestKind>,
    /// What the fault needs to know.
    pub params: Params,
}

/// What faults need to know. Each takes what [`Fault::params`] lists.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Params {
    /// How much later, in ms.
    pub delay_ms: Option<u64>,
    /// By how much off, in ms.
    pub by_ms: Option<i64>,
    /// By how many.
    pub by: Option<u64>,
    /// A status of HTTP.
    pub status: Option<u16>,
    /// A code of an error or of a close.
    pub code: Option<i64>,
    /// How long to wait, in ms.
    pub retry_ms: Option<u64>,
    /// Into how many parts, or how often.
    pub parts: Option<u64>,
    /// How many bytes.
    pub bytes: Option<u64>,
    /// How many a second.
    pub rate: Option<u64>,
    /// Millionths.
    pub ppm: Option<i64>,
    /// A tick, as text.
    pub tick: Option<String>,
    /// A side: `buy` or `sell`.
    pub side: Option<String>,
    /// Which half: `cancel` or `new`.
    pub part: Option<String>,
    /// How an answer is lost: `status`, `code`, `drop` (the connection ends) or `silence`.
    pub how: Option<String>,
    /// The name of a rule of symbols, such as `LOT_SIZE`.
    pub rule: Option<String>,
    /// An asset.
    pub asset: Option<String>,
    /// An amount, as text.
    pub amount: Option<String>,
}

impl Rule {
    /// A rule by which `what` goes wrong once, at the first occasion.
    #[must_use]
    pub fn once(what: Fault) -> Self {
        Self { what: Some(what), ..Self::default() }
    }

    /// Whether it counts questions, and does not go by the time alone.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.after.is_some() || self.every.is_some() || self.chance_e6.is_some()
    }

    /// Whether it comes back by itself.
    #[must_use]
    pub const fn repeats(&self) -> bool {
        self.every_ms.is_some() || self.every.is_some() || self.chance_e6.is_some()
    }
}
