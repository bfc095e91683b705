//! Gates and bits beyond the relaxed Bernoulli, each held to every law it can be held to.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor, TensorData, activation};
use relaxit::prelude::*;
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, GaussianRelaxedBernoulli, HardConcrete, HardKumaraswamy, RebarRelaxation,
    StochasticTimesSmooth, StraightThroughBernoulli,
};
use relaxit::testing::{
    Case, Verdict, chi_square, coupling, divergence, extremes, finite_difference, independence, ks, moments,
    quadrature, score, suite,
};
use relaxit::{Error, Result};

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.inner().try_into_vec_as().unwrap()
}

/// What every law on [0, 1] with atoms at both ends must satisfy; cases have one entry.
///
/// The density integrates to 1 over Lebesgue measure and the two atoms, and draws have that law: atoms by their counts,
/// all together by Kolmogorov and Smirnov, with the jumps filled in uniformly.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the index of a cell
fn mixed_laws<L: Reparameterized<2> + Density<2>>(case: &Case<L>) {
    // Gauss and Legendre's four nodes in each of many cells.
    const CELLS: usize = 1 << 13;
    const NODES: [(f64, f64); 4] = [
        (-0.861_136_311_594_052_6, 0.347_854_845_137_453_9),
        (-0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
        (0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
        (0.861_136_311_594_052_6, 0.347_854_845_137_453_9),
    ];
    let width = 1.0 / CELLS as f64;
    let points = (0..CELLS).flat_map(|cell| NODES.map(|(node, _)| (cell as f64 + 0.5 + 0.5 * node) * width));
    let points: Vec<f64> = [0.0, 1.0].into_iter().chain(points).collect();
    let law = case.law(points.len(), DType::F64);
    let value = Tensor::<2>::from_data(TensorData::new(points, law.shape()), (&law.device(), DType::F64));
    let density = numbers(law.log_prob(value).exp());
    let (zero, one) = (density[0], density[1]);
    let mut cumulative = vec![zero];
    for cell in density[2..].chunks(4) {
        let mass: f64 = cell.iter().zip(NODES).map(|(density, (_, weight))| density * weight).sum();
        cumulative.push(cumulative.last().unwrap() + mass * width / 2.0);
    }
    let total = cumulative[CELLS] + one;
    assert!((total - 1.0).abs() < 1e-9, "{case:?}: the density integrates to {total}");

    let draws = 200_000;
    let law = case.law(draws, DType::F64);
    let z = numbers(law.sample(&mut Noise::seeded(11)));
    for (atom, p) in [(0.0, zero), (1.0, one)] {
        let count = z.iter().filter(|&&z| (z - atom).abs() <= 0.0).count() as f64;
        let n = draws as f64;
        let deviation = (n * p * (1.0 - p)).sqrt().max(1.0);
        assert!((count - n * p).abs() < 4.892 * deviation + 4.0, "{case:?}: {count} draws of {atom}, not {}", n * p);
    }
    let fill = numbers(Noise::seeded(12).draw(Base::Uniform, [draws], (&law.device(), DType::F64)));
    let u: Vec<f64> = z
        .iter()
        .zip(fill)
        .map(|(&z, fill)| {
            if z <= 0.0 {
                zero * fill
            } else if z >= 1.0 {
                1.0 - one * fill
            } else {
                let cell = ((z / width) as usize).min(CELLS - 1);
                let share = z / width - cell as f64;
                cumulative[cell] + share * (cumulative[cell + 1] - cumulative[cell])
            }
        })
        .collect();
    let u = Tensor::<1>::from_data(TensorData::new(u, [draws]), (&law.device(), DType::F64));
    ks::uniform(format!("{case:?}"), u).assert();

    independence::rows(case).assert();
    finite_difference::transport(case).assert();
    finite_difference::noise(case).assert();
    finite_difference::log_prob(case).assert();
    finite_difference::value(case).assert();
    score::identity(case).assert();
    extremes::support(case).assert();
}

fn at_extremes<L: Reparameterized<2> + Density<2>>(case: &Case<L>) {
    extremes::sampling(case).assert();
    extremes::rsampling(case).assert();
    extremes::support(case).assert();
    for value in [0.0, 0.5, 1.0] {
        extremes::finite(case, "log_prob at 0, 1 and between", |law, _| {
            law.log_prob(Tensor::full(law.shape(), value, (&law.device(), law.dtype())))
        })
        .assert();
    }
}

/// The relaxed sample of a latent is the relaxed sample of the same noise.
fn maps_commute<R: Relaxation<2>>(case: &Case<R>) {
    let law = case.law(1000, DType::F64);
    let noise = Noise::seeded(5).draw(R::BASE, law.noise_shape(), (&law.device(), law.dtype()));
    let y = law.squash(law.latent().transport(noise.clone()));
    assert!(y.all_close(law.transport(noise), Some(1e-11), Some(1e-12)), "{case:?}");
}

fn conditional_laws<R>(case: &Case<R>)
where
    R: ConditionalRelaxation<2>,
    R::Hard: Enumerable<2> + Density<2>,
{
    maps_commute(case);
    coupling::hard(case).assert();
    coupling::threshold(case).assert();
    coupling::marginal(case).assert();
    coupling::conditional(case).assert();
    coupling::pathwise(case).assert();
}

/// Samples of half-precision parameters are those of the same parameters in F32, and an empty batch stays empty.
fn shapes_and_types<L: Reparameterized<2>>(law: impl Fn(Tensor<2>) -> L) {
    let device = Device::flex().autodiff();
    let full = Tensor::<2>::from_data([[0.5, -1.0, 2.0]], &device); // exact in half precision too
    for dtype in [DType::F16, DType::BF16] {
        let (wide, narrow) = (law(full.clone()), law(full.clone().cast(dtype)));
        assert_eq!(narrow.dtype(), DType::F32);
        let (x, y) = (wide.sample(&mut Noise::seeded(0)), narrow.sample(&mut Noise::seeded(0)));
        assert!(!y.is_tracked());
        assert_eq!(x.to_data(), y.to_data());
    }
    let empty = Tensor::<2>::zeros([0, 3], &device).require_grad();
    let law = law(empty.clone());
    assert_eq!(law.sample(&mut Noise::seeded(0)).dims(), [0, 3]);
    let y = law.rsample(&mut Noise::seeded(0));
    assert_eq!(empty.grad(&y.sum().backward()).unwrap().dims(), [0, 3]);
    assert!(law.validate().is_ok());
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, name: &str) {
    match result {
        Err(Error::Parameter { parameter, .. } | Error::Values { parameter, .. } | Error::Shape { parameter, .. }) => {
            assert_eq!(parameter, name);
        }
        other => panic!("`{name}` should be refused, got {other:?}"),
    }
}

fn hard_concrete(logits: &[f64], temperature: f64, (gamma, zeta): (f64, f64)) -> Case<HardConcrete<2>> {
    let law = move |logits| HardConcrete::from_logits(logits, temperature).unwrap().with_stretch(gamma, zeta).unwrap();
    Case::new(format!("HardConcrete at temperature {temperature}, stretch [{gamma}, {zeta}]"), logits, law)
}

#[test]
fn hard_concrete_laws() {
    for (logit, temperature, stretch) in
        [(0.0, 2.0 / 3.0, (-0.1, 1.1)), (-1.5, 0.5, (-0.1, 1.1)), (2.0, 1.0, (-0.3, 1.05)), (0.7, 3.0, (-1.0, 3.0))]
    {
        let case = hard_concrete(&[logit], temperature, stretch);
        mixed_laws(&case);
        conditional_laws(&case);
    }
    let learnt = Case::new("HardConcrete with log-temperature", &[0.3, 0.5, -1.0], |p: Tensor<2>| {
        HardConcrete::from_logits(p.clone().slice_dim(1, 1..3), p.slice_dim(1, 0).exp()).unwrap()
    });
    finite_difference::transport(&learnt).assert();
    finite_difference::log_prob(&learnt).assert();
    finite_difference::of(&learnt, "gradient of the penalty", |law| law.l0_penalty()).assert();
    score::identity(&learnt).assert();
}

#[test]
fn hard_concrete_probabilities_and_test_time_gate() {
    let law = hard_concrete(&[-3.0, 0.0, 0.4, 4.0], 0.5, (-0.1, 1.1)).law(1, DType::F64);
    let at = |value: f64| law.log_prob(Tensor::full([1, 4], value, (&law.device(), DType::F64))).exp();
    let close = |a: Tensor<2>, b: Tensor<2>| assert!(a.clone().all_close(b.clone(), Some(1e-12), None), "{a} {b}");
    close(law.prob_zero(), at(0.0));
    close(law.prob_one(), at(1.0));
    close(law.l0_penalty(), -law.prob_zero() + 1.0);
    close(law.l0_penalty(), Bernoulli::from_logits(law.open_logits()).probs());
    // Louizos et al. (2018), equation 13, at log α = −3: σ(−3)·1.2 − 0.1 < 0 closes the gate; equation 12 is the penalty.
    let gate = numbers(law.deterministic());
    assert!(gate[0] <= 0.0 && (gate[1] - 0.5).abs() < 1e-15 && gate[3] >= 1.0, "{gate:?}");
    assert!((gate[2] - (1.2 / (1.0 + (-0.4_f64).exp()) - 0.1)).abs() < 1e-14);
    assert!((numbers(law.l0_penalty())[1] - 1.0 / (1.0 + (0.5 * (0.1_f64 / 1.1).ln()).exp())).abs() < 1e-14);
}

#[test]
fn hard_concrete_at_extremes() {
    for temperature in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
        for stretch in [(-0.1, 1.1), (-1e-4, 1.0001), (-1e3, 1001.0)] {
            let case = hard_concrete(&[1e4, -1e4, 0.0, 17.0], temperature, stretch);
            at_extremes(&case);
            coupling::threshold(&case).assert();
            extremes::finite(&case, "penalty", |law, _| law.l0_penalty()).assert();
        }
    }
    shapes_and_types(|logits| HardConcrete::from_logits(logits, 0.5).unwrap());
    at_extremes(&Case::new("from probs", &[0.0, 1.0, 0.5], |p| HardConcrete::from_probs(p, 0.5).unwrap()));
}

#[test]
fn hard_concrete_refuses() {
    let device = Device::flex();
    let logits = || Tensor::<2>::zeros([4, 3], &device);
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-7] {
        refused(HardConcrete::from_logits(logits(), temperature), "temperature");
    }
    refused(HardConcrete::from_logits(logits(), Tensor::<2>::ones([4, 2], &device)), "temperature");
    refused(HardConcrete::from_probs(logits() + 1.5, 0.5), "probs");
    refused(HardConcrete::from_probs(logits() + f64::NAN, 0.5), "probs");
    let law = HardConcrete::from_logits(logits(), 0.5).unwrap();
    for gamma in [0.0, 0.1, -1e-5, f64::NAN, f64::NEG_INFINITY] {
        refused(law.clone().with_stretch(gamma, 1.1), "gamma");
    }
    for zeta in [1.0, 0.9, 1.0 + 1e-5, f64::NAN, f64::INFINITY] {
        refused(law.clone().with_stretch(-0.1, zeta), "zeta");
    }
    refused(HardConcrete::from_logits(logits() + f64::NAN, 0.5).unwrap().validate(), "logits");
    let message = law.with_stretch(0.5, 1.1).unwrap_err().to_string();
    assert_eq!(message, "HardConcrete: `gamma` must be between -1e3 and -1e-4, got 0.5");
}

