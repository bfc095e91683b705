//! PCG64: a 128-bit linear congruential generator with a permuted output.

const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;

/// The bit generator `numpy.random.PCG64` (XSL-RR 128/64).
///
/// ```text
/// s ← a·s + c  mod 2¹²⁸,   output = (high(s) ⊕ low(s)) rotated right by the top 6 bits of s
/// ```
///
/// # References
/// [`PCG`](crate::reference::PCG).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcg64 {
    state: u128,
    increment: u128,
}

impl Pcg64 {
    /// The generator at `state` of stream number `stream`, seeded as the reference implementation does.
    #[must_use]
    pub const fn new(state: u128, stream: u128) -> Self {
        let increment = stream << 1 | 1;
        let mut generator = Self { state: increment.wrapping_add(state), increment };
        generator.advance();
        generator
    }

    /// The next 64 random bits.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the two halves of a u128
    pub const fn next_u64(&mut self) -> u64 {
        self.advance();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    #[inline]
    const fn advance(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    /// The whole state, high halves first.
    #[allow(clippy::cast_possible_truncation)] // the two halves of a u128
    pub(crate) const fn words(&self) -> [u64; 4] {
        [(self.state >> 64) as u64, self.state as u64, (self.increment >> 64) as u64, self.increment as u64]
    }

    pub(crate) fn from_words([state_high, state_low, high, low]: [u64; 4]) -> Self {
        Self { state: super::join(state_high, state_low), increment: super::join(high, low) }
    }
}
