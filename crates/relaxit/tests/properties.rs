//! What is true of every law of the library, at every rank and shape, with parameters from all of their range, in every
//! type: a list of laws, and a list of properties.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

#[path = "properties/harness.rs"]
mod harness;

use burn::tensor::DType;
use harness::{At, Outcome, density, finite, kept, path, samples, slopes};
use proptest::prelude::*;
use relaxit::distribution::{
    Binomial, Dirichlet, Geometric, LogisticNormal, LogisticNormalSoftmax, NegativeBinomial, Poisson, Truncated,
};
use relaxit::prelude::*;
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, DecoupledBackward, DecoupledStraightThroughGumbelSoftmax, Gap, GappedStraightThrough,
    GaussianRelaxedBernoulli, GeneralizedGumbelSoftmax, GumbelRao, HardConcrete, HardKumaraswamy, InvertibleGaussian,
    RebarRelaxation, ReinMax, StochasticTimesSmooth, StraightThroughBernoulli, entmax15, sparsemax,
};
use relaxit::testing::faults::{self, Tampered};

macro_rules! list {
    ($at:expr; $($properties:ident $law:literal $build:expr $(, $rsample:expr)?;)*) => {$(
        $properties($at, $build $(, $rsample)?).map_err(|error| TestCaseError::fail(format!("{}: {error}", $law)))?;
    )*};
}

fn scalars<const D: usize>(at: &At<D>) -> Outcome {
    let atoms = at.whole(12);
    // Atoms take the last dimension.
    let one = |p: Tensor<D>| p.slice_dim(D - 1, 0);
    list! { at;
        density "Bernoulli" |at, p| Bernoulli::from_logits(at.real(p));
        density "Poisson" |at, p| Poisson::from_log_rate(at.bounded(p, 13.0));
        density "Geometric" |at, p| Geometric::from_logits(at.real(p));
        density "Binomial" |at, p| Binomial::from_logits(at.whole(1000), at.real(p)).unwrap();
        density "NegativeBinomial" |at, p| {
            NegativeBinomial::from_logits(at.cast(at.bounded(p, 6.0).cast(DType::F32).exp()), at.second(p, 7.0)).unwrap()
        };
        density "Truncated Poisson" |at, p| {
            Truncated::new(Poisson::from_log_rate(one(at.bounded(p, 13.0))), atoms).unwrap()
        };
        density "Truncated Geometric" |at, p| Truncated::new(Geometric::from_logits(one(at.real(p))), atoms).unwrap();
        density "HardConcrete" |at, p| HardConcrete::from_logits(at.real(p), at.temperature(0)).unwrap();
        path "HardConcrete" |at, p| HardConcrete::from_logits(at.real(p), at.temperature(0)).unwrap(), Reparameterized::rsample;
        density "GaussianRelaxedBernoulli" |at, p| {
            GaussianRelaxedBernoulli::from_log_scale(at.real(p), at.second(p, 9.0)).unwrap()
        };
        path "GaussianRelaxedBernoulli" |at, p| {
            GaussianRelaxedBernoulli::from_log_scale(at.real(p), at.second(p, 9.0)).unwrap()
        }, Reparameterized::rsample;
        density "HardKumaraswamy" |at, p| {
            HardKumaraswamy::from_log_concentrations(at.bounded(p, 9.0), at.second(p, 9.0)).unwrap()
        };
        path "HardKumaraswamy" |at, p| {
            HardKumaraswamy::from_log_concentrations(at.bounded(p, 9.0), at.second(p, 9.0)).unwrap()
        }, Reparameterized::rsample;
        density "RebarRelaxation" |at, p| RebarRelaxation::from_logits(at.real(p), at.temperature(0)).unwrap();
        path "RebarRelaxation" |at, p| RebarRelaxation::from_logits(at.real(p), at.temperature(0)).unwrap(), Reparameterized::rsample;
        density "RelaxedBernoulli" |at, p| RelaxedBernoulli::from_logits(at.real(p), at.temperature(0)).unwrap();
        path "RelaxedBernoulli" |at, p| RelaxedBernoulli::from_logits(at.real(p), at.temperature(0)).unwrap(), Reparameterized::rsample;
        density "StraightThroughBernoulli" |at, p| StraightThroughBernoulli::from_logits(at.real(p));
        path "StraightThroughBernoulli" |at, p| StraightThroughBernoulli::from_logits(at.real(p)),
            StraightThroughBernoulli::rsample;
        samples "StochasticTimesSmooth" |at, p| StochasticTimesSmooth::from_logits(at.real(p));
        path "StochasticTimesSmooth" |at, p| StochasticTimesSmooth::from_logits(at.real(p)),
            StochasticTimesSmooth::rsample;
    }
    Ok(())
}

