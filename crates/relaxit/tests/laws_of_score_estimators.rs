//! Estimators that need no gradient of the objective, and the exact one: held to their claims at every rank, and to what
//! theory says of their variance.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

mod toy;

use burn::tensor::{Shape, TensorData};
use relaxit::control::{RelaxedObjective, Tuner};
use relaxit::estimator::{
    Arm, Arms, Bias, Copula, DisArm, Exact, LearnedBaseline, MovingAverage, MuProp, Relax, Rloo, ScoreFunction,
    SumAndSample, UnorderedSet,
};
use relaxit::objective::Counted;
use relaxit::prelude::*;
use relaxit::schedule::Anneal;
use relaxit::testing::{Case, Z_MILLION, gradient};

use toy::{Boxed, DRAWS, bits, choice, logit, logits_of, power, variance_and_error};

type Bits = RelaxedBernoulli<2>;

/// A row of parameters of the shape `[rows, event…]`.
fn shaped<const D: usize>(p: Tensor<2>, event: &[usize]) -> Tensor<D> {
    let rows = p.dims()[0];
    p.reshape(Shape::from([&[rows], event].concat()))
}

fn leaf<const D: usize>(logits: &[f64], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(logits.to_vec(), shape), &Device::flex().autodiff()).require_grad()
}

fn largest<const D: usize>(x: Tensor<D>) -> f64 {
    x.abs().max().into_scalar()
}

fn arms() -> impl Iterator<Item = (usize, Arms)> {
    let copulas = [Copula::Systematic, Copula::Dirichlet];
    (2..=10).flat_map(move |n| copulas.map(|copula| (n, Arms::with_copula(n, copula).unwrap())))
}

// ---------------------------------------------------------------------------------------------------------------------
// The exact gradient

/// `E[(Σ b)²] = Σ θ(1 − θ) + (Σ θ)²`, whose derivative by a logit is `θᵢ(1 − θᵢ)(1 − 2θᵢ + 2 Σ θ)`.
#[test]
fn exact_sums_all_outcomes_of_sixteen_bits() {
    let phi: Vec<f64> = (0..32).map(|i| f64::from(i % 16) * 0.4 - 3.0 + f64::from(i / 16)).collect();
    let logits = leaf(&phi, [2, 16]);
    let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5).unwrap();
    let f = |b: Tensor<2>| b.sum_dim(1).square();
    let counted = Counted::new(&f);
    let estimate = Exact::<1>.estimate(&at, &counted, &mut Noise::seeded(0));
    assert_eq!(counted.evaluations(), 2 << 16);

    let theta = at.hard().probs().detach();
    let (variance, total) = (theta.clone() * (-theta.clone() + 1.0), theta.clone().sum_dim(1));
    let value = variance.clone().sum_dim(1) + total.clone().square();
    assert!(largest(estimate.value / value - 1.0) < 1e-5);
    let gradient = Tensor::from_inner(logits.grad(&estimate.surrogate.backward()).unwrap()) * 2.0;
    let expected = variance * (theta * -2.0 + 1.0 + total * 2.0);
    assert!(largest(gradient / expected - 1.0) < 1e-5);
}

#[test]
fn exact_gives_parameters_of_the_objective_their_gradient() {
    // More outcomes than one chunk holds, and several variables of several categories.
    let logits = leaf(&[0.3; 2 * 5 * 4], [2, 5, 4]);
    let at = RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5).unwrap();
    let weight = leaf(&[0.5, -1.0, 2.0, 0.7], [1, 1, 4]);
    let f = |b: Tensor<3>| (b * weight.clone()).sum_dim(2).sum_dim(1).square();
    let estimate = Exact::<1>.estimate(&at, &f, &mut Noise::seeded(0));
    let gradients = estimate.surrogate.backward();
    let whole = weight.grad(&gradients).unwrap();

    let mut parts = Tensor::<3>::zeros([1, 1, 4], &Device::flex());
    let mut visits = 0;
    let streamed = Exact::<1>.accumulate(&at, &f, |part| {
        visits += 1;
        parts = parts.clone() + weight.grad(part).unwrap();
    });
    assert_eq!(visits, 4);
    assert!(largest(streamed.value - estimate.value) < 1e-5);
    assert!(largest(parts / whole.clone() - 1.0) < 1e-5);
    let streamed = streamed.surrogate.backward();
    assert!(weight.grad(&streamed).is_none());
    let logits_gradient = logits.grad(&gradients).unwrap();
    assert!(largest(logits.grad(&streamed).unwrap() - logits_gradient.clone()) < 1e-5 * largest(logits_gradient));
    // Counts n of 5 even choices among 4 have E[nₖ nⱼ] = 20/16 and E[nₖ²] = 20/16 + 5/4, and dE[(w·n)²]/dwₖ = 2 E[nₖ w·n].
    let total = 0.5 - 1.0 + 2.0 + 0.7;
    let expected = [0.5, -1.0, 2.0, 0.7].map(|w| 2.0 * (20.0 / 16.0 * total + 5.0 / 4.0 * w));
    let whole: Vec<f64> = whole.try_into_vec_as().unwrap();
    for (got, expected) in whole.into_iter().zip(expected) {
        assert!((got / expected - 1.0).abs() < 1e-5, "{got} {expected}");
    }
}

