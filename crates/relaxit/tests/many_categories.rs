//! A million categories: every law over a vector is sampled, weighed and differentiated there in sensible time and
//! memory, and stays finite.
//!
//! Laws whose parameters or samples are matrices have `K²` numbers, and end where memory does: a million items are out of
//! reach of `CorrelatedRelaxedBernoulli`, `SoftSort`, `NeuralSort` and `GumbelSinkhorn` by what they are. So are the category
//! probabilities of `InvertibleGaussian`, a quadrature whose memory is 512 numbers for each category.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use std::time::{Duration, Instant};

use relaxit::distribution::{Dirichlet, LogisticNormal, LogisticNormalSoftmax};
use relaxit::prelude::*;
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, DecoupledStraightThroughGumbelSoftmax, GappedStraightThrough, GeneralizedGumbelSoftmax,
    GumbelRao, InvertibleGaussian, ReinMax, entmax15, sparsemax,
};

const MANY: usize = 1_000_000;

/// So much slower than expected that it is another algorithm.
const PATIENCE: Duration = Duration::from_secs(30);

/// Numbers from −25 to 25 of no particular order.
fn parameters(entries: usize) -> Tensor<1> {
    let x = Noise::seeded(0).draw(Base::Uniform, [entries], &Device::flex().autodiff());
    (x * 50.0 - 25.0).require_grad()
}

fn finite<const D: usize>(name: &str, what: &str, x: Tensor<D>) {
    assert!(x.inner().is_finite().all().into_scalar::<bool>(), "{name}: {what} is not finite");
}

fn slopes<const D: usize>(name: &str, leaf: &Tensor<D>, y: Tensor<D>) {
    finite(name, "gradient", leaf.grad(&y.sum().backward()).unwrap());
}

/// Draws, their densities and both gradients.
fn survives<const D: usize>(name: &str, leaf: &Tensor<D>, visit: impl FnOnce(&Tensor<D>)) {
    let start = Instant::now();
    visit(leaf);
    let elapsed = start.elapsed();
    assert!(elapsed < PATIENCE, "{name} took {elapsed:?}");
}

fn density<L: Density<1>>(name: &str, build: impl Fn(Tensor<1>) -> L) {
    survives(name, &parameters(MANY), |leaf| {
        let law = build(leaf.clone());
        let x = law.sample(&mut Noise::seeded(0));
        assert!(law.support().contains(x.clone()).all().into_scalar::<bool>(), "{name}: a draw left the support");
        let log_prob = law.log_prob(x);
        finite(name, "log_prob", log_prob.clone());
        slopes(name, leaf, log_prob);
    });
}

fn path(name: &str, rsample: impl Fn(Tensor<1>, &mut Noise) -> Tensor<1>) {
    survives(name, &parameters(MANY), |leaf| {
        let x = rsample(leaf.clone(), &mut Noise::seeded(0));
        finite(name, "draw", x.clone());
        slopes(name, leaf, x.clone() * x);
    });
}

#[test]
fn choices_among_a_million() {
    density("OneHotCategorical", |p| OneHotCategorical::from_logits(p).unwrap());
    density("ExpConcrete", |p| ExpConcrete::from_logits(p, 0.5).unwrap());
    density("RelaxedOneHotCategorical", |p| RelaxedOneHotCategorical::from_logits(p, 0.5).unwrap());
    path("RelaxedOneHotCategorical", |p, noise| RelaxedOneHotCategorical::from_logits(p, 0.5).unwrap().rsample(noise));
    path("latent given a choice", |p, noise| {
        let law = RelaxedOneHotCategorical::from_logits(p, 0.5).unwrap();
        let b = law.hard().sample(noise);
        let z = law.latent_given(b.clone(), noise.draw(Base::Gumbel, [MANY], &law.device()));
        assert_eq!(law.threshold(z.clone()).to_data(), b.to_data());
        law.squash(z)
    });
    path("entropy of a choice", |p, _| OneHotCategorical::from_logits(p).unwrap().entropy());
    path("Decoupled", |p, noise| {
        DecoupledStraightThroughGumbelSoftmax::from_logits(p, 0.5, 1.0).unwrap().rsample(noise)
    });
    path("GumbelRao", |p, noise| GumbelRao::from_logits(p, 0.5, 2).unwrap().rsample(noise));
    path("ReinMax", |p, noise| ReinMax::from_logits(p, 1.0).unwrap().rsample(noise));
    path("Gapped", |p, noise| GappedStraightThrough::from_logits(p, 0.5).unwrap().rsample(noise));
    path("GeneralizedGumbelSoftmax", |p, noise| {
        let atoms = p.clone().inner();
        let atoms = Tensor::from_inner(atoms);
        GeneralizedGumbelSoftmax::from_logits(p, atoms, 0.5).unwrap().rsample_value(noise)
    });
}

