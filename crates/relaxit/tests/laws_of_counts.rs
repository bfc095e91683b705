//! Laws of counts, their truncations and relaxations, and laws on the simplex, held to every law they can be held to.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor};
use relaxit::Error;
use relaxit::distribution::{
    Binomial, Dirichlet, Geometric, LogisticNormal, LogisticNormalSoftmax, NegativeBinomial, Poisson, Truncated,
};
use relaxit::prelude::*;
use relaxit::relaxation::GeneralizedGumbelSoftmax;
use relaxit::testing::{
    Case, Verdict, chi_square, coupling, divergence, extremes, finite_difference, halves, independence, ks, moments,
    quadrature, score, suite,
};

fn negative_binomial(p: Tensor<2>) -> NegativeBinomial<2> {
    let (log_total_count, logits) = halves(p);
    NegativeBinomial::from_logits(log_total_count.exp(), logits).unwrap()
}

fn binomial(total_count: usize) -> impl Fn(Tensor<2>) -> Binomial<2> {
    move |logits| Binomial::from_logits(total_count, logits).unwrap()
}

fn row(x: &[f64]) -> Tensor<2> {
    Tensor::<1>::from_data(x, (&Device::flex(), DType::F64)).unsqueeze()
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.try_into_vec_as().unwrap()
}

/// Mass, mean and variance by summation over 0, 1, …, `last`, beyond which nothing may be left.
fn sums<L: Density<2> + Moments<2>>(case: &Case<L>, last: u32) {
    let law = case.law(1, DType::F64);
    let (mean, variance) = (law.mean(), law.variance());
    let zero = mean.zeros_like();
    let sums = (0..=last).fold([zero.clone(), zero.clone(), zero.clone()], |[mass, first, second], k| {
        let k = zero.clone() + f64::from(k);
        let p = law.log_prob(k.clone()).exp();
        let off = (k.clone() - mean.clone()).square();
        [mass + p.clone(), first + k * p.clone(), second + off * p]
    });
    for (sum, claim) in sums.into_iter().zip([zero + 1.0, mean, variance]) {
        assert!(sum.clone().all_close(claim.clone(), Some(1e-8), Some(1e-9)), "{case:?}: {sum} is not {claim}");
    }
}

/// What every law of counts is held to; draws and probabilities meet in the truncation at each of `truncations`.
fn count_laws<L>(case: &Case<L>, last: u32, truncations: &[usize])
where
    L: Density<2> + Moments<2> + 'static,
{
    sums(case, last);
    let case = &case.clone().with_draws(50_000);
    moments::mean_and_variance(case).assert();
    independence::rows(case).assert();
    finite_difference::log_prob(case).assert();
    finite_difference::of(case, "gradient of the mean", |law| law.mean()).assert();
    finite_difference::of(case, "gradient of the variance", |law| law.variance()).assert();
    score::identity(case).assert();
    extremes::support(case).assert();
    extremes::sampling(case).assert();
    for &num_atoms in truncations {
        let truncation = case.map("truncation", move |law| Truncated::new(law, num_atoms).unwrap());
        truncation_laws(&truncation);
    }
}

fn truncation_laws<L: Density<2> + 'static>(case: &Case<Truncated<L>>) {
    moments::mean_and_variance(case).assert();
    chi_square::outcomes(case).assert();
    quadrature::mass(case).assert();
    divergence::entropy(case).assert();
    score::identity(case).assert();
    finite_difference::log_prob(case).assert();
    finite_difference::of(case, "gradient of the logits", |law| law.logits()).assert();
    finite_difference::of(case, "gradient of the mean", |law| law.mean()).assert();
    extremes::support(case).assert();
    extremes::finite(case, "logits", |law, _| law.logits()).assert();
    // `log_prob` of each atom is its logit.
    let law = case.law(3, DType::F64);
    let of_outcomes = Tensor::cat(law.outcomes().map(|k| law.log_prob(k)).collect(), 1);
    assert!(of_outcomes.all_close(law.logits(), Some(1e-12), Some(1e-12)), "{case:?}");
}

#[test]
fn poisson_laws() {
    for (log_rate, last, truncations) in
        [(3_f64.ln(), 60, &[1, 2, 6, 10][..]), (-4.0, 30, &[3]), (0.0, 40, &[4]), (4.0, 200, &[40, 90])]
    {
        count_laws(&Case::new("Poisson", &[log_rate], Poisson::from_log_rate), last, truncations);
    }
    let case = Case::new("Poisson", &[0.0, 2.0, -3.0], Poisson::from_log_rate);
    moments::mean_and_variance(&case).assert();
    independence::rows(&case).assert();
    // 10⁵ is far from where the truncations look.
    moments::mean_and_variance(&Case::new("Poisson", &[1e5_f64.ln()], Poisson::from_log_rate).with_draws(2000))
        .assert();
}

