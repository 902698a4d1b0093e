//! Plain numbers and text as bytes, little endian, one after another.

/// Bytes that no record of this format version has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

const ENDS_EARLY: Malformed = Malformed("the record ends too early");

/// Takes bytes into memory that is there already. What finds no room is only counted, so that
/// nobody needs to ask after each field.
pub struct Out<'a> {
    bytes: &'a mut [u8],
    at: usize,
    fits: bool,
}

impl<'a> Out<'a> {
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0, fits: true }
    }

    #[inline(always)]
    pub fn put<const N: usize>(&mut self, field: [u8; N]) {
        self.put_slice(&field);
    }

    #[inline(always)]
    pub fn put_slice(&mut self, field: &[u8]) {
        let end = self.at + field.len();
        match self.bytes.get_mut(self.at..end) {
            Some(room) => room.copy_from_slice(field),
            None => self.fits = false,
        }
        self.at = end;
    }

    #[inline(always)]
    pub fn u8(&mut self, value: u8) {
        self.put([value]);
    }

    #[inline(always)]
    pub fn u16(&mut self, value: u16) {
        self.put(value.to_le_bytes());
    }

    #[inline(always)]
    pub fn u32(&mut self, value: u32) {
        self.put(value.to_le_bytes());
    }

    #[inline(always)]
    pub fn u64(&mut self, value: u64) {
        self.put(value.to_le_bytes());
    }

    #[inline(always)]
    pub fn i32(&mut self, value: i32) {
        self.put(value.to_le_bytes());
    }

    #[inline(always)]
    pub fn i64(&mut self, value: i64) {
        self.put(value.to_le_bytes());
    }

    pub fn i128(&mut self, value: i128) {
        self.put(value.to_le_bytes());
    }

    /// A number in four bytes where it fits them; says whether it took eight.
    #[inline(always)]
    pub fn short(&mut self, value: i64) -> bool {
        match i32::try_from(value) {
            Ok(short) => {
                self.i32(short);
                false
            }
            Err(_) => {
                self.i64(value);
                true
            }
        }
    }

    /// Text with its length before it.
    pub fn text(&mut self, text: &str) {
        match u16::try_from(text.len()) {
            Ok(length) => {
                self.u16(length);
                self.put_slice(text.as_bytes());
            }
            Err(_) => self.fits = false,
        }
    }

    /// Room for `count` fields of one size, to be filled by the caller; none where it is short.
    #[inline(always)]
    pub fn places<const N: usize>(&mut self, count: usize) -> &mut [[u8; N]] {
        let (from, end) = (self.at, self.at + N * count);
        self.at = end;
        let room = self.bytes.get_mut(from..end);
        self.fits &= room.is_some();
        room.unwrap_or_default().as_chunks_mut().0
    }

    /// What was to be written cannot be.
    pub const fn refuse(&mut self) {
        self.fits = false;
    }

    /// Where the next field goes.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Puts `value` over what stands at `at`.
    #[inline(always)]
    pub fn patch(&mut self, at: usize, value: u8) {
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte = value;
        }
    }

    /// How many bytes there are; `None` when there was no room for all.
    pub const fn finish(self) -> Option<usize> {
        if self.fits { Some(self.at) } else { None }
    }
}

/// Takes fields from bytes.
pub struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[inline(always)]
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (field, rest) = self.0.split_first_chunk().ok_or(ENDS_EARLY)?;
        self.0 = rest;
        Ok(*field)
    }

    #[inline(always)]
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.take().map(|[byte]| byte)
    }

    #[inline(always)]
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.take().map(u16::from_le_bytes)
    }

    #[inline(always)]
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.take().map(u32::from_le_bytes)
    }

    #[inline(always)]
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.take().map(u64::from_le_bytes)
    }

    #[inline(always)]
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.take().map(i32::from_le_bytes)
    }

    #[inline(always)]
    pub fn i64(&mut self) -> Result<i64, Malformed> {
        self.take().map(i64::from_le_bytes)
    }

    pub fn i128(&mut self) -> Result<i128, Malformed> {
        self.take().map(i128::from_le_bytes)
    }

    /// A number that [`Out::short`] wrote. One that has eight bytes and would fit four is not.
    #[inline(always)]
    pub fn short(&mut self, is_long: bool) -> Result<i64, Malformed> {
        if !is_long {
            return self.i32().map(i64::from);
        }
        let value = self.i64()?;
        match i32::try_from(value) {
            Ok(_) => Err(Malformed("a short number in its long form")),
            Err(_) => Ok(value),
        }
    }

    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::from(self.u16()?);
        let (text, rest) = self.0.split_at_checked(length).ok_or(ENDS_EARLY)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Malformed("text that is not UTF-8"))
    }

    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a yes or no that is neither")),
        }
    }

    /// All that is left.
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.0;
        self.0 = &[];
        rest
    }

    /// Nothing may be left.
    #[inline(always)]
    pub const fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("bytes after the record's end")) }
    }
}
