//! Rows of signals on their way: what the session gets of them, and how its answer settles them.

use qt_codec::signal::SignalObject;
use qt_store::{SignalRow, SignalSettled, SignalStatus, SourceRow};
use qt_trading::{Refusal, SignalAnswer, SignalIn};

/// Whether a signal is the one that is kept under its name: byte by byte, or as it reads.
pub(super) fn is_same(kept: &SignalRow, came: &SignalRow, object: &SignalObject) -> bool {
    let reads_same = || SignalObject::read(kept.body.as_bytes()).is_ok_and(|it| it == *object);
    kept.body_hash == came.body_hash || reads_same()
}

pub(super) fn of_row(row: &SignalRow, source: &SourceRow) -> SignalIn {
    let body = row.taken_body.as_ref().unwrap_or(&row.body).clone();
    SignalIn { id: row.id, source: source.number, body, only_if_known: false }
}

/// The question whether the session has taken it before.
pub(super) fn asked_of_row(row: &SignalRow, source: &SourceRow) -> SignalIn {
    SignalIn { only_if_known: true, ..of_row(row, source) }
}

pub(super) fn settle(row: &mut SignalRow, answer: SignalAnswer) {
    match answer {
        Ok(taken) => (row.status, row.seq) = (SignalStatus::Taken, Some(taken.seq)),
        Err(refused) => {
            let is_late = refused.code == "SIGNAL_EXPIRED";
            row.status = if is_late { SignalStatus::Expired } else { SignalStatus::Refused };
            row.code = Some(refused.code.to_owned());
        }
    }
}

pub(super) fn settlement(row: &SignalRow) -> SignalSettled {
    SignalSettled {
        id: row.id,
        status: row.status,
        code: row.code.clone(),
        seq: row.seq,
        taken_body: row.taken_body.clone(),
    }
}

/// A signal that people have changed is the same one, about the same instrument and direction.
pub(super) fn check_change(row: &SignalRow, changed: &str) -> Result<(), Refusal> {
    let invalid = |detail: String| Refusal::Invalid { field: "modified_action", detail };
    let object = SignalObject::read(changed.as_bytes()).map_err(|it| invalid(it.to_string()))?;
    let is_it = object.signal_id == row.signal_id
        && object.symbol == row.symbol
        && object.action.text() == row.action;
    if !is_it {
        let detail = "signal_id, symbol and action must be those of the signal".to_owned();
        return Err(invalid(detail));
    }
    Ok(())
}
