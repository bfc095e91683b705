//! Estimators for continuous laws, held to closed forms.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use std::f64::consts::PI;

use burn::tensor::{DType, TensorData};
use relaxit::control::Tuner;
use relaxit::estimator::Lax;
use relaxit::objective::Counted;
use relaxit::prelude::*;
use relaxit::schedule::Anneal;
use relaxit::testing::Z_MILLION;

const DRAWS: usize = 1 << 17;
const LOC: [f64; 2] = [0.3, -0.8];
const LOG_SCALE: [f64; 2] = [-0.5, 0.2];

/// Two normal variables a row, from `[loc, loc, log scale, log scale]`.
fn normal(parameters: Tensor<2>) -> Normal<2> {
    Normal::from_log_scale(parameters.clone().slice_dim(1, 0..2), parameters.slice_dim(1, 2..4)).unwrap()
}

fn rows(count: usize, dtype: DType) -> Tensor<2> {
    let row = [LOC, LOG_SCALE].concat();
    let device = Device::flex();
    Tensor::<2>::from_data(TensorData::new(row, [1, 4]), (&device, dtype))
        .repeat_dim(0, count)
        .autodiff()
        .require_grad()
}

/// `(x₁ − 0.7 x₂ − 0.45)ᵖ`.
fn power(exponent: i32) -> impl Fn(Tensor<2>) -> Tensor<2> {
    move |x: Tensor<2>| (x.clone().slice_dim(1, 0) - x.slice_dim(1, 1) * 0.7 - 0.45).powi_scalar(exponent)
}

/// The gradient of its expectation: with `y ~ N(m, s²)` these are `m`, `m² + s²` and `m³ + 3 m s²`.
fn exact(exponent: i32) -> [f64; 4] {
    let weights: [f64; 2] = [1.0, -0.7];
    let m = weights[0] * LOC[0] + weights[1] * LOC[1] - 0.45;
    let spread = [0, 1].map(|i| (weights[i] * LOG_SCALE[i].exp()).powi(2));
    let (by_m, by_variance) = match exponent {
        1 => (1.0, 0.0),
        2 => (2.0 * m, 1.0),
        _ => (3.0 * m * m + 3.0 * (spread[0] + spread[1]), 3.0 * m),
    };
    [weights[0] * by_m, weights[1] * by_m, 2.0 * spread[0] * by_variance, 2.0 * spread[1] * by_variance]
}

type Control = Box<dyn Fn(&Normal<2>, Tensor<2>, &dyn Objective<2>) -> Tensor<2>>;