#[test]
fn exact_needs_no_autodiff_for_its_value() {
    let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([2, 3], &Device::flex()), 0.5).unwrap();
    let estimate = Exact::<1>.estimate(&at, &|b: Tensor<2>| b.sum_dim(1), &mut Noise::seeded(0));
    assert!(largest(estimate.value - 1.5) < 1e-6);
}

#[test]
fn exact_refuses_more_outcomes_than_its_limit() {
    let choices = |n, k| RelaxedOneHotCategorical::from_logits(Tensor::<3>::zeros([1, n, k], &Device::flex()), 0.5);
    assert!(Exact::<1>::check(&choices(8, 4).unwrap()).is_ok());
    assert!(Exact::<1>::check(&choices(8, 5).unwrap()).is_err());
    // One choice among very many must not be enumerated to be counted.
    assert!(Exact::<0>::check(&choices(1, 1 << 20).unwrap()).is_err());
    assert!(Exact::<0>::check(&choices(1 << 10, 1 << 10).unwrap()).is_ok());
}

#[test]
#[should_panic(expected = "Exact: `outcomes` must be at most 65536 (2^16), got 131072")]
fn exact_estimates_nothing_beyond_its_limit() {
    let at = RelaxedBernoulli::from_logits(leaf(&[0.0; 17], [1, 17]), 0.5).unwrap();
    let _ = Exact::<1>.estimate(&at, &power(1), &mut Noise::seeded(0));
}

// ---------------------------------------------------------------------------------------------------------------------
// Claims

#[test]
fn arms_has_no_bias_with_any_number_of_samples() {
    let case = bits(&logits_of(&[0.001, 0.5, 0.999]));
    for (n, mut arms) in arms() {
        assert_eq!(Estimator::<Bits, 2>::bias(&arms), Bias::Unbiased);
        for exponent in if n == 3 { 1..=3 } else { 3..=3 } {
            gradient::claim::<_, 1>(&case, &mut arms, &power(exponent)).assert();
        }
    }
    for probs in [&[0.3][..], &[0.2, 0.9, 0.6]] {
        for (_, mut arms) in arms().filter(|(n, _)| [2, 4, 7].contains(n)) {
            for exponent in 1..=3 {
                gradient::claim::<_, 1>(&bits(&logits_of(probs)), &mut arms, &power(exponent)).assert();
            }
        }
    }
}

/// Unnormalised logits, uneven numbers of categories, and probabilities of 0.001 and 0.999.
const CHOICES: [&[f64]; 4] =
    [&[1.0, 2.5, 0.0], &[3.0, -3.9], &[0.0, 0.0, -6.0, 1.0], &[0.3, -0.2, 1.0, 0.1, -1.0, 0.5, 0.2]];

fn unbiased_at_choices(estimators: impl Fn() -> Vec<Boxed<RelaxedOneHotCategorical<2>, 2>>) {
    for logits in CHOICES {
        for exponent in 1..=3 {
            for mut estimator in estimators() {
                assert_eq!(estimator.bias(), Bias::Unbiased);
                gradient::claim::<_, 0>(&choice(logits), &mut *estimator, &power(exponent)).assert();
            }
        }
    }
}

#[test]
fn disarm_has_no_bias_at_choices() {
    unbiased_at_choices(|| vec![Box::new(DisArm)]);
}

