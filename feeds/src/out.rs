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
        copy(self.bytes.get_mut(self.at..end)?, text);
        self.at = end;
        Some(())
    }

    /// How much there is.
    #[inline]
    pub(crate) const fn length(&self) -> usize {
        self.at
    }
}

/// Copies `from` to `to`, which is as long. A request has many short parts, and for those a call
/// costs more than the copy; here two copies of a fixed size overlap.
#[inline(always)]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        0..4 => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
        4..8 => ends::<4>(to, from),
        8..16 => ends::<8>(to, from),
        16..32 => ends::<16>(to, from),
        32..65 => ends::<32>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last `N` bytes.
#[inline(always)]
fn ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_all_lengths() {
        let text: Vec<u8> = (0..200).collect();
        for length in 0..150 {
            let mut bytes = [255; 160];
            let mut out = Out::new(&mut bytes);
            out.put(&text[7..7 + length]).unwrap();
            out.put(b"end").unwrap();
            assert_eq!(out.length(), length + 3);
            assert_eq!(bytes[..length], text[7..7 + length]);
            assert_eq!(bytes[length..length + 4], *b"end\xff");
            assert_eq!(Out::new(&mut bytes[..length]).put(&text[..length + 1]), None);
        }
    }
}
