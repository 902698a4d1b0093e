//! Lists: newest first, a page at a time, with a cursor that stays right while things are added.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::error::ApiError;
use qt_store::{self, Cursor, Kept, Slice};

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

/// So often the store is asked for one page: what it gives may be in memory, or not be wanted.
const ROUNDS_MAX: usize = 8;

/// A list whose newest part is in memory while all of it comes into the store a little later. What
/// is in both is as memory has it.
pub struct Layered<T, P, W> {
    /// What is in memory, in any order.
    pub memory: Vec<Arc<T>>,
    /// Where an item stands.
    pub place: P,
    /// Whether it is asked for.
    pub wants: W,
}

impl<T, P: Fn(&T) -> Cursor, W: Fn(&T) -> bool> Layered<T, P, W> {
    /// The page that is asked for; `fetch` gives a part of what is in the store, newest first.
    /// While the store is away there is what is in memory, and the cursor leads to where the rest
    /// would be.
    ///
    /// # Errors
    /// 503 where nothing is in memory and the store is away.
    pub async fn page<'a>(
        self,
        page: qt_store::Page,
        fetch: impl Fn(qt_store::Page) -> Kept<'a, Slice<T>>,
    ) -> Result<Page<Arc<T>>, ApiError> {
        let Self { memory, place, wants } = self;
        let key = |cursor: Cursor| (cursor.at, cursor.id);
        let is_behind =
            |item: &Arc<T>| page.after.is_none_or(|after| key(place(item)) < key(after));
        let known: HashSet<Uuid> = memory.iter().map(|item| place(item).id).collect();
        let is_asked = |item: &Arc<T>| wants(item) && is_behind(item);
        let recent: Vec<Arc<T>> = memory.into_iter().filter(is_asked).collect();
        let mut kept = Vec::new();
        // How far down the store was read; none where that is all of it.
        let mut floor = page.after;
        let above = |floor: Option<Cursor>, item: &Arc<T>| {
            floor.is_none_or(|floor| key(place(item)) >= key(floor))
        };
        for round in 0..ROUNDS_MAX {
            let slice = match fetch(qt_store::Page { after: floor, ..page }).await {
                Ok(slice) => slice,
                Err(error) if round == 0 && recent.is_empty() => return Err(error.into()),
                Err(_) if round == 0 => return Ok(Self::without_store(recent, &page, place)),
                Err(_) => break,
            };
            let last = slice.items.last().map(&place).filter(|_| slice.next_cursor.is_some());
            floor = last;
            let is_new = |item: &T| !known.contains(&place(item).id) && wants(item);
            kept.extend(slice.items.into_iter().filter(is_new).map(Arc::new));
            let there = recent.iter().filter(|item| above(floor, item)).count() + kept.len();
            if floor.is_none() || there >= page.limit as usize {
                break;
            }
        }
        let mut items: Vec<Arc<T>> =
            recent.into_iter().filter(|item| above(floor, item)).chain(kept).collect();
        items.sort_by_key(|item| std::cmp::Reverse(key(place(item))));
        let is_cut = items.len() > page.limit as usize;
        items.truncate(page.limit as usize);
        let next = if is_cut { items.last().map(|last| place(last)) } else { floor };
        Ok(Page { items, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    /// The page of what is in memory, where nothing else is asked for.
    #[must_use]
    pub fn of_memory(self, page: &qt_store::Page) -> Page<Arc<T>> {
        let Self { memory, place, wants } = self;
        let items = memory.into_iter().filter(|item| wants(item)).collect();
        Page::of(items, page, |item| place(item))
    }

    fn without_store(recent: Vec<Arc<T>>, page: &qt_store::Page, place: P) -> Page<Arc<T>> {
        let mut found = Page::of(recent, page, |item| place(item));
        found.next_cursor = found.items.last().map(|last| place(last).to_string());
        found
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
    use std::sync::Arc;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::{Layered, Page, PageQuery, store_page};
    use qt_store::{Cursor, Kept, Slice, StoreError};

    /// A number of its own, a time that others may have too, and what may change.
    #[derive(Clone, Debug, PartialEq)]
    struct Item {
        id: u128,
        at: i64,
        state: u8,
    }

    fn place(item: &Item) -> Cursor {
        Cursor { at: item.at, id: Uuid::from_u128(item.id) }
    }

    fn key(item: &Item) -> (i64, Uuid) {
        (place(item).at, place(item).id)
    }

    /// A part of `rows`, as the store gives it.
    fn slice(rows: &[Item], page: qt_store::Page) -> Slice<Item> {
        let limit = page.limit as usize;
        let behind = |row: &&Item| page.after.is_none_or(|after| key(row) < (after.at, after.id));
        let mut items: Vec<Item> = rows.iter().filter(behind).cloned().collect();
        items.sort_by_key(|item| std::cmp::Reverse(key(item)));
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| has_more).map(|last| place(last).to_string());
        Slice { items, next_cursor }
    }

    /// All pages of the list, one behind the other.
    fn walked(memory: &[Item], rows: &[Item], state: Option<u8>, limit: usize) -> Vec<Item> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut seen, mut cursor) = (Vec::new(), None);
        for _ in 0..1_000 {
            let page = store_page(&PageQuery { limit: Some(limit), cursor }).unwrap();
            let list = Layered {
                memory: memory.iter().cloned().map(Arc::new).collect(),
                place,
                wants: |item: &Item| state.is_none_or(|state| item.state == state),
            };
            let fetch = |page| -> Kept<'_, _> {
                let slice = slice(rows, page);
                Box::pin(async { Ok(slice) })
            };
            let page = runtime.block_on(list.page(page, fetch)).unwrap();
            assert!(page.items.len() <= limit);
            seen.extend(page.items.iter().map(|item| (**item).clone()));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return seen;
            }
        }
        panic!("the pages never end");
    }

    proptest! {
        #[test]
        fn pages_of_memory_and_store_are_the_list(
            items in proptest::collection::vec((0_i64..20, 0_u8..3, 0_u8..3, 0_u8..3), 0..120),
            state in proptest::option::of(0_u8..3),
            limit in 1_usize..12,
        ) {
            let (mut memory, mut rows, mut all) = (Vec::new(), Vec::new(), Vec::new());
            for (id, (at, is, was, layer)) in items.into_iter().enumerate() {
                let item = Item { id: id as u128, at, state: is };
                // In memory alone, in both (the store is behind), in the store alone.
                if layer != 2 {
                    memory.push(item.clone());
                }
                if layer != 0 {
                    let state = if layer == 1 { was } else { is };
                    rows.push(Item { state, ..item.clone() });
                }
                all.push(item);
            }
            all.retain(|item| state.is_none_or(|state| item.state == state));
            all.sort_by_key(|item| std::cmp::Reverse(key(item)));
            prop_assert_eq!(walked(&memory, &rows, state, limit), all);
        }
    }

    #[test]
    fn without_the_store_there_is_what_is_in_memory() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let away = |_| -> Kept<'_, Slice<Item>> {
            Box::pin(async { Err(StoreError::Unavailable(String::new())) })
        };
        let page = |count: u128, cursor| {
            let memory = (0..count).map(|id| Arc::new(Item { id, at: 1, state: 0 })).collect();
            let list = Layered { memory, place, wants: |_: &Item| true };
            let page = store_page(&PageQuery { limit: Some(3), cursor }).unwrap();
            runtime.block_on(list.page(page, away))
        };
        let first = page(5, None).unwrap();
        assert_eq!((first.items.len(), first.next_cursor.is_some()), (3, true));
        let second = page(5, first.next_cursor).unwrap();
        assert_eq!((second.items.len(), second.next_cursor.is_some()), (2, true));
        assert!(page(5, second.next_cursor).is_err() && page(0, None).is_err());
    }

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