fn stochastic_gate(parameters: &[f64]) -> Case<GaussianRelaxedBernoulli<2>> {
    Case::new("GaussianRelaxedBernoulli", parameters, |p: Tensor<2>| {
        let entries = p.dims()[1] / 2;
        let (loc, log_scale) = (p.clone().slice_dim(1, 0..entries), p.slice_dim(1, entries..2 * entries));
        GaussianRelaxedBernoulli::from_log_scale(loc, log_scale).unwrap()
    })
}

#[test]
fn gaussian_relaxed_bernoulli_laws() {
    for parameters in [[0.5, 0.5_f64.ln()], [-0.3, 0.0], [1.4, -0.5], [0.7, -3.0], [0.2, 2.0]] {
        let case = stochastic_gate(&parameters);
        mixed_laws(&case);
        moments::mean_and_variance(&case).assert();
        finite_difference::of(&case, "gradient of the mean", |law| law.mean()).assert();
        finite_difference::of(&case, "gradient of the variance", |law| law.variance()).assert();
        finite_difference::of(&case, "gradient of the penalty", |law| law.l0_penalty()).assert();
    }
    // Far out on either side a gate is shut, or open, and hardly varies.
    let case = stochastic_gate(&[-4.0, 5.0, 0.5, 0.5, 0.0, 0.0, -7.0, 4.0]);
    moments::mean_and_variance(&case).assert();
}

