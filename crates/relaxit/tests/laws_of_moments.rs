//! Means and variances that are integrals: against draws, differences, and the few that have closed forms.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor};
use relaxit::prelude::*;
use relaxit::relaxation::{CorrelatedRelaxedBernoulli, HardConcrete, HardKumaraswamy, RebarRelaxation};
use relaxit::testing::{Case, extremes, finite_difference, moments};

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.inner().try_into_vec_as().unwrap()
}

fn hard_concrete(logits: &[f64], temperature: f64, (gamma, zeta): (f64, f64)) -> Case<HardConcrete<2>> {
    let law = move |logits| HardConcrete::from_logits(logits, temperature).unwrap().with_stretch(gamma, zeta).unwrap();
    Case::new(format!("HardConcrete at temperature {temperature}, stretch [{gamma}, {zeta}]"), logits, law)
}

/// Means and variances of gates: by draws, by their gradients, and where the integrals are polynomials.
#[test]
fn moments_of_clamped_gates() {
    for (logit, temperature, stretch) in
        [(0.0, 2.0 / 3.0, (-0.1, 1.1)), (-1.5, 0.05, (-0.1, 1.1)), (0.7, 3.0, (-1.0, 3.0))]
    {
        let case = hard_concrete(&[logit, 0.3, -4.0], temperature, stretch);
        moments::mean_and_variance(&case).assert();
        finite_difference::of(&case, "gradient of the mean", |law| law.mean()).assert();
        finite_difference::of(&case, "gradient of the variance", |law| law.variance()).assert();
    }
    let learnt = Case::new("HardConcrete with log-temperature", &[0.3, 0.5, -1.0], |p: Tensor<2>| {
        HardConcrete::from_logits(p.clone().slice_dim(1, 1..3), p.slice_dim(1, 0).exp()).unwrap()
    });
    finite_difference::of(&learnt, "gradient of the mean", |law| law.mean()).assert();
    let kumaraswamy = |a: f64, b: f64| {
        Case::new("HardKumaraswamy", &[a.ln(), b.ln()], |p: Tensor<2>| {
            HardKumaraswamy::from_log_concentrations(p.clone().slice_dim(1, 0), p.slice_dim(1, 1)).unwrap()
        })
    };
    for (a, b) in [(1.0, 1.0), (0.3, 0.4), (2.0, 3.0), (30.0, 0.1), (100.0, 1e4), (1e-2, 1e-2)] {
        let case = kumaraswamy(a, b);
        moments::mean_and_variance(&case).assert();
        finite_difference::of(&case, "gradient of the mean", |law| law.mean()).assert();
        finite_difference::of(&case, "gradient of the variance", |law| law.variance()).assert();
    }
    // E[z] = w ∫ (1 − k²)³ dk, E[z²] = 2 w ∫ (w k + γ) (1 − k²)³ dk between the ends, for a = 2, b = 3.
    let (w, gamma) = (1.2_f64, -0.1_f64);
    let (from, to) = (-gamma / w, (1.0 - gamma) / w);
    let zeroth = |k: f64| k - k.powi(3) + 0.6 * k.powi(5) - k.powi(7) / 7.0;
    let first = |k: f64| -(1.0 - k * k).powi(4) / 8.0;
    let (zeroth, first) = (zeroth(to) - zeroth(from), first(to) - first(from));
    let (mean, square) = (w * zeroth, 2.0 * w * (w * first + gamma * zeroth));
    let law = kumaraswamy(2.0, 3.0).law(1, DType::F64);
    assert!((numbers(law.mean())[0] - mean).abs() < 1e-13);
    assert!((numbers(law.variance())[0] - (square - mean * mean)).abs() < 1e-13);
    for temperature in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
        let case = hard_concrete(&[1e4, -1e4, 0.0, 17.0], temperature, (-0.1, 1.1));
        extremes::finite(&case, "mean", |law, _| law.mean()).assert();
        extremes::finite(&case, "variance", |law, _| law.variance()).assert();
    }
    for (a, b) in [(1e-4, 1e-4), (1e-4, 1e4), (1e4, 1e-4), (1e4, 1e4)] {
        extremes::finite(&kumaraswamy(a, b), "mean", |law, _| law.mean()).assert();
        extremes::finite(&kumaraswamy(a, b), "variance", |law, _| law.variance()).assert();
    }
    let empty = HardConcrete::from_logits(Tensor::<2>::zeros([0, 3], &Device::flex()), 0.5).unwrap();
    assert_eq!((empty.mean().dims(), empty.variance().dims()), ([0, 3], [0, 3]));
}

/// Means and variances of relaxed bits: by draws, by their gradients, and at τ = 1 in closed form.
#[test]
fn moments_of_relaxed_bits() {
    for temperature in [1e-3, 0.3, 1.0, 2.5, 30.0] {
        let case = Case::new(format!("RelaxedBernoulli at temperature {temperature}"), &[0.0, 0.7, -3.0], move |p| {
            RelaxedBernoulli::from_logits(p, temperature).unwrap()
        });
        moments::mean_and_variance(&case).assert();
        finite_difference::of(&case, "gradient of the mean", |law| law.mean()).assert();
        let mean: Vec<f64> = numbers(case.law(1, DType::F64).mean());
        assert!((mean[0] - 0.5).abs() < 1e-13, "{mean:?}");
    }
    let corrected = |p| RebarRelaxation::from_logits(p, 0.7).unwrap();
    moments::mean_and_variance(&Case::new("RebarRelaxation", &[0.3, -2.0, 1.0], corrected)).assert();
    let correlation = Tensor::<2>::from_floats([[1.0, 0.8], [0.8, 1.0]], &Device::flex());
    let correlated = Case::new("CorrelatedRelaxedBernoulli", &[0.3, -2.0], move |p| {
        CorrelatedRelaxedBernoulli::from_logits(p, &correlation, 0.7).unwrap()
    });
    moments::mean_and_variance(&correlated).assert();
    // E σ(φ + L) = e^φ (e^φ − 1 − φ) / (e^φ − 1)².
    let logits = [0.7_f64, -3.0, 12.0];
    let law =
        RelaxedBernoulli::from_logits(Tensor::<1>::from_data(logits, (&Device::flex(), DType::F64)), 1.0).unwrap();
    for (mean, logit) in numbers(law.mean()).into_iter().zip(logits) {
        let odds = logit.exp();
        let truth = odds * (odds - 1.0 - logit) / (odds - 1.0).powi(2);
        assert!((mean - truth).abs() < 1e-12, "{mean} {truth}");
    }
    for temperature in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
        let case = Case::new("RelaxedBernoulli", &[1e4, -1e4, 0.0, 17.0], move |p| {
            RelaxedBernoulli::from_logits(p, temperature).unwrap()
        });
        extremes::finite(&case, "mean", |law, _| law.mean()).assert();
        extremes::finite(&case, "variance", |law, _| law.variance()).assert();
    }
}
