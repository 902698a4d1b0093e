//! Lines made of words, and the words for what has none of its own.

use std::fmt::{Display, Write};

use qt_types::{Activation, Liquidity, PegReference, ReportKind};

/// A line that grows word by word.
pub struct Words(String);

impl Words {
    pub fn new(first: &str) -> Self {
        Self(first.to_owned())
    }

    #[must_use]
    pub fn add(mut self, word: &str) -> Self {
        self.0.push(' ');
        self.0.push_str(word);
        self
    }

    #[must_use]
    pub fn add_if(self, is_so: bool, word: &str) -> Self {
        if is_so { self.add(word) } else { self }
    }

    #[must_use]
    pub fn word(mut self, name: &str, value: impl Display) -> Self {
        // Writing into text cannot fail.
        let _ = write!(self.0, " {name} {value}");
        self
    }

    pub fn done(self) -> String {
        self.0
    }
}

pub const fn report_text(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Accepted => "accepted",
        ReportKind::Rejected => "rejected",
        ReportKind::Filled => "filled",
        ReportKind::Cancelled => "cancelled",
        ReportKind::Replaced => "replaced",
        ReportKind::RequestRejected => "request rejected",
        ReportKind::Carry => "carry paid",
        ReportKind::Expired => "expired",
        ReportKind::Busted => "execution taken back",
        ReportKind::Corrected => "execution corrected",
        ReportKind::Unknown => "fate unknown",
        ReportKind::Funding => "funding paid",
        ReportKind::Liquidated => "liquidated",
        ReportKind::Status => "trading status",
        ReportKind::Settled => "settled",
        ReportKind::Rate => "rate of",
        ReportKind::Exchanged => "exchanged",
    }
}

pub const fn liquidity_text(liquidity: Liquidity) -> &'static str {
    match liquidity {
        Liquidity::Maker => "maker",
        Liquidity::Taker => "taker",
    }
}

pub const fn activation_text(activation: Activation) -> &'static str {
    match activation {
        Activation::FirstFill => "with the first fill",
        Activation::CompleteFill => "with the whole fill",
    }
}

pub const fn peg_text(to: PegReference) -> &'static str {
    match to {
        PegReference::SameSide => "its own side",
        PegReference::Mid => "the middle",
        PegReference::Opposite => "the other side",
    }
}