#[test]
fn sum_and_sample_has_no_bias() {
    unbiased_at_choices(|| [1, 2, 3].map(|k| Box::new(SumAndSample::new(k).unwrap()) as Boxed<_, 2>).into());
}

#[test]
fn unordered_set_has_no_bias() {
    unbiased_at_choices(|| [2, 3, 5].map(|k| Box::new(UnorderedSet::new(k).unwrap()) as Boxed<_, 2>).into());
}

/// A baseline whose averages know something, and whose network is no longer 0.
fn learned<R, const D: usize>(inputs: usize, normalised: bool) -> ScoreFunction<LearnedBaseline>
where
    R: Relaxation<D>,
    ScoreFunction<LearnedBaseline>: Estimator<R, D>,
{
    let device = Device::flex().autodiff();
    let baseline = LearnedBaseline::new(inputs, 3, &mut Noise::seeded(1), &device).unwrap();
    let baseline = if normalised { baseline.normalised() } else { baseline };
    let mut estimator = ScoreFunction::with_baseline(baseline);
    let mut parameters = Estimator::<R, D>::parameters(&estimator);
    parameters[2] = Tensor::from_floats([0.5, -0.7, 0.2], &device).require_grad();
    parameters[3] = Tensor::from_floats([0.1], &device).require_grad();
    Estimator::<R, D>::set_parameters(&mut estimator, parameters);
    estimator
}

#[test]
fn a_learned_baseline_gives_no_bias() {
    for probs in [&[0.3][..], &[0.001, 0.5, 0.999]] {
        for exponent in 1..=3 {
            let (case, f) = (bits(&logits_of(probs)), power(exponent));
            let mut estimator = learned::<Bits, 2>(probs.len(), false);
            let _ = gradient::draws(&case, &mut estimator, &f, 10);
            assert_eq!(Estimator::<Bits, 2>::bias(&estimator), Bias::Unbiased);
            gradient::claim::<_, 1>(&case, &mut estimator, &f).assert();
        }
    }
    for logits in CHOICES {
        let mut estimator = learned::<RelaxedOneHotCategorical<2>, 2>(logits.len(), false);
        let _ = gradient::draws(&choice(logits), &mut estimator, &power(2), 10);
        gradient::claim::<_, 0>(&choice(logits), &mut estimator, &power(2)).assert();
    }
}

#[test]
fn a_learned_baseline_takes_any_rank_and_any_logits() {
    let family = |p| RelaxedBernoulli::<3>::from_logits(shaped(p, &[2, 2]), 0.5).unwrap();
    let case = Case::new("bits", &LOGITS[..4], family).with_draws(DRAWS);
    let mut estimator = learned::<RelaxedBernoulli<3>, 3>(4, false);
    gradient::claim_at_rank::<_, 2, 3>(&case, &mut estimator, &power::<3>(2)).assert();
    for logit in [-1e4, -50.0, 50.0, 1e4] {
        for normalised in [false, true] {
            let mut estimator = learned::<Bits, 2>(2, normalised);
            for _ in 0..3 {
                let (_, g) = gradient::draws(&bits(&[logit, 0.0]), &mut estimator, &power(3), 100);
                assert!(largest(g).is_finite());
            }
        }
    }
    let empty = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([0, 2], &Device::flex().autodiff()), 0.5).unwrap();
    let estimate = learned::<Bits, 2>(2, true).estimate(&empty, &power(2), &mut Noise::seeded(0));
    assert_eq!(estimate.value.dims(), [0, 1]);
}

#[test]
#[should_panic(expected = "LearnedBaseline: 10 rows must have 3 logits each")]
fn a_learned_baseline_refuses_rows_of_another_length() {
    let _ = gradient::draws(&bits(&[0.0, 1.0]), &mut learned::<Bits, 2>(3, false), &power(1), 10);
}

