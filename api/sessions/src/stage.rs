//! Where the time of a session goes: what its worker does for it, part by part.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A part of what a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// What is asked waits for its worker.
    Queue,
    /// It is done: journal, gate, pipeline.
    Request,
    /// Market data, timers and reports are taken in, and what follows from them leaves.
    Market,
    /// What has changed is shown, and answers leave.
    Show,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Queue, Self::Request, Self::Market, Self::Show];

    /// Its name in figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Request => "request",
            Self::Market => "market",
            Self::Show => "show",
        }
    }
}

/// Who is told how long stages take, from the threads of the workers: it must not wait.
#[derive(Clone)]
pub struct Stages(Option<Arc<dyn Fn(Stage, Duration) + Send + Sync>>);

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stages")
    }
}

impl Stages {
    /// Tells `told`.
    #[must_use]
    pub fn to(told: impl Fn(Stage, Duration) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    /// Tells nobody.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// When a stage begins; nothing where nobody is told.
    pub(super) fn begin(&self) -> Option<Instant> {
        self.0.is_some().then(Instant::now)
    }

    /// `stage`, which began at `from`, is over.
    pub(super) fn end(&self, stage: Stage, from: Option<Instant>) {
        if let (Some(told), Some(from)) = (&self.0, from) {
            told(stage, from.elapsed());
        }
    }
}