fn controls() -> [(&'static str, Control); 4] {
    [
        ("none", Box::new(|_, x, _| x.slice_dim(1, 0) * 0.0)),
        ("the objective", Box::new(|_, x, f| f.evaluate(x))),
        ("free", Box::new(|_, x, _| (x.clone().tanh() * 0.7).sum_dim(1) + (x * 0.3).sin().sum_dim(1).square())),
        // It depends on the parameters beside the sample, which must not add to the gradient.
        ("of the law", Box::new(|law, x, _| ((x - law.loc().clone() * 3.0) * law.scale().clone()).square().sum_dim(1))),
    ]
}

fn gradients<P, const N: usize>(
    family: &dyn Fn(Tensor<2>) -> P,
    leaf: &Tensor<2>,
    control: impl Fn(&P, Tensor<2>, &dyn Objective<2>) -> Tensor<2>,
    f: &dyn Objective<2>,
    exact: [f64; N],
) -> f64
where
    P: Reparameterized<2> + Density<2>,
{
    let estimate = Lax::new(control).estimate(family, leaf, f, &mut Noise::seeded(0));
    let rows = leaf.grad(&estimate.surrogate.backward()).unwrap().cast(DType::F64) * DRAWS as f64;
    let (variance, mean) = rows.var_mean(0);
    let exact = Tensor::<2>::from_data(TensorData::new(exact.to_vec(), [1, N]), (&mean.device(), DType::F64));
    let error = (variance * (DRAWS as f64).recip()).sqrt() + exact.clone().abs() * 2e-6 + 1e-9;
    ((mean - exact).abs() / error).max().into_scalar()
}

#[test]
fn no_bias_for_polynomials_of_normal_variables() {
    for exponent in [1, 2, 3] {
        for (name, control) in controls() {
            let leaf = rows(DRAWS, DType::F32);
            let z = gradients(&normal, &leaf, control, &power(exponent), exact(exponent));
            assert!(z < Z_MILLION, "{name} {exponent}: {z}");
        }
    }
}

/// The latent of a relaxed bit is a law like any other: `E[z²] = φ² + π²/3` at temperature 1.
#[test]
fn no_bias_for_the_latent_of_a_relaxation() {
    let family = |logits: Tensor<2>| RelaxedBernoulli::from_logits(logits, 1.0).unwrap().latent();
    let square = |z: Tensor<2>| z.square();
    let leaf = Tensor::<2>::full([DRAWS, 1], 0.7, &Device::flex()).autodiff().require_grad();
    let control = |_: &Logistic<2>, z: Tensor<2>, _: &dyn Objective<2>| z.tanh() * PI;
    let z = gradients(&family, &leaf, control, &square, [1.4]);
    assert!(z < Z_MILLION, "{z}");
}

/// The law is worth something only if it can fail.
#[test]
fn a_bias_is_caught() {
    let leaf = rows(DRAWS, DType::F32);
    let mut wrong = exact(3);
    wrong[2] *= 1.5;
    let (_, control) = controls().into_iter().nth(1).unwrap();
    assert!(gradients(&normal, &leaf, control, &power(3), wrong) > Z_MILLION);
}

fn weighted(w: &Tensor<1>) -> impl Fn(&Normal<2>, Tensor<2>, &dyn Objective<2>) -> Tensor<2> + 'static {
    let w = w.clone();
    move |_, x, _| {
        let y = x.clone().slice_dim(1, 0) - x.slice_dim(1, 1) * 0.7;
        let weight = |index| w.clone().slice_dim(0, index).reshape([1, 1]);
        y.clone().square() * weight(2) + y * weight(1) + weight(0)
    }
}

#[test]
fn tuning_is_the_gradient_of_the_squared_norm() {
    let device = Device::flex();
    let at = |w: [f64; 3]| {
        let w = Tensor::<1>::from_data(w, (&device, DType::F64)).autodiff().require_grad();
        let leaf = rows(300, DType::F64);
        let estimate = Lax::new(weighted(&w)).estimate(&normal, &leaf, &power(3), &mut Noise::seeded(4));
        let g = leaf.grad(&estimate.surrogate.backward()).unwrap() * 300.0;
        let squared: f64 = g.square().sum_dim(1).mean().into_scalar();
        let by: Vec<f64> = w.grad(&estimate.tuning.unwrap().backward()).unwrap().try_into_vec_as().unwrap();
        (squared, by)
    };
    let start = [0.2, -0.4, 0.3];
    let (_, by) = at(start);
    for index in 0..3 {
        let moved = |sign: f64| {
            let mut w = start;
            w[index] += sign * 1e-4;
            at(w).0
        };
        let slope = (moved(1.0) - moved(-1.0)) / 2e-4;
        assert!((by[index] - slope).abs() < 1e-3 * slope.abs(), "{index}: {} {slope}", by[index]);
    }
}

