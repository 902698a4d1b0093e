//! The way of real orders: a session at the venue on a thread of its own, behind a gateway.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use qt_engine::{Command, Gateway, GatewayEvent, Question};
use qt_feeds::gateway::{self, Running, Session, SocketGateway, StartError};
use qt_feeds::machine::{Act, Happened, Machine};
use qt_feeds::market::Listing;
use qt_feeds::venue::binance::Access;
use qt_feeds::venue::binance::trade::{OrderMachine, Standing, TradeSettings, Traded, Trouble};
use qt_ring::Bell;
use qt_types::{Cash, InstrumentId, InstrumentSpec, Nanos, format_scaled};

use super::baseline;
use super::market::Market;
use super::place::{Place, undriven};
use crate::failure::{Failure, Reason};

/// Room between the gateway and the thread of its sockets.
const RING: usize = 4_096;
/// A kind of order that an instrument may take.
const STOP_LIMIT: &str = "STOP_LOSS_LIMIT";

/// The gateway, and what keeps its session running.
pub struct Orders {
    /// The engine's side.
    pub gateway: SocketGateway<Standing>,
    /// The session's thread, and how it stands.
    pub running: Running<Standing>,
}

/// What a session begins with.
pub struct Start<'a> {
    /// Where its journal is: what the account held before the first order is kept there.
    pub folder: &'a Path,
    /// Nothing ever left.
    pub is_first: bool,
    /// The cash that the run has by its own books; the account must have as much.
    pub cash: Cash,
}

/// Starts a session for the instruments of `market`.
///
/// # Errors
/// When the account cannot be told from the run's positions, or there is no thread.
pub fn start(
    place: &Place,
    access: &Access,
    market: &Market,
    start: &Start<'_>,
    bell: &Arc<Bell>,
) -> Result<Orders, Failure> {
    let Start { folder, is_first, cash } = *start;
    let held = baseline::read(folder).map_err(Failure::data)?;
    if held.is_none() && !is_first {
        let what = format!(
            "{}: the journal has gone on, and what the account held before it is not there",
            folder.display()
        );
        return Err(Failure::data(what)
            .hint("put baseline.json back beside the journal, or begin another with --out"));
    }
    let traded = market.listings().iter().zip(market.specs()).enumerate();
    let traded = traded.map(|(at, (of, spec))| Traded {
        instrument: InstrumentId(u16::try_from(at).unwrap_or(u16::MAX)),
        symbol: of.symbol.clone(),
        spec: spec.clone(),
        base: of.base.clone(),
        quote: of.quote.clone(),
        takes_stop_limits: takes(of, STOP_LIMIT),
        can_amend: of.can_amend,
        can_replace: of.can_replace,
    });
    let settings = TradeSettings {
        base: place.url().map(str::to_owned),
        baseline: held,
        ..TradeSettings::new(place.profile(), access.clone(), traded.collect())
    };
    let machine = OrderMachine::new(settings).map_err(|error| Failure::usage(error.to_string()))?;
    let currency = market.specs().first().map(InstrumentSpec::currency).unwrap_or_default();
    let funds = Funds { currency: currency.to_owned(), cash, is_first };
    let session = Remembering {
        machine,
        folder: folder.to_owned(),
        funds: Some(funds),
        is_kept: false,
        fault: None,
    };
    let started = gateway::start("orders", session, place.driving(), RING, bell);
    let (gateway, running) = started.map_err(|error| match error {
        StartError::Drive(error) => undriven(&error),
        StartError::Rings(error) => Failure::failed(error.to_string()),
    })?;
    Ok(Orders { gateway, running })
}

fn takes(of: &Listing, kind: &str) -> bool {
    of.order_types.iter().any(|it| it == kind)
}

/// Why a session that never stood will not stand either, and what kind of failure that is.
pub fn hopeless(standing: &Standing) -> Option<(String, Reason)> {
    let trouble = standing.trouble.as_ref()?;
    let reason = match trouble {
        Trouble::Keys(..) | Trouble::LogOn(..) => Reason::Usage,
        Trouble::Clock(_) => Reason::Failed,
        Trouble::Refused(_) | Trouble::Mode => Reason::Refused,
        _ => return None,
    };
    Some((trouble.to_string(), reason))
}

/// The cash of a run, which the account has to have.
struct Funds {
    currency: String,
    cash: Cash,
    is_first: bool,
}

