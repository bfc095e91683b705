//! Entropies and divergences against sums over outcomes and integrals over densities, which know no closed form.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Shape, Tensor, TensorData};
use relaxit::distribution::{
    Binomial, Dirichlet, Geometric, LogisticNormal, LogisticNormalSoftmax, NegativeBinomial, Poisson, Truncated,
};
use relaxit::kl::{kl_monte_carlo, kl_score_function};
use relaxit::prelude::*;
use relaxit::relaxation::{
    DecoupledStraightThroughGumbelSoftmax, GappedStraightThrough, GaussianRelaxedBernoulli, GumbelRao,
    InvertibleGaussian, ReinMax, StochasticTimesSmooth,
};
use relaxit::testing::{Case, divergence, finite_difference, halves, ks, quadrature, tails};
use relaxit::{Error, Result};

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.inner().try_into_vec_as().unwrap()
}

#[track_caller]
fn close(name: &str, claim: &[f64], truth: &[f64], tolerance: f64) {
    assert_eq!(claim.len(), truth.len(), "{name}");
    for (claim, truth) in claim.iter().zip(truth) {
        assert!((claim - truth).abs() <= tolerance * truth.abs().max(1.0), "{name}: {claim}, not {truth}");
    }
}

/// `E_p[log p − log q]` of continuous laws, by quadrature.
#[track_caller]
fn integrated<P: Density<2>, Q: Density<2>>(p: &Case<P>, q: &Case<Q>, claim: Tensor<2>) {
    let (p_law, q_law) = (p.law(1, DType::F64), q.law(1, DType::F64));
    let truth = quadrature::expectation(p, |x| p_law.log_prob(x.clone()) - q_law.log_prob(x));
    close(&format!("{p:?} to {q:?}"), &numbers(claim), &truth, 1e-7);
}

#[track_caller]
fn kl_integrated<P: KlDivergence<Q, 2> + Density<2>, Q: Density<2>>(p: &Case<P>, q: &Case<Q>) {
    integrated(p, q, p.law(1, DType::F64).kl_divergence(&q.law(1, DType::F64)));
}

#[track_caller]
fn entropy_integrated<L: Entropy<2> + Density<2>>(case: &Case<L>) {
    let law = case.law(1, DType::F64);
    let truth = quadrature::expectation(case, |x| -law.log_prob(x));
    close(&format!("entropy of {case:?}"), &numbers(law.entropy()), &truth, 1e-7);
}

/// `E_p[log p − log q]` of laws of counts, as a sum over the first `counts`.
#[track_caller]
fn summed<P: Density<2>, Q: Density<2>>(p: &P, q: &Q, counts: usize, claim: Tensor<2>) {
    let column: Vec<f64> = (0..counts).map(|k| k as f64).collect();
    let k = Tensor::<2>::from_data(TensorData::new(column, [counts, 1]), (&p.device(), p.dtype()));
    let k = k.expand([counts, p.shape()[1]]);
    let log_p = p.log_prob(k.clone());
    let terms = log_p.clone().exp() * (log_p.clone() - q.log_prob(k));
    let truth = numbers(terms.mask_fill(log_p.equal_elem(f64::NEG_INFINITY), 0.0).sum_dim(0));
    close("KL of counts", &numbers(claim), &truth, 1e-9);
}

fn normal(p: Tensor<2>) -> Normal<2> {
    let (loc, log_scale) = halves(p);
    Normal::from_log_scale(loc, log_scale).unwrap()
}

fn logistic(p: Tensor<2>) -> Logistic<2> {
    let (loc, log_scale) = halves(p);
    Logistic::from_log_scale(loc, log_scale).unwrap()
}

fn gumbel(p: Tensor<2>) -> Gumbel<2> {
    let (loc, log_scale) = halves(p);
    Gumbel::from_log_scale(loc, log_scale).unwrap()
}

#[test]
fn scalars_to_their_own_kind_and_to_the_normal_prior() {
    let (at, prior) = ([0.7, -2.0, 0.5, -1.0], [0.0, 0.0, 0.0, 0.0]);
    let wide = [-0.4, 1.0, 1.5, 0.2];
    for other in [prior, wide] {
        let (p, q) = (Case::new("Normal", &at, normal), Case::new("Normal", &other, normal));
        kl_integrated(&p, &q);
        kl_integrated(&Case::new("Logistic", &at, logistic), &q);
        kl_integrated(&Case::new("Gumbel", &at, gumbel), &q);
        kl_integrated(&Case::new("Gumbel", &at, gumbel), &Case::new("Gumbel", &other, gumbel));
    }
    for scale in [at, wide] {
        entropy_integrated(&Case::new("Normal", &scale, normal));
        entropy_integrated(&Case::new("Logistic", &scale, logistic));
        entropy_integrated(&Case::new("Gumbel", &scale, gumbel));
    }
}