/// The gradient of `E[(z − 0.3)²]` by the pathwise estimate is that of the exact mean and variance.
#[test]
fn pathwise_gradients_of_clamped_gates_are_unbiased() {
    let parameters = Tensor::<2>::from_data([[0.4, -0.5]], (&Device::flex(), DType::F64)).repeat_dim(0, 200_000);
    let gradient = |f: fn(&GaussianRelaxedBernoulli<2>) -> Tensor<2>| {
        let leaf = parameters.clone().autodiff().require_grad();
        let (loc, log_scale) = (leaf.clone().slice_dim(1, 0), leaf.clone().slice_dim(1, 1));
        let law = GaussianRelaxedBernoulli::from_log_scale(loc, log_scale).unwrap();
        leaf.grad(&f(&law).sum().backward()).unwrap()
    };
    let slopes = gradient(|law| (law.rsample(&mut Noise::seeded(3)) - 0.3).square());
    let exact = gradient(|law| law.variance() + (law.mean() - 0.3).square()).slice_dim(0, 0);
    let (variance, mean) = slopes.var_mean(0);
    for ((mean, exact), variance) in numbers(mean).into_iter().zip(numbers(exact)).zip(numbers(variance)) {
        assert!((mean - exact).abs() < 4.892 * (variance / 2e5).sqrt(), "{mean} {exact}");
    }
}

#[test]
fn gaussian_relaxed_bernoulli_probabilities() {
    let law = stochastic_gate(&[0.5, -1.0, 3.0, 0.5, -0.7, 0.0, 1.0, -2.0]).law(1, DType::F64);
    let at = |value: f64| law.log_prob(Tensor::full([1, 4], value, (&law.device(), DType::F64))).exp();
    let close = |a: Tensor<2>, b: Tensor<2>| assert!(a.clone().all_close(b.clone(), Some(1e-12), None), "{a} {b}");
    close(law.prob_zero(), at(0.0));
    close(law.prob_one(), at(1.0));
    close(law.l0_penalty(), -law.prob_zero() + 1.0);
    close(law.open().probs(), law.l0_penalty());
    assert_eq!(numbers(law.deterministic()), [0.5, 0.0, 1.0, 0.5]);
}

#[test]
fn gaussian_relaxed_bernoulli_at_extremes() {
    for log_scale in [-7.0, 0.0, 7.0] {
        let case = stochastic_gate(&[1e4, -1e4, 0.5, 1.0, log_scale, log_scale, log_scale, log_scale]);
        at_extremes(&case);
        extremes::finite(&case, "mean", |law, _| law.mean()).assert();
        extremes::finite(&case, "variance", |law, _| law.variance()).assert();
        extremes::finite(&case, "penalty", |law, _| law.l0_penalty()).assert();
    }
    shapes_and_types(|loc| GaussianRelaxedBernoulli::from_log_scale(loc.clone(), loc).unwrap());
}

