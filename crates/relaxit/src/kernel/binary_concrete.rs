//! Binary Concrete: the sigmoid of logits with logistic noise.
#![allow(clippy::inline_always)] // see `Work::run`

use super::elementary::{ln_above_zero, sigmoid};
use super::relaxed::Squash;
use crate::noise::Base;

/// `y = σ(z)`; hard, 1 where `z > 0`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BinaryConcrete;

impl Squash for BinaryConcrete {
    const BASE: Base = Base::Logistic;

    #[inline(always)]
    fn event_len(&self) -> usize {
        1
    }

    #[inline(always)]
    fn squash(&self, z: &mut [f32]) {
        for z in z {
            *z = sigmoid(*z);
        }
    }

    #[inline(always)]
    fn harden(&self, z: &mut [f32]) {
        for z in z {
            *z = if *z > 0.0 { 1.0 } else { 0.0 };
        }
    }

    /// `g y (1 − y)`.
    #[inline(always)]
    fn pull_back(&self, y: &[f32], gradient: &mut [f32]) {
        for (slope, &y) in gradient.iter_mut().zip(y) {
            *slope *= y * (1.0 - y);
        }
    }

    /// `ln y − ln(1 − y)`.
    #[inline(always)]
    fn latent(&self, y: f32) -> f32 {
        ln_above_zero(y) - ln_above_zero(1.0 - y)
    }
}
