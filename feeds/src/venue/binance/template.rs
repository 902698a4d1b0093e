//! Text that is known beforehand, but for some places.

use super::REQUEST_BYTES_MAX;

/// What is put into a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The number of the request.
    Number,
    /// Buy or sell.
    Side,
    /// The price.
    Price,
    /// The stop price.
    Stop,
    /// The quantity.
    Qty,
    /// The order's client id.
    Id,
    /// The client id of the order that goes.
    Old,
    /// When it is sent.
    Time,
    /// The signature.
    Signature,
}

impl Field {
    const COUNT: usize = Self::Signature as usize + 1;
}

/// The texts that are put into the places.
pub(super) struct Fields<'a>([&'a [u8]; Field::COUNT]);

impl<'a> Fields<'a> {
    #[inline]
    pub(super) const fn new() -> Self {
        Self([b""; Field::COUNT])
    }

    #[inline(always)]
    pub(super) const fn set(&mut self, field: Field, text: &'a [u8]) {
        self.0[field as usize] = text;
    }

    #[inline(always)]
    pub(super) const fn get(&self, field: Field) -> &'a [u8] {
        self.0[field as usize]
    }
}

/// Text with places. It cannot be shown: the API key is a part of some.
pub(super) struct Template {
    text: Vec<u8>,
    /// Up to where the text goes before each place.
    places: Vec<(usize, Field)>,
}

impl Template {
    pub(super) fn new() -> Self {
        // All of it at once: text that grows leaves copies of itself behind, which nobody wipes.
        Self { text: Vec::with_capacity(REQUEST_BYTES_MAX), places: Vec::new() }
    }

    /// Adds text.
    pub(super) fn text(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    /// The same.
    pub(super) fn put(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// Adds a place.
    pub(super) fn place(&mut self, field: Field) {
        self.places.push((self.text.len(), field));
    }

    /// What every text begins with.
    pub(super) fn prefix(&self) -> &[u8] {
        let end = self.places.first().map_or(self.text.len(), |(end, _)| *end);
        self.text.get(..end).unwrap_or_default()
    }

    /// The text without anything in its places.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The places, and up to where the text goes before each.
    pub(super) fn places(&self) -> &[(usize, Field)] {
        &self.places
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.text);
    }
}