#[test]
fn the_normal_distribution_function() {
    let case = Case::new("Normal", &[0.7, -2.0, 0.5, -1.0], normal);
    ks::cdf(&case).assert();
    tails::counts(&case).assert();
    quadrature::cdf(&case).assert();
    let far = Normal::new(Tensor::<1>::zeros([1], &Device::flex()), Tensor::ones([1], &Device::flex())).unwrap();
    let deep = numbers(far.log_cdf(Tensor::full([1], -30.0, &Device::flex())));
    assert!((deep[0] + 454.321_243_956).abs() < 1e-3, "{deep:?}"); // scipy.special.log_ndtr(-30)
}

#[test]
fn counts_to_their_own_kind() {
    let row = |x: [f64; 3]| Tensor::<2>::from_data([x], (&Device::flex(), DType::F64));
    let (phi, psi) = (row([-1.0, 0.3, 1.2]), row([0.5, 0.3, -0.7]));
    let (p, q) = (Poisson::from_log_rate(phi.clone()), Poisson::from_log_rate(psi.clone()));
    summed(&p, &q, 200, p.kl_divergence(&q));
    let (p, q) = (Geometric::from_logits(phi.clone()), Geometric::from_logits(psi.clone()));
    summed(&p, &q, 2000, p.kl_divergence(&q));
    let binomial = |logits: &Tensor<2>| Binomial::from_logits(12, logits.clone()).unwrap();
    let (p, q) = (binomial(&phi), binomial(&psi));
    summed(&p, &q, 13, p.kl_divergence(&q));
    let negative = |logits: &Tensor<2>| NegativeBinomial::from_logits(row([0.4, 1.0, 3.7]), logits.clone()).unwrap();
    let (p, q) = (negative(&phi), negative(&psi));
    summed(&p, &q, 3000, p.kl_divergence(&q).unwrap());
    let other = NegativeBinomial::from_logits(row([0.4, 1.0, 3.0]), psi).unwrap();
    assert!(matches!(p.kl_divergence(&other), Err(Error::Values { parameter: "total_count", count: 1, .. })));
}

#[test]
fn truncated_laws_to_each_other_and_to_whole_ones() {
    let column = |x: [f64; 3]| Tensor::<2>::from_data([[x[0]], [x[1]], [x[2]]], (&Device::flex(), DType::F64));
    let poisson = |x| Poisson::from_log_rate(column(x));
    let p = Truncated::new(poisson([-1.0, 0.3, 1.2]), 6).unwrap();
    let check = |claim: Tensor<2>, log_q: Tensor<2>| {
        let log_p = p.logits();
        let truth = (log_p.clone().exp() * (log_p - log_q)).sum_dim(1);
        close("truncated", &numbers(claim), &numbers(truth), 1e-12);
    };
    let q = Truncated::new(Geometric::from_logits(column([0.5, 0.0, -1.0])), 6).unwrap();
    check(p.kl_divergence(&q), q.logits());
    // A longer law gives every atom of a shorter one, a whole law too; a shorter law does not.
    let longer = Truncated::new(poisson([0.5, 0.0, 1.0]), 9).unwrap();
    check(p.kl_divergence(&longer), longer.logits::<2>().narrow(1, 0, 6));
    let whole = poisson([0.5, 0.0, 1.0]);
    let atoms = p.atoms::<2>().expand([3, 6]);
    check(p.kl_divergence(&whole), whole.log_prob(atoms));
    let shorter = Truncated::new(poisson([0.5, 0.0, 1.0]), 5).unwrap();
    assert!(numbers(p.kl_divergence(&shorter)).iter().all(|&kl| kl == f64::INFINITY));
    close("itself", &numbers(p.kl_divergence(&p)), &[0.0; 3], 1e-12);
    // Probabilities that underflow on both sides.
    let far = |logit: f64| {
        let logits = Tensor::<2>::full([1, 1], logit, &Device::flex());
        Truncated::new(Binomial::from_logits(3, logits).unwrap(), 4).unwrap()
    };
    assert!(numbers(far(1e4).kl_divergence(&far(-1e4)))[0] > 1e4);
    assert!(numbers(far(1e4).kl_divergence(&far(1e4)))[0].abs() < 1e-6);
    let case = Case::new("truncated Poisson", &[0.4], |p| Truncated::new(Poisson::from_log_rate(p), 5).unwrap());
    finite_difference::of(&case, "gradient of the divergence", |law| {
        law.kl_divergence(&Truncated::new(Geometric::from_logits(law.law().log_rate().clone() * 0.3), 5).unwrap())
    })
    .assert();
}