/// The direction is kept, the length is not.
#[test]
fn a_normalised_baseline_shows_its_bias() {
    let (case, f) = (bits(&[0.5, -1.0]), |b: Tensor<2>| power(2)(b) * 10.0);
    let mut estimator = learned::<Bits, 2>(2, true);
    let _ = gradient::draws(&case, &mut estimator, &f, 1000);
    assert_eq!(Estimator::<Bits, 2>::bias(&estimator), Bias::Biased);
    gradient::claim::<_, 1>(&case, &mut estimator.clone(), &f).assert();

    let (_, exact) = gradient::draws(&case, &mut Exact::<1>, &f, 1);
    let (_, rows) = gradient::draws(&case, &mut estimator, &f, DRAWS);
    let (variance, mean) = rows.var_mean(0);
    let ratio = mean / exact.clone();
    let error = (variance * (DRAWS as f64).recip()).sqrt() / exact.abs();
    let (scale, error): (Vec<f64>, Vec<f64>) = (ratio.try_into_vec_as().unwrap(), error.try_into_vec_as().unwrap());
    assert!(
        scale[0] < 0.9 && (scale[0] - scale[1]).abs() < Z_MILLION * error[0].hypot(error[1]),
        "{scale:?} {error:?}"
    );
}

/// Two kinds of rows of different worth: the network tells them apart by their logits, which no average can.
#[test]
fn a_learned_baseline_trained_has_less_variance_than_an_average() {
    let mut noise = Noise::seeded(0);
    let baseline = LearnedBaseline::new(1, 8, &mut noise, &Device::flex()).unwrap();
    let mut estimator = ScoreFunction::with_baseline(baseline);
    let mut tuner = Tuner::new(Anneal::Constant(0.02)).unwrap();
    let logits = leaf(&[2.0, -2.0].repeat(64), [128, 1]);
    let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5).unwrap();
    let worth = Tensor::<2>::from_data([[10.0], [-10.0]], &logits.device()).repeat_dim(0, 64);
    let f = |b: Tensor<2>| b + worth.clone();
    for _ in 0..300 {
        let estimate = estimator.estimate(&at, &f, &mut noise);
        tuner.step::<Bits, 2>(&mut estimator, estimate.tuning.unwrap());
    }
    let mut variance = |estimator: &mut dyn Estimator<Bits, 2>| -> f64 {
        let mut columns = Vec::new();
        for _ in 0..200 {
            let estimate = estimator.estimate(&at, &f, &mut noise);
            columns.push(logits.grad(&estimate.surrogate.backward()).unwrap().reshape([1, 128]) * 128.0);
        }
        Tensor::cat(columns, 0).var(0).mean().into_scalar()
    };
    let learned = variance(&mut estimator);
    let average = variance(&mut ScoreFunction::with_baseline(MovingAverage::new(0.8).unwrap()));
    // Var[ĝ] = θ(1 − θ) (1 − 2θ)² with the mean as baseline; the average leaves the rows' worth of 10 in.
    let exact = 0.880_797 * 0.119_203 * (1.0_f64 - 2.0 * 0.880_797).powi(2);
    assert!((learned / exact - 1.0).abs() < 0.3 && learned < 0.01 * average, "{learned} {exact} {average}");
}

// ---------------------------------------------------------------------------------------------------------------------
// Variances

/// One bit: `ĝ = Δ (1 − q)/(1 − p₁₁/q) (S − S²/n)/(n − 1)`, where S samples have the rarer value.
#[test]
fn the_variance_of_arms_on_one_bit_is_the_closed_form() {
    for (t, theta) in [(0.45, 0.5_f64), (0.45, 0.3), (0.499, 0.8)] {
        let (difference, q) = ((1.0_f64 - t).powi(2) - t * t, theta.min(1.0 - theta));
        for n in 2..=10_u32 {
            let count = f64::from(n);
            let whole = (count * q).floor();
            let more = count * q - whole;
            let spread = |s: f64| s - s * s / count;
            let repetition = whole * (whole - 1.0 + 2.0 * more) / (count * (count - 1.0) * q);
            let scale = difference * (1.0 - q) / ((1.0 - repetition) * (count - 1.0));
            let jump = scale * (spread(whole + 1.0) - spread(whole));
            let exact = more * (1.0 - more) * jump * jump;
            let mut arms = Arms::new(n as usize).unwrap();
            let toy = move |b: Tensor<2>| (b - t).square();
            let (_, gradients) = gradient::draws(&bits(&[logit(theta)]), &mut arms, &toy, DRAWS);
            let (variance, error) = variance_and_error(gradients);
            let tolerance = Z_MILLION * error + 1e-5 * exact + 1e-12;
            assert!((variance - exact).abs() < tolerance, "{n} {t} {theta}: {variance} {exact}");
        }
    }
}

