//! The quality report as it is stored.

use qt_data::quality::splits::SuspectedSplit;
use qt_data::quality::{Example, FindingKind, Findings, QualityReport};
use serde::{Deserialize, Serialize};

/// What the quality gate found when the bars were imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityFacts {
    /// Rows that were read.
    pub rows: u64,
    /// 0 (useless) to 100 (nothing found).
    pub score: f64,
    /// Time of the first row in ISO 8601.
    pub from: Option<String>,
    /// Time of the last row in ISO 8601.
    pub to: Option<String>,
    /// Most common distance between rows in ns.
    pub interval_ns: i64,
    /// The calendar that gaps were measured by.
    pub calendar: String,
    /// What was found, by kind.
    pub findings: Vec<FindingFacts>,
    /// Jumps that look like splits.
    pub splits: Vec<SplitFacts>,
}

/// All occurrences of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingFacts {
    /// The kind: `gap`, `outlier`, ...
    pub kind: String,
    /// How often.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<ExampleFacts>,
}

/// Where something was found, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExampleFacts {
    /// The line of the source, from 1.
    pub line: Option<u64>,
    /// The row of the source, from 0.
    pub row: Option<u64>,
    /// The column as the source names it.
    pub column: String,
    /// The offending text.
    pub text: String,
    /// What is wrong with it.
    pub what: String,
}

/// A jump that looks like a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitFacts {
    /// Index of the first bar after it.
    pub bar: usize,
    /// The source row of that bar.
    pub row: u32,
    /// When that bar opens (UTC ns since 1970).
    pub time_ns: i64,
    /// New shares to old ones.
    pub ratio: String,
    /// The close before, in ticks.
    pub close: i64,
    /// The first price after, in ticks.
    pub open: i64,
}

const KINDS: [FindingKind; 17] = [
    FindingKind::UnreadableRow,
    FindingKind::Disorder,
    FindingKind::ConflictingDuplicate,
    FindingKind::NonPositivePrice,
    FindingKind::HighBelowLow,
    FindingKind::OpenOutside,
    FindingKind::CloseOutside,
    FindingKind::IdenticalDuplicate,
    FindingKind::NullRow,
    FindingKind::OneSidedQuote,
    FindingKind::CrossedQuote,
    FindingKind::Gap,
    FindingKind::Outlier,
    FindingKind::SuspectedSplit,
    FindingKind::NegativeVolume,
    FindingKind::ZeroVolume,
    FindingKind::ClockSkew,
];

fn kind_text(kind: FindingKind) -> String {
    let value = serde_json::to_value(kind).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

impl From<&QualityReport> for QualityFacts {
    fn from(report: &QualityReport) -> Self {
        let example = |example: &Example| {
            let Example { line, row, column, text, what } = example.clone();
            ExampleFacts { line, row, column, text, what }
        };
        let findings = report.findings.iter().map(|finding| FindingFacts {
            kind: kind_text(finding.kind),
            count: finding.count,
            examples: finding.examples.iter().map(example).collect(),
        });
        let splits = report.splits.iter().map(|split| {
            let SuspectedSplit { bar, row, time_ns, ratio, close, open } = split.clone();
            SplitFacts { bar, row, time_ns, ratio, close, open }
        });
        Self {
            rows: report.rows,
            score: report.score,
            from: report.from.clone(),
            to: report.to.clone(),
            interval_ns: report.interval_ns,
            calendar: report.calendar.clone(),
            findings: findings.collect(),
            splits: splits.collect(),
        }
    }
}

impl From<&QualityFacts> for QualityReport {
    fn from(facts: &QualityFacts) -> Self {
        let mut findings = Findings::default();
        for finding in &facts.findings {
            let kind = KINDS.iter().find(|kind| kind_text(**kind) == finding.kind);
            let Some(kind) = kind else { continue };
            // Each example stands for itself, the first one for the rest as well.
            let mut rest = finding.count.saturating_sub(finding.examples.len() as u64);
            for example in &finding.examples {
                let ExampleFacts { line, row, column, text, what } = example.clone();
                findings.add_many(*kind, rest + 1, || Example { line, row, column, text, what });
                rest = 0;
            }
        }
        let splits = facts.splits.iter().map(|split| {
            let SplitFacts { bar, row, time_ns, ratio, close, open } = split.clone();
            SuspectedSplit { bar, row, time_ns, ratio, close, open }
        });
        let mut report = Self::new(facts.rows, findings);
        report.score = facts.score;
        report.from.clone_from(&facts.from);
        report.to.clone_from(&facts.to);
        report.interval_ns = facts.interval_ns;
        report.calendar.clone_from(&facts.calendar);
        report.splits = splits.collect();
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_come_back() {
        let mut findings = Findings::default();
        for (index, kind) in KINDS.into_iter().enumerate() {
            for line in 0..=index as u64 * 3 {
                findings.add(kind, || Example {
                    line: Some(line),
                    row: (line % 2 == 0).then_some(line),
                    column: "close".to_owned(),
                    text: "-1".to_owned(),
                    what: "is wrong".to_owned(),
                });
            }
        }
        let mut report = QualityReport::new(1_000, findings);
        report.from = Some("2020-01-01T00:00:00Z".to_owned());
        report.calendar = "xnys".to_owned();
        let (ratio, close, open) = ("2:1".to_owned(), 10, 5);
        report.splits.push(SuspectedSplit { bar: 3, row: 4, time_ns: 5, ratio, close, open });
        let text = serde_json::to_string(&QualityFacts::from(&report)).unwrap();
        let facts: QualityFacts = serde_json::from_str(&text).unwrap();
        assert_eq!(QualityReport::from(&facts), report);
    }
}
