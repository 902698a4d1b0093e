//! How a session ends here: in order, or because another process has it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::request::Answered;
use super::running::Running;
use super::waiting::Absent;
use qt_trading::Phase;

impl Running {
    /// What is asked from now on is refused.
    pub fn drain(&mut self) {
        self.shared.enter(Phase::Draining, None);
        self.refuse_all();
    }

    /// Its end begins: its last state is on its way to the disk. [`Self::end`] waits for that.
    pub fn begin_end(&mut self) {
        self.drain();
        self.take_notes();
        self.begin_last_state();
    }

    /// Ends it in order.
    pub fn end(&mut self) {
        self.finish_last_state();
        self.close();
        self.shared.enter(Phase::Stopped, None);
    }

    /// Another process has it: it ends here in order, and what is shown stays. It keeps no state:
    /// the other one waits for the journal, and the sessions of this worker for the disk.
    pub fn leave(&mut self) -> Absent {
        tracing::warn!(account = %self.shared.account, "a session is another process's now");
        self.shared.enter(Phase::Elsewhere, None);
        self.refuse_all();
        self.take_notes();
        self.close();
        let (shared, requests) = (Arc::clone(&self.shared), self.requests.clone());
        Absent::new(shared, requests)
    }

    /// Closes the journal of a session that nobody was given.
    pub fn close_journal(&mut self) {
        self.session.close();
    }

    fn close(&mut self) {
        self.session.close();
        self.is_dirty = true;
        self.show(i64::MAX);
    }

    pub(super) fn refuse_all(&mut self) {
        self.answers.drain(..).for_each(Answered::send);
        self.shared.is_visited.store(false, Ordering::Release);
        let Some(refusal) = self.shared.refusal() else { return };
        while let Some(request) = self.requests.next() {
            request.refuse(refusal.clone());
        }
    }
}