#[test]
fn geometric_laws() {
    for (logit, last, truncations) in [(0.0, 200, &[1, 4, 12][..]), (2.0, 100, &[2, 3]), (-2.5, 1500, &[5, 60])] {
        let case = Case::new("Geometric", &[logit], Geometric::from_logits);
        count_laws(&case, last, truncations);
        divergence::entropy(&case).assert();
        finite_difference::of(&case, "gradient of the entropy", |law| law.entropy()).assert();
    }
}

#[test]
fn binomial_laws() {
    for (total_count, logit, cut) in [(1, 0.5, 1), (7, -1.0, 4), (7, 3.0, 7), (40, 0.3, 22)] {
        let case = Case::new(format!("Binomial of {total_count}"), &[logit], binomial(total_count));
        let last = u32::try_from(total_count).unwrap();
        count_laws(&case, last, &[total_count + 1, cut]);
        chi_square::outcomes(&case).assert();
        quadrature::mass(&case).assert();
    }
    // No trials: always 0.
    let none = Binomial::from_logits(0, Tensor::<1>::zeros([3], &Device::flex())).unwrap();
    assert_eq!(numbers(none.sample(&mut Noise::seeded(0))), [0.0; 3]);
    assert!(numbers(none.log_prob(Tensor::zeros([3], &Device::flex()))).iter().all(|p| p.abs() < 1e-6));
}

#[test]
fn negative_binomial_laws() {
    for (total_count, logit, last, truncations) in
        [(1.0_f64, 0.0, 200, &[5][..]), (0.3, 1.0, 700, &[2, 8]), (4.5, -1.0, 200, &[9]), (30.0, 0.5, 500, &[50])]
    {
        let case = Case::new("NegativeBinomial", &[total_count.ln(), logit], negative_binomial);
        count_laws(&case, last, truncations);
    }
}

/// Two doors to one law.
#[test]
fn doors_agree() {
    let p = row(&[0.1, 0.5, 0.9]);
    let k = row(&[0.0, 3.0, 2.0]);
    // One failure of the negative binomial is one success of the geometric.
    let geometric = Geometric::from_probs(p.clone()).unwrap();
    let negative = NegativeBinomial::from_probs(p.ones_like(), -p.clone() + 1.0).unwrap();
    assert!(geometric.log_prob(k.clone()).all_close(negative.log_prob(k.clone()), Some(1e-12), Some(1e-12)));
    assert!(geometric.probs().all_close(p.clone(), Some(1e-12), None));
    let poisson = Poisson::new(p.clone()).unwrap();
    assert!(poisson.rate().all_close(p.clone(), Some(1e-12), None));
    let binomial = Binomial::from_probs(1, p.clone()).unwrap();
    let b = row(&[0.0, 1.0, 1.0]);
    let bernoulli = Bernoulli::from_probs(p).unwrap();
    assert!(binomial.log_prob(b.clone()).all_close(bernoulli.log_prob(b), Some(1e-12), Some(1e-12)));
}

#[test]
fn divergences() {
    let pairs: [(&[f64], &[f64]); 3] = [(&[0.5], &[-0.5]), (&[1.0], &[1.0]), (&[0.0, 2.0], &[1.0, 1.5])];
    let verdicts = [
        suite::divergence("Poisson", Poisson::from_log_rate, &pairs),
        suite::divergence("Geometric", Geometric::from_logits, &pairs),
        suite::divergence("Binomial", |p| Binomial::from_logits(6, p).unwrap(), &pairs),
    ];
    verdicts.iter().flatten().for_each(Verdict::assert);
}

/// The tail belongs to the last atom: cut and renormalised, Poisson(3) would have the mean 2.38.
#[test]
fn truncation_keeps_the_mean() {
    let poisson = || Poisson::new(row(&[3.0])).unwrap();
    let mean = |num_atoms| Truncated::new(poisson(), num_atoms).unwrap().mean().into_scalar::<f64>();
    // 90 % of the mass lies on 0, …, 4 and 5; E[min(K, m)] = Σ_{j ≤ m} P(K ≥ j).
    let p: Vec<f64> =
        (0..20).scan((-3_f64).exp(), |p, k| Some(std::mem::replace(p, *p * 3.0 / f64::from(k + 1)))).collect();
    for num_atoms in [1, 2, 6, 12] {
        let exact: f64 = (1..num_atoms).map(|j| 1.0 - p[..j].iter().sum::<f64>()).sum();
        assert!((mean(num_atoms) - exact).abs() < 1e-12, "{num_atoms}");
    }
    assert!(mean(6) > 2.7 && (mean(20) - 3.0).abs() < 1e-9);
}

