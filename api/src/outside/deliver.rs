//! A signal of an agent becomes one of its registered source.

use std::sync::Arc;

use crate::http::storage::Storage;
use crate::signals::{Incoming, Outcome as Kept, SignalIntake};
use qt_outside::agents::{Delivers, Outcome, Waits};
use qt_store::StoreError;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use qt_trading::{Doing, Refusal};

/// The subject of the source that speaks for an agent of the platform. Who registers a source with
/// it says by that: what this agent answers is to be heard.
#[must_use]
pub fn subject_of(agent_name: &str) -> String {
    format!("agent:{agent_name}")
}

/// What a refusal of all means: only what passes by itself is worth another try.
fn not_taken(refusal: &Refusal) -> Result<Outcome, Waits> {
    match refusal {
        Refusal::Unavailable { .. } | Refusal::Exhausted { .. } => Err(Waits(refusal.to_string())),
        _ => {
            let code = "SIGNAL_NOT_KEPT".to_owned();
            Ok(Outcome::Refused { code, detail: refusal.to_string() })
        }
    }
}

/// Hands signals on to the sources of the tenant.
pub(super) struct Sources {
    pub(super) signals: Arc<SignalIntake>,
    pub(super) store: Arc<dyn Storage>,
}

impl Delivers for Sources {
    fn take<'a>(
        &'a self,
        tenant: TenantId,
        agent_name: &'a str,
        payload: &'a str,
        arrived_at: Time,
    ) -> Doing<'a, Result<Outcome, Waits>> {
        Box::pin(async move {
            let subject = subject_of(agent_name);
            let source = match self.store.source_of_subject(tenant, subject.clone()).await {
                Ok(source) => source,
                Err(StoreError::NotFound) => {
                    let detail = format!("no source is registered with the subject {subject}");
                    let code = "SIGNAL_SOURCE_UNKNOWN".to_owned();
                    return Ok(Outcome::Refused { code, detail });
                }
                Err(error) => return Err(error.into()),
            };
            let incoming = Incoming { bytes: payload.as_bytes().to_vec(), arrived_at };
            let taken = match self.signals.take(&source, vec![incoming]).await {
                Ok(outcomes) => outcomes,
                Err(refusal) => return not_taken(&refusal),
            };
            let outcome = taken.into_iter().next();
            Ok(match outcome.ok_or_else(|| Waits("no outcome".to_owned()))? {
                Kept::Kept { is_new: true, .. } => Outcome::Taken,
                Kept::Kept { is_new: false, .. } => Outcome::Same,
                Kept::Refused { code, detail } => {
                    Outcome::Refused { code: code.to_owned(), detail }
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_by_itself_waits() {
        let detail = String::new();
        let away = Refusal::Unavailable { code: "STORE_UNAVAILABLE", detail: detail.clone() };
        let full = Refusal::Exhausted { code: "QUOTA", detail: detail.clone(), retry_after_s: 1 };
        assert!(not_taken(&away).is_err() && not_taken(&full).is_err());
        let never = Refusal::Invalid { field: "body", detail: detail.clone() };
        for refusal in [never, Refusal::NotFound, Refusal::Conflict(detail)] {
            let Ok(Outcome::Refused { code, .. }) = not_taken(&refusal) else { panic!() };
            assert_eq!(code, "SIGNAL_NOT_KEPT");
        }
    }
}