/// The closed form of DisARM, with either copula.
#[test]
fn arms_with_two_samples_has_the_variance_of_disarm() {
    for (t, theta) in [(0.45, 0.5_f64), (0.45, 0.3), (0.499, 0.8)] {
        let (difference, v): (f64, f64) = ((1.0_f64 - t).powi(2) - t * t, theta * (1.0 - theta));
        let exact = difference.powi(2) * v * (theta.max(1.0 - theta) / 2.0 - v);
        for copula in [Copula::Systematic, Copula::Dirichlet] {
            let toy = move |b: Tensor<2>| (b - t).square();
            let mut arms = Arms::with_copula(2, copula).unwrap();
            let (_, gradients) = gradient::draws(&bits(&[logit(theta)]), &mut arms, &toy, DRAWS);
            let (variance, error) = variance_and_error(gradients);
            let tolerance = Z_MILLION * error + 1e-5 * exact + 1e-12;
            assert!((variance - exact).abs() < tolerance, "{copula:?} {t} {theta}: {variance} {exact}");
        }
    }
}

/// Several bits: the more the samples repel each other, the less variance.
#[test]
fn arms_has_less_variance_than_independent_samples() {
    let case = bits(&[-2.0, 0.1, 1.0, -0.5]);
    let f = power(2);
    let variance = |estimator: &mut dyn Estimator<Bits, 2>| -> f64 {
        gradient::draws(&case, estimator, &f, 1 << 15).1.var(0).sum().into_scalar()
    };
    for n in [4, 10] {
        let systematic = variance(&mut Arms::new(n).unwrap());
        let dirichlet = variance(&mut Arms::with_copula(n, Copula::Dirichlet).unwrap());
        let independent = variance(&mut Rloo::new(n).unwrap());
        assert!(systematic < dirichlet && dirichlet < 0.9 * independent, "{systematic} {dirichlet} {independent}");
    }
}

/// The sum over logits of the variances of one choice, and its standard error.
fn total_variance(
    logits: &[f64],
    estimator: &mut dyn Estimator<RelaxedOneHotCategorical<2>, 2>,
    f: &dyn Objective<2>,
) -> (f64, f64) {
    let (_, gradients) = gradient::draws(&choice(logits), estimator, f, DRAWS);
    let (mut total, mut error) = (0.0, 0.0);
    for column in gradients.chunk(logits.len(), 1) {
        let (variance, of_variance) = variance_and_error(column);
        total += variance;
        error += of_variance;
    }
    (total, error)
}

/// Two categories are a bit, whose variance is known; both logits have it.
#[test]
fn disarm_at_two_categories_has_the_variance_of_the_bit() {
    for theta in [0.5, 0.3, 0.8] {
        let v = theta * (1.0 - theta);
        let exact = 1.7 * 1.7 * v * (f64::max(theta, 1.0 - theta) / 2.0 - v);
        let f = |b: Tensor<2>| b.slice_dim(1, 0) * 1.7 + 0.2;
        let (variance, error) = total_variance(&[logit(theta) + 0.4, 0.4], &mut DisArm, &f);
        assert!((variance - 2.0 * exact).abs() < Z_MILLION * error + 1e-5 * exact + 1e-9, "{variance} {exact}");
    }
}

#[test]
fn disarm_has_less_variance_than_two_independent_samples_at_choices() {
    for logits in [&CHOICES[0], &CHOICES[2], &CHOICES[3]] {
        let f = power(2);
        let (variance, error) = total_variance(logits, &mut DisArm, &f);
        let (independent, independent_error) = total_variance(logits, &mut Rloo::new(2).unwrap(), &f);
        assert!(
            variance + Z_MILLION * (error + independent_error) < independent,
            "{logits:?} {variance} {independent}"
        );
    }
}

/// The outcomes of a discrete law of gradients: their total variance over the logits.
fn variance_of(outcomes: &[(f64, Vec<f64>)]) -> f64 {
    let moment = |k: usize, power: i32| outcomes.iter().map(|(p, g)| p * g[k].powi(power)).sum::<f64>();
    (0..outcomes[0].1.len()).map(|k| moment(k, 2) - moment(k, 1).powi(2)).sum()
}

/// Probabilities in falling order, their logits, and what each category is worth.
const PROBS: [f64; 4] = [0.4, 0.3, 0.2, 0.1];
const WORTH: [f64; 4] = [0.5, -1.0, 2.0, 0.7];