#[test]
fn straight_through_choices_to_the_uniform_prior() {
    let logits = [0.7, -1.0, 0.0, 2.0];
    let uniform = Case::new("uniform", &[0.0; 4], |p| OneHotCategorical::from_logits(p).unwrap());
    let plain = Case::new("OneHotCategorical", &logits, |p| OneHotCategorical::from_logits(p).unwrap());
    divergence::kl(&plain, &uniform).assert();
    divergence::kl(&Case::new("ReinMax", &logits, |p| ReinMax::from_logits(p, 1.0).unwrap()), &uniform).assert();
    divergence::kl(&Case::new("GumbelRao", &logits, |p| GumbelRao::from_logits(p, 0.5, 2).unwrap()), &uniform).assert();
    divergence::kl(&Case::new("Gapped", &logits, |p| GappedStraightThrough::from_logits(p, 0.5).unwrap()), &uniform)
        .assert();
    let decoupled = |p| DecoupledStraightThroughGumbelSoftmax::from_logits(p, 0.5, 1.0).unwrap();
    divergence::kl(&Case::new("Decoupled", &logits, decoupled), &uniform).assert();
    // KL to the uniform law is what entropy leaves of ln K.
    let law = plain.law(1, DType::F64);
    let kl = law.kl_divergence(&uniform.law(1, DType::F64));
    close("uniform", &numbers(kl + law.entropy()), &[4_f64.ln()], 1e-14);
}

#[test]
fn laws_on_the_simplex_to_their_own_kind() {
    let softmax = |p| {
        let (loc, log_scale) = halves(p);
        LogisticNormalSoftmax::from_log_scale(loc, log_scale).unwrap()
    };
    let two = |x: [f64; 4]| Case::new("LogisticNormalSoftmax", &x, softmax);
    kl_integrated(&two([0.3, -1.0, 0.2, -0.5]), &two([0.0, 0.5, 0.4, 0.1]));
    kl_integrated(&two([0.3, -1.0, -0.2, -0.5]), &two([0.0; 4]));
    let three = |x: [f64; 6]| Case::new("LogisticNormalSoftmax", &x, softmax);
    let (p, q) = (three([0.3, -1.0, 0.5, 0.2, -0.5, 0.0]), three([0.0, 0.5, -0.3, 0.4, 0.1, 0.3]));
    kl_integrated(&p, &q);
    divergence::kl(&p, &q).assert();
    close("itself", &numbers(p.law(1, DType::F64).kl_divergence(&p.law(1, DType::F64))), &[0.0], 1e-14);
    finite_difference::of(&p, "gradient of the divergence", move |law| {
        law.kl_divergence(&LogisticNormalSoftmax::from_log_scale(law.scale().clone(), law.loc().clone()).unwrap())
    })
    .assert();
    let ratios = |p| {
        let (loc, log_scale) = halves(p);
        LogisticNormal::from_log_scale(loc, log_scale).unwrap()
    };
    let at = |x: [f64; 4]| Case::new("LogisticNormal", &x, ratios);
    kl_integrated(&at([0.3, -1.0, 0.2, -0.5]), &at([0.0, 0.5, 0.4, 0.1]));
    let dirichlet = |x: [f64; 3]| Case::new("Dirichlet", &x, |p| Dirichlet::new(p).unwrap());
    kl_integrated(&dirichlet([1.7, 2.0, 3.5]), &dirichlet([1.0; 3]));
    entropy_integrated(&dirichlet([1.7, 2.0, 3.5]));
    let gaussian = |x: [f64; 4]| {
        Case::new("InvertibleGaussian", &x, |p| {
            let (loc, log_scale) = halves(p);
            InvertibleGaussian::from_log_scale(loc, log_scale, 0.7).unwrap()
        })
    };
    let (p, q) = (gaussian([0.3, -1.0, 0.2, -0.5]), gaussian([0.0, 0.5, 0.4, 0.1]));
    integrated(&p, &q, p.law(1, DType::F64).kl_divergence(&q.law(1, DType::F64)).unwrap());
}

