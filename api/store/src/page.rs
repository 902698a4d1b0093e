//! Lists in parts: newest first, and a cursor for the rest.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::StoreError;

/// Most rows of one answer.
pub const PAGE_ROWS_MAX: u32 = 500;
/// Rows of an answer where nobody said how many.
pub const PAGE_ROWS: u32 = 50;

/// Where the next part begins: after the row with this time and identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The row's time, or its number.
    pub at: i64,
    /// The row's identifier.
    pub id: Uuid,
}

impl Display for Cursor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut bytes = [0_u8; 24];
        bytes[..8].copy_from_slice(&self.at.to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let none = || StoreError::Invalid {
            field: "cursor",
            detail: "it is no cursor of this service: give back next_cursor as it came".to_owned(),
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| none())?;
        let (at, id) = bytes.split_at_checked(8).ok_or_else(none)?;
        let at = i64::from_be_bytes(at.try_into().map_err(|_| none())?);
        Ok(Self { at, id: Uuid::from_slice(id).map_err(|_| none())? })
    }
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// After which row; none for the first part.
    pub after: Option<Cursor>,
    /// At most how many rows.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, limit: PAGE_ROWS }
    }
}

impl Page {
    /// The part that a request asks for. A limit is held between 1 and [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    /// When the cursor is none.
    pub fn parse(cursor: Option<&str>, limit: Option<u32>) -> Result<Self, StoreError> {
        let after = cursor.map(str::parse).transpose()?;
        Ok(Self { after, limit: limit.unwrap_or(PAGE_ROWS).clamp(1, PAGE_ROWS_MAX) })
    }

    /// Rows to read: one more than asked for, which tells whether there are more.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// What `ORDER BY .. DESC` must be below.
    pub(crate) fn below(&self) -> (i64, Uuid) {
        self.after.map_or((i64::MAX, Uuid::max()), |cursor| (cursor.at, cursor.id))
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Slice<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to ask the next part with; none at the end.
    pub next_cursor: Option<String>,
}

impl<T> Slice<T> {
    /// A part out of rows that may be one more than `page` asks for.
    pub(crate) fn cut(mut items: Vec<T>, page: &Page, place: impl Fn(&T) -> Cursor) -> Self {
        let limit = page.limit as usize;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| has_more).map(|row| place(row).to_string());
        Self { items, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nothing_else_is_one() {
        let cursor = Cursor { at: -5, id: Uuid::from_u128(7) };
        assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
        for bad in ["", "x", "AAAA", "' OR 1=1", &"A".repeat(400)] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
        assert_eq!(Page::parse(None, Some(0)).unwrap().limit, 1);
        assert_eq!(Page::parse(None, Some(9_999)).unwrap().limit, PAGE_ROWS_MAX);
    }

    #[test]
    fn a_slice_says_whether_there_is_more() {
        let page = Page { after: None, limit: 2 };
        let place = |n: &i64| Cursor { at: *n, id: Uuid::nil() };
        assert_eq!(Slice::cut(vec![3, 2], &page, place).next_cursor, None);
        let slice = Slice::cut(vec![3, 2, 1], &page, place);
        assert_eq!(slice.items, [3, 2]);
        assert_eq!(slice.next_cursor.unwrap().parse::<Cursor>().unwrap().at, 2);
    }
}