fn worth(b: Tensor<2>) -> Tensor<2> {
    let worth = Tensor::<1>::from_data(TensorData::new(WORTH.to_vec(), [4]), (&b.device(), b.dtype()));
    (b * worth.unsqueeze()).sum_dim(1)
}

fn hot_less_probs(category: usize) -> impl Iterator<Item = f64> {
    PROBS.iter().enumerate().map(move |(k, p)| f64::from(u8::from(k == category)) - p)
}

#[test]
fn the_variance_of_sum_and_sample_is_the_closed_form() {
    let logits = PROBS.map(f64::ln);
    for summed in 1..4 {
        let total: f64 = PROBS[..summed].iter().sum();
        let baseline = (0..summed).map(|k| PROBS[k] * WORTH[k]).sum::<f64>() / total;
        let outcomes: Vec<_> = (summed..4)
            .map(|c| {
                let scale = (1.0 - total) * (WORTH[c] - baseline);
                (PROBS[c] / (1.0 - total), hot_less_probs(c).map(|score| scale * score).collect())
            })
            .collect();
        let exact = variance_of(&outcomes);
        let (variance, error) = total_variance(&logits, &mut SumAndSample::new(summed).unwrap(), &worth);
        assert!((variance - exact).abs() < Z_MILLION * error + 1e-6, "{summed}: {variance} {exact}");
        let (independent, _) = total_variance(&logits, &mut Rloo::new(summed + 1).unwrap(), &worth);
        assert!(exact < 0.9 * independent, "{summed}: {exact} {independent}");
    }
}

#[test]
fn the_variance_of_an_unordered_set_of_two_is_the_closed_form() {
    let logits = PROBS.map(f64::ln);
    let pairs = (0..4).flat_map(|a| (0..a).map(move |b| (a, b)));
    let outcomes: Vec<_> = pairs
        .map(|(a, b)| {
            let both = PROBS[a] * PROBS[b];
            let probability = both / (1.0 - PROBS[a]) + both / (1.0 - PROBS[b]);
            let scale = both / probability * (WORTH[a] - WORTH[b]);
            let difference = hot_less_probs(a).zip(hot_less_probs(b)).map(|(a, b)| scale * (a - b)).collect();
            (probability, difference)
        })
        .collect();
    let exact = variance_of(&outcomes);
    let (variance, error) = total_variance(&logits, &mut UnorderedSet::new(2).unwrap(), &worth);
    assert!((variance - exact).abs() < Z_MILLION * error + 1e-6, "{variance} {exact}");
}

#[test]
fn sets_without_replacement_have_less_variance_than_samples_with_it() {
    for logits in [&PROBS.map(f64::ln)[..], CHOICES[2], CHOICES[3]] {
        for samples in [2, 3, 4] {
            let f = power(2);
            let (variance, error) = total_variance(logits, &mut UnorderedSet::new(samples).unwrap(), &f);
            let (independent, other) = total_variance(logits, &mut Rloo::new(samples).unwrap(), &f);
            assert!(
                variance + Z_MILLION * (error + other) < independent,
                "{logits:?} {samples} {variance} {independent}"
            );
        }
    }
}

/// Nothing is left to chance when all categories are summed or drawn.
#[test]
fn all_categories_together_are_the_exact_gradient() {
    let (case, f) = (choice(CHOICES[0]), power(3));
    let (value, exact) = gradient::draws(&case, &mut Exact::<0>, &f, 1);
    let all: [Boxed<_, 2>; 2] = [Box::new(SumAndSample::new(7).unwrap()), Box::new(UnorderedSet::new(3).unwrap())];
    for mut estimator in all {
        let (values, gradients) = gradient::draws(&case, &mut *estimator, &f, 100);
        assert!(largest((values - value.clone()) / value.clone()) < 1e-5, "{}", estimator.name());
        assert!(largest((gradients - exact.clone()) / exact.clone()) < 1e-5, "{}", estimator.name());
    }
}

#[test]
fn refused_at_the_door() {
    assert!(Arms::new(1).is_err() && SumAndSample::new(0).is_err());
    let baseline = |inputs, hidden| LearnedBaseline::new(inputs, hidden, &mut Noise::seeded(0), &Device::flex());
    assert!(baseline(0, 1).is_err() && baseline(1, 0).is_err() && baseline(1, 1).is_ok());
    assert!(UnorderedSet::new(1).is_err() && UnorderedSet::new(9).is_err() && UnorderedSet::new(8).is_ok());
}

