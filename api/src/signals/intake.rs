//! The way of a signal: read, held against what its source may do, kept, and into the session.

mod ahead;
mod contested;
mod people;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use qt_codec::signal::SignalObject;
use qt_store::{
    NewSignal, SignalKept, SignalRow, SignalSettled, SignalStatus, SourceMode, SourceRow,
};
use qt_trading::time::Time;
use qt_trading::{Desk, MarketData, PrivateKind, Refusal, SIGNAL_DUPLICATE, SignalTold, Trading};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::keys::hex;
use super::policy::ApprovalPolicy;
use super::rate::Rates;
use super::rows::{asked_of_row, is_same, of_row, settle, settlement};
use super::running::is_killed;
use crate::http::metrics::Metrics;
use crate::http::storage::Storage;

pub use ahead::Begun;

/// Signals that a session gets at once.
const BATCH: usize = 256;

/// A signal that has arrived.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The object of the contract, as it came.
    pub bytes: Vec<u8>,
    /// When.
    pub arrived_at: Time,
}

/// What became of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept, and stands as the row says.
    Kept {
        /// The row.
        row: Box<SignalRow>,
        /// Whether it came for the first time.
        is_new: bool,
    },
    /// It is not: nothing was kept of it.
    Refused {
        /// A stable code.
        code: &'static str,
        /// What is wrong, and how to put it right.
        detail: String,
    },
}

/// See the module.
pub struct SignalIntake {
    trading: Arc<dyn Trading>,
    market: Arc<dyn MarketData>,
    store: Arc<dyn Storage>,
    metrics: Arc<Metrics>,
    policy: OnceLock<Arc<dyn ApprovalPolicy>>,
    rates: Rates,
}

impl std::fmt::Debug for SignalIntake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignalIntake").finish_non_exhaustive()
    }
}

/// A signal that was read, or why it could not be.
type Read = Result<(NewSignal, SignalObject), Outcome>;

fn refused(code: &'static str, detail: impl Into<String>) -> Outcome {
    Outcome::Refused { code, detail: detail.into() }
}

fn lost() -> Outcome {
    refused("SIGNAL_LOST", "the store gave no answer for it: send it again")
}

fn duplicate() -> Outcome {
    let detail = "the source has sent another signal under this signal_id: give each its own";
    refused(SIGNAL_DUPLICATE, detail)
}

impl SignalIntake {
    /// One of a service that is made of these.
    #[must_use]
    pub fn new(
        trading: Arc<dyn Trading>,
        market: Arc<dyn MarketData>,
        store: Arc<dyn Storage>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (policy, rates) = (OnceLock::new(), Rates::default());
        Self { trading, market, store, metrics, policy, rates }
    }

    /// From now on `policy` is asked; without one nobody is. Only the first one counts.
    pub fn ask_first(&self, policy: Arc<dyn ApprovalPolicy>) {
        let _ = self.policy.set(policy);
    }

    /// Takes in signals of `source`, in this order; one outcome each.
    ///
    /// # Errors
    /// When store or session do not answer: what is kept by then goes on when the same signals
    /// come again.
    pub async fn take(
        &self,
        source: &SourceRow,
        incoming: Vec<Incoming>,
    ) -> Result<Vec<Outcome>, Refusal> {
        let begun = self.begin(source, incoming).await?;
        self.finish(source, begun).await
    }

