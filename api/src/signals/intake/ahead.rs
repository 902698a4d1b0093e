//! The short way: the session is asked before a signal is kept, so that its order does not wait for
//! the database, and what the session has made of it is kept with it, in one transaction.
//!
//! The session knows each signal by its name and has written it down before it answers. A process
//! that ends before it is kept, or a database that does not take it, leaves the signal to whoever
//! brings it again: then the session says that it has it.

use std::collections::HashSet;
use std::sync::Arc;

use qt_store::{NewSignal, SourceRow};
use qt_trading::time::Time;
use qt_trading::{Desk, Refusal, SIGNAL_DUPLICATE, SignalIn};
use qt_types::Nanos;

use super::super::rows::{asked_of_row, of_row, settle};
use super::{BATCH, Outcome, Read, SignalIntake, duplicate, refused};

/// How far ahead of ours the clock of a source may be (ns).
const TOLERANCE_NS: i64 = 5_000_000_000;

/// Signals that were read, with what the session has said of those that it was asked about.
pub struct Begun {
    pub(super) desk: Result<Arc<dyn Desk>, Refusal>,
    pub(super) reads: Vec<Read>,
    /// Of those that could be read.
    pub(super) news: Vec<NewSignal>,
    /// Why they may not be new, where they may not.
    pub(super) whys: Vec<Option<Outcome>>,
}

impl Begun {
    /// Takes `other`, of the same source, behind it.
    pub fn join(&mut self, other: Self) {
        self.desk = other.desk;
        self.reads.extend(other.reads);
        self.news.extend(other.news);
        self.whys.extend(other.whys);
    }
}

fn too_many(source: &SourceRow) -> Outcome {
    let rate = source.budget.rate_per_minute;
    refused("SOURCE_RATE", format!("the source may send {rate} signals a minute"))
}

fn killed() -> Outcome {
    let detail = "the kill switch of the source is tripped: it is armed as any other";
    refused("SOURCE_KILLED", detail)
}

impl SignalIntake {
    /// Which of what was read may be new, and why the others may not.
    pub(super) fn judge(
        &self,
        source: &SourceRow,
        reads: &[Read],
        is_killed: bool,
    ) -> (Vec<NewSignal>, Vec<Option<Outcome>>) {
        let readable = reads.iter().flatten();
        let now = Time::now();
        let mut left = self.rates.take(source, readable.clone().count(), now);
        let judged = readable.map(|(new, object)| {
            let timely = object.check_time(Nanos::new(now.0), TOLERANCE_NS);
            let why = match timely {
                _ if left == 0 => Some(too_many(source)),
                _ if is_killed => Some(killed()),
                Err(fault) => Some(refused(fault.code(), fault.to_string())),
                Ok(()) => None,
            };
            left = left.saturating_sub(1);
            (NewSignal { row: new.row.clone(), may_be_new: why.is_none() }, why)
        });
        judged.unzip()
    }

    /// Asks the session about signals that the store does not know. Those that may go into it do;
    /// of all others it says whether it took them before: then they are taken, whatever is in their
    /// way since.
    ///
    /// # Errors
    /// When the store does not answer: then nothing goes into the session, as nobody could keep it.
    pub(super) async fn ask_ahead(
        &self,
        source: &SourceRow,
        begun: &mut Begun,
    ) -> Result<(), Refusal> {
        let Begun { desk: Ok(desk), news, whys, .. } = begun else { return Ok(()) };
        if news.is_empty() {
            return Ok(());
        }
        let names = news.iter().map(|new| new.row.signal_id.clone()).collect();
        let known = self.store.signals_known(source.tenant, source.id, names).await?;
        let known: HashSet<String> = known.into_iter().collect();
        let mut asked: Vec<(usize, SignalIn)> = Vec::new();
        for (at, new) in news.iter().enumerate() {
            if known.contains(&new.row.signal_id) {
                continue;
            }
            // What cannot be decided now is kept first, and goes on from there.
            let may_go = new.may_be_new && source.is_live();
            let goes =
                may_go && self.would_ask(&new.row, source).await.is_ok_and(|would_ask| !would_ask);
            let signal =
                if goes { of_row(&new.row, source) } else { asked_of_row(&new.row, source) };
            asked.push((at, signal));
        }
        for part in asked.chunks(BATCH) {
            let signals = part.iter().map(|(_, signal)| signal.clone()).collect();
            // A session that does not answer now is asked again once they are kept.
            let Ok(answers) = desk.signals(signals).await else { return Ok(()) };
            for ((at, signal), answer) in part.iter().zip(answers) {
                let (Some(new), Some(why)) = (news.get_mut(*at), whys.get_mut(*at)) else {
                    continue;
                };
                match answer {
                    // The one that it has is on its way here again.
                    Err(refused) if refused.code == SIGNAL_DUPLICATE => {
                        (new.may_be_new, *why) = (false, Some(duplicate()));
                    }
                    Err(_) if signal.only_if_known => {}
                    answer => {
                        settle(&mut new.row, answer);
                        (new.may_be_new, *why) = (true, None);
                    }
                }
            }
        }
        Ok(())
    }
}
