//! Fewer points of a long series, with its extremes kept.

/// The indexes of at most about `points_max` of `values`, ascending: the first, the last, and the
/// lowest and highest of as many equal stretches as fit. What is not a number counts as neither.
#[must_use]
pub fn thin(values: &[f64], points_max: usize) -> Vec<usize> {
    let count = values.len();
    if count <= points_max.max(4) {
        return (0..count).collect();
    }
    let stretches = (points_max.max(4) - 2) / 2;
    let mut picked = vec![0];
    for stretch in 0..stretches {
        let from = 1 + stretch * (count - 2) / stretches;
        let to = 1 + (stretch + 1) * (count - 2) / stretches;
        let (mut low, mut high) = (from, from);
        for at in from..to {
            if values[at] < values[low] || values[low].is_nan() {
                low = at;
            }
            if values[at] > values[high] || values[high].is_nan() {
                high = at;
            }
        }
        picked.push(low.min(high));
        if low != high {
            picked.push(low.max(high));
        }
    }
    picked.push(count - 1);
    picked
}

/// All indexes of several ascending lists, ascending, each once.
#[must_use]
pub fn union(lists: &[Vec<usize>]) -> Vec<usize> {
    let mut all: Vec<usize> = lists.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_series_stay_whole() {
        assert_eq!(thin(&[], 10), Vec::<usize>::new());
        assert_eq!(thin(&[1.0], 10), [0]);
        assert_eq!(thin(&[1.0, 2.0, 3.0], 0), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn extremes_and_ends_survive(
            values in prop::collection::vec(-1e6_f64..1e6, 1..400),
            points_max in 4_usize..60,
        ) {
            let picked = thin(&values, points_max);
            prop_assert!(picked.len() <= points_max.max(4));
            prop_assert!(picked.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!((picked[0], *picked.last().unwrap()), (0, values.len() - 1));
            let extreme = |pick: fn(f64, f64) -> f64| {
                let of_all = values.iter().copied().reduce(pick);
                (of_all, picked.iter().map(|&at| values[at]).reduce(pick))
            };
            let ((low, low_left), (high, high_left)) = (extreme(f64::min), extreme(f64::max));
            prop_assert_eq!((low, high), (low_left, high_left));
        }

        #[test]
        fn gaps_do_not_hide_values(at in 1_usize..300) {
            let mut values = vec![f64::NAN; 301];
            values[at] = 1.0;
            prop_assert!(thin(&values, 20).contains(&at));
        }
    }
}