fn generalized(parameters: &[f64], temperature: f64) -> Case<GeneralizedGumbelSoftmax<2>> {
    Case::new(format!("GeneralizedGumbelSoftmax at temperature {temperature}"), parameters, move |logits: Tensor<2>| {
        let atoms = [-1.5, 0.0, 4.0, 10.0];
        let count = logits.dims()[1];
        let device = logits.device();
        let atoms = Tensor::from_data(&atoms[..count], (&device, logits.dtype()));
        GeneralizedGumbelSoftmax::from_logits(logits, atoms, temperature).unwrap()
    })
}

#[test]
fn generalized_gumbel_softmax_laws() {
    for (logits, temperature) in [(&[0.0, 1.0][..], 0.5), (&[0.3, -0.3, 1.0], 1.0), (&[1.0, 0.0, -1.0, 0.5], 0.7)] {
        let case = generalized(logits, temperature);
        if logits.len() < 4 {
            quadrature::normalisation(&case).assert();
        }
        independence::rows(&case).assert();
        finite_difference::transport(&case).assert();
        finite_difference::log_prob(&case).assert();
        score::identity(&case).assert();
        extremes::support(&case).assert();
        coupling::hard(&case).assert();
        coupling::threshold(&case).assert();
        coupling::conditional(&case).assert();
        finite_difference::of(&case, "gradient of the value", |law| law.rsample_value(&mut Noise::seeded(3))).assert();
        // Hard values are atoms, with the gradient of the soft ones.
        let parameters = case.law(50, DType::F64).logits().clone().autodiff().require_grad();
        let atoms = case.law(1, DType::F64).atoms().clone().autodiff();
        let count = atoms.dims()[1];
        let law =
            GeneralizedGumbelSoftmax::from_logits(parameters.clone(), atoms.reshape([count]), temperature).unwrap();
        let (soft, hard) =
            (law.rsample_value(&mut Noise::seeded(3)), law.rsample_value_straight_through(&mut Noise::seeded(3)));
        let atoms = numbers(law.atoms().clone());
        assert!(numbers(hard.clone()).iter().all(|x| atoms.iter().any(|atom| (x - atom).abs() < 1e-12)));
        let [a, b] = [soft, hard].map(|value| parameters.grad(&value.sum().backward()).unwrap());
        assert!(a.clone().all_close(b, Some(1e-9), Some(1e-12)) && a.abs().max().into_scalar::<f64>() > 0.0);
    }
}

/// The hard value of a truncated law has the mean of that law, and the soft one tends to it as τ → 0.
#[test]
fn relaxed_counts_have_the_mean_of_the_count() {
    for temperature in [0.01, 0.5] {
        let rate = Tensor::<2>::from_data([[3.0]], (&Device::flex(), DType::F64)).repeat_dim(0, 200_000);
        let truncated = Truncated::new(Poisson::new(rate).unwrap(), 12).unwrap();
        let relaxed = GeneralizedGumbelSoftmax::from_truncated(&truncated, temperature).unwrap();
        let mean = truncated.mean().slice_dim(0, 0).into_scalar::<f64>();
        let variance = truncated.variance().slice_dim(0, 0).into_scalar::<f64>();
        let error = (variance / 200_000.0).sqrt();
        let hard = relaxed.rsample_value_straight_through(&mut Noise::seeded(1)).mean().into_scalar::<f64>();
        let sampled = relaxed.sample_value(&mut Noise::seeded(2)).mean().into_scalar::<f64>();
        assert!((hard - mean).abs() < 4.892 * error && (sampled - mean).abs() < 4.892 * error);
        let soft = relaxed.rsample_value(&mut Noise::seeded(1)).mean().into_scalar::<f64>();
        assert!(temperature > 0.1 || (soft - mean).abs() < 5.0 * error + 0.02);
    }
}