#[test]
fn relaxed_bits_of_one_temperature() {
    let relaxed = |logits: &[f64], temperature: f64| {
        Case::new("RelaxedBernoulli", logits, move |p| RelaxedBernoulli::from_logits(p, temperature).unwrap())
    };
    for temperature in [0.4, 1.0, 2.5] {
        let (p, q) = (relaxed(&[0.3, -1.0, 4.0, 0.5], temperature), relaxed(&[0.0, 1.5, -3.0, 0.5], temperature));
        let claim = p.law(1, DType::F64).kl_divergence(&q.law(1, DType::F64)).unwrap();
        integrated(&p.map("latent", |law| law.latent()), &q.map("latent", |law| law.latent()), claim);
    }
    // The map to bits, which saturate, changes nothing.
    let (p, q) = (relaxed(&[0.3, -1.0, 0.5], 1.5), relaxed(&[0.0, 0.5, 0.5], 1.5));
    integrated(&p, &q, p.law(1, DType::F64).kl_divergence(&q.law(1, DType::F64)).unwrap());
    // At 60 digits, by Python's decimal, on both sides of the change of form and far from it.
    let gap = [1e-9, 1e-3, 0.999_999, 1.0, 1.000_001, 30.0, -2e4];
    let truth = [
        1.666_666_666_666_667e-19,
        1.666_666_638_888_889_6e-7,
        0.163_953_091_132_578_46,
        0.163_953_413_738_652_85,
        0.163_953_736_345_029_1,
        28.000_000_000_005_614,
        19_998.0,
    ];
    let law = |logits: [f64; 7]| {
        let logits = Tensor::<1>::from_data(logits, (&Device::flex(), DType::F64));
        RelaxedBernoulli::from_logits(logits, 0.5).unwrap()
    };
    let claim = numbers(law(gap).kl_divergence(&law([0.0; 7])).unwrap());
    for (claim, truth) in claim.iter().zip(truth) {
        assert!((claim - truth).abs() < 1e-14 * truth, "{claim} {truth}");
    }
    let case = relaxed(&[0.3, -1.0, 4.0, 0.0, 1.0], 0.5);
    finite_difference::of(&case, "gradient of the divergence", |law| {
        let other = law.logits().clone().zeros_like();
        law.kl_divergence(&law.with_logits(other)).unwrap()
    })
    .assert();
}

#[test]
fn relaxed_choices_of_one_temperature() {
    let latent = |logits: &[f64], temperature: f64| {
        Case::new("ExpConcrete", logits, move |p| ExpConcrete::from_logits(p, temperature).unwrap())
    };
    for temperature in [0.4, 2.5] {
        for (phi, psi) in [(&[0.3, -1.0, 2.0][..], &[0.0, 0.0, 0.0][..]), (&[0.3, -1.0, 2.0], &[1.0, 3.0, -0.5])] {
            let (p, q) = (latent(phi, temperature), latent(psi, temperature));
            integrated(&p, &q, p.law(1, DType::F64).kl_divergence(&q.law(1, DType::F64)).unwrap());
        }
        entropy_integrated(&latent(&[0.3, -1.0, 2.0], temperature));
        divergence::entropy(&latent(&[0.3, -1.0, 2.0, 0.0, 5.0], temperature)).assert();
        entropy_integrated(&latent(&[0.3, -1.0], temperature));
    }
    // Two categories are a bit, whose divergence has a closed form, near and far.
    for gap in [0.0, 1e-3, 0.5, 7.0, 300.0, 1e4] {
        let options = (&Device::flex(), DType::F64);
        let logits = Tensor::<1>::from_data([gap, 0.0], options);
        let law = RelaxedOneHotCategorical::from_logits(logits, 0.5).unwrap();
        let claim = law.kl_divergence(&law.with_logits(Tensor::zeros([2], options))).unwrap();
        let bit = RelaxedBernoulli::from_logits(Tensor::<1>::from_data([gap], options), 0.5).unwrap();
        let truth = bit.kl_divergence(&bit.with_logits(Tensor::zeros([1], options))).unwrap();
        close("two categories", &numbers(claim), &numbers(truth), 1e-12);
    }
    let case = latent(&[0.3, -1.0, 2.0, 0.0], 0.5);
    finite_difference::of(&case, "gradient of the divergence", |law| {
        let other = law.logits().clone().flip([1]) * 0.5;
        law.kl_divergence(&ExpConcrete::from_logits(other, 0.5).unwrap()).unwrap()
    })
    .assert();
    // Draws have their say too, with many categories and in F32, and a constant changes nothing.
    let noise = &mut Noise::seeded(0);
    let logits = noise.draw(Base::Normal, [3, 1000], &Device::flex());
    let p = RelaxedOneHotCategorical::from_logits(logits.clone() + 5.0, 0.5).unwrap();
    let q = p.with_logits(logits.clone() * 0.5);
    let average = kl_monte_carlo(&p.latent(), &q.latent(), 400, noise);
    let gap = (p.kl_divergence(&q).unwrap() - average.mean) / average.standard_error.unwrap();
    assert!(gap.clone().abs().max().into_scalar::<f32>() < 4.892, "{gap}");
    let same = p.kl_divergence(&p.with_logits(logits)).unwrap();
    assert!(same.abs().max().into_scalar::<f32>() < 1e-2);
}

