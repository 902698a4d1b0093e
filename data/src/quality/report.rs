//! Everything that the gate found in one series.

use std::fmt;

use serde::Serialize;

use super::finding::{FindingKind, Findings};
use super::splits::SuspectedSplit;

/// The gate's findings about one series.
///
/// # The score
/// 100 minus the penalties, at least 0. Structural errors leave at most 40 points. Of the rest,
/// each kind costs `weight x share`, at most its cap, where the share is of all rows (for gaps: of
/// all bars that were expected):
///
/// | kind | weight | cap |
/// |---|---|---|
/// | structural errors, together | 400 | 40 |
/// | missing bars | 100 | 30 |
/// | outliers | 500 | 10 |
/// | suspected splits | 2 points each | 10 |
/// | crossed or one-sided quotes | 50 | 15 |
/// | rows without volume | 20 | 10 |
/// | repeated or null rows, negative volumes, skewed clocks | 100 | 10 |
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QualityReport {
    /// Rows that were read, including those that were left out.
    pub rows: u64,
    /// What was found, structural errors first.
    pub findings: Findings,
    /// Whether the data is refused.
    pub structural: bool,
    /// 0 (useless) to 100 (nothing found).
    pub score: f64,
    /// Time of the first row in ISO 8601 (UTC).
    pub from: Option<String>,
    /// Time of the last row in ISO 8601 (UTC).
    pub to: Option<String>,
    /// The most common distance between rows in ns; 0 when it cannot be told.
    pub interval_ns: i64,
    /// The calendar that gaps were measured by; empty where they were not.
    pub calendar: String,
    /// Jumps that look like splits.
    pub splits: Vec<SuspectedSplit>,
}

impl QualityReport {
    /// A report on `rows` rows with `findings`.
    #[must_use]
    pub fn new(rows: u64, findings: Findings) -> Self {
        let structural = findings.is_structural();
        let score = score(rows, &findings);
        Self {
            rows,
            findings,
            structural,
            score,
            from: None,
            to: None,
            interval_ns: 0,
            calendar: String::new(),
            splits: Vec::new(),
        }
    }

    /// Why the data is refused: the first structural error of each kind, in one sentence each.
    #[must_use]
    pub fn refusal(&self) -> String {
        let mut text = String::new();
        for finding in self.findings.iter().filter(|finding| finding.structural) {
            if !text.is_empty() {
                text.push_str("; ");
            }
            let kind = finding.kind;
            text.push_str(&format!("{} {}", finding.count, kind.text()));
            if let Some(example) = finding.examples.first() {
                text.push_str(&format!(" (first: {example})"));
            }
            text.push_str(&format!(": {}", kind.fix()));
        }
        text
    }
}

fn score(rows: u64, findings: &Findings) -> f64 {
    use FindingKind::{
        ClockSkew, CrossedQuote, Gap, IdenticalDuplicate, NegativeVolume, NullRow, OneSidedQuote,
        Outlier, SuspectedSplit, ZeroVolume,
    };
    let count =
        |kinds: &[FindingKind]| kinds.iter().map(|kind| findings.count(*kind)).sum::<u64>() as f64;
    let rows = rows.max(1) as f64;
    let capped = |penalty: f64, cap: f64| penalty.min(cap);
    let gaps = count(&[Gap]);
    let mut penalty = capped(100.0 * gaps / (rows + gaps), 30.0);
    penalty += capped(500.0 * count(&[Outlier]) / rows, 10.0);
    penalty += capped(2.0 * count(&[SuspectedSplit]), 10.0);
    penalty += capped(50.0 * count(&[CrossedQuote, OneSidedQuote]) / rows, 15.0);
    penalty += capped(20.0 * count(&[ZeroVolume]) / rows, 10.0);
    let odd = count(&[IdenticalDuplicate, NullRow, NegativeVolume, ClockSkew]);
    penalty += capped(100.0 * odd / rows, 10.0);
    if findings.is_structural() {
        let structural = findings.iter().filter(|finding| finding.structural);
        let errors = structural.map(|finding| finding.count).sum::<u64>() as f64;
        penalty += 60.0 + capped(400.0 * errors / rows, 40.0);
    }
    // One decimal says all there is to say.
    ((100.0 - penalty).max(0.0) * 10.0).round() / 10.0
}

/// A plain table for the terminal.
impl fmt::Display for QualityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 3;
        writeln!(f, "rows      {}", self.rows)?;
        if let (Some(from), Some(to)) = (&self.from, &self.to) {
            writeln!(f, "period    {from} .. {to}")?;
        }
        if !self.calendar.is_empty() {
            writeln!(f, "calendar  {}", self.calendar)?;
        }
        let verdict = if self.structural { "REFUSED" } else { "accepted" };
        writeln!(f, "score     {:.1} of 100, {verdict}", self.score)?;
        if self.findings.is_empty() {
            return writeln!(f, "findings  none");
        }
        writeln!(f)?;
        writeln!(f, "{:<10} {:<26} {:>10}", "severity", "finding", "count")?;
        for finding in self.findings.iter() {
            let severity = if finding.structural { "error" } else { "warning" };
            writeln!(f, "{severity:<10} {:<26} {:>10}", finding.kind.text(), finding.count)?;
            for example in finding.examples.iter().take(SHOWN_MAX) {
                writeln!(f, "{:<10}   {example}", "")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Example;
    use super::*;

    fn findings(list: &[(FindingKind, u64)]) -> Findings {
        let mut findings = Findings::default();
        for (kind, count) in list {
            findings.add_many(*kind, *count, || Example {
                line: Some(7),
                row: Some(5),
                column: "close".to_owned(),
                text: "-1".to_owned(),
                what: "is not positive".to_owned(),
            });
        }
        findings
    }

    #[test]
    fn the_score_follows_its_table() {
        use FindingKind::{Gap, NonPositivePrice, Outlier, SuspectedSplit, ZeroVolume};
        let score = |list: &[_]| QualityReport::new(1_000, findings(list)).score;
        assert_eq!(score(&[]), 100.0);
        assert_eq!(score(&[(Gap, 250)]), 80.0);
        assert_eq!(score(&[(Gap, 9_000)]), 70.0);
        assert_eq!(score(&[(Outlier, 2), (SuspectedSplit, 1)]), 97.0);
        assert_eq!(score(&[(ZeroVolume, 1_000)]), 90.0);
        assert_eq!(score(&[(NonPositivePrice, 10)]), 36.0);
        assert_eq!(score(&[(NonPositivePrice, 1_000)]), 0.0);
    }

    #[test]
    fn the_refusal_says_where() {
        let report = QualityReport::new(10, findings(&[(FindingKind::NonPositivePrice, 2)]));
        assert!(report.structural);
        let text = report.refusal();
        for part in ["2 prices not positive", "line 7", "'close'", "'-1'", "delete these rows"] {
            assert!(text.contains(part), "{text}");
        }
        let table = report.to_string();
        assert!(table.contains("REFUSED") && table.contains("line 7"), "{table}");
    }
}