/// Extreme but legal: logits of ±1e4, probabilities 0 and 1, an empty batch, one atom.
#[test]
fn extremes_of_counts() {
    let logits = [1e4, -1e4, 80.0, -60.0, 0.0];
    let geometric = Case::new("Geometric", &logits, Geometric::from_logits);
    extremes::sampling(&geometric).assert();
    extremes::support(&geometric).assert();
    for total_count in [0, 1, 1000] {
        let case = Case::new(format!("Binomial of {total_count}"), &logits, binomial(total_count));
        extremes::sampling(&case).assert();
        extremes::support(&case).assert();
        extremes::finite(&case, "mean", |law, _| law.mean()).assert();
        extremes::finite(&case, "variance", |law, _| law.variance()).assert();
        extremes::finite(&case, "divergence", |law, _| law.kl_divergence(law)).assert();
    }
    let poisson = Case::new("Poisson", &[-1e4, -80.0, 16.0, 0.0], Poisson::from_log_rate);
    extremes::sampling(&poisson).assert();
    extremes::support(&poisson).assert();
    extremes::finite(&poisson, "divergence", |law, _| law.kl_divergence(law)).assert();
    let negative = Case::new("NegativeBinomial", &[-6.0, 0.0, 6.0, 10.0, -1e4, 8.0, 0.5, -10.0], negative_binomial);
    extremes::sampling(&negative).assert();
    extremes::support(&negative).assert();
    let certain = |p| Geometric::from_probs(p).unwrap();
    extremes::sampling(&Case::new("Geometric from probs", &[0.0, 1.0, 0.5], certain)).assert();
    extremes::sampling(&Case::new("Poisson", &[0.0, 2.0], |p| Poisson::new(p).unwrap())).assert();

    for temperature in [1e-3, 1e3] {
        for logits in [&[1e4, -1e4, 0.0][..], &[7.0]] {
            let case = generalized(logits, temperature);
            extremes::sampling(&case).assert();
            extremes::rsampling(&case).assert();
            extremes::finite(&case, "value", GeneralizedGumbelSoftmax::rsample_value_straight_through).assert();
        }
    }

    let empty = Tensor::<2>::zeros([0, 1], &Device::flex());
    let law = Poisson::from_log_rate(empty.clone());
    let truncated = Truncated::new(law.clone(), 5).unwrap();
    assert_eq!((law.sample(&mut Noise::seeded(0)).dims(), truncated.logits().dims()), ([0, 1], [0, 5]));
    assert_eq!(law.log_prob(empty.clone()).dims(), [0, 1]);
    assert_eq!(truncated.log_prob(empty.clone()).dims(), [0, 1]);
    let relaxed = GeneralizedGumbelSoftmax::from_truncated(&truncated, 0.5).unwrap();
    assert_eq!(relaxed.rsample_value(&mut Noise::seeded(0)).dims(), [0, 1]);
    assert_eq!(Geometric::from_logits(empty.clone()).sample(&mut Noise::seeded(0)).dims(), [0, 1]);
    assert_eq!(binomial(3)(empty).sample(&mut Noise::seeded(0)).dims(), [0, 1]);
}

#[test]
fn bad_counts_are_refused() {
    let at = |x: f64| row(&[x]);
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(Poisson::new(at(bad)), Err(Error::Values { parameter: "rate", .. })));
        assert!(matches!(Geometric::from_probs(at(bad)), Err(Error::Values { parameter: "probs", .. })));
        assert!(matches!(Binomial::from_probs(3, at(bad)), Err(Error::Values { parameter: "probs", .. })));
        let negative = NegativeBinomial::from_logits(at(bad), at(0.0));
        assert!(matches!(negative, Err(Error::Values { parameter: "total_count", .. })));
        let negative = NegativeBinomial::from_probs(at(1.0), at(bad));
        assert!(matches!(negative, Err(Error::Values { parameter: "probs", .. })));
    }
    assert!(matches!(NegativeBinomial::from_logits(at(0.0), at(0.0)), Err(Error::Values { .. })));
    let mismatched = NegativeBinomial::from_logits(row(&[1.0, 2.0]), row(&[1.0, 2.0, 3.0]));
    assert!(matches!(mismatched, Err(Error::Shape { parameter: "total_count", .. })));
    assert!(matches!(
        Binomial::from_logits(1 << 25, at(0.0)),
        Err(Error::Parameter { parameter: "total_count", got: 33_554_432.0, .. })
    ));
    assert!(Poisson::from_log_rate(at(1e4)).validate().is_err() && Poisson::from_log_rate(at(-1e4)).validate().is_ok());
    assert!(Geometric::from_logits(at(f64::NAN)).validate().is_err());
    assert!(Binomial::from_logits(3, at(f64::INFINITY)).unwrap().validate().is_err());

    let poisson = || Poisson::from_log_rate(at(0.0));
    assert!(matches!(Truncated::new(poisson(), 0), Err(Error::Parameter { parameter: "num_atoms", .. })));
    let law = binomial(3)(at(0.0));
    assert!(matches!(Truncated::new(law, 5), Err(Error::Parameter { parameter: "num_atoms", got: 5.0, .. })));
    let wide = Poisson::from_log_rate(row(&[0.0, 1.0]));
    assert!(matches!(Truncated::new(wide, 5), Err(Error::Shape { parameter: "law", .. })));
    let normal = Normal::new(at(0.0), at(1.0)).unwrap();
    assert!(matches!(Truncated::new(normal, 5), Err(Error::Syntax { .. })));

    let atoms = |x: &[f64]| Tensor::<1>::from_data(x, (&Device::flex(), DType::F64));
    let relaxed = |logits: Tensor<2>, atoms| GeneralizedGumbelSoftmax::from_logits(logits, atoms, 0.5).map(drop);
    let shape = |result| matches!(result, Err(Error::Shape { parameter: "atoms", .. }));
    assert!(shape(relaxed(row(&[0.0, 1.0]), atoms(&[0.0]))));
    assert!(shape(relaxed(row(&[0.0, 1.0]).slice_dim(1, 0..0), atoms(&[]))));
    let values = relaxed(row(&[0.0, 1.0]), atoms(&[0.0, f64::NAN]));
    assert!(matches!(values, Err(Error::Values { parameter: "atoms", .. })));
    let cold = GeneralizedGumbelSoftmax::from_logits(row(&[0.0]), atoms(&[1.0]), 0.0);
    assert!(matches!(cold, Err(Error::Parameter { parameter: "temperature", .. })));
}

