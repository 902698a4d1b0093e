//! One kind of thing that can be wrong with rows, and how often it was seen.

use serde::Serialize;

/// Examples that are kept of each kind; all occurrences are counted.
pub const EXAMPLES_MAX: usize = 20;

/// What can be wrong with rows. The first ones are structural: data that has them is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A cell is missing or holds no finite number or time.
    UnreadableRow,
    /// The time goes back.
    Disorder,
    /// Two rows have the same time and different contents.
    ConflictingDuplicate,
    /// A price is zero or negative.
    NonPositivePrice,
    /// The highest price is below the lowest.
    HighBelowLow,
    /// The open is outside of low to high.
    OpenOutside,
    /// The close is outside of low to high.
    CloseOutside,
    /// A row repeats the one before; it was left out.
    IdenticalDuplicate,
    /// All prices of a row are `null` or `.`, as some vendors write days without data; it was
    /// left out.
    NullRow,
    /// Bid or ask is missing.
    OneSidedQuote,
    /// The bid is above the ask.
    CrossedQuote,
    /// Bars that the calendar expects are not there.
    Gap,
    /// A price far from its neighbours.
    Outlier,
    /// A jump between sessions near a usual split ratio.
    SuspectedSplit,
    /// A volume or quantity is negative; it was taken as zero.
    NegativeVolume,
    /// A bar or trade without volume in data that has volume.
    ZeroVolume,
    /// A row was received before it happened.
    ClockSkew,
}

impl FindingKind {
    /// Whether data with it is refused.
    #[must_use]
    pub const fn is_structural(self) -> bool {
        matches!(
            self,
            Self::UnreadableRow
                | Self::Disorder
                | Self::ConflictingDuplicate
                | Self::NonPositivePrice
                | Self::HighBelowLow
                | Self::OpenOutside
                | Self::CloseOutside
        )
    }

    /// The kind in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnreadableRow => "unreadable rows",
            Self::Disorder => "rows out of time order",
            Self::ConflictingDuplicate => "conflicting duplicates",
            Self::NonPositivePrice => "prices not positive",
            Self::HighBelowLow => "high below low",
            Self::OpenOutside => "open outside low..high",
            Self::CloseOutside => "close outside low..high",
            Self::IdenticalDuplicate => "repeated rows (left out)",
            Self::NullRow => "null rows (left out)",
            Self::OneSidedQuote => "one-sided quotes",
            Self::CrossedQuote => "crossed quotes",
            Self::Gap => "missing bars",
            Self::Outlier => "outliers",
            Self::SuspectedSplit => "suspected splits",
            Self::NegativeVolume => "negative volumes (as 0)",
            Self::ZeroVolume => "rows without volume",
            Self::ClockSkew => "received before sent",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::UnreadableRow => "repair or delete these rows",
            Self::Disorder => "sort the file by time",
            Self::ConflictingDuplicate => "keep one row for each time",
            Self::NonPositivePrice => "repair or delete these rows",
            Self::HighBelowLow | Self::OpenOutside | Self::CloseOutside => {
                "fetch these bars again, or delete them"
            }
            Self::SuspectedSplit => "use adjusted prices: --price adjusted",
            Self::Gap => "fetch the missing bars, or choose another --calendar",
            _ => "look at these rows",
        }
    }
}

/// Where something was found, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The line of the file, from 1; absent where the source has no lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The row, from 0, header not counted. Absent for rows that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The column as the file names it; empty where it is about the whole row.
    pub column: String,
    /// The offending text.
    pub text: String,
    /// What is wrong with it.
    pub what: String,
}

impl Example {
    /// `line 17` or `row 16`.
    #[must_use]
    pub fn place(&self) -> String {
        match (self.line, self.row) {
            (Some(line), _) => format!("line {line}"),
            (None, Some(row)) => format!("row {row}"),
            (None, None) => "a row".to_owned(),
        }
    }
}

impl std::fmt::Display for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place())?;
        if !self.column.is_empty() {
            write!(f, ", column '{}'", self.column)?;
        }
        if !self.text.is_empty() {
            write!(f, ": '{}'", self.text)?;
        }
        write!(f, " {}", self.what)
    }
}

/// All occurrences of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found.
    pub kind: FindingKind,
    /// Whether data with it is refused.
    pub structural: bool,
    /// How often: rows, or missing bars.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// What was found, by kind, in the order of [`FindingKind`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Counts one occurrence; `example` is called while examples are still kept.
    pub fn add(&mut self, kind: FindingKind, example: impl FnOnce() -> Example) {
        self.add_many(kind, 1, example);
    }

    /// Counts `count` occurrences that one example stands for.
    pub fn add_many(&mut self, kind: FindingKind, count: u64, example: impl FnOnce() -> Example) {
        let finding = self.entry(kind);
        finding.count += count;
        if finding.examples.len() < EXAMPLES_MAX {
            finding.examples.push(example());
        }
    }

    fn entry(&mut self, kind: FindingKind) -> &mut Finding {
        let at = match self.list.binary_search_by_key(&kind, |finding| finding.kind) {
            Ok(at) => at,
            Err(at) => {
                let structural = kind.is_structural();
                self.list.insert(at, Finding { kind, structural, count: 0, examples: Vec::new() });
                at
            }
        };
        &mut self.list[at]
    }

    /// Adds what was found in the piece of a file that follows after `lines` lines and `rows`
    /// rows.
    pub fn append(&mut self, later: Self, lines: u64, rows: u64) {
        for mut finding in later.list {
            let entry = self.entry(finding.kind);
            entry.count += finding.count;
            let room = EXAMPLES_MAX - entry.examples.len();
            finding.examples.truncate(room);
            for mut example in finding.examples {
                example.line = example.line.map(|line| line + lines);
                example.row = example.row.map(|row| row + rows);
                entry.examples.push(example);
            }
        }
    }

    /// Forgets what is of no kind that `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(FindingKind) -> bool) {
        self.list.retain(|finding| keep(finding.kind));
    }

    /// How often `kind` was found.
    #[must_use]
    pub fn count(&self, kind: FindingKind) -> u64 {
        self.iter().find(|finding| finding.kind == kind).map_or(0, |finding| finding.count)
    }

    /// Everything that was found.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter()
    }

    /// Whether something was found that data is refused for.
    #[must_use]
    pub fn is_structural(&self) -> bool {
        self.list.iter().any(|finding| finding.structural)
    }

    /// Whether nothing was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(line: u64) -> Example {
        let (column, text) = ("close".to_owned(), "abc".to_owned());
        Example { line: Some(line), row: None, column, text, what: "is no number".to_owned() }
    }

    #[test]
    fn examples_are_bounded_and_shifted() {
        let mut all = Findings::default();
        for line in 0..15 {
            all.add(FindingKind::UnreadableRow, || example(line));
        }
        let later = all.clone();
        all.append(later, 100, 90);
        all.add(FindingKind::Gap, || example(7));
        assert_eq!(all.count(FindingKind::UnreadableRow), 30);
        let first = all.iter().next().unwrap();
        assert_eq!(first.examples.len(), EXAMPLES_MAX);
        assert_eq!(first.examples[15].line, Some(100));
        assert!(all.is_structural());
        assert_eq!(first.examples[3].to_string(), "line 3, column 'close': 'abc' is no number");
    }
}