fn choices<const D: usize>(at: &At<D>) -> Outcome {
    let categories = at.shape[D - 1];
    let probabilities = DecoupledBackward::Probabilities;
    list! { at;
        density "OneHotCategorical" |at, p| OneHotCategorical::from_logits(at.real(p)).unwrap();
        density "ExpConcrete" |at, p| ExpConcrete::from_logits(at.real(p), at.temperature(1)).unwrap();
        density "RelaxedOneHotCategorical" |at, p| {
            RelaxedOneHotCategorical::from_logits(at.real(p), at.temperature(1)).unwrap()
        };
        path "RelaxedOneHotCategorical" |at, p| {
            RelaxedOneHotCategorical::from_logits(at.real(p), at.temperature(1)).unwrap()
        }, Reparameterized::rsample;
        density "Decoupled" |at, p| {
            DecoupledStraightThroughGumbelSoftmax::from_logits(at.real(p), at.temperature(1), at.temperature).unwrap()
        };
        path "Decoupled" |at, p| {
            DecoupledStraightThroughGumbelSoftmax::from_logits(at.real(p), at.temperature(1), at.temperature).unwrap()
        }, DecoupledStraightThroughGumbelSoftmax::rsample;
        path "Decoupled by probabilities" |at, p| {
            let law = DecoupledStraightThroughGumbelSoftmax::from_logits(at.real(p), at.temperature, at.temperature(1));
            law.unwrap().with_backward(probabilities)
        }, DecoupledStraightThroughGumbelSoftmax::rsample;
        density "GumbelRao" |at, p| GumbelRao::from_logits(at.real(p), at.temperature(1), at.whole(5)).unwrap();
        path "GumbelRao" |at, p| GumbelRao::from_logits(at.real(p), at.temperature(1), at.whole(5)).unwrap(),
            GumbelRao::rsample;
        density "ReinMax" |at, p| ReinMax::from_logits(at.real(p), at.temperature(1)).unwrap();
        path "ReinMax" |at, p| ReinMax::from_logits(at.real(p), at.temperature(1)).unwrap(), ReinMax::rsample;
        density "Gapped" |at, p| GappedStraightThrough::from_logits(at.real(p), at.temperature(1)).unwrap();
        path "Gapped" |at, p| GappedStraightThrough::from_logits(at.real(p), at.temperature(1)).unwrap(),
            GappedStraightThrough::rsample;
        path "Gapped by expectation" |at, p| {
            let law = GappedStraightThrough::from_logits(at.real(p), at.temperature(1)).unwrap();
            law.with_gap(Gap::Expected).unwrap()
        }, GappedStraightThrough::rsample;
        density "GeneralizedGumbelSoftmax" |at, p| {
            let atoms = Tensor::from_data(&*vec![1.5_f32; categories], &p.device());
            GeneralizedGumbelSoftmax::from_logits(at.real(p), atoms, at.temperature(1)).unwrap()
        };
        density "PlackettLuce" |at, p| PlackettLuce::from_logits(at.real(p), at.whole(categories)).unwrap();
        density "GumbelTopK" |at, p| GumbelTopK::from_logits(at.real(p), at.whole(categories)).unwrap();
        density "KSubset" |at, p| KSubset::from_logits(at.real(p), at.whole(categories)).unwrap();
        path "KSubset" |at, p| KSubset::from_logits(at.real(p), at.whole(categories)).unwrap(),
            KSubset::rsample_straight_through;
        samples "RelaxedTopK" |at, p| {
            RelaxedTopK::from_logits(at.real(p), at.whole(categories), at.temperature(1)).unwrap()
        };
        path "RelaxedTopK" |at, p| {
            RelaxedTopK::from_logits(at.real(p), at.whole(categories), at.temperature(1)).unwrap()
        }, Reparameterized::rsample;
    }
    maps(at)
}

