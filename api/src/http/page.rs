//! Lists: newest first, a page at a time, with a cursor that stays right while things are added.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;
use qt_store::{self, Cursor, Slice, StoreError};

/// Items of a page where nothing is asked for.
pub const LIMIT_DEFAULT: usize = 50;
/// Items of a page at most.
pub const LIMIT_MAX: usize = 500;

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Asks for the page behind this one; none on the last.
    pub next_cursor: Option<String>,
}

/// Which page is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many items: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The part of a list that the store is asked for.
///
/// # Errors
/// 422 for a limit out of range or a cursor that is none of ours.
pub fn store_page(query: &PageQuery) -> Result<qt_store::Page, ApiError> {
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("must be 1 to {LIMIT_MAX}")));
    }
    let after = query.cursor.as_deref().map(str::parse::<Cursor>).transpose()?;
    Ok(qt_store::Page { after, limit: u32::try_from(limit).unwrap_or(u32::MAX) })
}

impl<T> From<Slice<T>> for Page<T> {
    fn from(slice: Slice<T>) -> Self {
        Self { items: slice.items, next_cursor: slice.next_cursor }
    }
}

/// The part behind what is in memory, whose oldest item stands at `oldest`.
#[must_use]
pub fn behind(page: qt_store::Page, oldest: Option<Cursor>) -> qt_store::Page {
    let key = |cursor: &Cursor| (cursor.at, cursor.id);
    let after = match (page.after, oldest) {
        (Some(one), Some(other)) => Some(if key(&one) < key(&other) { one } else { other }),
        (one, other) => one.or(other),
    };
    qt_store::Page { after, ..page }
}

impl<T> Page<Arc<T>> {
    /// This page of what is in memory, and behind it what the store has `kept`. While the store is
    /// away there is what is in memory, and the cursor leads to where the rest would be.
    ///
    /// # Errors
    /// 503 where nothing is in memory and the store is away.
    pub fn joined(
        mut self,
        kept: Result<Slice<T>, StoreError>,
        place: impl Fn(&Arc<T>) -> Cursor,
        wants: impl Fn(&T) -> bool,
    ) -> Result<Self, ApiError> {
        let cursor = |items: &[Arc<T>]| items.last().map(|last| place(last).to_string());
        let kept = match kept {
            Ok(kept) => kept,
            Err(error) if self.items.is_empty() => return Err(error.into()),
            Err(_) => {
                self.next_cursor = cursor(&self.items);
                return Ok(self);
            }
        };
        self.next_cursor = kept.next_cursor;
        self.items.extend(kept.items.into_iter().filter(wants).map(Arc::new));
        Ok(self)
    }
}

impl<T> Page<T> {
    /// The page of `items` that is asked for, newest first; `place` says where an item stands.
    /// They may come in any order.
    #[must_use]
    pub fn of(mut items: Vec<T>, page: &qt_store::Page, place: impl Fn(&T) -> Cursor) -> Self {
        let key = |item: &T| {
            let cursor = place(item);
            (cursor.at, cursor.id)
        };
        items.retain(|item| page.after.is_none_or(|after| key(item) < (after.at, after.id)));
        items.sort_by_key(|item| std::cmp::Reverse(key(item)));
        let limit = page.limit as usize;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more).map(|item| place(item).to_string());
        Self { items, next_cursor: last }
    }

    /// The same page of something else.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        let items = self.items.into_iter().map(change).collect();
        Page { items, next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Page, PageQuery, store_page};
    use qt_store::Cursor;

    #[test]
    fn pages_cover_a_list_once_while_it_grows() {
        let mut items: Vec<i64> = (1..=7).collect();
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = store_page(&PageQuery { limit: Some(3), cursor }).unwrap();
            let page = Page::of(items.clone(), &page, |at| Cursor { at: *at, id: Uuid::nil() });
            seen.extend(page.items);
            items.push(100 + seen.len() as i64);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn limits_and_cursors_are_checked() {
        assert_eq!(store_page(&PageQuery::default()).unwrap().limit, 50);
        let table = [(Some(0), None), (Some(501), None), (None, Some("x")), (None, Some(""))];
        for (limit, cursor) in table {
            let cursor = cursor.map(str::to_owned);
            assert!(store_page(&PageQuery { limit, cursor }).is_err());
        }
    }
}
