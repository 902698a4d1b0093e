//! Two signals of one source under one name: the one that is in the journal is the one that counts.
//!
//! A process may end after the session has taken a signal and before the store has it, and another
//! one under its name may come first afterwards and be kept while the session does not answer. The
//! session refuses that one, and the one that it has takes its place as soon as it comes again.

use qt_store::{SignalKept, SignalRow, SignalStatus, SourceRow};
use qt_trading::{Desk, Refusal};

use super::super::rows::{asked_of_row, is_same, settle};
use super::{Read, SignalIntake};

impl SignalIntake {
    /// Where the store has another signal than the one that came, and the session has taken the one
    /// that came, the latter takes the place of the former and counts as new. `kept` is what the
    /// store said of those of `reads` that could be read.
    ///
    /// # Errors
    /// When store or session do not answer.
    pub(super) async fn contest(
        &self,
        source: &SourceRow,
        desk: &dyn Desk,
        reads: &mut [Read],
        kept: &mut [SignalKept],
    ) -> Result<(), Refusal> {
        for ((new, object), kept) in reads.iter_mut().flatten().zip(kept) {
            let SignalKept::Known(was) = kept else { continue };
            if was.status == SignalStatus::Taken || is_same(was, &new.row, object) {
                continue;
            }
            let Some(row) = self.taken_instead(source, desk, &new.row, was).await? else {
                continue;
            };
            tracing::warn!(signal = %row.id, signal_id = row.signal_id,
                "the store had another signal under this name than the journal");
            (new.row, *kept) = (row, SignalKept::New);
        }
        Ok(())
    }

    /// `came` in the place of `was`, where the session has taken it.
    async fn taken_instead(
        &self,
        source: &SourceRow,
        desk: &dyn Desk,
        came: &SignalRow,
        was: &SignalRow,
    ) -> Result<Option<SignalRow>, Refusal> {
        let asked = desk.signals(vec![asked_of_row(came, source)]).await;
        let answer = match asked {
            Ok(mut answers) => answers.pop(),
            // Of a source in shadow the session has none, but for the time when it was live.
            Err(_) if was.status == SignalStatus::Shadow => None,
            Err(refusal) => return Err(refusal),
        };
        let Some(answer) = answer.filter(Result::is_ok) else { return Ok(None) };
        let mut row = SignalRow { id: was.id, taken_body: None, ..came.clone() };
        settle(&mut row, answer);
        let is_done = self.store.replace_signal(row.clone()).await?;
        Ok(is_done.then_some(row))
    }
}
