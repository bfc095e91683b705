//! Relaxed draws in f64, and how far f32 may be from them.
//!
//! In units of ε = 2⁻²³ (one rounding is ε/2; a GPU's division may be 2.5 ε off, its `exp x` (3 + 2|x|) ε), the latent
//! `z = (φ + g)/τ` is off by `N(g)/τ`, from the noise, and by `1.5|z|`: rounded are the sum, 1/τ and the product. The sample
//! `y = softmax(z)` is off by that of the exponential, too, and with it to first order by
//!
//! ```text
//! |Δy| ≤ y (1 − y) ε (N(g)/τ + 4|z| + 3) + y ε (3 + n/2),   n additions
//! ```

use relaxit::prelude::*;

const EPSILON: f64 = f32::EPSILON as f64;

/// What f32 cannot tell from 0, where a device has no smaller numbers.
const TINY: f64 = f32::MIN_POSITIVE as f64;

/// A number, and how far f32 may be from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) value: f64,
    pub(crate) off: f64,
}

impl About {
    pub(crate) fn holds(self, x: f32) -> bool {
        (f64::from(x) - self.value).abs() <= self.off
    }
}

/// One event of a draw: a choice, or a bit as the first of two entries.
#[derive(Debug)]
pub(crate) struct Event {
    z: Vec<About>,
    pub(crate) y: Vec<About>,
    /// Of `Σ wₖ yₖ` in the logits, `yₖ (wₖ − Σⱼ yⱼ wⱼ)/τ`.
    pub(crate) gradient: Vec<About>,
}

impl Event {
    /// `softmax((φ + g)/τ)` of Gumbel noise, or of logistic noise `σ((φ + g)/τ)`: the softmax beside a latent of 0.
    pub(crate) fn new(base: Base, [logits, noise, weights]: [&[f32]; 3], temperature: f64) -> Self {
        let z = logits.iter().zip(noise).map(|(&logit, &g)| {
            let value = (f64::from(logit) + f64::from(g)) / temperature;
            About { value, off: EPSILON * (noise_off(base, g.into()) / temperature + 1.5 * value.abs()) }
        });
        if base == Base::Logistic {
            let z = z.chain([About { value: 0.0, off: 0.0 }]);
            let mut event = Self::of_latents(z.collect(), &[weights[0], 0.0], temperature);
            event.y.truncate(1);
            event.gradient.truncate(1);
            event
        } else {
            Self::of_latents(z.collect(), weights, temperature)
        }
    }

    fn of_latents(z: Vec<About>, weights: &[f32], temperature: f64) -> Self {
        let y = softmax(&z);
        let terms = || y.iter().zip(weights.iter().map(|&w| f64::from(w)));
        let mean: f64 = terms().map(|(y, w)| y.value * w).sum();
        let size: f64 = terms().map(|(y, w)| y.value * w.abs()).sum();
        let rounding = EPSILON * (share_off(y.len()) + additions(y.len()) / 2.0 + 0.5) * size;
        let mean_off = rounding + terms().map(|(y, w)| y.off * (w - mean).abs()).sum::<f64>();
        let slope = |(y, w): (&About, f64)| {
            let lead = (w - mean).abs();
            let off = (y.off + 2.0 * EPSILON * y.value) * lead + (y.value + y.off) * mean_off;
            About { value: y.value * (w - mean) / temperature, off: off / temperature + TINY }
        };
        let gradient = terms().map(slope).collect();
        Self { z, y, gradient }
    }

    /// Whether this is a hard sample whose winner f32 may take for the largest.
    #[allow(clippy::float_cmp)] // zeros and ones
    pub(crate) fn may_harden_to(&self, hard: &[f32]) -> bool {
        let winner = match hard {
            [bit] if self.z.len() == 2 => usize::from(*bit != 1.0),
            _ => hard.iter().position(|&b| b == 1.0).unwrap_or(0),
        };
        let right = |(k, &b): (usize, &f32)| b == f32::from(u8::from(k == winner));
        let first = self.z[winner].value + self.z[winner].off;
        hard.iter().enumerate().all(right) && self.z.iter().all(|other| first >= other.value - other.off)
    }
}

/// How far noise `g` may be off, in ε: by a logarithm, and the logarithm of that; near 0 the logistic one has all its digits.
fn noise_off(base: Base, g: f64) -> f64 {
    let absolute = 6.5 + 1.25 * g.abs();
    if base == Base::Logistic { absolute.min(10.0 * g.abs()) } else { absolute }
}

/// The most additions that one term of a sum of so many goes through: those of a lane of 256, and those of the lanes.
fn additions(terms: usize) -> f64 {
    (terms - 1).min(4 * terms.div_ceil(1024) + 8) as f64
}

/// How far an entry may be off in proportion, in ε, beside its latent: by the sum, the division and the product.
fn share_off(categories: usize) -> f64 {
    additions(categories) / 2.0 + 3.0
}

/// All that a softmax can be where the `z` are anything that they may be, and its exponential as bad as it may be.
fn softmax(z: &[About]) -> Vec<About> {
    let greatest = z.iter().map(|z| z.value).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = z.iter().map(|z| (z.value - greatest).exp()).sum();
    let ends: Vec<[f64; 3]> = z
        .iter()
        .map(|z| {
            let depth = greatest - z.value;
            let (y, off) = ((-depth).exp() / total, z.off + EPSILON * (3.0 + 2.5 * depth));
            [y * (-off).exp(), y, y * off.exp()]
        })
        .collect();
    let [low, high] = [0, 2].map(|end| ends.iter().map(|ends| ends[end]).sum::<f64>());
    let about = |&[least, value, most]: &[f64; 3]| {
        let up = most / (most + (low - least).max(0.0)) - value;
        let down = value - least / (least + (high - most).max(0.0));
        let moved = if value > 0.0 { up.max(down) } else { 0.0 };
        About { value, off: moved + EPSILON * share_off(z.len()) * value + TINY }
    };
    ends.iter().map(about).collect()
}