// ---------------------------------------------------------------------------------------------------------------------
// Every rank

fn rebar() -> Relax<RelaxedObjective> {
    Relax::new(RelaxedObjective::new(Tensor::from_floats([0.8], &Device::flex().autodiff())))
}

fn of_bits<const D: usize>() -> Vec<Boxed<RelaxedBernoulli<D>, D>> {
    vec![
        Box::new(ScoreFunction::new()),
        Box::new(Rloo::new(3).unwrap()),
        Box::new(MuProp),
        Box::new(rebar()),
        Box::new(Arm),
        Box::new(DisArm),
        Box::new(Arms::new(3).unwrap()),
        Box::new(Arms::with_copula(4, Copula::Dirichlet).unwrap()),
    ]
}

fn of_choices<const D: usize>() -> Vec<Boxed<RelaxedOneHotCategorical<D>, D>> {
    vec![
        Box::new(ScoreFunction::new()),
        Box::new(Rloo::new(3).unwrap()),
        Box::new(MuProp),
        Box::new(rebar()),
        Box::new(DisArm),
        Box::new(SumAndSample::new(1).unwrap()),
        Box::new(UnorderedSet::new(2).unwrap()),
    ]
}

const LOGITS: [f64; 8] = [0.5, -1.0, 2.0, 0.0, -0.3, 1.2, -2.5, 0.8];

fn bits_at_rank<const K: usize, const D: usize>(event: &'static [usize]) {
    let entries: usize = event.iter().product();
    let family = |p| RelaxedBernoulli::<D>::from_logits(shaped(p, event), 0.5).unwrap();
    let case = Case::new(format!("bits {event:?}"), &LOGITS[..entries], family).with_draws(DRAWS);
    for mut estimator in of_bits::<D>() {
        gradient::claim_at_rank::<_, K, D>(&case, &mut *estimator, &power::<D>(3)).assert();
    }
}

fn choices_at_rank<const K: usize, const D: usize>(event: &'static [usize]) {
    let entries: usize = event.iter().product();
    let family = |p| RelaxedOneHotCategorical::<D>::from_logits(shaped(p, event), 0.5).unwrap();
    let case = Case::new(format!("choices {event:?}"), &LOGITS[..entries], family).with_draws(DRAWS);
    for mut estimator in of_choices::<D>() {
        gradient::claim_at_rank::<_, K, D>(&case, &mut *estimator, &power::<D>(3)).assert();
    }
}

#[test]
fn bits_of_every_rank() {
    bits_at_rank::<0, 1>(&[]);
    bits_at_rank::<2, 3>(&[2, 2]);
    bits_at_rank::<3, 4>(&[2, 1, 2]);
}

#[test]
fn choices_of_every_rank() {
    choices_at_rank::<1, 3>(&[2, 3]);
    choices_at_rank::<2, 4>(&[2, 2, 2]);
}

