//! From the number of a case to its bytes.

use crate::corpus;
use crate::mutate::mutate;
use crate::random::Random;
use crate::target::Target;

/// All cases of a target.
#[derive(Debug)]
pub struct Cases {
    seeds: Vec<Vec<u8>>,
    seed: u64,
    repair: fn(&mut [u8]),
}

impl Cases {
    /// The cases of `target` that follow from `seed`. Where the market data of the recordings is
    /// not at hand, they start from the built-in inputs alone.
    #[must_use]
    pub fn new(target: &Target, seed: u64) -> Self {
        Self { seeds: corpus::of(target.corpus), seed, repair: target.repair }
    }

    /// How many inputs the cases start from.
    #[must_use]
    pub fn seeds(&self) -> usize {
        self.seeds.len()
    }

    /// The bytes of case `index`; the first cases are the inputs as they are.
    #[must_use]
    pub fn bytes(&self, index: u64) -> Vec<u8> {
        let whole = usize::try_from(index).ok().and_then(|at| self.seeds.get(at));
        if let Some(whole) = whole {
            return whole.clone();
        }
        let mut random = Random::new(self.seed ^ index.wrapping_mul(0xd134_2543_de82_ef95));
        let mut bytes = random.pick(&self.seeds).cloned().unwrap_or_default();
        mutate(&mut bytes, &self.seeds, &mut random);
        // Behind a checksum nothing is ever looked at: half of the cases get a right one.
        if random.below(2) == 0 {
            (self.repair)(&mut bytes);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::TARGETS;

    #[test]
    fn a_number_is_always_the_same_bytes() {
        for target in TARGETS {
            let (one, two) = (Cases::new(target, 5), Cases::new(target, 5));
            assert!(one.seeds() > 0, "{}", target.name);
            let numbers = [0, 1, 77, 1_000_003];
            assert!(numbers.iter().all(|at| one.bytes(*at) == two.bytes(*at)), "{}", target.name);
            let differ = (1_000..1_100).filter(|at| one.bytes(*at) != one.bytes(at + 1)).count();
            assert!(differ > 90, "{}: {differ}", target.name);
        }
    }
}
