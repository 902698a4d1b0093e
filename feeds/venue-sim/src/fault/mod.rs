//! What goes wrong, by a plan: a list of rules in a TOML file or as values, the same run after run
//! by its seed and the order of the questions.
//!
//! The plan does nothing itself. Whoever is at one of the [`Place`]s asks [`Plan::at`] and does
//! what it says. What concerns the exchange itself [`Simulation`](crate::simulation::Simulation)
//! asks and does.

mod file;
mod kind;
mod plan;
mod rule;

pub use file::PlanError;
pub use kind::{Fault, Place, list};
pub use plan::{Action, Plan, RULES_MAX, RuleState};
pub use rule::{Params, Rule};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionKind {
    /// Market data.
    Streams,
    /// Requests over a WebSocket, and the account's events.
    Api,
    /// The account's events alone.
    User,
    /// Requests over HTTP.
    Rest,
}

impl ConnectionKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Streams, Self::Api, Self::User, Self::Rest];

    /// Its name in a plan.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Api => "api",
            Self::User => "user",
            Self::Rest => "rest",
        }
    }
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// A new order.
    Place,
    /// A cancel, of one or all.
    Cancel,
    /// A cancel with a new order.
    Replace,
    /// An amendment.
    Amend,
    /// Questions about orders.
    Orders,
    /// Questions about executions.
    Fills,
    /// Questions about balances and positions.
    Account,
    /// A whole book.
    Snapshot,
    /// Symbols and rules.
    Symbols,
    /// The time.
    Time,
    /// A log-on or a subscription of the account's events.
    Session,
    /// Anything else.
    Other,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Place,
        Self::Cancel,
        Self::Replace,
        Self::Amend,
        Self::Orders,
        Self::Fills,
        Self::Account,
        Self::Snapshot,
        Self::Symbols,
        Self::Time,
        Self::Session,
        Self::Other,
    ];

    /// Its name in a plan.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Cancel => "cancel",
            Self::Replace => "replace",
            Self::Amend => "amend",
            Self::Orders => "orders",
            Self::Fills => "fills",
            Self::Account => "account",
            Self::Snapshot => "snapshot",
            Self::Symbols => "symbols",
            Self::Time => "time",
            Self::Session => "session",
            Self::Other => "other",
        }
    }
}

/// A question to the plan: where somebody is and what he has in his hands. A rule that names a
/// symbol (a stream, an account ..) fits only where one is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook<'a> {
    /// Where.
    pub place: Place,
    /// Of which symbol.
    pub symbol: Option<&'a str>,
    /// On which stream.
    pub stream: Option<&'a str>,
    /// Of which account.
    pub account: Option<&'a str>,
    /// On which kind of connection.
    pub connection: Option<ConnectionKind>,
    /// Which kind of request.
    pub request: Option<RequestKind>,
}

impl<'a> Hook<'a> {
    /// A question at a place, of nothing in particular.
    #[must_use]
    pub const fn new(place: Place) -> Self {
        Self { place, symbol: None, stream: None, account: None, connection: None, request: None }
    }

    /// The same of a symbol.
    #[must_use]
    pub const fn symbol(mut self, symbol: &'a str) -> Self {
        self.symbol = Some(symbol);
        self
    }

    /// The same on a stream.
    #[must_use]
    pub const fn stream(mut self, stream: &'a str) -> Self {
        self.stream = Some(stream);
        self
    }

    /// The same of an account.
    #[must_use]
    pub const fn account(mut self, account: &'a str) -> Self {
        self.account = Some(account);
        self
    }

    /// The same on a connection.
    #[must_use]
    pub const fn connection(mut self, connection: ConnectionKind) -> Self {
        self.connection = Some(connection);
        self
    }

    /// The same with a request.
    #[must_use]
    pub const fn request(mut self, request: RequestKind) -> Self {
        self.request = Some(request);
        self
    }
}
