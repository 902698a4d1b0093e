//! The shape of a Parquet file's footer.
//!
//! The decoder reads the fields that it knows by their numbers and does not look at the types that
//! the bytes give them. Where the two differ it loses its place, takes some byte for a count and
//! reserves memory for it, more than a machine may have. So every known field is held against its
//! type here first (<https://github.com/apache/parquet-format>, `parquet.thrift`).

use crate::thrift::{BINARY, I16, I32, I64, LIST, STRUCT, Scanner};

/// What a field has to be.
enum Shape {
    /// A value of this type, whatever is inside.
    Of(u8),
    /// A structure with these fields by number; others may be there.
    Fields(&'static [(i64, Shape)]),
    /// A list of these.
    ListOf(&'static Shape),
}

use Shape::{Fields, ListOf, Of};

const KEY_VALUE: Shape = Fields(&[(1, Of(BINARY)), (2, Of(BINARY))]);

const SCHEMA_ELEMENT: Shape = Fields(&[
    (1, Of(I32)),
    (2, Of(I32)),
    (3, Of(I32)),
    (4, Of(BINARY)),
    (5, Of(I32)),
    (6, Of(I32)),
    (7, Of(I32)),
    (8, Of(I32)),
    (9, Of(I32)),
    (10, Of(STRUCT)),
]);

const COLUMN_META_DATA: Shape = Fields(&[
    (1, Of(I32)),
    (2, ListOf(&Of(I32))),
    (3, ListOf(&Of(BINARY))),
    (4, Of(I32)),
    (5, Of(I64)),
    (6, Of(I64)),
    (7, Of(I64)),
    (8, ListOf(&KEY_VALUE)),
    (9, Of(I64)),
    (10, Of(I64)),
    (11, Of(I64)),
    (12, Of(STRUCT)),
    (13, ListOf(&Of(STRUCT))),
    (14, Of(I64)),
    (15, Of(I32)),
    (16, Of(STRUCT)),
]);

const COLUMN_CHUNK: Shape = Fields(&[
    (1, Of(BINARY)),
    (2, Of(I64)),
    (3, COLUMN_META_DATA),
    (4, Of(I64)),
    (5, Of(I32)),
    (6, Of(I64)),
    (7, Of(I32)),
    (8, Of(STRUCT)),
    (9, Of(BINARY)),
]);

const ROW_GROUP: Shape = Fields(&[
    (1, ListOf(&COLUMN_CHUNK)),
    (2, Of(I64)),
    (3, Of(I64)),
    (4, ListOf(&Of(STRUCT))),
    (5, Of(I64)),
    (6, Of(I64)),
    (7, Of(I16)),
]);

const FILE_META_DATA: Shape = Fields(&[
    (1, Of(I32)),
    (2, ListOf(&SCHEMA_ELEMENT)),
    (3, Of(I64)),
    (4, ListOf(&ROW_GROUP)),
    (5, ListOf(&KEY_VALUE)),
    (6, Of(BINARY)),
    (7, ListOf(&Of(STRUCT))),
    (8, Of(STRUCT)),
    (9, Of(BINARY)),
]);

/// Whether `bytes` begin with a footer: every length and count in it fits the bytes, and every
/// known field has its type.
#[must_use]
pub fn is_footer(bytes: &[u8]) -> bool {
    fits(&mut Scanner::new(bytes), STRUCT, &FILE_META_DATA, 0).is_some()
}

fn fits(scanner: &mut Scanner<'_>, kind: u8, shape: &Shape, depth: u32) -> Option<()> {
    match shape {
        Of(wanted) => (kind == *wanted).then(|| scanner.skip(kind, depth))?,
        Fields(fields) => {
            let mut last = 0;
            while kind == STRUCT
                && let Some((number, kind)) = scanner.field(&mut last)?
            {
                match fields.iter().find(|(known, _)| *known == number) {
                    Some((_, shape)) => fits(scanner, kind, shape, depth + 1)?,
                    None => scanner.skip(kind, depth + 1)?,
                }
            }
            (kind == STRUCT).then_some(())
        }
        ListOf(shape) => {
            let (count, kind) = (kind == LIST).then(|| scanner.list())??;
            for _ in 0..count {
                fits(scanner, kind, shape, depth + 1)?;
            }
            Some(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fields_have_their_types() {
        // Version 1, a schema of one element with the name "a", no rows, no row groups.
        let sound = [0x15, 2, 0x19, 0x1c, 0x48, 1, b'a', 0, 0x16, 0, 0x19, 0x0c, 0];
        assert!(is_footer(&sound));
        // The schema as text, in which the decoder would look for a list.
        let mut text = sound;
        (text[2], text[3]) = (0x18, 1);
        assert!(!is_footer(&text));
        // The element's name as a list.
        let mut name = sound;
        name[4] = 0x49;
        assert!(!is_footer(&name));
        // Row groups that are numbers.
        let mut groups = sound;
        groups[11] = 0x15;
        assert!(!is_footer(&groups));
        // A field that nobody knows may be anything that fits.
        assert!(is_footer(&[0x15, 2, 0xe8, 1, 7, 0]));
        assert!(!is_footer(&[0x15, 2, 0xe8, 9, 7, 0]));
        assert!(!is_footer(&[0x15]));
    }

    #[test]
    fn lists_promise_no_more_than_there_is() {
        assert!(!is_footer(&[0x29, 0xfc, 0xff, 0xff, 0xff, 0x7f, 0, 0]));
        assert!(!is_footer(&[0x29, 0x3c, 0, 0]));
    }
}