#[test]
fn other_temperatures_are_refused() {
    fn refused<T: std::fmt::Debug>(result: &Result<T>) {
        match result {
            Err(Error::Parameter { parameter, .. } | Error::Values { parameter, .. }) => {
                assert_eq!(*parameter, "temperature");
            }
            other => panic!("{other:?}"),
        }
    }
    let logits = || Tensor::<2>::zeros([2, 3], &Device::flex());
    let bits = |temperature: relaxit::temperature::Temperature<2>| RelaxedBernoulli::from_logits(logits(), temperature);
    let each = Tensor::<2>::from_floats([[0.5], [0.25]], &Device::flex());
    let p = bits(each.clone().into()).unwrap();
    assert!(p.kl_divergence(&p).is_ok());
    assert!(
        bits(Tensor::full([1, 1], 0.5, &Device::flex()).into())
            .unwrap()
            .kl_divergence(&bits(0.5.into()).unwrap())
            .is_ok()
    );
    refused(&p.kl_divergence(&bits(0.5.into()).unwrap()));
    refused(&bits(0.5.into()).unwrap().kl_divergence(&p));
    refused(&bits(0.5.into()).unwrap().kl_divergence(&bits(0.6.into()).unwrap()));
    let choice = |temperature: relaxit::temperature::Temperature<2>| {
        RelaxedOneHotCategorical::from_logits(logits(), temperature).unwrap()
    };
    refused(&choice(each.into()).kl_divergence(&choice(0.5.into())));
    let message = choice(0.5.into()).kl_divergence(&choice(0.7.into())).unwrap_err().to_string();
    assert_eq!(message, "RelaxedOneHotCategorical: `temperature` must be that of the other law, got 0.7");
}