fn dirichlet(log_concentration: Tensor<2>) -> Dirichlet<2> {
    Dirichlet::from_log_concentration(log_concentration).unwrap()
}

#[test]
fn dirichlet_laws() {
    for log_concentration in
        [&[0.3, 0.0][..], &[-0.7, 1.0], &[0.5, -0.5, 1.5], &[3.0, 4.0, 3.5], &[-0.3, 0.0, 0.4, 1.2, 2.0]]
    {
        let case = Case::new("Dirichlet", log_concentration, dirichlet).with_draws(50_000);
        if log_concentration.len() <= 3 {
            quadrature::normalisation(&case).assert();
        }
        if log_concentration.len() == 2 {
            ks::density(&case).assert();
        }
        moments::mean_and_variance(&case).assert();
        suite::reparameterized_density(&case).iter().for_each(Verdict::assert);
        finite_difference::of(&case, "gradient of the entropy", |law| law.entropy()).assert();
        finite_difference::of(&case, "gradient of the mean", |law| law.mean()).assert();
        finite_difference::of(&case, "gradient of the variance", |law| law.variance()).assert();
        divergence::entropy(&case).assert();
    }
    let pairs: [(&[f64], &[f64]); 2] = [(&[0.5, 0.0, 1.0], &[0.2, 1.0, 0.8]), (&[1.0, 2.0], &[1.5, 0.5])];
    suite::divergence("Dirichlet", dirichlet, &pairs).iter().for_each(Verdict::assert);
    assert!(dirichlet(row(&[0.3])).mean().into_scalar::<f64>() >= 1.0);
}

/// The mean pathwise gradient of E[y₁² + y₁ y₂] is the derivative of its closed form.
#[test]
fn dirichlet_gradients_are_unbiased() {
    // E[y₁²] = α₁(α₁ + 1)/(s(s + 1)), E[y₁y₂] = α₁α₂/(s(s + 1)), s = Σα.
    let closed = |a: &Tensor<2>| {
        let [first, second] = [0, 1].map(|k| a.clone().slice_dim(1, k));
        let total = a.clone().sum_dim(1);
        first.clone() * (first + 1.0 + second) / (total.clone() * (total + 1.0))
    };
    for concentration in [[0.05, 0.4, 0.2], [0.7, 1.5, 3.0], [30.0, 10.0, 22.0]] {
        let rows = 100_000;
        let leaf = row(&concentration).repeat_dim(0, rows).autodiff().require_grad();
        let y = Dirichlet::new(leaf.clone()).unwrap().rsample(&mut Noise::seeded(4));
        let [first, second] = [0, 1].map(|k| y.clone().slice_dim(1, k));
        let gradients = leaf.grad(&(first.clone() * (first + second)).sum().backward()).unwrap();
        let exact_leaf = row(&concentration).autodiff().require_grad();
        let exact = exact_leaf.grad(&closed(&exact_leaf).sum().backward()).unwrap();
        let (variance, mean) = gradients.var_mean(0);
        let z = ((mean - exact).abs() / (variance / rows as f64).sqrt()).max().into_scalar::<f64>();
        assert!(z < 4.892, "{concentration:?}: {z} standard errors");
    }
}

