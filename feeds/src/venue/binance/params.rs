//! The parameters of each request, by the venue's names.

use super::order::{Life, OrderKind, Request};
use super::setup::{Family, Market, WINDOW_MS_DEFAULT};
use super::template::Field;

/// What a parameter is.
pub(super) enum Value {
    /// A text that is always the same.
    Text(String),
    /// A number that is always the same.
    Number(u32),
    /// A text that differs.
    Field(Field),
    /// The time, which is a number.
    Time,
    /// The API key, of which there is to be no copy here.
    Key,
}

/// A parameter.
pub(super) type Param = (&'static str, Value);

/// The requests that differ in more than their values. Each has a text of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    New(Kind),
    Replace(Kind),
    Cancel,
    Amend,
    Modify,
    /// A new order that may only make a position smaller.
    Reduce(Kind),
}

/// An [`OrderKind`] without its prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Limit(Life),
    PostOnly,
    Market,
    StopLimit(Life),
}

impl Kind {
    const COUNT: usize = 2 * Life::ALL.len() + 2;

    /// All of them, in the order of their numbers.
    fn all() -> impl Iterator<Item = Self> {
        let limits = Life::ALL.into_iter().map(Self::Limit);
        let stops = Life::ALL.into_iter().map(Self::StopLimit);
        limits.chain(stops).chain([Self::PostOnly, Self::Market])
    }

    #[inline]
    const fn number(self) -> usize {
        match self {
            Self::Limit(life) => life as usize,
            Self::StopLimit(life) => Life::ALL.len() + life as usize,
            Self::PostOnly => 2 * Life::ALL.len(),
            Self::Market => 2 * Life::ALL.len() + 1,
        }
    }

    #[inline]
    const fn of(kind: &OrderKind) -> Self {
        match kind {
            OrderKind::Limit(_, life) => Self::Limit(*life),
            OrderKind::PostOnly(_) => Self::PostOnly,
            OrderKind::Market => Self::Market,
            OrderKind::StopLimit { life, .. } => Self::StopLimit(*life),
        }
    }
}

impl Shape {
    /// All of them, in the order of their numbers.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let orders = Kind::all().map(Self::New).chain(Kind::all().map(Self::Replace));
        let orders = orders.chain([Self::Cancel, Self::Amend, Self::Modify]);
        orders.chain(Kind::all().map(Self::Reduce))
    }

    #[inline]
    pub(super) const fn number(self) -> usize {
        match self {
            Self::New(kind) => kind.number(),
            Self::Replace(kind) => Kind::COUNT + kind.number(),
            Self::Cancel => 2 * Kind::COUNT,
            Self::Amend => 2 * Kind::COUNT + 1,
            Self::Modify => 2 * Kind::COUNT + 2,
            Self::Reduce(kind) => 2 * Kind::COUNT + 3 + kind.number(),
        }
    }

    #[inline]
    pub(super) const fn of(request: &Request) -> Self {
        match request {
            Request::New(new) if new.reduce_only => Self::Reduce(Kind::of(&new.kind)),
            Request::New(new) => Self::New(Kind::of(&new.kind)),
            Request::Replace(replace) => Self::Replace(Kind::of(&replace.new.kind)),
            Request::Cancel(_) => Self::Cancel,
            Request::Amend(_) => Self::Amend,
            Request::Modify(_) => Self::Modify,
        }
    }

    /// Its parameters for `market`, those that never differ first: what a hash leaves behind over
    /// them is kept. Key, time and signature are left out.
    pub(super) fn params(self, market: &Market) -> Vec<Param> {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut all = vec![("symbol", text(&market.symbol))];
        // What goes without saying makes what is signed shorter, often by a block.
        if market.recv_window_ms != WINDOW_MS_DEFAULT {
            all.push(("recvWindow", Value::Number(market.recv_window_ms)));
        }
        match self {
            Self::Cancel => all.push(("origClientOrderId", Value::Field(Field::Old))),
            Self::Amend => all.extend([
                ("origClientOrderId", Value::Field(Field::Old)),
                // Without it the venue would call the order by a name of its own from then on.
                ("newClientOrderId", Value::Field(Field::Id)),
                ("newQty", Value::Field(Field::Qty)),
            ]),
            Self::Modify => all.extend([
                ("origClientOrderId", Value::Field(Field::Old)),
                ("side", Value::Field(Field::Side)),
                ("quantity", Value::Field(Field::Qty)),
                ("price", Value::Field(Field::Price)),
            ]),
            Self::New(kind) => kind.params(market.family, &mut all),
            Self::Reduce(kind) => {
                all.push(("reduceOnly", text("true")));
                kind.params(market.family, &mut all);
            }
            Self::Replace(kind) => {
                all.push(("cancelReplaceMode", text("STOP_ON_FAILURE")));
                // What is executed while the request is on its way would come on top of the new
                // order otherwise.
                all.push(("cancelRestrictions", text("ONLY_NEW")));
                kind.params(market.family, &mut all);
                all.push(("cancelOrigClientOrderId", Value::Field(Field::Old)));
            }
        }
        all
    }
}

impl Kind {
    fn params(self, family: Family, all: &mut Vec<Param>) {
        let text = |text: &str| Value::Text(text.to_owned());
        let (kind, life) = match (self, family) {
            (Self::Limit(life), _) => ("LIMIT", Some(life.text())),
            (Self::PostOnly, Family::Spot) => ("LIMIT_MAKER", None),
            (Self::PostOnly, Family::Usdm) => ("LIMIT", Some("GTX")),
            (Self::Market, _) => ("MARKET", None),
            (Self::StopLimit(life), _) => ("STOP_LOSS_LIMIT", Some(life.text())),
        };
        all.push(("type", text(kind)));
        if let Some(life) = life {
            all.push(("timeInForce", text(life)));
        }
        // What became of it comes by the stream of the account as well, and sooner.
        all.push(("newOrderRespType", text("ACK")));
        all.push(("side", Value::Field(Field::Side)));
        all.push(("quantity", Value::Field(Field::Qty)));
        if self != Self::Market {
            all.push(("price", Value::Field(Field::Price)));
        }
        if let Self::StopLimit(_) = self {
            all.push(("stopPrice", Value::Field(Field::Stop)));
        }
        all.push(("newClientOrderId", Value::Field(Field::Id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_stands_at_its_number() {
        let numbers: Vec<usize> = Shape::all().map(Shape::number).collect();
        assert_eq!(numbers, (0..3 * Kind::COUNT + 3).collect::<Vec<_>>());
    }
}