#[test]
fn gaussian_relaxed_bernoulli_refuses() {
    let device = Device::flex();
    let full = |x: f64| Tensor::<2>::full([4, 3], x, &device);
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(GaussianRelaxedBernoulli::new(full(0.5), full(scale)), "scale");
    }
    refused(GaussianRelaxedBernoulli::new(full(f64::NAN), full(1.0)), "loc");
    refused(GaussianRelaxedBernoulli::new(full(0.5), Tensor::ones([4, 2], &device)), "scale");
    let message = GaussianRelaxedBernoulli::new(full(0.5), full(-1.0)).unwrap_err().to_string();
    assert!(
        message.starts_with("GaussianRelaxedBernoulli: every value of `scale` must be between 1e-30 and 1e30"),
        "{message}"
    );
}

fn rebar(logits: &[f64], temperature: f64) -> Case<RebarRelaxation<2>> {
    let law = move |logits| RebarRelaxation::from_logits(logits, temperature).unwrap();
    Case::new(format!("RebarRelaxation at temperature {temperature}"), logits, law)
}

#[test]
fn rebar_relaxation_laws() {
    for (logits, temperature) in [(&[0.0][..], 1.0), (&[-2.0, 0.5, 3.0], 0.5), (&[0.3, -0.3], 2.0), (&[2.0, -4.0], 0.7)]
    {
        let case = rebar(logits, temperature);
        ks::density(&case).assert();
        quadrature::normalisation(&case).assert();
        suite::reparameterized_density(&case).iter().for_each(Verdict::assert);
        conditional_laws(&case);
    }
    for (logits, temperature) in [(&[5.0, -5.0][..], 0.01), (&[0.3, -7.0], 100.0)] {
        conditional_laws(&rebar(logits, temperature));
    }
    let learnt = Case::new("RebarRelaxation with log-temperature", &[0.3, 0.5, -1.0], |p: Tensor<2>| {
        RebarRelaxation::from_logits(p.clone().slice_dim(1, 1..3), p.slice_dim(1, 0).exp()).unwrap()
    });
    quadrature::normalisation(&learnt).assert();
    ks::density(&learnt).assert();
    finite_difference::transport(&learnt).assert();
    finite_difference::log_prob(&learnt).assert();
    coupling::pathwise(&learnt).assert();
    score::identity(&learnt).assert();
}

/// `squash` of a conditional latent carries the gradient of the logits on both its ways.
#[test]
fn rebar_relaxation_gradient_of_the_squashed_conditional() {
    let at = Tensor::<2>::from_data([[0.7, -1.2, 3.0]], (&Device::flex(), DType::F64)).repeat_dim(0, 16);
    let noise = Noise::seeded(2).draw(Base::Logistic, [16, 3], (&Device::flex(), DType::F64));
    let b = Bernoulli::from_logits(at.clone()).sample(&mut Noise::seeded(3));
    finite_difference::gradient("gradient of the squashed conditional", "RebarRelaxation", &at, |logits| {
        let law = RebarRelaxation::from_logits(logits, 0.6).unwrap();
        law.squash(law.latent_given(b.clone(), noise.clone()))
    })
    .assert();
}

/// The paper's form, `σ((λ² + λ + 1)/(λ (λ + 1)) φ + L/λ)`, its limits, and the same law by its other name.
#[test]
fn rebar_relaxation_is_the_published_one() {
    let options = (&Device::flex(), DType::F64);
    let logits = Tensor::<2>::from_data([[-3.0, -0.5, 0.0, 1.0, 4.0]], options);
    let noise = Noise::seeded(0).draw(Base::Logistic, [1, 5], options);
    for temperature in [0.05, 0.5, 1.0, 3.0, 100.0] {
        let law = RebarRelaxation::from_logits(logits.clone(), temperature).unwrap();
        let y = law.transport(noise.clone());
        let factor = (temperature * temperature + temperature + 1.0) / (temperature * (temperature + 1.0));
        let published = activation::sigmoid(logits.clone() * factor + noise.clone() / temperature);
        assert!(y.clone().all_close(published, Some(1e-12), Some(1e-15)));
        let plain = law.as_relaxed_bernoulli();
        assert!(plain.transport(noise.clone()).all_close(y.clone(), Some(1e-12), Some(1e-15)));
        let value = y.clamp(0.01, 0.99);
        assert!(plain.log_prob(value.clone()).all_close(law.log_prob(value), Some(1e-9), Some(1e-9)));
    }
    let flat = RebarRelaxation::from_logits(logits.clone(), 1e6).unwrap();
    assert!(flat.transport(noise.clone()).all_close(flat.hard().probs(), Some(0.0), Some(1e-5)));
    let sharp = RebarRelaxation::from_logits(logits, 1e-6).unwrap();
    let z = sharp.latent().transport(noise.clone());
    assert!(sharp.transport(noise).all_close(sharp.threshold(z), Some(0.0), Some(1e-9)));
}