/// Gauss and Legendre's four nodes in each of many cells, and the two ends.
#[test]
fn stochastic_gates() {
    const CELLS: usize = 1 << 10;
    const NODES: [(f64, f64); 4] = [
        (-0.861_136_311_594_052_6, 0.347_854_845_137_453_9),
        (-0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
        (0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
        (0.861_136_311_594_052_6, 0.347_854_845_137_453_9),
    ];
    let gate = |loc: f64, log_scale: f64| {
        Case::new("GaussianRelaxedBernoulli", &[loc, log_scale], |p| {
            let (loc, log_scale) = halves(p);
            GaussianRelaxedBernoulli::from_log_scale(loc, log_scale).unwrap()
        })
    };
    let (mut points, mut weights) = (vec![0.0, 1.0], vec![1.0, 1.0]);
    for cell in 0..CELLS {
        points.extend(NODES.map(|(node, _)| (cell as f64 + 0.5 + 0.5 * node) / CELLS as f64));
        weights.extend(NODES.map(|(_, weight)| 0.5 * weight / CELLS as f64));
    }
    let shape = [points.len(), 1];
    let column = |x: Vec<f64>| Tensor::<2>::from_data(TensorData::new(x, shape), (&Device::flex(), DType::F64));
    let (points, weights) = (column(points), column(weights));
    let gates = [(0.5, -0.7), (-0.3, 0.0), (1.4, -0.5), (0.7, -2.5), (0.2, 2.0), (-2.0, -0.5), (3.0, -0.5), (0.5, 4.0)];
    for (loc, log_scale) in gates {
        let case = gate(loc, log_scale);
        let law = case.law(1, DType::F64);
        let log_p = law.log_prob(points.clone());
        let mass = log_p.clone().exp() * weights.clone();
        close("entropy", &numbers(law.entropy()), &numbers(-(mass.clone() * log_p.clone()).sum_dim(0)), 1e-10);
        for (loc, log_scale) in gates {
            let other = gate(loc, log_scale).law(1, DType::F64);
            let truth = (mass.clone() * (log_p.clone() - other.log_prob(points.clone()))).sum_dim(0);
            close("divergence", &numbers(law.kl_divergence(&other)), &numbers(truth), 1e-9);
        }
        finite_difference::of(&case, "gradient of the entropy", |law| law.entropy()).assert();
        finite_difference::of(&case, "gradient of the divergence", |law| {
            let (loc, scale) = (law.loc().clone() * 0.5 + 0.3, law.scale().clone() + 0.2);
            law.kl_divergence(&GaussianRelaxedBernoulli::new(loc, scale).unwrap())
        })
        .assert();
    }
    // Laws broadcast, and one may be wider than the other.
    let full = |shape: [usize; 2], x: f64| Tensor::<2>::full(Shape::from(shape), x, &Device::flex());
    let wide = GaussianRelaxedBernoulli::new(full([3, 2], 0.7), full([3, 2], 0.5)).unwrap();
    let prior = GaussianRelaxedBernoulli::new(full([1, 1], 0.5), full([1, 1], 0.5)).unwrap();
    assert_eq!((wide.kl_divergence(&prior).dims(), prior.kl_divergence(&wide).dims()), ([3, 2], [3, 2]));
}

#[test]
fn stochastic_times_smooth_has_the_entropy_of_its_bit() {
    let law = StochasticTimesSmooth::from_logits(Tensor::<1>::from_data([-2.0, 0.5], (&Device::flex(), DType::F64)));
    let truth: Vec<f64> = numbers(law.probs())
        .into_iter()
        .map(|p| {
            let root = p.sqrt();
            -root * root.ln() - (1.0 - root) * (1.0 - root).ln()
        })
        .collect();
    close("entropy", &numbers(law.entropy()), &truth, 1e-13);
}

/// The estimate by the score function: its value and, with rows as replicates, its gradient, against the closed form.
#[test]
fn divergences_by_the_score_function() {
    const ROWS: usize = 20_000;
    let options = (&Device::flex(), DType::F64);
    let law =
        |leaf: &Tensor<2>| (Poisson::from_log_rate(leaf.clone()), Poisson::from_log_rate(leaf.clone() * -0.5 + 1.0));
    let leaf = Tensor::<2>::full([ROWS, 1], 0.7, options).autodiff().require_grad();
    let (p, q) = law(&leaf);
    let estimate = kl_score_function(&p, &q, 4, &mut Noise::seeded(1));
    let slopes = leaf.grad(&estimate.mean.clone().sum().backward()).unwrap();
    let one = Tensor::<2>::full([1, 1], 0.7, options).autodiff().require_grad();
    let (p, q) = law(&one);
    let exact = p.kl_divergence(&q);
    let value = numbers(exact.clone())[0];
    let slope = numbers(one.grad(&exact.sum().backward()).unwrap())[0];
    for (draws, truth) in [(estimate.mean.inner(), value), (slopes, slope)] {
        let (variance, mean) = draws.var_mean(0);
        let error = (numbers(variance)[0] / ROWS as f64).sqrt();
        assert!((numbers(mean)[0] - truth).abs() < 4.892 * error, "{truth} ± {error}");
    }
    // Its standard error is that of a mean of four draws.
    let claim = numbers(estimate.standard_error.unwrap().square().mean())[0];
    let deviations = numbers(kl_score_function(&p, &q, 4000, &mut Noise::seeded(2)).standard_error.unwrap());
    assert!((claim / (1000.0 * deviations[0].powi(2)) - 1.0).abs() < 0.2, "{claim} {deviations:?}");
    // Outside the support of q it is infinite, not NaN.
    let cut = Truncated::new(Poisson::from_log_rate(Tensor::<2>::zeros([1, 1], options)), 1).unwrap();
    let infinite = kl_score_function(
        &Poisson::from_log_rate(Tensor::<2>::full([1, 1], 3.0, options)),
        &cut,
        1,
        &mut Noise::seeded(0),
    );
    assert_eq!(numbers(infinite.mean), [f64::INFINITY]);
}
