//! Hard concrete: the binary Concrete stretched over its ends and clamped.
#![allow(clippy::inline_always)] // see `Work::run`

use super::BinaryConcrete;
use super::elementary::ln_above_zero;
use super::relaxed::Squash;
use crate::noise::Base;

/// `y = clamp(σ(z) (ζ − γ) + γ, 0, 1)`; hard, 1 where `z > 0`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HardConcrete {
    gamma: f32,
    zeta: f32,
    width: f32,
}

impl HardConcrete {
    /// Stretched to `[gamma, zeta]`, rounded as the plain way rounds them.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn new(gamma: f64, zeta: f64) -> Self {
        Self { gamma: gamma as f32, zeta: zeta as f32, width: (zeta - gamma) as f32 }
    }
}

impl Squash for HardConcrete {
    const BASE: Base = Base::Logistic;

    #[inline(always)]
    fn event_len(&self) -> usize {
        1
    }

    #[inline(always)]
    fn squash(&self, z: &mut [f32]) {
        BinaryConcrete.squash(z);
        for y in z {
            let stretched = *y * self.width + self.gamma;
            // Not `clamp`, whose NaN handling costs instructions; these comparisons let NaN pass.
            let above = if stretched < 0.0 { 0.0 } else { stretched };
            *y = if above > 1.0 { 1.0 } else { above };
        }
    }

    #[inline(always)]
    fn harden(&self, z: &mut [f32]) {
        BinaryConcrete.harden(z);
    }

    /// `g (y − γ) (ζ − y)/(ζ − γ)`, and 0 at the ends.
    #[inline(always)]
    fn pull_back(&self, y: &[f32], gradient: &mut [f32]) {
        for (slope, &y) in gradient.iter_mut().zip(y) {
            let along = *slope * ((y - self.gamma) * (self.zeta - y) / self.width);
            *slope = if y > 0.0 && y < 1.0 { along } else { 0.0 };
        }
    }

    /// `ln(y − γ) − ln(ζ − y)`.
    #[inline(always)]
    fn latent(&self, y: f32) -> f32 {
        ln_above_zero(y - self.gamma) - ln_above_zero(self.zeta - y)
    }
}