#[test]
fn rebar_relaxation_at_extremes_and_its_doors() {
    for temperature in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
        let case = rebar(&[1e4, -1e4, 0.0, 17.0], temperature);
        extremes::sampling(&case).assert();
        extremes::rsampling(&case).assert();
        extremes::support(&case).assert();
        coupling::threshold(&case).assert();
    }
    shapes_and_types(|logits| RebarRelaxation::from_logits(logits, 0.5).unwrap());
    let logits = || Tensor::<2>::zeros([4, 3], &Device::flex());
    for temperature in [0.0, f64::NAN, 1e7] {
        refused(RebarRelaxation::from_logits(logits(), temperature), "temperature");
    }
    refused(RebarRelaxation::from_probs(logits() - 0.1, 0.5), "probs");
    refused(RebarRelaxation::from_logits(logits() + f64::INFINITY, 0.5).unwrap().validate(), "logits");
}

/// The gradient of `f(b)` averaged exactly over bits, one row of `weights` to each of all 2³ outcomes.
fn expected_gradient(
    logits: &Tensor<2>,
    f: impl Fn(Tensor<2>) -> Tensor<2>,
    sample: impl Fn(Tensor<2>, Tensor<2>) -> Tensor<2>,
) -> Vec<f64> {
    let law = Independent::<_, 1>(Bernoulli::from_logits(logits.clone()));
    law.outcomes()
        .map(|b| {
            let leaf = logits.clone().autodiff().require_grad();
            // Noise so large that it decides the bit.
            let noise = Tensor::from_inner((b.clone() * 2.0 - 1.0) * 1e3);
            let gradient = leaf.grad(&f(sample(leaf.clone(), noise)).sum().backward()).unwrap();
            gradient * law.log_prob(b).exp()
        })
        .reduce(|a, b| a + b)
        .map(numbers)
        .unwrap()
}

/// The gradient of `E[f(b)]`, by enumeration.
fn exact_gradient(logits: &Tensor<2>, f: impl Fn(Tensor<2>) -> Tensor<2>) -> Vec<f64> {
    let leaf = logits.clone().autodiff().require_grad();
    let law = Independent::<_, 1>(Bernoulli::from_logits(leaf.clone()));
    let mean = law.outcomes().map(|b| law.log_prob(b.clone()).exp() * f(b)).reduce(|a, b| a + b).unwrap();
    numbers(leaf.grad(&mean.sum().backward()).unwrap())
}

#[test]
fn straight_through_is_exact_for_linear_objectives_only() {
    let logits = Tensor::<2>::from_data([[0.7, -1.3, 2.0]], (&Device::flex(), DType::F64));
    let weights = Tensor::<2>::from_data([[2.0, -3.0, 0.5]], (&Device::flex(), DType::F64));
    let sample = |logits, noise| StraightThroughBernoulli::from_logits(logits).transport(noise);
    let linear = |b: Tensor<2>| (b * Tensor::from_inner(weights.clone())).sum_dim(1) + 0.7;
    let (exact, got) = (exact_gradient(&logits, linear), expected_gradient(&logits, linear, sample));
    for (exact, got) in exact.iter().zip(&got) {
        assert!((exact - got).abs() < 1e-12, "{exact} {got}");
    }
    // (b − 0.2)²: the derivative at bits is 2 (p − 0.2) on average, the difference between them 0.6.
    let quadratic = |b: Tensor<2>| (b - 0.2).square().sum_dim(1);
    let (exact, got) = (exact_gradient(&logits, quadratic), expected_gradient(&logits, quadratic, sample));
    for ((exact, got), logit) in exact.iter().zip(&got).zip(numbers(logits)) {
        let p = 1.0 / (1.0 + (-logit).exp());
        assert!((got - 2.0 * (p - 0.2) * p * (1.0 - p)).abs() < 1e-12);
        assert!((exact - 0.6 * p * (1.0 - p)).abs() < 1e-12);
    }
}

#[test]
fn straight_through_bernoulli_laws() {
    for logits in [&[0.0][..], &[-2.0, 0.5, 3.0]] {
        let case = Case::new("StraightThroughBernoulli", logits, StraightThroughBernoulli::from_logits);
        moments::mean_and_variance(&case).assert();
        chi_square::outcomes(&case).assert();
        quadrature::mass(&case).assert();
        score::identity(&case).assert();
        divergence::entropy(&case).assert();
        independence::rows(&case).assert();
        divergence::kl(&case, &Case::new("Bernoulli", &vec![0.3; logits.len()], Bernoulli::from_logits)).assert();
        // Sampling with gradient gives the very bits of sampling without.
        let law = case.law(1000, DType::F32);
        let (x, y) = (law.sample(&mut Noise::seeded(1)), law.rsample(&mut Noise::seeded(1)));
        assert_eq!(x.to_data(), y.to_data());
    }
    let case = Case::new("StraightThroughBernoulli", &[1e4, -1e4, 0.0], StraightThroughBernoulli::from_logits);
    extremes::sampling(&case).assert();
    extremes::support(&case).assert();
    extremes::finite(&case, "rsample", StraightThroughBernoulli::rsample).assert();
    refused(StraightThroughBernoulli::from_probs(Tensor::<1>::full([2], 1.5, &Device::flex())), "probs");
    assert_eq!(StraightThroughBernoulli::from_logits(Tensor::<2>::zeros([0, 3], &Device::flex())).shape(), [0, 3]);
}

