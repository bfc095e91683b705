//! A temperature for each element is, row by row, a temperature for all: draws, densities and gradients.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor, TensorData};
use relaxit::prelude::*;
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, DecoupledBackward, DecoupledStraightThroughGumbelSoftmax, GappedStraightThrough,
    GeneralizedGumbelSoftmax, GumbelRao, HardConcrete, InvertibleGaussian, RebarRelaxation, ReinMax,
};
use relaxit::temperature::Temperature;

const TEMPERATURES: [f64; 3] = [0.3, 1.0, 2.5];

/// Holds `f` of the law with a temperature for each of three rows to that of the three laws with one, and the gradients in
/// the logits too. `shape` is that of the logits, its first dimension the rows.
fn rows_agree<L, const D: usize>(
    shape: [usize; D],
    law: impl Fn(Tensor<D>, Temperature<D>) -> L,
    f: impl Fn(&L, &mut Noise) -> Tensor<D>,
) {
    let name = std::any::type_name::<L>();
    let len: usize = shape.iter().product();
    let logits: Vec<f64> = (0..len).map(|i| (i as f64 * 1.7).sin() * 1.5).collect();
    let logits = Tensor::<D>::from_data(TensorData::new(logits, shape), (&Device::flex(), DType::F64));
    let value_and_gradient = |temperature: Temperature<D>| {
        let leaf = logits.clone().autodiff().require_grad();
        let value = f(&law(leaf.clone(), temperature), &mut Noise::seeded(7));
        let weights = Noise::seeded(8).draw(Base::Normal, value.dims(), (&Device::flex(), DType::F64));
        let gradient = leaf.grad(&(value.clone() * Tensor::from_inner(weights)).sum().backward()).unwrap();
        (value.inner(), gradient)
    };
    let mut column = [1; D];
    column[0] = TEMPERATURES.len();
    let each = Tensor::<D>::from_data(TensorData::new(TEMPERATURES.to_vec(), column), (&Device::flex(), DType::F64));
    let (values, gradients) = value_and_gradient(Tensor::from_inner(each).into());
    assert!(gradients.clone().abs().max().into_scalar::<f64>() > 1e-6, "{name}: no gradient");
    for (row, temperature) in TEMPERATURES.into_iter().enumerate() {
        let (value, gradient) = value_and_gradient(temperature.into());
        for (each, alone) in [(&values, value), (&gradients, gradient)] {
            let (each, alone) = (each.clone().narrow(0, row, 1), alone.narrow(0, row, 1));
            assert!(each.clone().all_close(alone.clone(), Some(1e-10), Some(1e-12)), "{name}: {each} {alone}");
        }
    }
}

/// [`rows_agree`] for draws.
macro_rules! draws {
    ($law:expr) => {
        rows_agree([3, 4], $law, |law, noise| law.rsample(noise));
    };
}

/// [`rows_agree`] for draws and the density at them.
macro_rules! draws_and_density {
    ($law:expr) => {
        draws!($law);
        rows_agree([3, 4], $law, |law, noise| law.log_prob(law.sample(noise)));
    };
}

#[test]
fn bits() {
    draws_and_density!(|p, t| RelaxedBernoulli::from_logits(p, t).unwrap());
    draws_and_density!(|p, t| RebarRelaxation::from_logits(p, t).unwrap());
    draws_and_density!(|p, t| HardConcrete::from_logits(p, t).unwrap());
    let correlation: Vec<f64> = (0..16).map(|i| if i % 5 == 0 { 1.0 } else { 0.3 }).collect();
    let correlation = Tensor::<2>::from_data(TensorData::new(correlation, [4, 4]), (&Device::flex(), DType::F64));
    draws_and_density!(|p, t| CorrelatedRelaxedBernoulli::from_logits(p, &correlation, t).unwrap());
    rows_agree([3, 4], |p, t| RelaxedBernoulli::from_logits(p, t).unwrap(), |law, noise| law.latent().rsample(noise));
    rows_agree(
        [3, 4],
        |p, t| RelaxedBernoulli::from_logits(p, t).unwrap(),
        |law, noise| {
            let b = law.hard().sample(noise);
            law.latent_given(b, noise.draw(Base::Logistic, [3, 4], (&law.device(), law.dtype())))
        },
    );
    rows_agree([3, 4], |p, t| HardConcrete::from_logits(p, t).unwrap(), |law, _| law.l0_penalty());
    rows_agree(
        [3, 4],
        |p, t| RelaxedBernoulli::from_logits(p, t).unwrap(),
        |law, _| law.kl_divergence(&law.with_logits(law.logits().clone() * 0.5)).unwrap(),
    );
}

#[test]
fn choices() {
    draws_and_density!(|p, t| ExpConcrete::from_logits(p, t).unwrap());
    draws_and_density!(|p, t| RelaxedOneHotCategorical::from_logits(p, t).unwrap());
    draws_and_density!(|p: Tensor<2>, t| {
        let atoms = Tensor::<1>::from_data([-1.0, 0.5, 2.0, 7.0], (&p.device(), p.dtype()));
        GeneralizedGumbelSoftmax::from_logits(p, atoms, t).unwrap()
    });
    draws_and_density!(|p: Tensor<2>, t| {
        let log_scale = p.clone() * 0.3;
        InvertibleGaussian::from_log_scale(p, log_scale, t).unwrap().with_delta(1.5).unwrap()
    });
    rows_agree(
        [3, 4],
        |p: Tensor<2>, t| InvertibleGaussian::from_log_scale(p.clone(), p, t).unwrap().with_delta(1.5).unwrap(),
        |law, _| law.category_probs(),
    );
    rows_agree(
        [3, 4],
        |p, t| RelaxedOneHotCategorical::from_logits(p, t).unwrap(),
        |law, noise| {
            let b = law.hard().sample(noise);
            law.latent_given(b, noise.draw(Base::Gumbel, [3, 4], (&law.device(), law.dtype())))
        },
    );
    draws!(|p, t| RelaxedTopK::from_logits(p, 2, t).unwrap());
    draws!(|p, t| GappedStraightThrough::from_logits(p, t).unwrap());
    draws!(|p, t| GumbelRao::from_logits(p, t, 3).unwrap());
    draws!(|p, t| ReinMax::from_logits(p, t).unwrap());
    for form in [DecoupledBackward::Perturbed, DecoupledBackward::Probabilities] {
        draws!(|p, t| DecoupledStraightThroughGumbelSoftmax::from_logits(p, t, 0.7).unwrap().with_backward(form));
        draws!(|p, t| DecoupledStraightThroughGumbelSoftmax::from_logits(p, 0.7, t).unwrap().with_backward(form));
    }
    rows_agree(
        [3, 4],
        |p, t| DecoupledStraightThroughGumbelSoftmax::from_logits(p, t, 0.7).unwrap(),
        |law, noise| law.log_prob(law.sample(noise)),
    );
}

#[test]
fn permutations() {
    rows_agree([3, 1, 4], |p, t| SoftSort::from_logits(p, t).unwrap(), Reparameterized::rsample);
    rows_agree([3, 1, 4], |p, t| NeuralSort::from_logits(p, t).unwrap(), Reparameterized::rsample);
    rows_agree([3, 4, 4], |p, t| GumbelSinkhorn::from_logits(p, t, 9).unwrap(), Reparameterized::rsample);
}
