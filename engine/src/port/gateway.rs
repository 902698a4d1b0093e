//! The port of a gateway: the way to a venue that is somewhere else, and may be gone.

use qt_types::{InstrumentId, Nanos, OrderId, Price, Qty, RejectReason, Side};
use serde::{Deserialize, Serialize};

use super::Delivery;
use crate::{Bounded, Command};

/// What a venue can be asked. To ask twice does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// One order by our id, with every execution of it. No [`Answer::Order`] before the end: the
    /// venue does not know it.
    Order {
        /// What it trades.
        instrument: InstrumentId,
        /// Our id.
        order: OrderId,
    },
    /// All orders of the account that are open, ours or not.
    Open,
    /// All executions of the account since then (UTC ns), and what became of them.
    Executions {
        /// From when on.
        since_ns: Nanos,
    },
    /// All positions of the account that are not zero.
    Positions,
}

/// Where an order stands at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VenueState {
    /// It can be executed.
    Open,
    /// It was executed in full.
    Filled,
    /// It ended before that.
    Cancelled(RejectReason),
    /// It was refused.
    Rejected(RejectReason),
    /// Its time was over.
    Expired,
}

/// An order as the venue knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueOrder {
    /// Our id; none for an order that is not ours.
    pub order: OrderId,
    /// The venue's own number.
    pub number: u64,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Where it stands.
    pub state: VenueState,
    /// Total quantity in lots.
    pub qty: Qty,
    /// Executed quantity in lots.
    pub executed: Qty,
    /// Its limit or trigger in ticks; zero where it has none.
    pub price: Price,
}

/// A part of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// An order.
    Order(VenueOrder),
    /// An execution, or that one was taken back or corrected, as the report that told of it.
    Execution(Delivery),
    /// A position that is not zero, in lots.
    Position(InstrumentId, Qty),
    /// There is no more to it. What is older than `reaches_ns` (UTC ns) the venue has forgotten.
    End {
        /// How far back its memory reaches.
        reaches_ns: Nanos,
    },
    /// The venue would not say, or the answer was cut off: what came of it counts for nothing.
    Failed,
}

/// What a gateway has to tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GatewayEvent {
    /// The link stands. What was said before it stood may be lost.
    Connected,
    /// The link is gone. What was sent and not answered may have arrived, or not.
    Disconnected,
    /// The venue has given a sign of life.
    Heard {
        /// What its clock said (UTC ns), where it told.
        venue_ns: Option<Nanos>,
        /// When that was received (UTC ns): whoever takes it later may be late himself.
        at_ns: Nanos,
    },
    /// A report.
    Report(Delivery),
    /// A part of the answer to the question of that number.
    Answer(u32, Answer),
}

const _: () = assert!(size_of::<GatewayEvent>() <= 128, "it goes over a ring");

/// A session with one venue. It decides nothing: it sends each command once, when it is handed
/// over, and never again; whoever hands it over finds out what became of it.
pub trait Gateway {
    /// Begins to connect; [`GatewayEvent::Connected`] or [`GatewayEvent::Disconnected`] tells what
    /// came of it.
    fn connect(&mut self, now_ns: Nanos);

    /// Gives the link up, without another word.
    fn disconnect(&mut self, now_ns: Nanos);

    /// Sends a command that was handed over at `handed_ns`. That is the time which it names to the
    /// venue: from then on the venue's window counts, after which it is refused. One of which it is
    /// sure that it did not leave is answered by a report of its own ([`RejectReason::LinkLost`]);
    /// of any other the venue's reports tell, or nobody does.
    fn submit(&mut self, command: &Command, handed_ns: Nanos, now_ns: Nanos);

    /// Sends question number `number`.
    fn ask(&mut self, number: u32, question: Question, now_ns: Nanos);

    /// Moves what has come by `now_ns` (UTC) into `out`, in the order of its coming. What does not
    /// fit stays for the next call.
    fn poll(&mut self, now_ns: Nanos, out: &mut Bounded<GatewayEvent>);

    /// When it wants to be polled next (UTC ns), if it knows.
    fn next_ns(&self) -> Option<Nanos>;
}

impl<T: Gateway + ?Sized> Gateway for Box<T> {
    fn connect(&mut self, now_ns: Nanos) {
        (**self).connect(now_ns);
    }

    fn disconnect(&mut self, now_ns: Nanos) {
        (**self).disconnect(now_ns);
    }

    fn submit(&mut self, command: &Command, handed_ns: Nanos, now_ns: Nanos) {
        (**self).submit(command, handed_ns, now_ns);
    }

    fn ask(&mut self, number: u32, question: Question, now_ns: Nanos) {
        (**self).ask(number, question, now_ns);
    }

    fn poll(&mut self, now_ns: Nanos, out: &mut Bounded<GatewayEvent>) {
        (**self).poll(now_ns, out);
    }

    fn next_ns(&self) -> Option<Nanos> {
        (**self).next_ns()
    }
}
