//! Random numbers that are the same everywhere.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws from ChaCha8. Only the cipher's own words are used, and all that is made of them is
/// written here, so that no other crate's release can change a drawn number.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    words: ChaCha8Rng,
}

impl Dice {
    /// The dice of `seed`. `purpose` keeps those of bars, trades and books apart.
    pub(crate) fn new(seed: u64, purpose: u8) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose;
        Self { words: ChaCha8Rng::from_seed(key) }
    }

    /// A number from 0 up to, without, `end`, which is above zero.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.words.next_u64()) * u128::from(end)) >> 64) as u64
    }

    /// A number from 0 up to, without, 1.
    pub(crate) fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.words.next_u64() >> 11) as f64 * STEP
    }

    /// Whether something of probability `chance` happens.
    pub(crate) fn happens(&mut self, chance: f64) -> bool {
        self.unit() < chance
    }

    /// A number near to normally distributed: mean 0, deviation 1, never beyond 3.5. It is the
    /// sum of four 16-bit numbers, scaled.
    pub(crate) fn normal(&mut self) -> f64 {
        const DEVIATION: f64 = 37_837.227;
        let word = self.words.next_u64();
        let sum: u64 = (0..4).map(|part| (word >> (16 * part)) & 0xffff).sum();
        (sum as f64 - 131_070.0) / DEVIATION
    }

    /// A size of at least 1 with the given mean; small ones are more frequent than large ones.
    pub(crate) fn size(&mut self, mean: i64) -> i64 {
        // The product of two draws has the mean 1/4.
        let draw = self.unit() * self.unit() * 4.0 * mean as f64;
        (draw as i64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_cipher() {
        // ChaCha8 with an all-zero key and nonce, the first block of the published test vectors.
        let mut dice = Dice::new(0, 0);
        let first = dice.words.next_u64().to_le_bytes();
        assert_eq!(first, [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6]);
    }

    #[test]
    fn draws_have_the_moments_they_should() {
        let mut dice = Dice::new(3, 1);
        let draws: Vec<f64> = (0..100_000).map(|_| dice.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        let sizes = (0..100_000).map(|_| dice.size(200)).sum::<i64>() / 100_000;
        assert!((190..210).contains(&sizes), "{sizes}");
        assert!((0..1000).all(|_| dice.below(7) < 7 && dice.unit() < 1.0));
        assert_ne!(Dice::new(3, 1).below(u64::MAX), Dice::new(3, 2).below(u64::MAX));
    }
}
