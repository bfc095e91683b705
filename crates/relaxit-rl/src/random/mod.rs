//! NumPy's random numbers: a seed gives what it gives in Gymnasium, bit for bit.
//!
//! This is for environments only, whose start states must be Gymnasium's. Agents draw from [`relaxit::noise::Noise`].

mod pcg64;
mod seed_sequence;

pub use self::pcg64::Pcg64;
pub use self::seed_sequence::SeedSequence;
use crate::error::Result;
use crate::snapshot::{Snapshot, SnapshotReader};

/// `numpy.random.Generator(PCG64(SeedSequence(seed)))`, with the methods that Gymnasium uses.
///
/// # Examples
/// ```
/// use relaxit_rl::random::Generator;
/// let mut generator = Generator::seeded(0);
/// assert_eq!(generator.random(), 0.6369616873214543); // np.random.default_rng(0).random()
/// assert_eq!(generator.below(10), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    bits: Pcg64,
    /// The upper half of the last 64 bits of which only the lower half was asked for.
    half: Option<u32>,
}

impl Generator {
    /// The generator that Gymnasium makes of `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let [state_high, state_low, stream_high, stream_low] = SeedSequence::new(seed).generate_state();
        Self { bits: Pcg64::new(join(state_high, state_low), join(stream_high, stream_low)), half: None }
    }

    /// A number of `[0, 1)` with 53 random bits: `Generator.random()`.
    pub fn random(&mut self) -> f64 {
        (self.bits.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A number of `[low, high)`: `Generator.uniform(low, high)`. Rounding may give `high` itself, there as here.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random()
    }

    /// A number of `0..bound`, each equally likely: `Generator.integers(bound)`.
    ///
    /// # Panics
    /// If `bound` is 0.
    #[track_caller]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "Generator::below: `bound` must be at least 1, got 0");
        // Up to 2³² NumPy spends 32 bits a number, two numbers of each 64 bits; a bound of 1 spends none.
        match u32::try_from(bound) {
            Ok(1) => 0,
            Ok(bound) => u64::from(self.below_32(bound)),
            Err(_) if bound == 1 << 32 => u64::from(self.next_u32()),
            Err(_) => self.below_64(bound),
        }
    }

    /// A number of `low..high`, each equally likely: `Generator.integers(low, high)`.
    ///
    /// # Panics
    /// If the range is empty.
    #[track_caller]
    pub fn integers(&mut self, low: i64, high: i64) -> i64 {
        assert!(low < high, "Generator::integers: `high` must be above {low}, got {high}");
        low.wrapping_add_unsigned(self.below(high.abs_diff(low)))
    }

    /// One of `choices`, each equally likely: `Generator.choice(choices)`.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    #[allow(clippy::cast_possible_truncation)] // the index is below the length
    pub fn choice<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// An index drawn from `probs`: Gymnasium's `categorical_sample`, which gives 0 should rounding leave the sum of
    /// `probs` below the number drawn.
    pub fn categorical(&mut self, probs: impl IntoIterator<Item = f64>) -> usize {
        let u = self.random();
        let mut cumulative = 0.0;
        let above = |p: f64| {
            cumulative += p;
            cumulative > u
        };
        probs.into_iter().position(above).unwrap_or(0)
    }

    /// Lemire's method on 32 bits: the product's upper half, unless the lower half falls into the biased sliver.
    #[allow(clippy::cast_possible_truncation)] // the two halves of a u64
    fn below_32(&mut self, bound: u32) -> u32 {
        let mut product = u64::from(self.next_u32()) * u64::from(bound);
        if (product as u32) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * u64::from(bound);
            }
        }
        (product >> 32) as u32
    }

    #[allow(clippy::cast_possible_truncation)] // the two halves of a u128
    fn below_64(&mut self, bound: u64) -> u64 {
        let mut product = u128::from(self.bits.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.bits.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    #[allow(clippy::cast_possible_truncation)] // the two halves of a u64
    fn next_u32(&mut self) -> u32 {
        self.half.take().unwrap_or_else(|| {
            let bits = self.bits.next_u64();
            self.half = Some((bits >> 32) as u32);
            bits as u32
        })
    }

    /// Writes the state, for an environment's snapshot.
    pub fn save(&self, snapshot: &mut Snapshot) {
        for word in self.bits.words() {
            snapshot.push(word);
        }
        snapshot.push(self.half.map_or(u64::MAX, u64::from));
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If `snapshot` has come to its end.
    pub fn load(snapshot: &mut SnapshotReader<'_>) -> Result<Self> {
        let bits = Pcg64::from_words([snapshot.pop()?, snapshot.pop()?, snapshot.pop()?, snapshot.pop()?]);
        Ok(Self { bits, half: u32::try_from(snapshot.pop()?).ok() })
    }
}

fn join(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_at_rest_continues() {
        let mut generator = Generator::seeded(7);
        generator.below(3); // leaves half of 64 bits
        let mut snapshot = Snapshot::default();
        generator.save(&mut snapshot);
        let mut resumed = Generator::load(&mut snapshot.reader("test")).expect("just saved");
        assert_eq!(resumed, generator);
        assert_eq!(resumed.below(1000), generator.below(1000));
        assert_eq!(resumed.random().to_bits(), generator.random().to_bits());
    }

    #[test]
    fn probabilities_that_sum_to_less_than_the_number_drawn_give_the_first_index() {
        assert_eq!(Generator::seeded(0).categorical([0.0, 0.0]), 0);
        assert_eq!(Generator::seeded(0).categorical([0.0, 0.6, 0.4]), 2); // 0.637 was drawn
    }
}
