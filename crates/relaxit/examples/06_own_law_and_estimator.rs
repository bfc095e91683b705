//! A law and an estimator of your own, held to the library's test laws (Cargo feature `testing`).
//!
//! `cargo run -p relaxit --example 06_own_law_and_estimator`

#![allow(clippy::print_stdout)] // an example talks to its reader

use burn::tensor::{DType, Tensor};
use relaxit::estimator::{Bias, Estimate};
use relaxit::prelude::*;
use relaxit::testing::{Case, finite_difference, gradient, ks};

/// Laplace's law around a location: the difference of two exponential variables.
struct Laplace(Tensor<2>);
#[rustfmt::skip]
impl Distribution<2> for Laplace {
    const EVENT_DIMS: usize = 0;
    fn support(&self) -> Support { Support::Real }
    fn shape(&self) -> [usize; 2] { self.0.dims() }
    fn device(&self) -> Device { self.0.device() }
    fn dtype(&self) -> DType { self.0.dtype() }
    fn validate(&self) -> relaxit::Result<()> { Ok(()) }
    fn sample(&self, noise: &mut Noise) -> Tensor<2> {
        let mut draw = || noise.draw(Base::Exponential, self.shape(), (&self.device(), self.dtype()));
        self.0.clone().detach() + draw() - draw()
    }
}
#[rustfmt::skip]
impl Density<2> for Laplace {
    fn log_prob(&self, x: Tensor<2>) -> Tensor<2> { -(x - self.0.clone()).abs() - 2_f64.ln() }
}

/// Every bit flipped in turn, the others as drawn: `θ (1 - θ) (f(b, bit = 1) - f(b, bit = 0))`.
struct EveryFlip;
#[rustfmt::skip]
impl Estimator<RelaxedBernoulli<2>, 2> for EveryFlip {
    fn name(&self) -> &'static str { "every-flip" }
    fn bias(&self) -> Bias { Bias::Unbiased }
    fn references(&self) -> &'static [relaxit::reference::Reference] { &[] }
    fn estimate(&mut self, at: &RelaxedBernoulli<2>, f: &dyn Objective<2>, noise: &mut Noise) -> Estimate<2> {
        let b = at.hard().sample(noise);
        let [rows, bits] = b.dims();
        let with = |bit, x| f.evaluate(b.clone().slice_fill([0..rows, bit..bit + 1], x));
        let slopes = Tensor::cat((0..bits).map(|bit| with(bit, 1.0) - with(bit, 0.0)).collect(), 1).detach();
        let value = f.evaluate(b);
        let surrogate = (at.hard().mean() * slopes).sum() * (rows as f64).recip() + value.clone().mean();
        Estimate { value: value.detach(), surrogate, tuning: None }
    }
}

pub(crate) fn main() {
    let laplace = Case::new("Laplace", &[0.5, -1.0], Laplace);
    let bits = Case::new("bits", &[0.5, -1.0, 2.0], |p| RelaxedBernoulli::from_logits(p, 0.5).expect("in range"));
    let cubic = |b: Tensor<2>| (b.sum_dim(1) - 0.45).powi_scalar(3);
    let claim = gradient::claim::<_, 1>(&bits, &mut EveryFlip, &cubic);
    for verdict in [ks::density(&laplace), finite_difference::log_prob(&laplace), claim] {
        println!("{verdict}");
        verdict.assert();
    }
}
