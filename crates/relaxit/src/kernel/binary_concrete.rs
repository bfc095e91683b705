//! Binary Concrete: noise, perturbation, temperature and sigmoid in one pass.
#![allow(clippy::inline_always)] // see `Work::run`

use burn::tensor::Tensor;

use super::elementary::sigmoid;
use super::flex::{RowKernel, StraightThrough, apply, apply_straight_through, serves};
use super::gumbel_softmax::reciprocal;
use super::{Work, widest};
use crate::noise::{Base, Draw, Noise};

/// `σ((φ + L)/τ)` with the noise that [`Noise::draw`] would give; `None`, and no draw made, where there is no kernel for
/// these logits.
pub(crate) fn binary_concrete<const D: usize>(
    logits: &Tensor<D>,
    temperature: f64,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    serves(logits).then(|| apply(BinaryConcrete::new(temperature, noise), logits.clone()))
}

/// The same, hardened to 1 where `φ + L > 0` and 0 elsewhere, with the gradient of the soft bit.
pub(crate) fn straight_through_binary_concrete<const D: usize>(
    logits: &Tensor<D>,
    temperature: f64,
    noise: &mut Noise,
) -> Option<Tensor<D>> {
    serves(logits).then(|| apply_straight_through(BinaryConcrete::new(temperature, noise), logits.clone()))
}

#[derive(Clone, Copy, Debug)]
struct BinaryConcrete {
    rate: f32,
    draw: Draw,
}

impl BinaryConcrete {
    fn new(temperature: f64, noise: &mut Noise) -> Self {
        Self { rate: reciprocal(temperature), draw: noise.next_draw() }
    }
}

impl RowKernel for BinaryConcrete {
    fn row_len(&self) -> usize {
        1
    }

    fn forward(&self, first: usize, logits: &[f32], out: &mut [f32]) {
        widest(Forward { kernel: self, first, logits, out, hard: None });
    }

    fn backward(&self, y: &[f32], gradient: &[f32], out: &mut [f32]) {
        widest(Backward { kernel: self, y, gradient, out });
    }
}

impl StraightThrough for BinaryConcrete {
    fn forward_hard(&self, first: usize, logits: &[f32], soft: &mut [f32], hard: &mut [f32]) {
        widest(Forward { kernel: self, first, logits, out: soft, hard: Some(hard) });
    }
}

struct Forward<'a> {
    kernel: &'a BinaryConcrete,
    first: usize,
    logits: &'a [f32],
    out: &'a mut [f32],
    hard: Option<&'a mut [f32]>,
}

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { kernel: &BinaryConcrete { rate, draw }, first, logits, out, hard } = self;
        draw.fill(Base::Logistic, first, out);
        for (x, &logit) in out.iter_mut().zip(logits) {
            *x = (logit + *x) * rate;
        }
        if let Some(hard) = hard {
            for (hard, &x) in hard.iter_mut().zip(out.iter()) {
                *hard = if x > 0.0 { 1.0 } else { 0.0 };
            }
        }
        for x in out.iter_mut() {
            *x = sigmoid(*x);
        }
    }
}

struct Backward<'a> {
    kernel: &'a BinaryConcrete,
    y: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Backward<'_> {
    type Output = ();

    /// `g y (1 − y)/τ`.
    #[inline(always)]
    fn run(self) {
        let Self { kernel: &BinaryConcrete { rate, .. }, y, gradient, out } = self;
        for ((out, &y), &gradient) in out.iter_mut().zip(y).zip(gradient) {
            *out = gradient * (y * (1.0 - y)) * rate;
        }
    }
}