#[test]
fn subsets_of_a_million() {
    density("PlackettLuce", |p| PlackettLuce::from_logits(p, 10).unwrap());
    density("GumbelTopK", |p| GumbelTopK::from_logits(p, 10).unwrap());
    density("KSubset", |p| KSubset::from_logits(p, 3).unwrap());
    path("KSubset", |p, noise| KSubset::from_logits(p, 3).unwrap().rsample_straight_through(noise));
    path("RelaxedTopK", |p, noise| RelaxedTopK::from_logits(p, 10, 0.5).unwrap().rsample(noise));
    path("ImplicitMle", |p, noise| {
        let draw = ImplicitMle::from_logits(p, 10, 10.0).unwrap().draw(noise);
        draw.surrogate_of(|b| (b.clone() * b).sum_dim(0))
    });
}

#[test]
fn points_with_a_million_entries() {
    density("Dirichlet", |p| Dirichlet::from_log_concentration(p * 0.2).unwrap());
    path("Dirichlet", |p, noise| Dirichlet::from_log_concentration(p * 0.2).unwrap().rsample(noise));
    density("LogisticNormal", |p| LogisticNormal::from_log_scale(p.clone(), p * 0.1).unwrap());
    path("LogisticNormal", |p, noise| LogisticNormal::from_log_scale(p.clone(), p * 0.1).unwrap().rsample(noise));
    density("LogisticNormalSoftmax", |p| LogisticNormalSoftmax::from_log_scale(p.clone(), p * 0.1).unwrap());
    path("LogisticNormalSoftmax", |p, noise| {
        LogisticNormalSoftmax::from_log_scale(p.clone(), p * 0.1).unwrap().rsample(noise)
    });
    density("InvertibleGaussian", |p| InvertibleGaussian::from_log_scale(p.clone(), p * 0.1, 0.5).unwrap());
    path("InvertibleGaussian", |p, noise| {
        InvertibleGaussian::from_log_scale(p.clone(), p * 0.1, 0.5).unwrap().rsample(noise)
    });
    path("sparsemax", |p, _| sparsemax(p));
    path("entmax15", |p, _| entmax15(p));
}

/// A quadrature with 512 nodes for each of them.
#[test]
fn probabilities_of_ten_thousand_categories() {
    survives("category probabilities", &parameters(10_000), |leaf| {
        let law = InvertibleGaussian::from_log_scale(leaf.clone(), leaf.clone() * 0.1, 0.5).unwrap();
        let probs = law.category_probs();
        let total: f64 = probs.clone().sum().into_scalar();
        assert!((total - 1.0).abs() < 1e-3, "{total}");
        slopes("category probabilities", leaf, probs.clone() * probs);
    });
}

/// What has `K²` numbers.
#[test]
fn matrices_of_hundreds() {
    const K: usize = 400;
    let matrix = |name: &str, rsample: &dyn Fn(Tensor<2>, &mut Noise) -> Tensor<2>, rows: usize| {
        let leaf = parameters(rows * K).inner().reshape([rows, K]).autodiff().require_grad();
        survives(name, &leaf, |leaf| {
            let x = rsample(leaf.clone(), &mut Noise::seeded(0));
            assert_eq!(x.dims()[1], K);
            finite(name, "draw", x.clone());
            slopes(name, leaf, x.clone() * x);
        });
    };
    matrix("SoftSort", &|p, noise| SoftSort::from_logits(p, 0.5).unwrap().rsample(noise), 1);
    matrix("NeuralSort", &|p, noise| NeuralSort::from_logits(p, 0.5).unwrap().rsample(noise), 1);
    matrix("GumbelSinkhorn", &|p, noise| GumbelSinkhorn::from_logits(p, 0.5, 20).unwrap().rsample(noise), K);
    let identity = Tensor::<2>::eye(K, &Device::flex());
    matrix(
        "CorrelatedRelaxedBernoulli",
        &move |p, noise| CorrelatedRelaxedBernoulli::from_logits(p, &identity, 0.5).unwrap().rsample(noise),
        1,
    );
}
