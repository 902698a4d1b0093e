//! What the fault plan makes of connections, as far as it is the same on every wire.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::Nanos;
use crate::fault::{Action, Fault};
use crate::wire::http::Response;
use crate::wire::outbox::{End, Outbox};
use crate::wire::service::{Answer, Fate};

/// How long a slow handshake takes where the plan does not say.
pub(in crate::venue) const SLOW_MS: u64 = 1_000;

/// What the plan makes of somebody who wants in: how long it takes, or what he gets instead.
/// `limit`: the status of too many connections; `open`: all connections that there are.
pub(in crate::venue) fn connect<'a>(
    action: Option<&Action>,
    limit: u16,
    open: impl Iterator<Item = &'a Arc<Outbox>>,
) -> Result<Duration, Answer> {
    let Some(action) = action else { return Ok(Duration::ZERO) };
    let nothing = || Answer::from(Response::text(503, ""));
    match action.fault {
        Fault::SlowConnect => {
            let ns = u64::try_from(action.delay_ns(SLOW_MS)).unwrap_or(0);
            Ok(Duration::from_nanos(ns))
        }
        Fault::ConnectLimit => {
            let status = action.params.status.unwrap_or(limit);
            let response = Response::text(status, "Too many connection attempts.");
            let seconds = (action.retry_ns(1_000) / 1_000_000_000).max(1);
            Err(response.with("retry-after", seconds).into())
        }
        Fault::Outage => {
            open.for_each(|outbox| outbox.end(End::Now));
            Err(Answer { fate: Fate::Reset, ..nothing() })
        }
        _ => Err(Answer { fate: Fate::Reset, ..nothing() }),
    }
}

/// What goes wrong with a connection now, where it is the same everywhere.
pub(in crate::venue) fn connection(action: &Action, outbox: &Outbox) {
    match action.fault {
        Fault::CloseCode => match action.params.code.unwrap_or(1000) {
            // Never sent: it says that there was no close frame.
            1006 => outbox.end(End::Now),
            code => outbox.close(u16::try_from(code).unwrap_or(1000), ""),
        },
        Fault::Reset => outbox.end(End::ResetAfterAll),
        Fault::HalfOpen => outbox.silence(),
        Fault::LifetimeEnds => outbox.close(1001, "the connection has lived as long as it may"),
        Fault::SlowConsumer => outbox.end(End::Now),
        _ => {}
    }
}

/// When a connection that was told of its end is closed.
pub(in crate::venue) fn closes_at(action: &Action, now_ns: Nanos) -> Nanos {
    now_ns + action.delay_ns(SLOW_MS)
}
