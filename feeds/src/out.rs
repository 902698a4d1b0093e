//! Writing into memory that the caller gives.

/// Text that grows in a buffer of fixed size.
pub(crate) struct Out<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> Out<'a> {
    /// Begins at the begin of `bytes`.
    #[inline]
    pub(crate) const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Adds `text`; `None` if there is no room for it.
    #[inline(always)]
    pub(crate) fn put(&mut self, text: &[u8]) -> Option<()> {
        let end = self.at.checked_add(text.len())?;
        self.bytes.get_mut(self.at..end)?.copy_from_slice(text);
        self.at = end;
        Some(())
    }

    /// How much there is.
    #[inline]
    pub(crate) const fn length(&self) -> usize {
        self.at
    }
}
