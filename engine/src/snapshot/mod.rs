//! The state of a pipeline as bytes, and back.
//!
//! A snapshot holds what changes; what a pipeline is made from ([`crate::PipelineConfig`], limits,
//! parameters) is given again and only compared. So a pipeline is made first, as at any start,
//! with all of its memory, and then filled: each part reads into the memory that it has
//! ([`Stored::load`]). A list that holds more than there is room for is an error, so bytes of any
//! kind cannot make it take more memory, and nothing grows after a restore either.
//!
//! [`stored!`](crate::stored) writes both directions from one list of fields, and does not compile
//! when a field is missing in it.

mod error;
mod frame;
mod lists;
mod reader;
mod values;
mod writer;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::SnapshotError;
pub use frame::format_of;
pub(crate) use frame::open;
pub use lists::{load_part, save_part};
pub use reader::Reader;
pub use writer::Writer;

/// The format that is written. It goes up when an older program could not read what is written,
/// or would read something else from it.
pub const FORMAT: u16 = 4;

/// State that a snapshot holds, read back in place.
pub trait Stored {
    /// Writes the state.
    fn save(&self, to: &mut Writer<'_>);

    /// Reads what [`Self::save`] has written. After an error it is in no state to go on.
    ///
    /// # Errors
    /// When the bytes are not those of such a state, or of another configuration.
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError>;
}

/// A value that has no memory of its own to be kept: it is replaced as a whole. Lists are none,
/// since what replaces them has other room.
pub trait Value: Serialize + DeserializeOwned {}

impl<T: Value> Stored for T {
    fn save(&self, to: &mut Writer<'_>) {
        to.put(self);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        *self = from.take()?;
        Ok(())
    }
}

/// Writes a snapshot of what is no pipeline into `out`, which is emptied: `save` writes its parts.
///
/// # Errors
/// When a part of it cannot be stored, or something is under way.
pub fn write(out: &mut Vec<u8>, save: impl FnOnce(&mut Writer<'_>)) -> Result<(), SnapshotError> {
    let mut to = Writer::new(out);
    save(&mut to);
    to.finish()
}

/// Reads what [`write`] has written: `load` takes its parts, all of them.
///
/// # Errors
/// When the bytes are cut, damaged or of another format, or `load` says so.
pub fn read(
    bytes: &[u8],
    load: impl FnOnce(&mut Reader<'_>) -> Result<(), SnapshotError>,
) -> Result<(), SnapshotError> {
    let mut from = Reader::new(open(bytes)?);
    load(&mut from)?;
    from.finish()
}

/// Makes a struct [`Stored`](crate::snapshot::Stored). Every field stands in one of the lists:
///
/// - `state`: written and read back;
/// - `value`: the same for a type of another crate that has serde's traits, as a whole;
/// - `each`: a table whose length is given by the configuration, read item by item;
/// - `same`: configuration, which is written and must be the same where it is read;
/// - `made`: not written, since it follows from the configuration or is empty between two events.
///
/// `sound` names a function that says whether what was read can be: that an index lies within its
/// list, for one.
#[macro_export]
macro_rules! stored {
    ($type:ident $fields:tt) => {
        $crate::stored_as!(save_fields, load_fields, $type $fields);

        impl $crate::snapshot::Stored for $type {
            fn save(&self, to: &mut $crate::snapshot::Writer<'_>) {
                self.save_fields(to);
            }

            fn load(
                &mut self,
                from: &mut $crate::snapshot::Reader<'_>,
            ) -> Result<(), $crate::snapshot::SnapshotError> {
                self.load_fields(from)
            }
        }
    };
}

/// The two directions of [`stored!`](crate::stored) as methods of the names given, for a struct of
/// which some has to be read before the rest.
#[macro_export]
macro_rules! stored_as {
    ($save:ident, $load:ident, $type:ident {
        $(state: $($state:ident),+;)?
        $(value: $($value:ident),+;)?
        $(each: $($each:ident),+;)?
        $(same: $($same:ident),+;)?
        $(made: $($made:ident),+;)?
        $(sound: $sound:path;)?
    }) => {
        impl $type {
            fn $save(&self, to: &mut $crate::snapshot::Writer<'_>) {
                let Self {
                    $($($same,)+)? $($($each,)+)? $($($state,)+)? $($($value,)+)? $($($made: _,)+)?
                } = self;
                $($(to.same($same);)+)?
                $($(to.each($each);)+)?
                $($($crate::snapshot::Stored::save($state, to);)+)?
                $($(to.put($value);)+)?
                let _ = to;
            }

            fn $load(
                &mut self,
                from: &mut $crate::snapshot::Reader<'_>,
            ) -> Result<(), $crate::snapshot::SnapshotError> {
                let Self {
                    $($($same,)+)? $($($each,)+)? $($($state,)+)? $($($value,)+)? $($($made: _,)+)?
                } = self;
                $($(from.same(concat!(stringify!($type), ".", stringify!($same)), $same)?;)+)?
                $($(from.each(concat!(stringify!($type), ".", stringify!($each)), $each)?;)+)?
                $($($crate::snapshot::Stored::load($state, from)?;)+)?
                $($(*$value = from.take()?;)+)?
                let _ = from;
                $(if !$sound(self) {
                    return Err($crate::snapshot::SnapshotError::Damaged);
                })?
                Ok(())
            }
        }
    };
}

/// `save` and `load` of a strategy or a gate that is [`stored!`](crate::stored), to be written
/// among its other methods.
#[macro_export]
macro_rules! save_and_load {
    () => {
        fn save(&self, to: &mut $crate::snapshot::Writer<'_>) {
            $crate::snapshot::Stored::save(self, to);
        }

        fn load(
            &mut self,
            from: &mut $crate::snapshot::Reader<'_>,
        ) -> Result<(), $crate::snapshot::SnapshotError> {
            $crate::snapshot::Stored::load(self, from)
        }
    };
}