impl Funds {
    /// Why the run may not begin in an account that holds `held`, in billionths of a unit.
    fn missing(&self, held: &[(String, i64)]) -> Option<String> {
        let of = held.iter().find(|(asset, _)| *asset == self.currency);
        let held = i128::from(of.map_or(0, |it| it.1));
        if self.cash.nano() <= held {
            return None;
        }
        let Self { currency, cash, .. } = self;
        let held = format_scaled(held, 9);
        Some(match self.is_first {
            true => format!(
                "the run is to have {cash} {currency}, and the account has {held}: give it no \
                 more with --capital, or pay more in"
            ),
            false => format!(
                "by its journal the run has {cash} {currency}, and the account has {held}: \
                 somebody took of it; put it back, or begin another journal with --out and \
                 --capital"
            ),
        })
    }
}

/// A session that keeps what the account held before it says that the link stands: no order leaves
/// before that.
struct Remembering {
    machine: OrderMachine,
    folder: PathBuf,
    /// What is to be held against the account before the link stands for the first time.
    funds: Option<Funds>,
    is_kept: bool,
    fault: Option<Trouble>,
}

impl Remembering {
    /// Whether the account has what the run is to have.
    fn is_funded(&mut self) -> bool {
        let Some(funds) = &self.funds else { return true };
        let held = self.machine.standing().held.as_deref().unwrap_or_default();
        if let Some(why) = funds.missing(held) {
            self.fault = Some(Trouble::Refused(why));
            return false;
        }
        self.funds = None;
        true
    }

    fn keep(&mut self) -> bool {
        if self.is_kept {
            return true;
        }
        let standing = self.machine.standing();
        let Some(held) = &standing.baseline else { return true };
        match baseline::keep(&self.folder, held) {
            Ok(()) => self.is_kept = true,
            Err(error) => {
                let folder = self.folder.display();
                let what = format!("{folder}: what the account held is not kept: {error}");
                self.fault = Some(Trouble::Unfit(what));
            }
        }
        self.is_kept
    }
}

impl Machine for Remembering {
    fn handle(&mut self, happened: Happened<'_>, now_ns: Nanos) {
        self.machine.handle(happened, now_ns);
    }

    fn next_act(&mut self) -> Option<Act> {
        self.machine.next_act()
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        self.machine.deadline_ns()
    }
}

impl Session for Remembering {
    type Standing = Standing;

    fn connect(&mut self, now_ns: Nanos) {
        Session::connect(&mut self.machine, now_ns);
    }

    fn disconnect(&mut self, now_ns: Nanos) {
        Session::disconnect(&mut self.machine, now_ns);
    }

    fn submit(&mut self, command: &Command, handed_ns: Nanos, now_ns: Nanos) {
        Session::submit(&mut self.machine, command, handed_ns, now_ns);
    }

    fn ask(&mut self, number: u32, question: Question, now_ns: Nanos) {
        Session::ask(&mut self.machine, number, question, now_ns);
    }

    fn next_event(&mut self) -> Option<GatewayEvent> {
        let event = self.machine.next_event()?;
        if event == GatewayEvent::Connected && !(self.is_funded() && self.keep()) {
            return Some(GatewayEvent::Disconnected);
        }
        Some(event)
    }

    fn standing(&self) -> Standing {
        let mut standing = self.machine.standing().clone();
        if let Some(fault) = &self.fault {
            standing.trouble = Some(fault.clone());
        }
        standing
    }
}

/// What of a standing is new for a person.
pub fn news(standing: &Standing, last: &mut Option<String>) -> Option<String> {
    let text = standing.trouble.as_ref().map(ToString::to_string);
    if *last == text {
        return None;
    }
    last.clone_from(&text);
    text
}

/// A gateway as the threads of a run take it.
pub fn boxed(gateway: SocketGateway<Standing>) -> Box<dyn Gateway + Send> {
    Box::new(gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_what_its_run_has_or_more() {
        let held = [("BTC".to_owned(), 7), ("USDT".to_owned(), 5_000_000_000)];
        let missing = |nano, currency: &str, is_first| {
            let (cash, currency) = (Cash::from_nano(nano), currency.to_owned());
            Funds { currency, cash, is_first }.missing(&held)
        };
        assert_eq!(missing(5_000_000_000, "USDT", true), None);
        let why = missing(5_000_000_001, "USDT", true).unwrap();
        assert!(why.contains("--capital") && why.contains("has 5"), "{why}");
        assert!(missing(5_000_000_001, "USDT", false).unwrap().contains("by its journal"));
        assert!(missing(1, "EUR", true).unwrap().contains("has 0"));
    }
}
