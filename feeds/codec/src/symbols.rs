//! Symbols as small numbers.

use std::collections::BTreeMap;

/// Most symbols of one decoder; a venue's whole list has some thousands.
pub const SYMBOLS_MAX: usize = 1 << 16;
/// Longest symbol, in bytes.
pub(crate) const SYMBOL_BYTES_MAX: usize = 96;

/// A symbol of one decoder: the index into its [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymbolId(pub u16);

/// The symbols of one decoder, in order of first appearance.
#[derive(Debug, Default)]
pub struct Symbols {
    names: Vec<Box<str>>,
    ids: BTreeMap<Box<str>, SymbolId>,
    // Frames of one symbol often follow each other.
    recent: Option<SymbolId>,
}

impl Symbols {
    /// The name of `id`.
    #[must_use]
    pub fn name(&self, id: SymbolId) -> Option<&str> {
        self.names.get(usize::from(id.0)).map(AsRef::as_ref)
    }

    /// The symbol called `name`, if it has appeared.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<SymbolId> {
        self.ids.get(name).copied()
    }

    /// All of them, in order of first appearance.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SymbolId, &str)> {
        self.names.iter().enumerate().map(|(at, name)| (SymbolId(at as u16), name.as_ref()))
    }

    /// How many have appeared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none has appeared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The symbol called `name`, made when it is new. `None` when there are too many or the name
    /// is empty or too long.
    pub(crate) fn intern(&mut self, name: &str) -> Option<SymbolId> {
        if let Some(recent) = self.recent
            && self.name(recent) == Some(name)
        {
            return Some(recent);
        }
        let id = match self.ids.get(name) {
            Some(id) => *id,
            None => {
                let room = self.names.len() < SYMBOLS_MAX && name.len() <= SYMBOL_BYTES_MAX;
                if !room || name.is_empty() {
                    return None;
                }
                let id = SymbolId(u16::try_from(self.names.len()).ok()?);
                self.names.push(name.into());
                self.ids.insert(name.into(), id);
                id
            }
        };
        self.recent = Some(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_first_appearance_and_are_bounded() {
        let mut symbols = Symbols::default();
        for (name, id) in [("b", 0), ("a", 1), ("b", 0), ("b", 0), ("c", 2)] {
            assert_eq!(symbols.intern(name), Some(SymbolId(id)));
        }
        assert_eq!(symbols.iter().map(|(_, name)| name).collect::<Vec<_>>(), ["b", "a", "c"]);
        assert_eq!(symbols.id("a"), Some(SymbolId(1)));
        assert_eq!(symbols.intern(""), None);
        assert_eq!(symbols.intern(&"x".repeat(SYMBOL_BYTES_MAX + 1)), None);
        for n in symbols.len()..SYMBOLS_MAX {
            assert!(symbols.intern(&n.to_string()).is_some());
        }
        assert_eq!(symbols.intern("one more"), None);
        assert_eq!(symbols.intern("c"), Some(SymbolId(2)));
    }
}
