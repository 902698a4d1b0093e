//! The nearest of several words, for "did you mean".

/// The candidate with the smallest edit distance to `word`, if it is near enough to be meant:
/// at most a third of its letters differ, or it begins with `word`.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let best = candidates.iter().min_by_key(|candidate| distance(&word, candidate))?;
    let near = distance(&word, best) * 3 <= best.chars().count().max(3);
    let begins = word.len() >= 2 && candidates.iter().any(|c| c.starts_with(&word));
    if near {
        Some(best)
    } else if begins {
        candidates.iter().find(|candidate| candidate.starts_with(&word)).copied()
    } else {
        None
    }
}

/// How many letters to add, take away or change, or neighbours to exchange.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                rows[i][j] = i + j;
                continue;
            }
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_understood() {
        let names = ["sma_cross", "ema_cross", "rsi_reversion", "macd"];
        assert_eq!(nearest("sma_cros", &names), Some("sma_cross"));
        assert_eq!(nearest("SMA_CROSS", &names), Some("sma_cross"));
        assert_eq!(nearest("rsi", &names), Some("rsi_reversion"));
        assert_eq!(nearest("mcad", &names), Some("macd"));
        assert_eq!(nearest("mxyd", &names), None);
        assert_eq!(nearest("zzz", &names), None);
    }

    #[test]
    fn distances_by_hand() {
        let cases = [("", "ab", 2), ("fast", "fast", 0), ("fsat", "fast", 1), ("cat", "dogs", 4)];
        for (a, b, expected) in cases {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