#[test]
fn extremes_of_dirichlet() {
    for concentration in [&[1e-6, 1e-6][..], &[1e-3, 1e3, 1.0], &[1e6, 1e6], &[0.5], &[1e-6, 1e6]] {
        let case = Case::new("Dirichlet", concentration, |p| Dirichlet::new(p).unwrap());
        extremes::sampling(&case).assert();
        extremes::rsampling(&case).assert();
        extremes::support(&case).assert();
        extremes::finite(&case, "entropy", |law, _| law.entropy()).assert();
        extremes::finite(&case, "divergence", |law, _| law.kl_divergence(law)).assert();
    }
    let beyond = Case::new("Dirichlet", &[-50.0, 40.0, 0.0], dirichlet);
    extremes::rsampling(&beyond).assert();
    let empty = Dirichlet::new(Tensor::<2>::zeros([0, 3], &Device::flex())).unwrap();
    assert_eq!(empty.rsample(&mut Noise::seeded(0)).dims(), [0, 3]);
    for bad in [0.0, -1.0, f64::NAN, 1e7] {
        let law = Dirichlet::new(row(&[1.0, bad]));
        assert!(matches!(law, Err(Error::Values { parameter: "concentration", count: 1, .. })));
    }
    let none = Dirichlet::new(row(&[1.0]).slice_dim(1, 0..0));
    assert!(matches!(none, Err(Error::Shape { parameter: "concentration", .. })));
}

fn logistic_normal(p: Tensor<2>) -> LogisticNormal<2> {
    let (loc, log_scale) = halves(p);
    LogisticNormal::from_log_scale(loc, log_scale).unwrap()
}

fn logistic_normal_softmax(p: Tensor<2>) -> LogisticNormalSoftmax<2> {
    let (loc, log_scale) = halves(p);
    LogisticNormalSoftmax::from_log_scale(loc, log_scale).unwrap()
}

fn simplex_laws<L>(case: &Case<L>)
where
    L: Reparameterized<2> + Density<2> + 'static,
{
    let entries = case.law(1, DType::F64).shape()[1];
    if entries <= 3 {
        quadrature::normalisation(case).assert();
    }
    if entries == 2 {
        ks::density(case).assert();
    }
    suite::reparameterized_density(case).iter().for_each(Verdict::assert);
}

#[test]
fn logistic_normal_laws() {
    for parameters in [&[0.3, 0.0][..], &[-1.0, 0.7], &[0.5, -0.5, 0.2, -0.3], &[0.5, 0.0, 1.0, -1.0, 0.3, 0.0]] {
        simplex_laws(&Case::new("LogisticNormal", parameters, logistic_normal).with_draws(50_000));
    }
    let pairs: [(&[f64], &[f64]); 2] = [(&[0.5, 0.0, 0.3, 0.1], &[0.2, 1.0, 0.8, 0.0]), (&[1.0, -0.5], &[1.5, 0.5])];
    suite::divergence("LogisticNormal", logistic_normal, &pairs).iter().for_each(Verdict::assert);
}

#[test]
fn logistic_normal_softmax_laws() {
    for parameters in [&[0.3, 0.0, 0.0, 0.0][..], &[-1.0, 1.0, 0.7, -0.8], &[0.5, -0.5, 0.2, -0.3, 0.4, 0.0], &[0.2; 8]]
    {
        let case = Case::new("LogisticNormalSoftmax", parameters, logistic_normal_softmax).with_draws(50_000);
        simplex_laws(&case);
    }
    // Of two categories only the difference of the logits is seen.
    let y = row(&[0.3, 0.7]);
    let overcomplete = logistic_normal_softmax(row(&[0.4, -0.2, 3_f64.ln(), 4_f64.ln()])).log_prob(y.clone());
    let complete = logistic_normal(row(&[0.6, 5_f64.ln()])).log_prob(y);
    assert!(overcomplete.all_close(complete, Some(1e-12), Some(1e-12)));
    // One category is certain, and its density that of a point.
    let certain = logistic_normal_softmax(row(&[5.0, 2.0])).log_prob(row(&[1.0]));
    assert!(certain.abs().into_scalar::<f64>() < 1e-12);
}

