//! What is on its way to the machine: over links (their numbers), as answers (those of the calls),
//! or a move of a market.

/// See the module.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coming {
    Opened(u8),
    NotOpened(u8),
    Frame(u8, Vec<u8>),
    Alive(u8),
    Closed(u8, bool),
    Answer(u32, u16, Vec<u8>, u64),
    Failed(u32),
    Move(usize),
}

impl Coming {
    /// The link that it comes over.
    pub fn link(&self) -> Option<u8> {
        match self {
            Self::Opened(link) | Self::NotOpened(link) | Self::Alive(link) => Some(*link),
            Self::Frame(link, _) | Self::Closed(link, _) => Some(*link),
            Self::Answer(..) | Self::Failed(_) | Self::Move(_) => None,
        }
    }
}