/// One row is a row: the same noise gives the same gradient without the batch dimension.
#[test]
fn a_choice_without_a_batch_is_a_batch_of_one() {
    for (mut flat, mut batch) in of_choices::<1>().into_iter().zip(of_choices::<2>()) {
        let (one, two) = (leaf(&LOGITS[..5], [5]), leaf(&LOGITS[..5], [1, 5]));
        let weights = |b: Tensor<2>| b * Tensor::from_data([[1.0, -0.7, 0.4, 1.3, 0.9]], &Device::flex()).autodiff();
        let f = |b: Tensor<1>| (weights(b.unsqueeze()).sum_dim(1) - 0.45).powi_scalar(3).reshape([1]);
        let at = RelaxedOneHotCategorical::from_logits(one.clone(), 0.5).unwrap();
        let estimate = flat.estimate(&at, &f, &mut Noise::seeded(3));
        let gradient = one.grad(&estimate.surrogate.backward()).unwrap();
        let at = RelaxedOneHotCategorical::from_logits(two.clone(), 0.5).unwrap();
        let estimate = batch.estimate(&at, &|b| (weights(b).sum_dim(1) - 0.45).powi_scalar(3), &mut Noise::seeded(3));
        let expected = two.grad(&estimate.surrogate.backward()).unwrap();
        assert!(largest(expected.clone().reshape([5]) - gradient) < 1e-6 * largest(expected), "{}", flat.name());
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What every estimator must keep to

#[test]
fn parameters_of_the_objective_get_their_gradient_once() {
    fn once<R: Relaxation<3>>(mut estimator: Boxed<R, 3>, at: &R) {
        let weight = leaf(&[2.0], [1, 1, 1]);
        let f = |b: Tensor<3>| b.slice_dim(2, 0).sum_dim(1) * weight.clone() + 5.0;
        let estimate = estimator.estimate(at, &f, &mut Noise::seeded(0));
        // d/dw of the mean value is the mean number of ones, which the value tells.
        let expected = (estimate.value.mean().into_scalar::<f64>() - 5.0) / 2.0;
        let got: f64 = weight.grad(&estimate.surrogate.backward()).unwrap().into_scalar();
        assert!((got - expected).abs() < 1e-4 && expected > 0.1, "{}: {got} {expected}", estimator.name());
    }
    let logits = || Tensor::<3>::zeros([1000, 2, 3], &Device::flex().autodiff()).require_grad();
    for estimator in of_bits::<3>() {
        once(estimator, &RelaxedBernoulli::from_logits(logits(), 0.5).unwrap());
    }
    for estimator in of_choices::<3>() {
        once(estimator, &RelaxedOneHotCategorical::from_logits(logits(), 0.5).unwrap());
    }
}

#[test]
fn evaluations_are_counted() {
    fn counts<R: Relaxation<2>>(case: &Case<R>, estimators: Vec<(Boxed<R, 2>, u64)>) {
        let f = power(2);
        for (mut estimator, evaluations) in estimators {
            let counted = Counted::new(&f);
            let _ = gradient::draws(case, &mut *estimator, &counted, 10);
            assert_eq!(counted.evaluations(), 10 * evaluations, "{}", estimator.name());
        }
    }
    counts(&bits(&[0.0, 1.0]), vec![(Box::new(Arms::new(5).unwrap()), 5), (Box::new(Exact::<1>), 4)]);
    counts(
        &choice(&[0.0, 1.0, 0.5]),
        vec![
            (Box::new(DisArm), 2),
            (Box::new(SumAndSample::new(1).unwrap()), 2),
            (Box::new(SumAndSample::new(3).unwrap()), 3),
            (Box::new(UnorderedSet::new(2).unwrap()), 2),
            (Box::new(Exact::<0>), 3),
        ],
    );
    // Two variables, one after the other.
    let f = power(2);
    let counted = Counted::new(&f);
    let at = RelaxedOneHotCategorical::from_logits(leaf(&[0.0; 60], [10, 2, 3]), 0.5).unwrap();
    let _ = SumAndSample::new(1).unwrap().estimate(&at, &counted, &mut Noise::seeded(0));
    assert_eq!(counted.evaluations(), 10 * 4);
}

#[test]
fn extreme_logits_stay_finite() {
    fn finite<R: Relaxation<2>>(case: &Case<R>, estimators: Vec<Boxed<R, 2>>) {
        for mut estimator in estimators {
            let (values, g) = gradient::draws(case, &mut *estimator, &power(2), 100);
            let sum = values.abs().max().into_scalar::<f64>() + largest(g);
            assert!(sum.is_finite(), "{} at {case:?}", estimator.name());
        }
    }
    for logit in [-1e4, -50.0, 50.0, 1e4] {
        finite(&bits(&[logit, 0.0]), of_bits());
        finite(&choice(&[logit, 0.0, 1.0]), of_choices());
        finite(&choice(&[logit, -logit, 0.0, logit]), of_choices());
    }
    finite(&choice(&[3.0]), of_choices());
}

#[test]
fn an_empty_batch_has_no_gradient_to_give() {
    let logits = || Tensor::<2>::zeros([0, 3], &Device::flex().autodiff()).require_grad();
    for mut estimator in of_bits::<2>() {
        let at = RelaxedBernoulli::from_logits(logits(), 0.5).unwrap();
        assert_eq!(estimator.estimate(&at, &power(2), &mut Noise::seeded(0)).value.dims(), [0, 1]);
    }
    for mut estimator in of_choices::<2>() {
        let at = RelaxedOneHotCategorical::from_logits(logits(), 0.5).unwrap();
        assert_eq!(estimator.estimate(&at, &power(2), &mut Noise::seeded(0)).value.dims(), [0, 1]);
    }
}
