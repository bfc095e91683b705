//! Gumbel-Softmax: the softmax of logits with Gumbel noise.
#![allow(clippy::inline_always)] // see `Work::run`

use super::elementary::{dot, exp, ln_above_zero, max, sum};
use super::relaxed::Squash;
use crate::noise::Base;

/// `y = softmax(z)` over the last dimension; hard, 1 at the first largest latent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GumbelSoftmax {
    /// How many there are, one at least.
    pub(crate) categories: usize,
}

impl Squash for GumbelSoftmax {
    const BASE: Base = Base::Gumbel;

    #[inline(always)]
    fn event_len(&self) -> usize {
        self.categories
    }

    #[inline(always)]
    fn squash(&self, z: &mut [f32]) {
        for row in z.chunks_exact_mut(self.categories) {
            let greatest = max(row);
            for x in row {
                *x -= greatest;
            }
        }
        for x in z.iter_mut() {
            *x = exp(*x);
        }
        for row in z.chunks_exact_mut(self.categories) {
            let share = 1.0 / sum(row);
            for x in row {
                *x *= share;
            }
        }
    }

    /// Of latents, because the exponential may round a near loser up to the winner.
    #[inline(always)]
    fn harden(&self, z: &mut [f32]) {
        for row in z.chunks_exact_mut(self.categories) {
            let greatest = max(row);
            let winner = row.iter().position(|&x| x >= greatest).unwrap_or(0);
            row.fill(0.0);
            row[winner] = 1.0;
        }
    }

    /// `yₖ (gₖ − Σⱼ yⱼ gⱼ)`.
    #[inline(always)]
    fn pull_back(&self, y: &[f32], gradient: &mut [f32]) {
        for (y, gradient) in y.chunks_exact(self.categories).zip(gradient.chunks_exact_mut(self.categories)) {
            let mean = dot(y, gradient);
            for (slope, &y) in gradient.iter_mut().zip(y) {
                *slope = y * (*slope - mean);
            }
        }
    }

    /// `ln y`, because the slopes of an event add up to 0.
    #[inline(always)]
    fn latent(&self, y: f32) -> f32 {
        ln_above_zero(y)
    }
}