#[test]
fn stochastic_times_smooth_laws() {
    for logits in [&[0.0][..], &[-2.0, 0.5, 3.0]] {
        let case = Case::new("StochasticTimesSmooth", logits, StochasticTimesSmooth::from_logits);
        moments::mean_and_variance(&case).assert();
        independence::rows(&case).assert();
        finite_difference::of(&case, "gradient of the mean", |law| law.mean()).assert();
        finite_difference::of(&case, "gradient of the variance", |law| law.variance()).assert();
        finite_difference::of(&case, "gradient of the gate", |law| law.gate().logits().clone()).assert();
        let law = case.law(1, DType::F64);
        assert!(law.gate().probs().all_close(law.probs().sqrt(), Some(1e-12), None));
        assert!(law.smooth().all_close(law.probs().sqrt(), Some(1e-12), None));
        // On or off, nothing between.
        let law = case.law(10_000, DType::F32);
        let h = law.sample(&mut Noise::seeded(0));
        let off = h.clone().equal_elem(0.0);
        assert!(off.clone().bool_or(h.equal(law.smooth())).all().into_scalar::<bool>());
        chi_square::outcomes(&case.map("gate", |law| law.gate())).assert();
    }
    let case = Case::new("StochasticTimesSmooth", &[1e4, -1e4, 0.0], StochasticTimesSmooth::from_logits);
    extremes::finite(&case, "rsample", StochasticTimesSmooth::rsample).assert();
    extremes::finite(&case, "mean", |law, _| law.mean()).assert();
    extremes::finite(&case, "variance", |law, _| law.variance()).assert();
    extremes::finite(&case, "gate", |law, _| law.gate().logits().clone()).assert();
    refused(StochasticTimesSmooth::from_probs(Tensor::<1>::full([2], f64::NAN, &Device::flex())), "probs");
    refused(StochasticTimesSmooth::from_logits(Tensor::<1>::full([2], f64::NAN, &Device::flex())).validate(), "logits");
    let empty = StochasticTimesSmooth::from_logits(Tensor::<2>::zeros([0, 3], &Device::flex()));
    assert_eq!(empty.rsample(&mut Noise::seeded(0)).dims(), [0, 3]);
}

/// Of linear objectives the expected gradient is half the true one, by enumeration.
#[test]
fn stochastic_times_smooth_halves_linear_gradients() {
    let logits = Tensor::<2>::from_data([[0.7, -1.3, 2.0]], (&Device::flex(), DType::F64));
    let weights = Tensor::<2>::from_data([[2.0, -3.0, 0.5]], (&Device::flex(), DType::F64));
    let linear = |b: Tensor<2>| (b * Tensor::from_inner(weights.clone())).sum_dim(1);
    let truth = exact_gradient(&logits, linear); // E[h] is the mean of the bit at these logits
    let gate = StochasticTimesSmooth::from_logits(logits.clone()).gate();
    let gates = Independent::<_, 1>(gate);
    let expected = gates.outcomes().map(|b| {
        let leaf = logits.clone().autodiff().require_grad();
        let noise = Tensor::from_inner((b.clone() * 2.0 - 1.0) * 1e3);
        let h = StochasticTimesSmooth::from_logits(leaf.clone()).transport(noise);
        leaf.grad(&linear(h).sum().backward()).unwrap() * gates.log_prob(b).exp()
    });
    for (got, truth) in numbers(expected.reduce(|a, b| a + b).unwrap()).into_iter().zip(truth) {
        assert!((got - truth / 2.0).abs() < 1e-12, "{got} {truth}");
    }
}

fn hard_kumaraswamy(parameters: &[f64], (gamma, zeta): (f64, f64)) -> Case<HardKumaraswamy<2>> {
    Case::new(format!("HardKumaraswamy with stretch [{gamma}, {zeta}]"), parameters, move |p: Tensor<2>| {
        let entries = p.dims()[1] / 2;
        let (a, b) = (p.clone().slice_dim(1, 0..entries), p.slice_dim(1, entries..2 * entries));
        HardKumaraswamy::from_log_concentrations(a, b).unwrap().with_stretch(gamma, zeta).unwrap()
    })
}

#[test]
fn hard_kumaraswamy_laws() {
    for (parameters, stretch) in [
        ([0.0, 0.0], (-0.1, 1.1)),
        ([-0.7, -0.5], (-0.1, 1.1)),
        ([1.0, 1.5], (-0.1, 1.1)),
        ([-2.0, 0.3], (-0.3, 1.05)),
        ([0.5, -1.5], (-1.0, 2.0)),
    ] {
        let case = hard_kumaraswamy(&parameters, stretch);
        mixed_laws(&case);
        finite_difference::of(&case, "gradient of the penalty", |law| law.l0_penalty()).assert();
    }
}

#[test]
fn hard_kumaraswamy_probabilities() {
    let law = hard_kumaraswamy(&[0.5, -1.0, 3.0, 0.5, -0.7, 0.0, 1.0, -2.0], (-0.1, 1.1)).law(1, DType::F64);
    let at = |value: f64| law.log_prob(Tensor::full([1, 4], value, (&law.device(), DType::F64))).exp();
    let close = |a: Tensor<2>, b: Tensor<2>| assert!(a.clone().all_close(b.clone(), Some(1e-12), None), "{a} {b}");
    close(law.prob_zero(), at(0.0));
    close(law.prob_one(), at(1.0));
    close(law.l0_penalty(), -law.prob_zero() + 1.0);
    let at_concentrations = HardKumaraswamy::new(law.concentration1(), law.concentration0()).unwrap();
    close(at_concentrations.l0_penalty(), law.l0_penalty());
}

