//! The way of real orders: a session at the venue on a thread of its own, behind a gateway.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use qt_engine::{Command, Gateway, GatewayEvent, Question};
use qt_feeds::gateway::{self, Running, Session, SocketGateway};
use qt_feeds::machine::{Act, Happened, Machine};
use qt_feeds::market::Listing;
use qt_feeds::venue::binance::Access;
use qt_feeds::venue::binance::trade::{
    OrderMachine, SPOT, Standing, TradeSettings, Traded, Trouble,
};
use qt_ring::Bell;
use qt_types::{InstrumentId, Nanos};

use super::baseline;
use super::market::{Market, driving};
use super::place::Place;
use crate::failure::Failure;

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

/// Starts a session for the instruments of `market`. What the account held before the first order
/// is kept in `folder`; `is_first`: nothing ever left.
///
/// # Errors
/// When the account cannot be told from the run's positions, or there is no thread.
pub fn start(
    place: &Place,
    access: &Access,
    market: &Market,
    folder: &Path,
    is_first: bool,
    bell: &Arc<Bell>,
) -> Result<Orders, Failure> {
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
        can_amend: true,
        can_replace: true,
    });
    let settings = TradeSettings {
        base: place.url().map(str::to_owned),
        baseline: held,
        ..TradeSettings::new(&SPOT, access.clone(), traded.collect())
    };
    let machine = OrderMachine::new(settings).map_err(|error| Failure::usage(error.to_string()))?;
    let session = Remembering { machine, folder: folder.to_owned(), is_kept: false, fault: None };
    let started = gateway::start("orders", session, driving(), RING, bell);
    let (gateway, running) = started.map_err(|error| Failure::failed(error.to_string()))?;
    Ok(Orders { gateway, running })
}

fn takes(of: &Listing, kind: &str) -> bool {
    of.order_types.iter().any(|it| it == kind)
}

/// Why a session that never stood will not stand either, and whether that is a matter of settings.
pub fn hopeless(standing: &Standing) -> Option<(String, bool)> {
    match standing.trouble.as_ref()? {
        trouble @ (Trouble::Keys(..) | Trouble::LogOn(..)) => Some((trouble.to_string(), true)),
        trouble @ Trouble::Clock(_) => Some((trouble.to_string(), false)),
        _ => None,
    }
}

/// A session that keeps what the account held before it says that the link stands: no order leaves
/// before that.
struct Remembering {
    machine: OrderMachine,
    folder: PathBuf,
    is_kept: bool,
    fault: Option<String>,
}

impl Remembering {
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
                self.fault = Some(format!("{folder}: what the account held is not kept: {error}"));
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
        if event == GatewayEvent::Connected && !self.keep() {
            return Some(GatewayEvent::Disconnected);
        }
        Some(event)
    }

    fn standing(&self) -> Standing {
        let mut standing = self.machine.standing().clone();
        if let Some(fault) = &self.fault {
            standing.trouble = Some(Trouble::Unfit(fault.clone()));
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
