//! What is no number has the log-probability −∞, and a gradient that poisons nothing.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor};
use relaxit::distribution::{
    Binomial, Dirichlet, Geometric, LogisticNormal, LogisticNormalSoftmax, NegativeBinomial, Poisson, Truncated,
};
use relaxit::prelude::*;
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, GaussianRelaxedBernoulli, HardConcrete, HardKumaraswamy, InvertibleGaussian,
    RebarRelaxation, StraightThroughBernoulli,
};
use relaxit::testing::halves;

/// One entry of a row, then the whole row, that is not finite: the log-probability is −∞ there and untouched in other rows, and
/// the gradients in the parameters and in the value are numbers.
#[track_caller]
fn survives<L: Density<2>>(row: [f32; 4], law: impl Fn(Tensor<2>) -> L) {
    let name = std::any::type_name::<L>();
    for dtype in [DType::F32, DType::F64] {
        let parameters = Tensor::<2>::from_floats([row, row], &Device::flex()).cast(dtype);
        let x = law(parameters.clone()).sample(&mut Noise::seeded(0));
        let entries = x.dims()[1];
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for range in [0..1, 0..entries] {
                let leaf = parameters.clone().autodiff().require_grad();
                let spoilt = x.clone().slice_fill([0..1, range.clone()], bad);
                let value = spoilt.autodiff().require_grad();
                let log_prob = law(leaf.clone()).log_prob(value.clone());
                let numbers: Vec<f64> = log_prob.clone().inner().try_into_vec_as().unwrap();
                let width = numbers.len() / 2;
                assert!(numbers[0] == f64::NEG_INFINITY, "{name}: {bad} has the log-probability {}", numbers[0]);
                assert!(numbers[width..].iter().all(|x| x.is_finite()), "{name}: {bad} spoils another row");
                // As a loss sees it: other rows count, whatever this one is.
                let gradients = log_prob.sum().backward();
                for gradient in [leaf.grad(&gradients), value.grad(&gradients)].into_iter().flatten() {
                    let gradient: Vec<f64> = gradient.try_into_vec_as().unwrap();
                    assert!(gradient.iter().all(|x| x.is_finite()), "{name} at {bad} has the gradient {gradient:?}");
                }
            }
        }
    }
}

const ROW: [f32; 4] = [0.3, -1.0, 0.7, -0.5];

#[test]
fn densities_of_scalars() {
    survives(ROW, Bernoulli::from_logits);
    survives(ROW, StraightThroughBernoulli::from_logits);
    survives(ROW, Poisson::from_log_rate);
    survives(ROW, Geometric::from_logits);
    survives(ROW, |p| Binomial::from_logits(5, p).unwrap());
    survives(ROW, |p| {
        let (total_count, logits) = halves(p);
        NegativeBinomial::from_logits(total_count.exp(), logits).unwrap()
    });
    survives(ROW, |p| Truncated::new(Poisson::from_log_rate(p.slice_dim(1, 0)), 4).unwrap());
    survives(ROW, |p| {
        let (loc, log_scale) = halves(p);
        Normal::from_log_scale(loc, log_scale).unwrap()
    });
    survives(ROW, |p| {
        let (loc, log_scale) = halves(p);
        Logistic::from_log_scale(loc, log_scale).unwrap()
    });
    survives(ROW, |p| {
        let (loc, log_scale) = halves(p);
        Gumbel::from_log_scale(loc, log_scale).unwrap()
    });
    survives(ROW, |p| RelaxedBernoulli::from_logits(p, 0.5).unwrap());
    survives(ROW, |p| RebarRelaxation::from_logits(p, 0.5).unwrap());
    survives(ROW, |p| HardConcrete::from_logits(p, 0.5).unwrap());
    survives(ROW, |p| {
        let (a, b) = halves(p);
        HardKumaraswamy::from_log_concentrations(a, b).unwrap()
    });
    survives(ROW, |p| {
        let (loc, log_scale) = halves(p);
        GaussianRelaxedBernoulli::from_log_scale(loc, log_scale).unwrap()
    });
}

#[test]
fn densities_of_vectors() {
    survives(ROW, |p| Independent::<_, 1>(Bernoulli::from_logits(p)));
    survives(ROW, |p| OneHotCategorical::from_logits(p).unwrap());
    survives(ROW, |p| GumbelTopK::from_logits(p, 2).unwrap());
    survives(ROW, |p| PlackettLuce::from_logits(p, 2).unwrap());
    survives(ROW, |p| KSubset::from_logits(p, 2).unwrap());
    survives(ROW, |p| ExpConcrete::from_logits(p, 0.5).unwrap());
    survives(ROW, |p| RelaxedOneHotCategorical::from_logits(p, 0.5).unwrap());
    survives(ROW, |p| Dirichlet::from_log_concentration(p).unwrap());
    survives(ROW, |p| {
        let (loc, log_scale) = halves(p);
        LogisticNormal::from_log_scale(loc, log_scale).unwrap()
    });
    survives(ROW, |p| {
        let (loc, log_scale) = halves(p);
        LogisticNormalSoftmax::from_log_scale(loc, log_scale).unwrap()
    });
    survives(ROW, |p| {
        let (loc, log_scale) = halves(p);
        InvertibleGaussian::from_log_scale(loc, log_scale, 0.5).unwrap()
    });
    let correlation = Tensor::<2>::from_floats([[1.0, 0.5], [0.5, 1.0]], &Device::flex());
    survives(ROW, |p| CorrelatedRelaxedBernoulli::from_logits(halves(p).0, &correlation, 0.5).unwrap());
}