#[test]
fn hard_kumaraswamy_at_extremes() {
    for (log_a, log_b) in [(-9.0, -9.0), (-9.0, 9.0), (9.0, -9.0), (9.0, 9.0), (0.0, 7.0), (-7.0, 0.0), (0.0, 0.0)] {
        for stretch in [(-0.1, 1.1), (-1e-4, 1.0001), (-1e3, 1001.0)] {
            let case = hard_kumaraswamy(&[log_a, log_b], stretch);
            at_extremes(&case);
            extremes::finite(&case, "penalty", |law, _| law.l0_penalty()).assert();
        }
    }
    shapes_and_types(|log_a| HardKumaraswamy::from_log_concentrations(log_a.clone(), log_a).unwrap());
}

#[test]
fn hard_kumaraswamy_refuses() {
    let device = Device::flex();
    let full = |x: f64| Tensor::<2>::full([4, 3], x, &device);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(HardKumaraswamy::new(full(bad), full(1.0)), "concentration1");
        refused(HardKumaraswamy::new(full(1.0), full(bad)), "concentration0");
    }
    refused(HardKumaraswamy::new(full(1.0), Tensor::ones([4, 2], &device)), "concentration0");
    let law = HardKumaraswamy::new(full(1.0), Tensor::ones([1, 3], &device)).unwrap();
    assert_eq!(law.shape(), [4, 3]);
    refused(law.clone().with_stretch(0.0, 1.1), "gamma");
    refused(law.with_stretch(-0.1, f64::NAN), "zeta");
    refused(HardKumaraswamy::from_log_concentrations(full(f64::NAN), full(0.0)).unwrap().validate(), "concentration1");
}

fn matrix(correlation: &[f64], device: &Device) -> Tensor<2> {
    let size = (1..10).find(|size| size * size == correlation.len()).unwrap();
    Tensor::from_data(TensorData::new(correlation.to_vec(), [size, size]), (device, DType::F64))
}

fn correlated(logits: &[f64], correlation: &[f64], temperature: f64) -> Case<CorrelatedRelaxedBernoulli<2>> {
    let name = format!("CorrelatedRelaxedBernoulli of {correlation:?} at temperature {temperature}");
    let correlation = correlation.to_vec();
    Case::new(name, logits, move |logits| {
        let correlation = matrix(&correlation, &Device::flex());
        CorrelatedRelaxedBernoulli::from_logits(logits, &correlation, temperature).unwrap()
    })
}

const THREE: [f64; 9] = [1.0, 0.5, -0.3, 0.5, 1.0, 0.2, -0.3, 0.2, 1.0];

#[test]
fn correlated_relaxed_bernoulli_laws() {
    for (logits, correlation, temperature) in [
        (&[0.7][..], &[1.0][..], 0.8),
        (&[0.0, 0.0], &[1.0, 0.0, 0.0, 1.0], 1.0),
        (&[0.5, -1.0], &[1.0, 0.7, 0.7, 1.0], 0.7),
        (&[-0.5, 1.5], &[1.0, -0.6, -0.6, 1.0], 1.5),
        (&[0.5, -1.0, 2.0], &THREE, 0.9),
    ] {
        let case = correlated(logits, correlation, temperature);
        if logits.len() < 3 {
            quadrature::normalisation(&case).assert();
        }
        if logits.len() == 1 {
            ks::density(&case).assert();
        }
        suite::reparameterized_density(&case).iter().for_each(Verdict::assert);

        // Each entry alone is a relaxed Bernoulli.
        let law = case.law(200_000, DType::F64);
        let m = law.sample(&mut Noise::seeded(8));
        let u = law.marginals().latent().log_cdf(m.clone().log() - (-m.clone()).log1p()).exp();
        for entry in 0..logits.len() {
            ks::uniform(format!("entry {entry} of {case:?}"), u.clone().slice_dim(1, entry)).assert();
        }
        // Pairs fall below both their medians as often as Sheppard (1899) says: 1/4 + asin(ρ)/2π.
        let low = u.lower_elem(0.5).float().cast(DType::F64);
        for (i, j) in (0..logits.len()).flat_map(|i| (0..i).map(move |j| (i, j))) {
            let both = low.clone().slice_dim(1, i) * low.clone().slice_dim(1, j);
            let rate: f64 = both.mean().into_scalar();
            let p = 0.25 + correlation[i * logits.len() + j].asin() / std::f64::consts::TAU;
            assert!((rate - p).abs() < 4.892 * (p * (1.0 - p) / 2e5).sqrt(), "{case:?} {i} {j}: {rate}, not {p}");
        }
        // The joint density and the sampler agree on expectations that see the dependence.
        if logits.len() == 2 {
            quadrature::joint(&case).assert();
        }
    }
}