    /// The first half of [`Self::take`]: those that may go into the session do, and nothing is kept
    /// yet. Signals that come later may be begun before these are finished.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn begin(
        &self,
        source: &SourceRow,
        incoming: Vec<Incoming>,
    ) -> Result<Begun, Refusal> {
        let desk = self.trading.desk(source.tenant).await;
        let reads: Vec<Read> = incoming.into_iter().map(|it| self.read(source, it)).collect();
        let at_hand = desk.as_ref().ok().map(|it| &**it);
        let is_killed = at_hand.is_some_and(|desk| is_killed(desk, source));
        let (news, whys) = self.judge(source, &reads, is_killed);
        let mut begun = Begun { desk, reads, news, whys };
        let asked = self.ask_ahead(source, &mut begun).await;
        asked.inspect_err(|_| self.rates.give_back(source, counted(&begun.whys)))?;
        Ok(begun)
    }

    /// The second half: what was begun is kept, with what the session has made of it, and what
    /// waits goes on.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub async fn finish(&self, source: &SourceRow, begun: Begun) -> Result<Vec<Outcome>, Refusal> {
        let desk = begun.desk.clone();
        let mut outcomes = self.keep(source, begun).await?;
        let open: HashSet<Uuid> = outcomes.iter().filter_map(open_row).map(|it| it.id).collect();
        if !open.is_empty() {
            self.go_on(source, &*desk.clone()?, &mut outcomes).await?;
        }
        self.tell(desk.as_ref().ok().map(|it| &**it), source, &outcomes, open);
        Ok(outcomes)
    }

    /// Brings signals that were left on their way to where they stay.
    ///
    /// # Errors
    /// When store or session do not answer.
    pub async fn go_on_with(
        &self,
        source: &SourceRow,
        rows: Vec<SignalRow>,
    ) -> Result<(), Refusal> {
        let desk = self.trading.desk(source.tenant).await?;
        let kept = |row| Outcome::Kept { row: Box::new(row), is_new: false };
        let mut outcomes: Vec<Outcome> = rows.into_iter().map(kept).collect();
        let open: HashSet<Uuid> = outcomes.iter().filter_map(open_row).map(|it| it.id).collect();
        self.go_on(source, &*desk, &mut outcomes).await?;
        self.tell(Some(&*desk), source, &outcomes, open);
        Ok(())
    }

    fn read(&self, source: &SourceRow, incoming: Incoming) -> Read {
        let object = SignalObject::read(&incoming.bytes);
        let object = object.map_err(|fault| refused(fault.code(), fault.to_string()))?;
        if self.market.instrument(&object.symbol).is_none() {
            let detail = format!("symbol {:?} is not traded here", object.symbol);
            return Err(refused("SIGNAL_UNKNOWN_SYMBOL", detail));
        }
        let is_traded = source.symbols.is_empty() || source.symbols.contains(&object.symbol);
        if !is_traded {
            let detail = format!("the source is not registered for {:?}", object.symbol);
            return Err(refused("SIGNAL_FOREIGN_SYMBOL", detail));
        }
        let body_hash = hex(&Sha256::digest(&incoming.bytes));
        // It was read as JSON, so it is UTF-8.
        let body = String::from_utf8(incoming.bytes)
            .map_err(|_| refused("SIGNAL_MALFORMED", "it is no UTF-8"))?;
        let status = if source.is_live() { SignalStatus::Received } else { SignalStatus::Shadow };
        let row = SignalRow {
            tenant: source.tenant,
            id: Uuid::now_v7(),
            source: source.id,
            signal_id: object.signal_id.clone(),
            body,
            body_hash,
            symbol: object.symbol.clone(),
            action: object.action.text().to_owned(),
            confidence_e9: object.confidence_e9,
            issued_at: Time(object.issued_ns.get()),
            expires_at: Time(object.expires_ns.get()),
            arrived_at: incoming.arrived_at,
            status,
            code: None,
            seq: None,
            taken_body: None,
        };
        Ok((NewSignal { row, may_be_new: true }, object))
    }

    /// Keeps what is new and may be, with what the session has made of it.
    async fn keep(&self, source: &SourceRow, begun: Begun) -> Result<Vec<Outcome>, Refusal> {
        let Begun { desk, mut reads, news, whys } = begun;
        let of_news = reads.iter_mut().flatten().zip(&news);
        of_news.for_each(|((read, _), new)| read.row.clone_from(&new.row));
        // They come again, and count then.
        let back = |_: &Refusal| self.rates.give_back(source, counted(&whys));
        let mut kept = Vec::new();
        if !news.is_empty() {
            let done = self.store.keep_signals(source.tenant, news).await;
            kept = done.map_err(Refusal::from).inspect_err(back)?;
            if let Ok(desk) = &desk {
                self.contest(source, &**desk, &mut reads, &mut kept).await.inspect_err(back)?;
            }
        }
        let (mut kept, mut spared) = (kept.into_iter().zip(whys), 0);
        let outcomes = reads.into_iter().map(|read| {
            let (new, object) = match read {
                Ok(read) => read,
                Err(outcome) => return outcome,
            };
            let Some((kept, why)) = kept.next() else { return lost() };
            let is_counted = !matches!(&why, Some(why) if is_rate(why));
            match kept {
                SignalKept::New => Outcome::Kept { row: Box::new(new.row), is_new: true },
                SignalKept::Known(row) => {
                    spared += usize::from(is_counted);
                    match is_same(&row, &new.row, &object) {
                        true => Outcome::Kept { row, is_new: false },
                        false => duplicate(),
                    }
                }
                SignalKept::Absent => {
                    spared += usize::from(is_counted);
                    why.unwrap_or_else(lost)
                }
            }
        });
        let outcomes = outcomes.collect();
        self.rates.give_back(source, spared);
        Ok(outcomes)
    }

    /// Brings signals that are kept and open to where they stay: to a person, or into the session.
    async fn go_on(
        &self,
        source: &SourceRow,
        desk: &dyn Desk,
        outcomes: &mut [Outcome],
    ) -> Result<(), Refusal> {
        let (mut settled, mut rows) = (known(source, desk, outcomes).await?, Vec::new());
        let is_killed = is_killed(desk, source);
        for outcome in outcomes.iter_mut() {
            let Outcome::Kept { row, .. } = outcome else { continue };
            if row.status != SignalStatus::Received {
                continue;
            }
            if is_killed {
                (row.status, row.code) = (SignalStatus::Refused, Some("SOURCE_KILLED".to_owned()));
                settled.push(settlement(row));
            } else if source.mode != SourceMode::Live {
                // It was live when this came for the first time.
                row.status = SignalStatus::Shadow;
                settled.push(settlement(row));
            } else if self.asks(row, source).await? {
                row.status = SignalStatus::Waiting;
                settled.push(settlement(row));
            } else {
                rows.push(row);
            }
        }
        for part in rows.chunks_mut(BATCH) {
            let signals = part.iter().map(|row| of_row(row, source)).collect();
            let answers = desk.signals(signals).await?;
            for (row, answer) in part.iter_mut().zip(answers) {
                settle(row, answer);
                settled.push(settlement(row));
            }
        }
        self.store.settle_signals(source.tenant, settled).await.map_err(Refusal::from)
    }

    async fn would_ask(&self, row: &SignalRow, source: &SourceRow) -> Result<bool, Refusal> {
        match self.policy.get() {
            Some(policy) => policy.would_ask(row, source).await,
            None => Ok(false),
        }
    }

    async fn asks(&self, row: &SignalRow, source: &SourceRow) -> Result<bool, Refusal> {
        match self.policy.get() {
            Some(policy) => Ok(policy.asks(row, source).await?.is_some()),
            None => Ok(false),
        }
    }

    /// Counts all, and tells those who listen of what came of new signals, and of old ones that
    /// were `open` and went on.
    fn tell(
        &self,
        desk: Option<&dyn Desk>,
        source: &SourceRow,
        outcomes: &[Outcome],
        mut open: HashSet<Uuid>,
    ) {
        for outcome in outcomes {
            let (row, is_new) = match outcome {
                Outcome::Kept { row, is_new } => (row, *is_new),
                Outcome::Refused { code, .. } => {
                    self.metrics.signal(code);
                    continue;
                }
            };
            // The same one twice in one request is told once.
            let went_on = open.remove(&row.id);
            if !is_new && !went_on {
                self.metrics.signal("repeated");
                continue;
            }
            self.metrics.signal(row.status.text());
            if let Some(desk) = desk {
                self.tell_row(desk, source, row);
            }
        }
    }

    fn tell_row(&self, desk: &dyn Desk, source: &SourceRow, row: &SignalRow) {
        let told = SignalTold {
            id: row.id,
            source_id: source.id,
            source: source.name.clone(),
            signal_id: row.signal_id.clone(),
            symbol: row.symbol.clone(),
            action: row.action.clone(),
            confidence: f64::from(row.confidence_e9) / 1e9,
            status: row.status.text().to_owned(),
            code: row.code.clone(),
            session_seq: row.seq,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            subject: source.subject.clone(),
        };
        desk.events().push(Time::now(), PrivateKind::Signal(Box::new(told)));
    }
}