#[test]
fn a_trained_control_variate_beats_reinforce_tenfold() {
    let mut noise = Noise::seeded(1);
    let mut tuner = Tuner::new(Anneal::Constant(0.02)).unwrap();
    let mut w = vec![Tensor::<1>::zeros([3], &Device::flex()).autodiff().require_grad()];
    let leaf = rows(256, DType::F32);
    for _ in 0..100 {
        let estimate = Lax::new(weighted(&w[0])).estimate(&normal, &leaf, &power(2), &mut noise);
        w = tuner.descend(w, estimate.tuning.unwrap());
    }
    let w = w.remove(0).inner();
    let leaf = rows(DRAWS, DType::F32);
    let variance = |w: Tensor<1>| -> f64 {
        let estimate = Lax::new(weighted(&w.autodiff())).estimate(&normal, &leaf, &power(2), &mut Noise::seeded(2));
        let rows = leaf.grad(&estimate.surrogate.backward()).unwrap().cast(DType::F64) * DRAWS as f64;
        rows.var(0).sum().into_scalar()
    };
    let (trained, untrained) = (variance(w.clone()), variance(w.zeros_like()));
    assert!(10.0 * trained < untrained, "{trained} {untrained} {w}");
}

#[test]
fn the_objective_is_evaluated_once_and_its_parameters_learn_once() {
    let device = Device::flex().autodiff();
    let leaf = rows(1000, DType::F32);
    let weight = Tensor::<2>::full([1, 1], 2.0, &device).require_grad();
    let f = |x: Tensor<2>| x.sum_dim(1) * weight.clone() + 5.0;
    let counted = Counted::new(&f);
    let (_, none) = controls().into_iter().next().unwrap();
    let estimate = Lax::new(none).estimate(&normal, &leaf, &counted, &mut Noise::seeded(0));
    assert_eq!(counted.evaluations(), 1000);
    let expected: f64 = (estimate.value.clone().mean().into_scalar::<f64>() - 5.0) / 2.0;
    let got: f64 = weight.grad(&estimate.surrogate.backward()).unwrap().into_scalar();
    assert!((got - expected).abs() < 1e-4, "{got} {expected}");
    // With the objective in the control variate, which is evaluated and differentiated more often.
    let (_, objective) = controls().into_iter().nth(1).unwrap();
    let estimate = Lax::new(objective).estimate(&normal, &leaf, &f, &mut Noise::seeded(0));
    let got: f64 = weight.grad(&estimate.surrogate.backward()).unwrap().into_scalar();
    assert!((got - expected).abs() < 1e-4, "{got} {expected}");
}

#[test]
fn extreme_parameters_and_empty_batches_stay_finite() {
    for (loc, log_scale) in [(1e4, 0.0), (-1e4, -10.0), (50.0, 10.0), (0.0, -10.0)] {
        for (name, control) in controls() {
            let row = Tensor::<2>::from_floats([[loc, 0.0, log_scale, 0.0]], &Device::flex());
            let leaf = row.repeat_dim(0, 100).autodiff().require_grad();
            let estimate = Lax::new(control).estimate(&normal, &leaf, &power(2), &mut Noise::seeded(0));
            let gradients = leaf.grad(&estimate.surrogate.backward()).unwrap();
            let largest: f64 = gradients.abs().max().into_scalar();
            assert!(largest.is_finite(), "{name} {loc} {log_scale}");
            assert!(estimate.tuning.is_none(), "{name} has nothing to tune");
        }
        let w = Tensor::<1>::from_floats([0.2, -0.4, 0.3], &Device::flex()).autodiff().require_grad();
        let row = Tensor::<2>::from_floats([[loc, 0.0, log_scale, 0.0]], &Device::flex());
        let leaf = row.repeat_dim(0, 100).autodiff().require_grad();
        let estimate = Lax::new(weighted(&w)).estimate(&normal, &leaf, &power(2), &mut Noise::seeded(0));
        let by = w.grad(&estimate.tuning.unwrap().backward()).unwrap();
        assert!(by.abs().max().into_scalar::<f64>().is_finite(), "{loc} {log_scale}");
    }
    for (name, control) in controls() {
        let leaf = rows(1, DType::F32).inner().slice_dim(0, 0..0).autodiff().require_grad();
        let estimate = Lax::new(control).estimate(&normal, &leaf, &power(2), &mut Noise::seeded(0));
        assert!(estimate.surrogate.into_scalar::<f64>().abs() < f64::MIN_POSITIVE, "{name}");
    }
}