fn points<const D: usize>(at: &At<D>) -> Outcome {
    list! { at;
        density "Dirichlet" |at, p| Dirichlet::from_log_concentration(at.bounded(p, 8.0)).unwrap();
        path "Dirichlet" |at, p| Dirichlet::from_log_concentration(at.bounded(p, 8.0)).unwrap(),
            Reparameterized::rsample;
        density "LogisticNormal" |at, p| LogisticNormal::from_log_scale(at.real(p), at.second(p, 9.0)).unwrap();
        path "LogisticNormal" |at, p| LogisticNormal::from_log_scale(at.real(p), at.second(p, 9.0)).unwrap(),
            Reparameterized::rsample;
        density "LogisticNormalSoftmax" |at, p| {
            LogisticNormalSoftmax::from_log_scale(at.real(p), at.second(p, 9.0)).unwrap()
        };
        path "LogisticNormalSoftmax" |at, p| {
            LogisticNormalSoftmax::from_log_scale(at.real(p), at.second(p, 9.0)).unwrap()
        }, Reparameterized::rsample;
        density "InvertibleGaussian" |at, p| {
            InvertibleGaussian::from_log_scale(at.real(p), at.second(p, 9.0), at.temperature(1)).unwrap()
        };
        path "InvertibleGaussian" |at, p| {
            InvertibleGaussian::from_log_scale(at.real(p), at.second(p, 9.0), at.temperature(1)).unwrap()
        }, Reparameterized::rsample;
        density "CorrelatedRelaxedBernoulli" |at, p| {
            CorrelatedRelaxedBernoulli::from_logits(at.real(p), &at.correlation(), at.temperature(0)).unwrap()
        };
        path "CorrelatedRelaxedBernoulli" |at, p| {
            CorrelatedRelaxedBernoulli::from_logits(at.real(p), &at.correlation(), at.temperature(0)).unwrap()
        }, Reparameterized::rsample;
    }
    Ok(())
}

/// What offers no law: two maps onto the simplex, and a gradient by perturbation.
fn maps<const D: usize>(at: &At<D>) -> Outcome {
    for (name, map) in [("sparsemax", sparsemax as fn(Tensor<D>) -> Tensor<D>), ("entmax15", entmax15)] {
        let leaf = at.leaf();
        let y = map(at.real(&leaf));
        prop_assert_eq!(y.dims(), at.shape);
        prop_assert!(Support::Simplex.contains(y.clone()).all().into_scalar::<bool>(), "{name}: {y}");
        slopes(at, &leaf, y.clone() * y, name)?;
    }
    let (leaf, count) = (at.leaf(), at.whole(at.shape[D - 1]));
    let draw = ImplicitMle::from_logits(at.real(&leaf), count, at.temperature).unwrap().draw(&mut at.noise());
    let hard = draw.hard();
    prop_assert!(Support::KHot(count).contains(hard.clone()).all().into_scalar::<bool>(), "ImplicitMle: {hard}");
    let surrogate = draw.surrogate_of(|b| (b.clone() * b).sum_dim(D - 1));
    prop_assert_eq!(surrogate.dims(), kept(at.shape, 1));
    slopes(at, &leaf, surrogate, "ImplicitMle")
}

/// Permutations, whose events are matrices.
fn matrices<const D: usize>(at: &At<D>) -> Outcome {
    let items = at.shape[D - 1];
    let mut scores = at.shape;
    scores[D - 2] = 1;
    let mut square = at.shape;
    square[D - 2] = items;
    let scores = &At { shape: scores, ..*at };
    list! { scores;
        samples "SoftSort" |at, p| SoftSort::from_logits(at.real(p), at.temperature(2)).unwrap();
        path "SoftSort" |at, p| SoftSort::from_logits(at.real(p), at.temperature(2)).unwrap(), Reparameterized::rsample;
        path "SoftSort, straight through" |at, p| SoftSort::from_logits(at.real(p), at.temperature(2)).unwrap(),
            SoftSort::rsample_straight_through;
        samples "NeuralSort" |at, p| NeuralSort::from_logits(at.real(p), at.temperature(2)).unwrap();
        path "NeuralSort" |at, p| NeuralSort::from_logits(at.real(p), at.temperature(2)).unwrap(),
            Reparameterized::rsample;
        path "NeuralSort, straight through" |at, p| NeuralSort::from_logits(at.real(p), at.temperature(2)).unwrap(),
            NeuralSort::rsample_straight_through;
    }
    let leaf = scores.leaf();
    let law = SoftSort::from_logits(scores.real(&leaf), scores.temperature(2)).unwrap();
    let hard = law.threshold(&law.latent_rsample(&mut at.noise()));
    let log_prob = law.hard_log_prob(hard.clone());
    prop_assert_eq!(log_prob.dims(), kept(at.shape, 2));
    finite(&log_prob, "log_prob of a permutation")?;
    let none = law.hard_log_prob(hard * 0.5).inner();
    prop_assert!(none.equal_elem(f64::NEG_INFINITY).all().into_scalar::<bool>());
    slopes(scores, &leaf, log_prob, "log_prob of a permutation")?;
    list! { &At { shape: square, ..*at };
        samples "GumbelSinkhorn" |at, p| {
            GumbelSinkhorn::from_logits(at.real(p), at.temperature(2), at.whole(20)).unwrap()
        };
        path "GumbelSinkhorn" |at, p| {
            GumbelSinkhorn::from_logits(at.real(p), at.temperature(2), at.whole(20)).unwrap()
        }, Reparameterized::rsample;
    }
    Ok(())
}