/// How many of them count as sent.
fn counted(whys: &[Option<Outcome>]) -> usize {
    whys.len() - whys.iter().flatten().filter(|why| is_rate(why)).count()
}

fn is_rate(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { code: "SOURCE_RATE", .. })
}

fn open_row(outcome: &Outcome) -> Option<&SignalRow> {
    let Outcome::Kept { row, .. } = outcome else { return None };
    (row.status == SignalStatus::Received).then_some(row)
}

/// Settles those that came before and that the session has taken, though that was never kept:
/// whatever is in their way now came later.
async fn known(
    source: &SourceRow,
    desk: &dyn Desk,
    outcomes: &mut [Outcome],
) -> Result<Vec<SignalSettled>, Refusal> {
    let old = outcomes.iter_mut().filter_map(|outcome| match outcome {
        Outcome::Kept { row, is_new: false } if row.status == SignalStatus::Received => Some(row),
        _ => None,
    });
    let (mut rows, mut settled) = (old.collect::<Vec<_>>(), Vec::new());
    for part in rows.chunks_mut(BATCH) {
        let asked = part.iter().map(|row| asked_of_row(row, source)).collect();
        for (row, answer) in part.iter_mut().zip(desk.signals(asked).await?) {
            if answer.is_ok() {
                settle(row, answer);
                settled.push(settlement(row));
            }
        }
    }
    Ok(settled)
}
