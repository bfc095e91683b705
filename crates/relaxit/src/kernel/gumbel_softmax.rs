//! Gumbel-Softmax: noise, perturbation, temperature and softmax in one pass.
#![allow(clippy::inline_always)] // see `Work::run`

use burn::tensor::Tensor;

use super::elementary::{dot, exp, max, sum};
use super::flex::{RowKernel, StraightThrough, apply, apply_straight_through, serves};
use super::{Work, widest};
use crate::noise::{Base, Draw, Noise};

/// `softmax((φ + g)/τ)` over the last dimension, with the noise that [`Noise::draw`] would give; `None`, and no draw
/// made, where there is no kernel for these logits.
pub(crate) fn gumbel_softmax<const D: usize>(
    logits: &Tensor<D>,
    temperature: f64,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    serves(logits).then(|| apply(GumbelSoftmax::new(logits, temperature, noise), logits.clone()))
}

/// The same, hardened to the one-hot argmax, with the gradient of the soft choice.
pub(crate) fn straight_through_gumbel_softmax<const D: usize>(
    logits: &Tensor<D>,
    temperature: f64,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    serves(logits).then(|| apply_straight_through(GumbelSoftmax::new(logits, temperature, noise), logits.clone()))
}

/// `1/τ`, rounded as the plain way rounds it.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn reciprocal(temperature: f64) -> f32 {
    temperature.recip() as f32
}

#[derive(Clone, Copy, Debug)]
struct GumbelSoftmax {
    categories: usize,
    rate: f32,
    draw: Draw,
}

impl GumbelSoftmax {
    fn new<const D: usize>(logits: &Tensor<D>, temperature: f64, noise: &mut Noise) -> Self {
        Self { categories: logits.dims()[D - 1], rate: reciprocal(temperature), draw: noise.next_draw() }
    }
}

impl RowKernel for GumbelSoftmax {
    fn row_len(&self) -> usize {
        self.categories
    }

    fn forward(&self, first: usize, logits: &[f32], out: &mut [f32]) {
        widest(Forward { kernel: self, first, logits, out, hard: None });
    }

    fn backward(&self, y: &[f32], gradient: &[f32], out: &mut [f32]) {
        widest(Backward { kernel: self, y, gradient, out });
    }
}

impl StraightThrough for GumbelSoftmax {
    fn forward_hard(&self, first: usize, logits: &[f32], soft: &mut [f32], hard: &mut [f32]) {
        widest(Forward { kernel: self, first, logits, out: soft, hard: Some(hard) });
    }
}

struct Forward<'a> {
    kernel: &'a GumbelSoftmax,
    first: usize,
    logits: &'a [f32],
    out: &'a mut [f32],
    /// All zero; gets the ones.
    hard: Option<&'a mut [f32]>,
}

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { kernel: &GumbelSoftmax { categories, rate, draw }, first, logits, out, hard } = self;
        // Several short loops over a few kilobytes, each without a dependency from one element to the next but the
        // reductions of a row.
        draw.fill(Base::Gumbel, first, out);
        for (x, &logit) in out.iter_mut().zip(logits) {
            *x = (logit + *x) * rate;
        }
        for row in out.chunks_exact_mut(categories) {
            let greatest = max(row);
            for x in row {
                *x -= greatest;
            }
        }
        if let Some(hard) = hard {
            // Before the exponential, which may round a near loser up to the winner.
            for (row, hard) in out.chunks_exact(categories).zip(hard.chunks_exact_mut(categories)) {
                let winner = row.iter().position(|&x| x >= 0.0).unwrap_or(0);
                hard[winner] = 1.0;
            }
        }
        for x in out.iter_mut() {
            *x = exp(*x);
        }
        for row in out.chunks_exact_mut(categories) {
            let share = 1.0 / sum(row);
            for x in row {
                *x *= share;
            }
        }
    }
}

struct Backward<'a> {
    kernel: &'a GumbelSoftmax,
    y: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Backward<'_> {
    type Output = ();

    /// `yₖ (gₖ − Σⱼ yⱼ gⱼ)/τ`.
    #[inline(always)]
    fn run(self) {
        let Self { kernel: &GumbelSoftmax { categories, rate, .. }, y, gradient, out } = self;
        let rows = y.chunks_exact(categories).zip(gradient.chunks_exact(categories));
        for ((y, gradient), out) in rows.zip(out.chunks_exact_mut(categories)) {
            let mean = dot(y, gradient);
            for ((out, &y), &gradient) in out.iter_mut().zip(y).zip(gradient) {
                *out = y * (gradient - mean) * rate;
            }
        }
    }
}
