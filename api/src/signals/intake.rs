//! The way of a signal: read, held against what its source may do, kept, and into the session.

mod ahead;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use qt_codec::signal::SignalObject;
use qt_store::{
    Actor, NewSignal, SignalKept, SignalRow, SignalSettled, SignalStatus, SourceMode, SourceRow,
};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use qt_trading::{Desk, MarketData, PrivateKind, Refusal, SignalTold, Trading};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::keys::hex;
use super::policy::ApprovalPolicy;
use super::rate::Rates;
use super::rows::{asked_of_row, check_change, is_same, of_row, settle, settlement};
use super::running::is_killed;
use crate::http::metrics::Metrics;
use crate::http::storage::Storage;

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
    refused("SIGNAL_DUPLICATE", detail)
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
        let desk = self.trading.desk(source.tenant).await;
        let reads: Vec<Read> = incoming.into_iter().map(|it| self.read(source, it)).collect();
        let at_hand = desk.as_ref().ok().map(|it| &**it);
        let mut outcomes = self.keep(source, reads, at_hand).await?;
        let open: HashSet<Uuid> = outcomes.iter().filter_map(open_row).map(|it| it.id).collect();
        if !open.is_empty() {
            self.go_on(source, &*desk.clone()?, &mut outcomes).await?;
        }
        self.tell(at_hand, source, &outcomes, open);
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
    async fn keep(
        &self,
        source: &SourceRow,
        mut reads: Vec<Read>,
        desk: Option<&dyn Desk>,
    ) -> Result<Vec<Outcome>, Refusal> {
        let is_killed = desk.is_some_and(|desk| is_killed(desk, source));
        let (mut news, mut whys) = self.judge(source, &reads, is_killed);
        if let Some(desk) = desk {
            let asked = self.ask_ahead(source, desk, &mut news, &mut whys).await;
            asked.inspect_err(|_| self.rates.give_back(source, counted(&whys)))?;
            let of_news = reads.iter_mut().flatten().zip(&news);
            of_news.for_each(|((read, _), new)| read.row.clone_from(&new.row));
        }
        let kept = match news.is_empty() {
            true => Vec::new(),
            false => {
                let kept = self.store.keep_signals(source.tenant, news).await;
                // They come again, and count then.
                let back = |_: &_| self.rates.give_back(source, counted(&whys));
                kept.inspect_err(back).map_err(Refusal::from)?
            }
        };
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

    /// Lets a signal that waits go on, as it came or as `people` have changed it. One that has gone
    /// on already is answered as it stands.
    ///
    /// # Errors
    /// Why it cannot go on; where store or session do not answer, it waits and can be released
    /// again.
    pub async fn release(
        &self,
        tenant: TenantId,
        id: Uuid,
        changed: Option<String>,
        people: &[String],
    ) -> Result<SignalRow, Refusal> {
        let mut row = self.store.signal(tenant, id).await?;
        if row.status.is_final() {
            return Ok(row);
        }
        let source = self.store.source(tenant, row.source).await?;
        let desk = self.trading.desk(tenant).await?;
        let conflict = |why: &str| Refusal::Conflict(why.to_owned());
        if row.status == SignalStatus::Received {
            return Err(conflict("nobody was asked about it"));
        }
        // What it took before is taken, whatever is in the way now.
        let asked = desk.signals(vec![asked_of_row(&row, &source)]).await?.pop();
        let mut answer = asked.filter(Result::is_ok);
        if answer.is_none() {
            if !source.is_live() {
                return Err(conflict("the source is not live any more"));
            }
            if is_killed(&*desk, &source) {
                return Err(conflict("the kill switch of the source is tripped"));
            }
            if let Some(changed) = &changed {
                check_change(&row, changed)?;
            }
            row.taken_body = changed;
            row.status = SignalStatus::Approved;
            self.store.settle_signals(tenant, vec![settlement(&row)]).await?;
            answer = desk.signals(vec![of_row(&row, &source)]).await?.pop();
        }
        if let Some(answer) = answer {
            settle(&mut row, answer);
        }
        self.store.settle_signals(tenant, vec![settlement(&row)]).await?;
        let actor = Actor::new(tenant, people.join(" + "), "");
        tracing::info!(signal = %row.id, people = actor.person, "a signal was let go on");
        self.tell_row(&*desk, &source, &row);
        self.metrics.signal(row.status.text());
        Ok(row)
    }

    /// A signal that was approved of and may have been taken before: as it stands, where it is
    /// settled or the session has it; none otherwise.
    ///
    /// # Errors
    /// When store or session do not answer, or there is no such signal or source.
    pub async fn heard(&self, tenant: TenantId, id: Uuid) -> Result<Option<SignalRow>, Refusal> {
        let mut row = self.store.signal(tenant, id).await?;
        if row.status.is_final() {
            return Ok(Some(row));
        }
        let source = self.store.source(tenant, row.source).await?;
        let desk = self.trading.desk(tenant).await?;
        let asked = desk.signals(vec![asked_of_row(&row, &source)]).await?.pop();
        let Some(answer) = asked.filter(Result::is_ok) else { return Ok(None) };
        settle(&mut row, answer);
        self.store.settle_signals(tenant, vec![settlement(&row)]).await?;
        self.tell_row(&*desk, &source, &row);
        self.metrics.signal(row.status.text());
        Ok(Some(row))
    }

    /// A signal that waits goes no further.
    ///
    /// # Errors
    /// When the store does not answer, or there is no such signal.
    pub async fn close(
        &self,
        tenant: TenantId,
        id: Uuid,
        status: SignalStatus,
        code: &str,
    ) -> Result<SignalRow, Refusal> {
        let mut row = self.store.signal(tenant, id).await?;
        if row.status.is_final() {
            return Ok(row);
        }
        (row.status, row.code) = (status, Some(code.to_owned()));
        self.store.settle_signals(tenant, vec![settlement(&row)]).await?;
        self.metrics.signal(row.status.text());
        if let (Ok(desk), Ok(source)) =
            (self.trading.desk(tenant).await, self.store.source(tenant, row.source).await)
        {
            self.tell_row(&*desk, &source, &row);
        }
        Ok(row)
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

    /// Tells those who listen how a signal stands that another one has settled.
    pub async fn tell_again(&self, tenant: TenantId, id: Uuid) {
        let Ok(row) = self.store.signal(tenant, id).await else { return };
        let source = self.store.source(tenant, row.source).await;
        if let (Ok(desk), Ok(source)) = (self.trading.desk(tenant).await, source) {
            self.tell_row(&*desk, &source, &row);
        }
        self.metrics.signal(row.status.text());
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