/// Without correlation the entries are independent; the temperature may be learnt, one for each entry.
#[test]
fn correlated_relaxed_bernoulli_special_cases() {
    let options = (&Device::flex(), DType::F64);
    let logits = Tensor::<2>::from_data([[0.5, -1.0, 2.0], [0.0, 3.0, -2.0]], options);
    let each = Tensor::<2>::from_data([[0.5, 0.7, 1.0]], options);
    let law =
        CorrelatedRelaxedBernoulli::from_logits(logits.clone(), &Tensor::eye(3, options.0), each.clone()).unwrap();
    let alone = Independent::<_, 1>(RelaxedBernoulli::from_logits(logits, each).unwrap());
    let m = law.sample(&mut Noise::seeded(0));
    assert!(law.log_prob(m.clone()).all_close(alone.log_prob(m), Some(1e-9), Some(1e-9)));

    let learnt = Case::new("with log-temperatures", &[-0.3, 0.2, 0.5, -1.0], |p: Tensor<2>| {
        let correlation = matrix(&[1.0, 0.6, 0.6, 1.0], &Device::flex());
        let (log_temperature, logits) = (p.clone().slice_dim(1, 0..2), p.slice_dim(1, 2..4));
        CorrelatedRelaxedBernoulli::from_logits(logits, &correlation, log_temperature.exp()).unwrap()
    });
    quadrature::normalisation(&learnt).assert();
    finite_difference::transport(&learnt).assert();
    finite_difference::log_prob(&learnt).assert();
    score::identity(&learnt).assert();

    // Higher ranks, on a device that records; the matrix comes back.
    let device = Device::flex().autodiff();
    let logits = Tensor::<3>::zeros([4, 5, 3], &device).require_grad();
    let law = CorrelatedRelaxedBernoulli::from_logits(logits.clone(), &matrix(&THREE, &device), 0.5).unwrap();
    let m = law.rsample(&mut Noise::seeded(0));
    let log_prob = law.log_prob(m);
    assert_eq!((log_prob.dims(), law.batch_shape(), law.event_shape()), ([4, 5, 1], vec![4, 5], vec![3]));
    assert!(logits.grad(&log_prob.sum().backward()).is_some());
    assert!(law.correlation().cast(DType::F64).all_close(matrix(&THREE, &Device::flex()), None, Some(1e-6)));
    // One entry outside the support makes the density 0, not NaN.
    for stray in [f32::NAN, -0.1, f32::INFINITY] {
        let value = Tensor::<3>::full([4, 5, 3], 0.5, &device).slice_fill([0..1, 0..1, 0..1], stray);
        let log_prob = numbers(law.log_prob(value));
        assert!(log_prob[0].is_infinite() && log_prob[0] < 0.0 && log_prob[1].is_finite(), "{log_prob:?}");
    }
}

#[test]
fn correlated_relaxed_bernoulli_at_extremes() {
    for temperature in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
        for logits in [[1e4, -1e4, 0.0], [17.0, -80.0, 1e4]] {
            at_extremes(&correlated(&logits, &THREE, temperature));
        }
        let nearly_singular = [1.0, 0.9999, 0.9999, 1.0];
        at_extremes(&correlated(&[1e4, -1e4], &nearly_singular, temperature));
    }
    shapes_and_types(|logits| {
        CorrelatedRelaxedBernoulli::from_logits(logits, &matrix(&THREE, &Device::flex()), 0.5).unwrap()
    });
    let empty = Tensor::<2>::zeros([0, 3], &Device::flex());
    let law = CorrelatedRelaxedBernoulli::from_logits(empty.clone(), &matrix(&THREE, &Device::flex()), 0.5).unwrap();
    assert_eq!(law.log_prob(empty).dims(), [0, 1]);
}

#[test]
fn correlated_relaxed_bernoulli_refuses() {
    let device = Device::flex();
    let law = |correlation: &[f64]| {
        let logits = Tensor::<2>::zeros([4, 2], &device);
        CorrelatedRelaxedBernoulli::from_logits(logits, &matrix(correlation, &device), 0.5)
    };
    for bad in [
        &[1.0, 0.5, 0.4, 1.0][..], // not symmetric
        &[1.1, 0.5, 0.5, 1.0],     // no unit diagonal
        &[1.0, 1.0, 1.0, 1.0],     // singular
        &[1.0, 1.5, 1.5, 1.0],     // indefinite
        &[1.0, f64::NAN, f64::NAN, 1.0],
        &[1.0], // of another size
        &THREE,
    ] {
        refused(law(bad), "correlation");
    }
    assert!(law(&[1.0, 0.5, 0.5, 1.0]).is_ok());
    let message = law(&[2.0, 0.5, 0.5, 1.0]).unwrap_err().to_string();
    let expected = "every value of `correlation` must be 1 on the diagonal, got 2 (1 such)";
    assert_eq!(message, format!("CorrelatedRelaxedBernoulli: {expected}"));
    let logits = Tensor::<2>::zeros([4, 2], &device);
    let identity = matrix(&[1.0, 0.0, 0.0, 1.0], &device);
    refused(CorrelatedRelaxedBernoulli::from_logits(logits.clone(), &identity, 0.0), "temperature");
    refused(CorrelatedRelaxedBernoulli::from_probs(logits.clone() - 1.0, &identity, 0.5), "probs");
    let law = CorrelatedRelaxedBernoulli::from_logits(logits + f64::NAN, &identity, 0.5).unwrap();
    refused(law.validate(), "logits");
}
