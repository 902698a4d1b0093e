//! A loser tree: which of many sources is next, and which comes after it.

/// Where a source stands: the time of its next record, and its rank, which decides ties.
pub(super) type Key = (i64, u32);

/// The key of a source that has nothing left.
pub(super) const ENDED: Key = (i64::MAX, u32::MAX);

/// Each inner node holds the source that lost there; the winner of all is next. A source whose
/// key has changed plays again only against the losers on its own way to the top.
#[derive(Debug)]
pub(super) struct Tournament {
    keys: Vec<Key>,
    // Node 0 holds the winner, node n/2 the parent of node n; leaf i is node `keys.len() + i`.
    losers: Vec<u32>,
}

impl Tournament {
    /// All `keys` play against each other.
    pub(super) fn new(keys: Vec<Key>) -> Self {
        let count = keys.len();
        let mut losers = vec![0_u32; count.max(1)];
        let mut winners = vec![0_u32; 2 * count];
        for (leaf, winner) in winners.iter_mut().skip(count).enumerate() {
            *winner = leaf as u32;
        }
        for node in (1..count).rev() {
            let (one, two) = (winners[2 * node], winners[2 * node + 1]);
            let first = keys[one as usize] <= keys[two as usize];
            (winners[node], losers[node]) = if first { (one, two) } else { (two, one) };
        }
        losers[0] = winners.get(1).copied().unwrap_or(0);
        Self { keys, losers }
    }

    /// The source that is next and its key; `None` when all have ended.
    #[inline]
    pub(super) fn winner(&self) -> Option<(usize, Key)> {
        let winner = self.losers[0] as usize;
        let key = *self.keys.get(winner)?;
        (key != ENDED).then_some((winner, key))
    }

    /// The key of the source that comes after the winner.
    #[inline]
    pub(super) fn runner_up(&self) -> Key {
        let mut node = (self.losers[0] as usize + self.keys.len()) / 2;
        let mut best = ENDED;
        while node > 0 {
            best = best.min(self.keys[self.losers[node] as usize]);
            node /= 2;
        }
        best
    }

    /// Gives the winner a new key, which is not below its old one, and finds the next winner.
    #[inline]
    pub(super) fn advance(&mut self, key: Key) {
        let mut winner = self.losers[0];
        self.keys[winner as usize] = key;
        let mut node = (winner as usize + self.keys.len()) / 2;
        let mut best = key;
        while node > 0 {
            let rival = self.losers[node];
            let rival_key = self.keys[rival as usize];
            if rival_key < best {
                self.losers[node] = winner;
                (winner, best) = (rival, rival_key);
            }
            node /= 2;
        }
        self.losers[0] = winner;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nobody_plays_alone() {
        assert_eq!(Tournament::new(Vec::new()).winner(), None);
        let mut one = Tournament::new(vec![(7, 0)]);
        assert_eq!((one.winner(), one.runner_up()), (Some((0, (7, 0))), ENDED));
        one.advance(ENDED);
        assert_eq!(one.winner(), None);
    }

    proptest! {
        #[test]
        fn it_gives_the_order_of_a_sort(
            lists in prop::collection::vec(prop::collection::vec(0_i64..20, 0..12), 0..20),
        ) {
            let lists: Vec<Vec<i64>> = lists.into_iter().map(|mut list| {
                list.sort_unstable();
                list
            }).collect();
            let key = |rank: usize, at: usize| {
                lists[rank].get(at).map_or(ENDED, |time| (*time, rank as u32))
            };
            let mut at = vec![0; lists.len()];
            let mut tree = Tournament::new((0..lists.len()).map(|rank| key(rank, 0)).collect());
            let mut played = Vec::new();
            while let Some((rank, best)) = tree.winner() {
                let second = (0..lists.len()).filter(|other| *other != rank)
                    .map(|other| key(other, at[other])).min().unwrap_or(ENDED);
                prop_assert_eq!(tree.runner_up(), second);
                played.push(best);
                at[rank] += 1;
                tree.advance(key(rank, at[rank]));
            }
            let mut want: Vec<Key> = lists.iter().enumerate()
                .flat_map(|(rank, list)| list.iter().map(move |time| (*time, rank as u32)))
                .collect();
            want.sort_unstable();
            prop_assert_eq!(played, want);
        }
    }
}
