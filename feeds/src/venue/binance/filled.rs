//! A text with its places filled, kept: the next request of its shape is most likely as long in
//! each place, and then only the places are written.

use zeroize::Zeroizing;

use crate::hmac;
use crate::out::{self, Out};

use super::REQUEST_BYTES_MAX;
use super::template::{Field, Fields, Template};

/// A place in the text.
struct Spot {
    at: usize,
    length: usize,
    field: Field,
}

/// The last text of a template for one side. Wiped in the end: the API key is a part of some.
pub(super) struct Filled {
    text: Zeroizing<Vec<u8>>,
    /// How long it is; zero before the first.
    length: usize,
    /// The same with the padding of a hash behind it.
    padded: usize,
    spots: Vec<Spot>,
}

/// A text to be signed.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    /// It.
    pub(super) text: &'a [u8],
    /// The same as whole blocks of a hash: [`hmac::pad`].
    pub(super) padded: &'a [u8],
}

impl Filled {
    /// Nothing yet. All memory is taken.
    pub(super) fn new(template: &Template) -> Self {
        Self {
            text: Zeroizing::new(vec![0; REQUEST_BYTES_MAX]),
            length: 0,
            padded: 0,
            spots: Vec::with_capacity(template.places().len()),
        }
    }

    /// The text of `template`, always the same one, with `fields` in its places, to be signed;
    /// `None` if there is no room.
    #[inline]
    pub(super) fn fill(&mut self, template: &Template, fields: &Fields<'_>) -> Option<Message<'_>> {
        if self.length == 0 || !put(&self.spots, fields, &mut self.text) {
            self.fill_anew(template, fields)?;
            self.padded = hmac::pad(&mut self.text, self.length)?;
        }
        let text = self.text.get(..self.length)?;
        Some(Message { text, padded: self.text.get(..self.padded)? })
    }

    /// The same into `buffer`; how long it is. What is kept is copied first and its places are
    /// written there: nobody has to read again what was only just written in small parts, which
    /// takes a processor longer than to write it.
    #[inline]
    pub(super) fn write(
        &mut self,
        template: &Template,
        fields: &Fields<'_>,
        buffer: &mut [u8],
    ) -> Option<usize> {
        if self.length > 0 {
            let buffer = buffer.get_mut(..self.length)?;
            buffer.copy_from_slice(self.text.get(..self.length)?);
            if put(&self.spots, fields, buffer) {
                return Some(self.length);
            }
        }
        self.fill_anew(template, fields)?;
        buffer.get_mut(..self.length)?.copy_from_slice(self.text.get(..self.length)?);
        Some(self.length)
    }

    #[cold]
    #[inline(never)]
    fn fill_anew(&mut self, template: &Template, fields: &Fields<'_>) -> Option<()> {
        self.length = 0;
        self.spots.clear();
        let mut out = Out::new(&mut self.text);
        let mut from = 0;
        for (end, field) in template.places() {
            out.put(template.bytes().get(from..*end)?)?;
            let text = fields.get(*field);
            // The side is that of all texts that are kept here.
            if *field != Field::Side {
                self.spots.push(Spot { at: out.length(), length: text.len(), field: *field });
            }
            out.put(text)?;
            from = *end;
        }
        out.put(template.bytes().get(from..)?)?;
        self.length = out.length();
        Some(())
    }
}

/// Writes the places of `text`; `false` if one is longer or shorter now.
#[inline(always)]
fn put(spots: &[Spot], fields: &Fields<'_>, text: &mut [u8]) -> bool {
    for spot in spots {
        let field = fields.get(spot.field);
        match text.get_mut(spot.at..spot.at + spot.length) {
            Some(place) if field.len() == spot.length => out::copy(place, field),
            _ => return false,
        }
    }
    true
}
