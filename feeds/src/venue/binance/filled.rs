//! A text with its places filled, kept: the next request of its shape is most likely as long in
//! each place, and then only the places are written.

use zeroize::Zeroizing;

use crate::out::{self, Out};

use super::REQUEST_BYTES_MAX;
use super::template::{Field, Fields, Template};

/// A place in the text.
struct Spot {
    at: usize,
    length: usize,
    field: Field,
}

/// The last text of a template. Wiped in the end: the API key is a part of some.
pub(super) struct Filled {
    text: Zeroizing<Vec<u8>>,
    /// How long it is; zero before the first.
    length: usize,
    spots: Vec<Spot>,
}

impl Filled {
    /// Nothing yet. All memory is taken.
    pub(super) fn new(template: &Template) -> Self {
        Self {
            text: Zeroizing::new(vec![0; REQUEST_BYTES_MAX]),
            length: 0,
            spots: Vec::with_capacity(template.places().len()),
        }
    }

    /// The text of `template`, always the same one, with `fields` in its places; `None` if there is
    /// no room.
    #[inline]
    pub(super) fn fill(&mut self, template: &Template, fields: &Fields<'_>) -> Option<&[u8]> {
        if !self.fill_again(fields) {
            self.fill_anew(template, fields)?;
        }
        self.text.get(..self.length)
    }

    /// Writes the places of the text that is there; `false` if there is none, or a place that is
    /// longer or shorter now. What has been written by then is written again.
    #[inline(always)]
    fn fill_again(&mut self, fields: &Fields<'_>) -> bool {
        for spot in &self.spots {
            let text = fields.get(spot.field);
            match self.text.get_mut(spot.at..spot.at + spot.length) {
                Some(place) if text.len() == spot.length => out::copy(place, text),
                _ => return false,
            }
        }
        self.length > 0
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
            self.spots.push(Spot { at: out.length(), length: text.len(), field: *field });
            out.put(text)?;
            from = *end;
        }
        out.put(template.bytes().get(from..)?)?;
        self.length = out.length();
        Some(())
    }
}
