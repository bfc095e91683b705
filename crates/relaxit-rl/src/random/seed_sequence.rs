//! NumPy's way from a seed to a generator's state.

const POOL: usize = 4;
const INIT_A: u32 = 0x43B0_D7E5;
const MULT_A: u32 = 0x931E_8875;
const INIT_B: u32 = 0x8B51_F9DD;
const MULT_B: u32 = 0x58F3_8DED;
const MIX_LEFT: u32 = 0xCA01_F9DD;
const MIX_RIGHT: u32 = 0x4973_F715;

/// `numpy.random.SeedSequence(seed)`: hashes a seed into a pool of 128 bits, and the pool into as many as are asked for.
///
/// # Examples
/// ```
/// use relaxit_rl::random::SeedSequence;
/// let [first] = SeedSequence::new(0).generate_state();
/// assert_eq!(first, 15793235383387715774); // np.random.SeedSequence(0).generate_state(1, np.uint64)
/// ```
///
/// # References
/// [`SEED_SEQUENCE`](crate::reference::SEED_SEQUENCE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedSequence {
    pool: [u32; POOL],
}

impl SeedSequence {
    /// The sequence whose entropy is `seed`.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // the two halves of a u64
    pub fn new(seed: u64) -> Self {
        let mut hash = Hash { constant: INIT_A, multiplier: MULT_A };
        // NumPy fills a seed of fewer words up with zeros, so a small seed is one with a zero above it.
        let mut pool = [seed as u32, (seed >> 32) as u32, 0, 0].map(|word| hash.of(word));
        for source in 0..POOL {
            for target in (0..POOL).filter(|&target| target != source) {
                pool[target] = mix(pool[target], hash.of(pool[source]));
            }
        }
        Self { pool }
    }

    /// `N` words: `generate_state(N, np.uint64)`.
    #[must_use]
    pub fn generate_state<const N: usize>(&self) -> [u64; N] {
        let mut hash = Hash { constant: INIT_B, multiplier: MULT_B };
        let mut half = |word: usize| u64::from(hash.of(self.pool[word % POOL]));
        std::array::from_fn(|i| half(2 * i) | half(2 * i + 1) << 32)
    }
}

/// A multiplicative hash whose constant changes with each word.
struct Hash {
    constant: u32,
    multiplier: u32,
}

impl Hash {
    fn of(&mut self, word: u32) -> u32 {
        let word = word ^ self.constant;
        self.constant = self.constant.wrapping_mul(self.multiplier);
        let word = word.wrapping_mul(self.constant);
        word ^ word >> 16
    }
}

fn mix(x: u32, y: u32) -> u32 {
    let mixed = MIX_LEFT.wrapping_mul(x).wrapping_sub(MIX_RIGHT.wrapping_mul(y));
    mixed ^ mixed >> 16
}