fn vectors<const D: usize>(at: &At<D>) -> Outcome {
    scalars(at)?;
    choices(at)?;
    points(at)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_law_at_every_shape(
        dims in [0..5_usize, 1..4_usize, 1..4_usize, 1..6_usize],
        seed in 0..1000_u64,
        spread in prop::sample::select(vec![1e-3, 1.0, 30.0, 1e4]),
        temperature in prop::sample::select(vec![1e-3, 0.1, 0.5, 1.0, 1e3]),
        each in any::<bool>(),
        portion in 0.0..=1.0_f64,
        dtype in prop::sample::select(vec![DType::F16, DType::BF16, DType::F32, DType::F64]),
    ) {
        let [a, b, c, d] = dims;
        macro_rules! at {
            ($shape:expr) => {
                &At {
                    shape: $shape, seed, spread, temperature, each, portion, dtype, equal_rows: false, raised: false,
                }
            };
        }
        vectors(at!([d]))?;
        vectors(at!([a, d]))?;
        vectors(at!([a, b, d]))?;
        vectors(at!([a, b, c, d]))?;
        matrices(at!([c, d]))?;
        matrices(at!([a, c, d]))?;
        matrices(at!([a, b, c, d]))?;
    }
}

/// Rows of equal parameters.
fn rows(dtype: DType, each: bool) -> At<2> {
    let (seed, spread, temperature, portion) = (1, 0.5, 0.7, 0.5);
    At { shape: [64, 3], seed, spread, temperature, each, portion, dtype, equal_rows: true, raised: false }
}

/// One noise for a whole batch would make rows equal.
#[test]
fn every_row_has_its_own_noise() {
    for dtype in [DType::F16, DType::F32, DType::F64] {
        for each in [false, true] {
            vectors(&rows(dtype, each)).unwrap();
            let At { shape: [rows, entries], seed, spread, temperature, each, portion, .. } = rows(dtype, each);
            let shape = [rows, 1, entries];
            let at = At { shape, seed, spread, temperature, each, portion, dtype, equal_rows: true, raised: false };
            matrices(&at).unwrap();
        }
    }
}

/// Each property is one that a law can fail.
#[test]
fn faulty_laws_are_found() {
    #[track_caller]
    fn found(outcome: &Outcome, expected: &str) {
        let message = outcome.as_ref().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let at = &rows(DType::F32, false);
    let relaxed = |at: &At<2>, p: &Tensor<2>| RelaxedBernoulli::from_logits(at.real(p), 0.5).unwrap();
    let bernoulli = |at: &At<2>, p: &Tensor<2>| Bernoulli::from_logits(at.real(p));
    density(at, relaxed).unwrap();
    path(at, relaxed, Reparameterized::rsample).unwrap();
    density(at, bernoulli).unwrap();
    found(&samples(at, |at, p| faults::shared_noise(relaxed(at, p))), "all rows are equal");
    found(&samples(at, |at, p| faults::nan_sampler(relaxed(at, p))), "draw");
    found(&samples(at, |at, p| Tampered::new(bernoulli(at, p)).with_sample(|law, _| law.probs())), "is_tracked");
    found(&samples(at, |at, p| Tampered::new(bernoulli(at, p)).with_sample(|law, _| law.probs().inner())), "not in");
    found(&density(at, |at, p| faults::unrestricted(bernoulli(at, p))), "at Tensor");
    let summed =
        |at: &At<2>, p: &Tensor<2>| Tampered::new(bernoulli(at, p)).with_log_prob(|law, x| law.log_prob(x).sum_dim(1));
    found(&density(at, summed), "[64, 1]");
    let infinite = |at: &At<2>, p: &Tensor<2>| {
        Tampered::new(bernoulli(at, p)).with_log_prob(|law, x| law.log_prob(x).exp().log1p().powf_scalar(1e4).log())
    };
    found(&density(at, infinite), "log_prob");
    let constant = |at: &At<2>, p: &Tensor<2>| {
        Tampered::new(relaxed(at, p)).with_transport(|law, noise| law.transport(noise).detach())
    };
    found(&path(at, constant, Reparameterized::rsample), "no gradient");
    // A law that keeps half precision, and computes in it.
    let half = |at: &At<2>, p: &Tensor<2>| {
        let rounded = at.real(p).cast(DType::F32);
        let narrow = if at.raised { rounded } else { rounded.round() };
        RelaxedBernoulli::from_logits(narrow, 0.5).unwrap()
    };
    found(&samples(&rows(DType::F16, false), half), "assertion failed");
}