#[test]
fn laplace_bridge_and_back() {
    for concentration in [&[0.3, 5.0][..], &[1.0, 2.0, 4.0], &[0.01, 100.0, 3.0, 1.0, 1.0], &[1e-6, 1e6, 1.0]] {
        let law = Dirichlet::new(row(concentration)).unwrap();
        let back = law.laplace_bridge().unwrap().laplace_bridge().unwrap();
        assert!(back.concentration().clone().all_close(law.concentration().clone(), Some(1e-10), None));
        let case = Case::new("Dirichlet", concentration, |p| Dirichlet::new(p).unwrap());
        if concentration.iter().all(|a| (0.1..50.0).contains(a)) {
            finite_difference::of(&case, "gradient of loc", |law| law.laplace_bridge().unwrap().loc().clone()).assert();
            finite_difference::of(&case, "gradient of scale", |law| law.laplace_bridge().unwrap().scale().clone())
                .assert();
        }
    }
    let bridge = Case::new("LogisticNormalSoftmax", &[0.3, 1.0, -0.5, 0.2, -0.3, 0.0], logistic_normal_softmax)
        .map("bridge", |law| law.laplace_bridge().unwrap());
    finite_difference::of(&bridge, "gradient of the concentration", |law| law.concentration().clone()).assert();
    // One category has no logits to speak of.
    assert!(matches!(dirichlet(row(&[0.0])).laplace_bridge(), Err(Error::Shape { .. })));
    assert!(matches!(logistic_normal_softmax(row(&[0.0, 0.0])).laplace_bridge(), Err(Error::Shape { .. })));
}

/// The bridge against moments of draws: mean and *variance* of each centred logit, up to 1/α.
#[test]
fn laplace_bridge_has_the_moments_of_the_logits() {
    for concentration in [&[200.0, 300.0][..], &[150.0, 600.0, 300.0], &[100.0, 200.0, 400.0, 150.0, 800.0]] {
        let draws = 50_000;
        let law = Dirichlet::new(row(concentration).repeat_dim(0, draws)).unwrap();
        let log = law.sample(&mut Noise::seeded(6)).log();
        let (variance, mean) = (log.clone() - log.mean_dim(1)).var_mean(0);
        let bridge = Dirichlet::new(row(concentration)).unwrap().laplace_bridge().unwrap();
        let claim = bridge.scale().clone().square();
        // Four standard errors of a variance of 50,000 draws are 2.5 %, and 1/α is at most 1 %.
        assert!(variance.clone().all_close(claim.clone(), Some(0.04), None), "{variance} is not {claim}");
        let off = (mean - bridge.loc().clone()).abs().max().into_scalar::<f64>();
        assert!(off < 0.01, "{off}");
    }
}

#[test]
fn extremes_of_logistic_normals() {
    for parameters in [[1e4, -1e4, 0.0, 0.0], [0.0, 0.0, 6.9, -6.9], [0.0, 80.0, -6.9, 6.9]] {
        let case = Case::new("LogisticNormal", &parameters, logistic_normal);
        extremes::sampling(&case).assert();
        extremes::rsampling(&case).assert();
        extremes::support(&case).assert();
        extremes::finite(&case, "divergence", |law, _| law.kl_divergence(law)).assert();
        let case = Case::new("LogisticNormalSoftmax", &parameters, logistic_normal_softmax);
        extremes::sampling(&case).assert();
        extremes::rsampling(&case).assert();
        extremes::support(&case).assert();
    }
    let (zero, none) = (row(&[0.0]), row(&[0.0]).slice_dim(1, 0..0));
    assert!(matches!(LogisticNormal::new(none.clone(), none.clone()), Err(Error::Shape { .. })));
    assert!(matches!(LogisticNormalSoftmax::new(none.clone(), none), Err(Error::Shape { .. })));
    for bad in [0.0, -1.0, f64::NAN] {
        let law = LogisticNormal::new(zero.clone(), row(&[bad]));
        assert!(matches!(law, Err(Error::Values { subject: "LogisticNormal", parameter: "scale", .. })));
        let law = LogisticNormalSoftmax::new(row(&[bad]), row(&[bad]));
        assert!(matches!(law, Err(Error::Values { subject: "LogisticNormalSoftmax", .. })));
    }
    let empty = Tensor::<2>::zeros([0, 2], &Device::flex());
    let law = LogisticNormal::from_log_scale(empty.clone(), empty.clone()).unwrap();
    assert_eq!(law.rsample(&mut Noise::seeded(0)).dims(), [0, 3]);
    let law = LogisticNormalSoftmax::from_log_scale(empty.clone(), empty).unwrap();
    assert_eq!(law.rsample(&mut Noise::seeded(0)).dims(), [0, 2]);
}

