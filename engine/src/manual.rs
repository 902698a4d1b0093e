//! The strategy of those who trade by hand.

use crate::port::Strategy;
use crate::snapshot::{Reader, SnapshotError, Writer};

/// A strategy that decides nothing: what is its own was asked for from outside
/// ([`qt_types::Payload::Asked`]).
#[derive(Clone, Copy, Debug, Default)]
pub struct Manual;

impl Strategy for Manual {
    fn rests(&self) -> bool {
        true
    }

    fn hears_market(&self) -> bool {
        false
    }

    fn save(&self, _to: &mut Writer<'_>) {}

    fn load(&mut self, _from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn name(&self) -> &'static str {
        "desk"
    }
}