/// A number of trials for each element: every answer is that of the law with this number alone.
#[test]
fn binomial_of_several_numbers_of_trials() {
    let options = (&Device::flex(), DType::F64);
    let logits = Tensor::<2>::from_data([[-1.0, 0.5, 3.0], [0.2, -4.0, 0.0]], options);
    let trials = [[0.0, 3.0, 17.0]];
    let each = Binomial::from_logits(Tensor::<2>::from_data(trials, options), logits.clone()).unwrap();
    assert_eq!((each.shape(), each.support()), ([2, 3], Support::NaturalsUpTo(17)));
    let q = Binomial::from_logits(Tensor::<2>::from_data(trials, options), logits.clone() * -0.5).unwrap();
    let draws = each.sample(&mut Noise::seeded(0));
    for (column, n) in trials[0].into_iter().enumerate() {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a small whole number
        let alone = |logits: &Tensor<2>| Binomial::from_logits(n as usize, logits.clone()).unwrap();
        let (law, other) = (alone(&logits), alone(&(logits.clone() * -0.5)));
        let same = |a: Tensor<2>, b: Tensor<2>| {
            let (a, b) = (a.narrow(1, column, 1), b.narrow(1, column, 1));
            let finite = |x: &Tensor<2>| x.clone().mask_fill(x.clone().is_finite().bool_not(), -1e9);
            assert!(finite(&a).all_close(finite(&b), Some(1e-12), Some(1e-13)), "{n}: {a} {b}");
        };
        same(draws.clone(), law.sample(&mut Noise::seeded(0)));
        same(each.mean(), law.mean());
        same(each.variance(), law.variance());
        same(each.mode(), law.mode());
        same(each.kl_divergence(&q), law.kl_divergence(&other));
        for k in 0..=18 {
            let k = Tensor::<2>::full([2, 3], f64::from(k), options);
            same(each.log_prob(k.clone()), law.log_prob(k));
        }
    }
    let total = each.outcomes().map(|k| each.log_prob(k).exp()).reduce(|a, b| a + b).unwrap();
    assert!(total.all_close(Tensor::ones([2, 3], options), Some(1e-12), None));
    let case = Case::new("Binomial of 2 and 9 trials", &[0.3, -1.0], |p: Tensor<2>| {
        let trials = Tensor::<2>::from_data([[2.0, 9.0]], (&p.device(), p.dtype()));
        Binomial::from_logits(trials, p).unwrap()
    });
    moments::mean_and_variance(&case).assert();
    chi_square::outcomes(&case).assert();
    score::identity(&case).assert();
    finite_difference::log_prob(&case).assert();
}

/// Of two numbers of trials the divergence is a sum: to the larger finite, to the smaller infinite.
#[test]
fn binomial_divergences_of_two_numbers_of_trials() {
    let law = |n: usize, logit: f64| {
        let logits = Tensor::<1>::from_data([logit], (&Device::flex(), DType::F64));
        Binomial::from_logits(n, logits).unwrap()
    };
    let numbers = |x: Tensor<1>| x.try_into_vec_as::<f64>().unwrap();
    // Binomial(1, ½) to Binomial(2, ½): ½ ln(½ / ¼) + ½ ln(½ / ½).
    let kl = numbers(law(1, 0.0).kl_divergence(&law(2, 0.0)));
    assert!((kl[0] - 0.5 * 2.0_f64.ln()).abs() < 1e-12, "{kl:?}");
    assert_eq!(numbers(law(2, 0.0).kl_divergence(&law(1, 0.0))), [f64::INFINITY]);
    let counts = |x: [f64; 2]| Tensor::<1>::from_data(x, (&Device::flex(), DType::F64));
    let p = Binomial::from_logits(counts([1.0, 5.0]), counts([0.0, 1.0])).unwrap();
    let q = Binomial::from_logits(counts([2.0, 5.0]), counts([0.0, -1.0])).unwrap();
    let (kl, same) = (numbers(p.kl_divergence(&q)), numbers(law(5, 1.0).kl_divergence(&law(5, -1.0))));
    assert!((kl[0] - 0.5 * 2.0_f64.ln()).abs() < 1e-12 && (kl[1] - same[0]).abs() < 1e-12, "{kl:?} {same:?}");
}

#[test]
fn binomial_refuses_what_is_no_number_of_trials() {
    let logits = || Tensor::<2>::zeros([2, 3], &Device::flex());
    for bad in [-1.0, 0.5, f64::NAN, f64::INFINITY, f64::from(1 << 25)] {
        let trials = Tensor::<2>::full([2, 3], bad, &Device::flex());
        let refused = Binomial::from_logits(trials, logits());
        assert!(matches!(refused, Err(Error::Values { parameter: "total_count", count: 6, .. })), "{bad}");
    }
    let refused = Binomial::from_logits(Tensor::<2>::ones([2, 2], &Device::flex()), logits());
    assert!(matches!(refused, Err(Error::Shape { parameter: "total_count", .. })));
    let empty =
        Binomial::from_logits(Tensor::<2>::ones([0, 3], &Device::flex()), Tensor::zeros([0, 3], &Device::flex()));
    assert_eq!(empty.unwrap().sample(&mut Noise::seeded(0)).dims(), [0, 3]);
}
