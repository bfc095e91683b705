//! Straight-through choices, the invertible Gaussian and sparse maps, held to every law they can be held to.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor, TensorData, activation};
use relaxit::Error;
use relaxit::math::one_hot_argmax;
use relaxit::prelude::*;
use relaxit::relaxation::{
    DecoupledBackward, DecoupledStraightThroughGumbelSoftmax, Gap, GappedStraightThrough, GumbelRao,
    InvertibleGaussian, ReinMax, entmax15, sparsemax,
};
use relaxit::temperature::Temperature;
use relaxit::testing::{
    Case, Verdict, Z_MILLION, chi_square, divergence, extremes, finite_difference, independence, ks, moments,
    quadrature, score, suite,
};

const LOGITS: [&[f64]; 5] = [&[1e4, -1e4, 0.0], &[-1e4, -1e4, -1e4], &[0.0], &[1e4], &[80.0, -100.0, 17.0]];
const TEMPERATURES: [f64; 7] = [1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3, 1e6];

type Decoupled = DecoupledStraightThroughGumbelSoftmax<2>;
type Gaussian = InvertibleGaussian<2>;

fn decoupled(logits: &[f64], forward: f64, backward: f64, form: DecoupledBackward) -> Case<Decoupled> {
    Case::new(format!("Decoupled at {forward}, {backward}, {form:?}"), logits, move |logits| {
        Decoupled::from_logits(logits, forward, backward).unwrap().with_backward(form)
    })
}

fn rein_max(logits: &[f64], temperature: f64) -> Case<ReinMax<2>> {
    Case::new(format!("ReinMax at {temperature}"), logits, move |p| ReinMax::from_logits(p, temperature).unwrap())
}

fn gumbel_rao(logits: &[f64], temperature: f64, draws: usize) -> Case<GumbelRao<2>> {
    Case::new(format!("GumbelRao at {temperature}, {draws} draws"), logits, move |p| {
        GumbelRao::from_logits(p, temperature, draws).unwrap()
    })
}

fn gapped(logits: &[f64], temperature: f64, gap: Gap) -> Case<GappedStraightThrough<2>> {
    Case::new(format!("Gapped at {temperature}, {gap:?}"), logits, move |p| {
        GappedStraightThrough::from_logits(p, temperature).unwrap().with_gap(gap).unwrap()
    })
}

const GAPS: [Gap; 2] = [Gap::Constant(1.0), Gap::Expected];
const FORMS: [DecoupledBackward; 2] = [DecoupledBackward::Perturbed, DecoupledBackward::Probabilities];

fn row(x: &[f64]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(x.to_vec(), [1, x.len()]), (&Device::flex(), DType::F64))
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.inner().try_into_vec_as().unwrap()
}

fn largest<const D: usize>(x: Tensor<D>) -> f64 {
    values(x).into_iter().fold(0.0, |largest, x| if x.abs() <= largest { largest } else { x.abs() })
}

// ---------------------------------------------------------------------------------------------------------------------
// The discrete law

/// The law of the samples, and that `rsample` draws the very samples of `sample`.
fn choice<L>(case: &Case<L>, p: &Case<L>, rsample: impl Fn(&L, &mut Noise) -> Tensor<2>)
where
    L: Density<2> + Moments<2> + Entropy<2> + Enumerable<2> + KlDivergence<L, 2>,
{
    chi_square::outcomes(case).assert();
    moments::mean_and_variance(case).assert();
    quadrature::mass(case).assert();
    independence::rows(case).assert();
    finite_difference::log_prob(case).assert();
    score::identity(case).assert();
    divergence::entropy(case).assert();
    divergence::kl(case, p).assert();
    let law = case.law(1000, DType::F32);
    let (x, y) = (law.sample(&mut Noise::seeded(7)), rsample(&law, &mut Noise::seeded(7)));
    assert_eq!(x.to_data(), y.to_data(), "{case:?}");
    law.validate().unwrap();
}

#[test]
fn choices_are_categorical() {
    for (logits, other) in [(&[0.3, -0.3, 1.0][..], &[0.0, 1.0, 0.0][..]), (&[2.0, 0.5], &[0.1, 0.2])] {
        for (forward, form) in [(0.5, FORMS[0]), (3.0, FORMS[1])] {
            let (case, p) = (decoupled(logits, forward, 0.7, form), decoupled(other, 1.0, 0.7, form));
            choice(&case, &p, DecoupledStraightThroughGumbelSoftmax::rsample);
            // Not only its own density: that of the logits over the forward temperature.
            let exact = activation::softmax(row(logits) * (1.0 / forward), 1);
            assert!(case.law(1, DType::F64).mean().all_close(exact, Some(1e-12), None));
        }
        choice(&rein_max(logits, 1.5), &rein_max(other, 1.0), ReinMax::rsample);
        choice(&gumbel_rao(logits, 0.5, 3), &gumbel_rao(other, 0.5, 1), GumbelRao::rsample);
        for gap in GAPS {
            choice(&gapped(logits, 0.5, gap), &gapped(other, 0.5, gap), GappedStraightThrough::rsample);
        }
    }
}

/// Forwards 0 and 1 to the last bit, backwards finite, wherever logits and temperatures are legal.
#[test]
fn choices_at_extremes() {
    fn check<L: Density<2>>(case: &Case<L>, rsample: impl Fn(&L, &mut Noise) -> Tensor<2>) {
        extremes::sampling(case).assert();
        extremes::support(case).assert();
        extremes::finite(case, "straight-through draw", |law, noise| {
            let b = rsample(law, noise);
            assert!(law.support().contains(b.clone()).all().into_scalar::<bool>(), "{case:?}");
            let weights = Noise::seeded(9).draw(Base::Normal, law.shape(), &law.device());
            b * weights
        })
        .assert();
    }
    for logits in LOGITS {
        for temperature in TEMPERATURES {
            for form in FORMS {
                for (forward, backward) in [(temperature, 1.0), (1.0, temperature)] {
                    check(&decoupled(logits, forward, backward, form), DecoupledStraightThroughGumbelSoftmax::rsample);
                }
            }
            check(&rein_max(logits, temperature), ReinMax::rsample);
            check(&gumbel_rao(logits, temperature, 2), GumbelRao::rsample);
            for gap in [Gap::Constant(1.0), Gap::Constant(0.0), Gap::Constant(1e6), Gap::Expected] {
                check(&gapped(logits, temperature, gap), GappedStraightThrough::rsample);
            }
        }
    }
    // Equal logits stay equal under a tiny forward temperature, whatever their size.
    let case = decoupled(&[-1e4, -1e4, -1e4], 1e-6, 1.0, FORMS[0]);
    chi_square::outcomes(&case).assert();
    let mean = values(case.law(100_000, DType::F32).sample(&mut Noise::seeded(0)).mean_dim(0));
    assert!(mean.iter().all(|p| (p - 1.0 / 3.0).abs() < 0.01), "{mean:?}");
}

// ---------------------------------------------------------------------------------------------------------------------
// Gradients

/// Objectives of one-hot vectors, as functions on all of ℝᴷ: what an estimator sees of them is their derivative.
fn linear(b: Tensor<2>) -> Tensor<2> {
    let w = weights(&b, 0);
    (b * w).sum_dim(1)
}

fn quadratic(b: Tensor<2>) -> Tensor<2> {
    let (w, u) = (weights(&b, 1), weights(&b, 2));
    (b.clone() * w.clone()).sum_dim(1) * (b.clone() * u).sum_dim(1) + (b.square() * w).sum_dim(1)
}

fn cubic(b: Tensor<2>) -> Tensor<2> {
    let w = weights(&b, 3);
    (b * w).sum_dim(1).powi_scalar(3)
}

fn weights(b: &Tensor<2>, seed: u64) -> Tensor<2> {
    let shape = [1, b.dims()[1]];
    Noise::seeded(seed).fork("objective").draw(Base::Normal, shape, (&b.device(), b.dtype()))
}

fn gradient(leaf: &Tensor<2>, y: Tensor<2>) -> Tensor<2> {
    leaf.grad(&y.sum().backward()).unwrap()
}

/// The exact gradient of `E[f(b)]` in the logits, by differentiating the probabilities of all outcomes; and the
/// expectation of the estimate, over all outcomes with the gradient that each is given.
fn enumerated<L>(
    logits: &[f64],
    make: impl Fn(Tensor<2>) -> L,
    attach: impl Fn(&L, Tensor<2>) -> Tensor<2>,
    f: fn(Tensor<2>) -> Tensor<2>,
) -> (Tensor<2>, Tensor<2>)
where
    L: Density<2> + Enumerable<2>,
{
    let sum = |term: &dyn Fn(&L, Tensor<2>) -> Tensor<2>| {
        let leaf = row(logits).autodiff().require_grad();
        let law = make(leaf.clone());
        let mean = law.outcomes().map(|b| term(&law, b)).reduce(|a, b| a + b).unwrap();
        gradient(&leaf, mean)
    };
    let exact = sum(&|law, b| law.log_prob(b.clone()).exp() * f(b));
    let expected = sum(&|law, b| {
        let value = attach(law, b.clone());
        assert_eq!(value.to_data(), b.to_data(), "forwards it is the value itself");
        law.log_prob(b).exp().detach() * f(value)
    });
    (exact, expected)
}

/// How far the expectation of the estimate is from the exact gradient.
fn bias<L>(
    logits: &[f64],
    make: impl Fn(Tensor<2>) -> L,
    attach: impl Fn(&L, Tensor<2>) -> Tensor<2>,
    f: fn(Tensor<2>) -> Tensor<2>,
) -> f64
where
    L: Density<2> + Enumerable<2>,
{
    let (exact, expected) = enumerated(logits, make, attach, f);
    largest(expected - exact)
}

const POINTS: [&[f64]; 4] = [&[0.3, -1.2], &[0.5, -1.0, 2.0], &[100.0, 101.0, 99.0], &[0.1, 1.0, -2.0, 0.7, 0.0]];

#[test]
fn rein_max_is_exact_on_quadratic_objectives() {
    for logits in POINTS {
        let bias = |temperature: f64, f| {
            bias(logits, |p| ReinMax::from_logits(p, temperature).unwrap(), ReinMax::with_gradient, f)
        };
        assert!(bias(1.0, linear) < 1e-12 && bias(1.0, quadratic) < 1e-12, "{logits:?}");
        assert!(bias(1.0, cubic) > 1e-4, "{logits:?}: a witness of bias");
        assert!(bias(2.0, quadratic) > 1e-3, "{logits:?}: a witness of bias");
    }
}

#[test]
fn decoupled_straight_through_is_exact_on_linear_objectives_at_one_temperature() {
    for logits in POINTS {
        let bias = |forward: f64, backward: f64, f| {
            let make = |p| {
                let law = Decoupled::from_logits(p, forward, backward).unwrap();
                law.with_backward(DecoupledBackward::Probabilities)
            };
            // Noise that makes `b` win: this form's gradient does not see it.
            bias(logits, make, |law, b| law.transport(b * 1e6), f)
        };
        assert!(bias(0.7, 0.7, linear) < 1e-12 && bias(2.0, 2.0, linear) < 1e-12, "{logits:?}");
        assert!(bias(0.7, 0.7, quadratic) > 1e-3, "{logits:?}: a witness of bias");
        assert!(bias(0.7, 2.0, linear) > 1e-3, "{logits:?}: a witness of bias");
    }
}

#[test]
fn gapped_straight_through_is_biased_even_on_linear_objectives() {
    for (logits, gap) in POINTS.into_iter().zip(GAPS.into_iter().cycle()) {
        let make = |p| GappedStraightThrough::from_logits(p, 0.7).unwrap().with_gap(gap).unwrap();
        assert!(bias(logits, make, GappedStraightThrough::with_gradient, linear) > 1e-3, "{logits:?}");
    }
}

/// Gradients of many replicates of one row of logits, for the objective `f`.
fn replicates(
    logits: &[f64],
    rows: usize,
    f: fn(Tensor<2>) -> Tensor<2>,
    sample: impl Fn(Tensor<2>) -> Tensor<2>,
) -> Tensor<2> {
    let leaf = row(logits).repeat_dim(0, rows).autodiff().require_grad();
    gradient(&leaf, f(sample(leaf.clone())))
}

/// The worst deviation of the mean of `draws` from `exact`, in standard errors.
fn deviation(draws: &Tensor<2>, exact: Tensor<2>) -> f64 {
    let rows = draws.dims()[0] as f64;
    let (variance, mean) = draws.clone().var_mean(0);
    largest((mean - exact) / (variance / rows).sqrt())
}

/// `E[∂ linear/∂φ]` of straight-through Gumbel-Softmax for two categories, by the trapezoidal rule over the one logistic
/// variable that matters: `(w₁ − w₂) E[p(1 − p)]/τ`, `p = σ((φ₁ − φ₂ + L)/τ)`.
fn straight_through_gumbel_softmax(logits: [f64; 2], temperature: f64) -> Tensor<2> {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let step = 1e-3;
    let mean: f64 = (-60_000..60_000)
        .map(|i| {
            let l = f64::from(i) * step;
            let p = sigmoid((logits[0] - logits[1] + l) / temperature);
            step * sigmoid(l) * sigmoid(-l) * p * (1.0 - p) / temperature
        })
        .sum();
    let w = values(weights(&row(&logits), 0));
    row(&[(w[0] - w[1]) * mean, (w[1] - w[0]) * mean])
}

const ROWS: usize = 1 << 16;

/// Both estimators with noise have the expectation of straight-through Gumbel-Softmax, whatever the number of draws; it
/// is not the exact gradient, not even for a linear objective.
#[test]
fn estimators_with_noise_have_the_expectation_of_gumbel_softmax() {
    let logits = [0.3, -1.2];
    let (exact, _) = enumerated(&logits, |p| ReinMax::from_logits(p, 1.0).unwrap(), ReinMax::with_gradient, linear);
    for temperature in [0.3, 1.0, 2.5] {
        let expected = straight_through_gumbel_softmax(logits, temperature);
        let perturbed = replicates(&logits, ROWS, linear, |p| {
            Decoupled::from_logits(p, 1.0, temperature).unwrap().rsample(&mut Noise::seeded(1))
        });
        let mut all = vec![perturbed];
        all.extend([1, 2, 10].map(|draws| {
            replicates(&logits, ROWS, linear, |p| {
                GumbelRao::from_logits(p, temperature, draws).unwrap().rsample(&mut Noise::seeded(2))
            })
        }));
        for draws in all {
            assert!(deviation(&draws, expected.clone()) < Z_MILLION, "{temperature}");
            // Where it is cold the bias is small beside the variance.
            let seen = deviation(&draws, exact.clone()) > Z_MILLION;
            assert!(seen || temperature < 1.0, "{temperature}: a witness of bias");
        }
    }
}

/// With one draw, Gumbel–Rao is straight-through Gumbel-Softmax in law; more draws leave the mean and take variance
/// away: `Var_S = Var_∞ + (Var_1 − Var_∞)/S`.
#[test]
fn gumbel_rao_averages_straight_through_gumbel_softmax() {
    let logits = [0.5, -0.3, 0.1];
    let temperature = 0.5;
    let rao = |draws, seed| {
        replicates(&logits, ROWS, quadratic, |p| {
            GumbelRao::from_logits(p, temperature, draws).unwrap().rsample(&mut Noise::seeded(seed))
        })
    };
    let plain = replicates(&logits, ROWS, quadratic, |p| {
        let relaxed = RelaxedOneHotCategorical::from_logits(p, temperature).unwrap();
        relaxed.rsample_straight_through(&mut Noise::seeded(5))
    });
    let one = rao(1, 6);
    for entry in 0..3 {
        let of = |x: &Tensor<2>| x.clone().slice_dim(1, entry);
        ks::two_sample("straight-through Gumbel-Softmax and GumbelRao", of(&plain), of(&one)).assert();
    }
    let mean = plain.clone().mean_dim(0);
    let spread = |draws: &Tensor<2>| -> f64 { draws.clone().var(0).sum().into_scalar() };
    let variances: Vec<f64> = [1, 4, 16]
        .map(|draws| {
            let gradients = rao(draws, 7);
            // The plain mean has an error of its own, no larger than that of one draw.
            assert!(deviation(&(gradients.clone() - mean.clone()), mean.zeros_like()) < 2.5 * Z_MILLION, "{draws}");
            spread(&gradients)
        })
        .to_vec();
    assert!((variances[0] / spread(&plain) - 1.0).abs() < 0.05, "{variances:?}");
    assert!(variances[0] > 1.2 * variances[1] && variances[1] > 1.02 * variances[2], "{variances:?}");
    // The variance given D falls as 1/S: a quarter of the first step's fall remains for the second.
    let falls = (variances[0] - variances[1], variances[1] - variances[2]);
    assert!((falls.0 / falls.1 - 4.0).abs() < 1.0, "{variances:?}");
}

/// The moved logits choose `b` by the gap, and are the given ones where those do so already.
#[test]
fn gapped_logits_lead_by_the_gap() {
    for gap in GAPS {
        let law = gapped(&[0.5, -1.0, 2.0, -4.0], 0.5, gap).law(1000, DType::F64);
        let b = law.sample(&mut Noise::seeded(0));
        let moved = law.moved_logits(b.clone());
        assert_eq!(one_hot_argmax(moved.clone()).to_data(), b.to_data());
        let leader = (moved.clone() * b.clone()).sum_dim(1);
        let probability = (law.hard().probs() * b.clone()).sum_dim(1);
        let claim = match gap {
            Gap::Constant(gap) => probability.full_like(gap),
            Gap::Expected => -(-probability.clone()).log1p() / probability,
        };
        let lead = leader.clone() - (moved.clone() - b.clone() * 1e9).max_dim(1);
        assert!(values(lead - claim.clone()).iter().all(|&excess| excess > -1e-12), "{gap:?}");
        assert!(leader.clone().all_close(law.logits().clone().max_dim(1), Some(1e-15), None));
        let others = law.logits().clone().min_pair((leader - claim).expand(moved.dims()));
        assert!(((others - moved) * (-b + 1.0)).abs().max().into_scalar::<f64>() < 1e-12, "{gap:?}");
    }
    // The expected gap is the mean lead of the winner over the runner-up, given the winner.
    let logits = [0.5, -1.0, 2.0];
    let z = row(&logits) + Noise::seeded(3).draw(Base::Gumbel, [400_000, 3], (&Device::flex(), DType::F64));
    let law = gapped(&logits, 0.5, Gap::Expected).law(1, DType::F64);
    let winners = one_hot_argmax(z.clone());
    let leads = z.clone().max_dim(1) - (z - winners.clone() * 1e9).max_dim(1);
    for b in law.outcomes() {
        let moved = law.moved_logits(b.clone());
        let claim = values(moved.clone().max_dim(1) - (moved - b.clone() * 1e9).max_dim(1))[0];
        let won = values((winners.clone() * b.clone()).sum_dim(1));
        let leads: Vec<f64> = values(leads.clone()).into_iter().zip(won).filter(|x| x.1 > 0.5).map(|x| x.0).collect();
        let mean = leads.iter().sum::<f64>() / leads.len() as f64;
        let variance = leads.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / leads.len() as f64;
        let z = (mean - claim) / (variance / leads.len() as f64).sqrt();
        assert!(z.abs() < Z_MILLION, "{claim} {mean}: {z}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The invertible Gaussian

/// From locations and log-scales side by side.
fn invertible(parameters: &[f64], temperature: f64, delta: f64) -> Case<InvertibleGaussian<2>> {
    Case::new(format!("InvertibleGaussian at {temperature}, δ = {delta}"), parameters, move |p| {
        let latents = p.dims()[1] / 2;
        let (loc, log_scale) = (p.clone().slice_dim(1, 0..latents), p.slice_dim(1, latents..2 * latents));
        InvertibleGaussian::from_log_scale(loc, log_scale, temperature).unwrap().with_delta(delta).unwrap()
    })
}

#[test]
fn invertible_gaussian_laws() {
    for (parameters, temperature, delta) in [
        (&[0.5, -0.3][..], 1.0, 1.0),
        (&[-1.0, 0.2], 0.7, 3.0),
        (&[0.5, -1.0, 0.3, -0.2], 1.0, 1.0),
        (&[0.5, 1.0, -0.5, 0.2], 0.6, 0.2),
    ] {
        let case = invertible(parameters, temperature, delta);
        quadrature::normalisation(&case).assert();
        suite::reparameterized_density(&case).iter().for_each(Verdict::assert);
        if parameters.len() == 2 {
            ks::density(&case).assert();
        }
        let latent = case.map("latent", |law| law.latent());
        moments::mean_and_variance(&latent).assert();

        let law = case.law(1000, DType::F64);
        let y = law.latent().sample(&mut Noise::seeded(4));
        let g = law.squash(y.clone());
        assert!(law.unsquash(g.clone()).all_close(y, Some(1e-9), Some(1e-9)), "{case:?}");
        let samples = law.sample(&mut Noise::seeded(4));
        assert!(samples.clone().all_close(law.rsample(&mut Noise::seeded(4)), Some(1e-14), None));
        assert!(samples.all_close(g, Some(1e-14), None), "the same noise is the same sample");
    }
    // More categories than quadrature can integrate: the density of a squashed latent, by an independent change of
    // variables in the log-ratios, whose Jacobian is constant.
    let case = invertible(&[0.5, -1.0, 0.3, 2.0, -0.2, 0.4, 0.1, 0.0], 0.8, 2.0);
    let law = case.law(50, DType::F64);
    let y = law.latent().sample(&mut Noise::seeded(4));
    let g = law.squash(y.clone());
    let ratio_density = law.latent().log_prob(y) + 4.0 * 0.8_f64.ln();
    assert!(law.log_prob(g.clone()).all_close(ratio_density - g.log().sum_dim(1), Some(1e-10), None));
    finite_difference::log_prob(&case).assert();
    score::identity(&case).assert();
}

/// Divergences: the closed form is that of the samples, and another squashing map is refused.
#[test]
fn invertible_gaussian_divergences() {
    let (p, q) = (invertible(&[0.5, -1.0, 0.3, -0.2], 0.7, 2.0), invertible(&[0.0, 0.3, 0.5, 0.4], 0.7, 2.0));
    let (law, target) = (p.law(200_000, DType::F64), q.law(200_000, DType::F64));
    let g = law.sample(&mut Noise::seeded(1));
    let ratio = law.log_prob(g.clone()) - target.log_prob(g);
    let exact = p.law(1, DType::F64).kl_divergence(&q.law(1, DType::F64)).unwrap();
    assert!(deviation(&ratio, exact) < Z_MILLION);
    let pair = Case::new("pair", &[0.5, -1.0, 0.3], |p: Tensor<2>| {
        let law = |loc| InvertibleGaussian::from_log_scale(loc, p.clone().slice_dim(1, 2), 0.7).unwrap();
        (law(p.clone().slice_dim(1, 0..1)), law(p.clone().slice_dim(1, 1..2) * 2.0))
    });
    finite_difference::of(&pair, "gradient of KL", |(p, q)| p.kl_divergence(&q).unwrap()).assert();

    let at = |temperature: Temperature<2>, delta| {
        let loc = row(&[0.5, 1.0]).repeat_dim(0, 2);
        InvertibleGaussian::new(loc.clone(), loc, temperature).unwrap().with_delta(delta).unwrap()
    };
    let each = |a: f64, b: f64| Temperature::from(Tensor::<2>::from_data([[a], [b]], (&Device::flex(), DType::F64)));
    let law = at(0.5.into(), 1.0);
    assert!(law.kl_divergence(&at(each(0.5, 0.5), 1.0)).is_ok());
    assert!(at(each(0.5, 0.7), 1.0).kl_divergence(&at(each(0.5, 0.7), 1.0)).is_ok());
    let error = law.kl_divergence(&at(0.6.into(), 1.0)).unwrap_err();
    assert!(matches!(error, Error::Parameter { parameter: "temperature", got: 0.6, .. }), "{error}");
    let error = law.kl_divergence(&at(0.5.into(), 2.0)).unwrap_err();
    assert!(matches!(error, Error::Parameter { parameter: "delta", got: 2.0, .. }), "{error}");
    let error = law.kl_divergence(&at(each(0.5, 0.7), 1.0)).unwrap_err();
    assert!(matches!(error, Error::Values { parameter: "temperature", example: 0.7, count: 1, .. }), "{error}");
}

/// Probabilities of the hard choice, against a rule with 1e5 points, and the choices themselves.
#[test]
fn invertible_gaussian_category_probabilities() {
    for (parameters, temperature, delta, tolerance) in [
        (&[0.5, -0.3][..], 1.0, 1.0, 1e-10),
        (&[0.5, -1.0, 0.3, -0.2], 0.7, 3.0, 1e-10),
        (&[0.5, 1.0, -0.5, 2.0, 0.2, 0.0, -1.0, 1.0], 2.0, 0.1, 1e-10),
        (&[0.5, 1.0, -0.5, -1.7, 0.2, 1.7], 0.5, 1.0, 1e-9), // scales 30 times another
        (&[0.5, 1.0, -0.5, -2.3, 0.2, 2.3], 0.5, 1.0, 2e-3), // 100 times
        (&[300.0, 301.0, 0.0, 0.0], 0.5, 1.0, 1e-10),
        (&[-300.0, -301.0, 0.0, 0.0], 0.5, 1.0, 1e-10),
    ] {
        let case = invertible(parameters, temperature, delta);
        let probs = values(case.law(1, DType::F64).category_probs());
        for (k, (p, exact)) in probs.iter().zip(finely(parameters, temperature * delta.ln())).enumerate() {
            assert!((p - exact).abs() < tolerance, "{case:?}: {k}: {p} {exact}");
        }
        let single = values(case.law(1, DType::F32).category_probs());
        assert!(
            probs.iter().zip(&single).all(|(p, s)| (p - s).abs() < (10.0 * tolerance).max(3e-6)),
            "{probs:?} {single:?}"
        );
        let law = case.law(200_000, DType::F32);
        let choices = law.threshold(law.sample(&mut Noise::seeded(2)));
        let off = choices.cast(DType::F64) - row(&probs);
        let error = row(&probs).sqrt() * (1.0 / 200_000.0_f64).sqrt() + 1e-9;
        let z = largest(off.mean_dim(0) / error);
        assert!(z < Z_MILLION, "{case:?}: {z}");
        if largest(row(&probs)) < 0.99 && tolerance < 1e-9 {
            finite_difference::of(&case, "gradient of the probabilities", |law| law.category_probs()).assert();
        }
    }
    // The gradient in the temperature, through the threshold.
    let case = Case::new("InvertibleGaussian with log-temperature", &[0.3, 0.5, -1.0], |p: Tensor<2>| {
        let loc = p.clone().slice_dim(1, 1..3);
        InvertibleGaussian::from_log_scale(loc.clone(), loc.zeros_like(), p.slice_dim(1, 0).exp())
            .unwrap()
            .with_delta(3.0)
            .unwrap()
    });
    finite_difference::of(&case, "gradient of the probabilities", |law| law.category_probs()).assert();
    finite_difference::transport(&case).assert();
    finite_difference::log_prob(&case).assert();
}

/// The same integrals by the midpoint rule, with Φ by its own.
fn finely(parameters: &[f64], threshold: f64) -> Vec<f64> {
    let latents = parameters.len() / 2;
    let (loc, log_scale) = parameters.split_at(latents);
    let scale: Vec<f64> = log_scale.iter().map(|s| s.exp()).collect();
    let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    // Φ by its series, which for |x| < 12 gives 1e-15 where it matters.
    let cdf = |x: f64| {
        if x.abs() > 8.5 {
            return if x > 0.0 { 1.0 } else { 0.0 };
        }
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term.abs() > 1e-18 * sum.abs() {
            n += 2.0;
            term *= x * x / n;
            sum += term;
        }
        0.5 + density(x) * sum
    };
    let mut probs = vec![0.0; latents];
    for k in 0..latents {
        let (low, high) = ((loc[k] - 9.0 * scale[k]).max(threshold), loc[k] + 9.0 * scale[k]);
        if low >= high {
            continue;
        }
        // Simpson's rule.
        let points = 20_000;
        let step = (high - low) / f64::from(points);
        for i in 0..=points {
            let y = low + f64::from(i) * step;
            let others: f64 = (0..latents).filter(|&j| j != k).map(|j| cdf((y - loc[j]) / scale[j])).product();
            let weight = if i == 0 || i == points {
                1.0
            } else if i % 2 == 1 {
                4.0
            } else {
                2.0
            };
            probs[k] += weight * step / 3.0 * density((y - loc[k]) / scale[k]) / scale[k] * others;
        }
    }
    probs.push((0..latents).map(|j| cdf((threshold - loc[j]) / scale[j])).product());
    probs
}

#[test]
fn invertible_gaussian_at_extremes() {
    for parameters in [
        &[1e4, -1e4, 0.0, 0.0][..],
        &[-1e4, -1e4, 2.0, 2.0],
        &[0.0, 0.0],
        &[1e4, 0.0],
        &[80.0, -100.0, 17.0, 3.0, -3.0, 0.0],
        &[0.0, 0.0, -6.9, 6.9],
    ] {
        for temperature in TEMPERATURES {
            for delta in [1e-6, 1.0, 1e6] {
                let case = invertible(parameters, temperature, delta);
                extremes::sampling(&case).assert();
                extremes::rsampling(&case).assert();
                extremes::support(&case).assert();
                extremes::finite(&case.map("latent", |law| law.latent()), "log_prob of its own draw", |law, noise| {
                    law.log_prob(law.rsample(noise))
                })
                .assert();
                let few = case.law(2, DType::F32);
                assert!(few.category_probs().is_finite().all().into_scalar::<bool>(), "{case:?}");
                assert!(few.hard().entropy().is_finite().all().into_scalar::<bool>(), "{case:?}");
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Sparse maps

/// The map by bisection on θ, in which the mass falls.
fn by_bisection(x: &[f64], scale: f64, power: i32) -> Vec<f64> {
    let largest = x.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let at = |theta: f64| x.iter().map(|x| (scale * (x - largest) - theta).max(0.0).powi(power)).collect::<Vec<f64>>();
    let (mut low, mut high) = (-1.0, 0.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if at(middle).iter().sum::<f64>() > 1.0 { low = middle } else { high = middle }
    }
    at(low)
}

/// Rows of every kind: spread out, close together, tied, huge.
fn rows(entries: usize, spread: f64, seed: u64) -> Tensor<2> {
    Noise::seeded(seed).draw(Base::Normal, [40, entries], (&Device::flex(), DType::F64)) * spread
}

#[test]
fn sparse_maps_solve_their_equation() {
    for (map, scale, power) in [(sparsemax as fn(Tensor<2>) -> Tensor<2>, 1.0, 1), (entmax15, 0.5, 2)] {
        for (entries, spread) in
            [(1, 1.0), (2, 0.5), (3, 1.0), (10, 0.1), (10, 1.0), (50, 3.0), (200, 0.01), (5, 1e4), (7, 0.0)]
        {
            let x = rows(entries, spread, 3);
            let p = values(map(x.clone()));
            let single: Vec<f64> = map(x.clone().cast(DType::F32)).try_into_vec_as().unwrap();
            for (i, x) in values(x).chunks(entries).enumerate() {
                let exact = by_bisection(x, scale, power);
                for k in 0..entries {
                    let (p, single) = (p[i * entries + k], single[i * entries + k]);
                    assert!((p - exact[k]).abs() < 1e-12, "{x:?}: {p} {}", exact[k]);
                    assert!((single - exact[k]).abs() < 2e-6 * spread.max(1.0), "{x:?}: {single} {}", exact[k]);
                    assert!(exact[k] > 1e-12 || p < 1e-12, "zeros are zeros");
                }
            }
        }
        // Many entries, in f32 too.
        let x = Noise::seeded(1).draw(Base::Normal, [2, 100_000], &Device::flex()) * 0.01;
        for x in [x.clone(), x.clone() * 100.0, x.zeros_like()] {
            let sums: Vec<f64> = map(x).sum_dim(1).try_into_vec_as().unwrap();
            assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-4), "{sums:?}");
        }
        let masked = map(row(&[0.5, f64::NEG_INFINITY, 0.2]));
        assert!(masked.clone().all_close(row(&[0.65, 0.0, 0.35]), None, Some(0.1)));
        assert!(values(masked)[1] <= 0.0);
        assert_eq!(map(Tensor::zeros([0, 3], &Device::flex())).dims(), [0, 3]);
        assert_eq!(map(Tensor::<2>::zeros([2, 3], (&Device::flex(), DType::F16))).dtype(), DType::F32);
    }
}

/// Sparsemax is the nearest point of the simplex: nearer than the projection on any other face.
#[test]
fn sparsemax_is_a_projection() {
    let x = rows(4, 0.7, 8);
    let p = sparsemax(x.clone());
    let distances = values((p - x.clone()).square().sum_dim(1));
    for (x, distance) in values(x).chunks(4).zip(distances) {
        let mut nearest = f64::INFINITY;
        for face in 1..16_u32 {
            let inside = |k: &usize| face >> k & 1 == 1;
            let members: Vec<usize> = (0..4).filter(inside).collect();
            let theta = (members.iter().map(|&k| x[k]).sum::<f64>() - 1.0) / members.len() as f64;
            if members.iter().all(|&k| x[k] - theta >= 0.0) {
                let off = (0..4).map(|k| if inside(&k) { theta * theta } else { x[k] * x[k] }).sum();
                nearest = nearest.min(off);
            }
        }
        assert!((nearest - distance).abs() < 1e-12, "{x:?}");
    }
}

#[test]
fn sparse_maps_have_exact_jacobians() {
    for entries in [1, 2, 5, 20] {
        for spread in [0.1, 0.6, 3.0] {
            // Sparsemax has kinks: keep 16 rows whose entries are all further from θ than the steps of the differences.
            let x = rows(entries, spread, 11);
            let kept: Vec<f64> = values(x.clone())
                .chunks(entries)
                .filter(|x| {
                    let p = by_bisection(x, 1.0, 1);
                    let winner = p.iter().position(|&p| p > 0.0).unwrap();
                    let theta = x[winner] - p[winner];
                    x.iter().all(|x| (x - theta).abs() > 1e-3)
                })
                .take(16)
                .flatten()
                .copied()
                .collect();
            let smooth = Tensor::from_data(
                TensorData::new(kept.clone(), [kept.len() / entries, entries]),
                (&Device::flex(), DType::F64),
            );
            finite_difference::gradient("Jacobian", "sparsemax", &smooth, sparsemax).assert();
            finite_difference::gradient("Jacobian", "entmax15", &smooth, entmax15).assert();
        }
    }
    for (map, name) in [(sparsemax as fn(Tensor<2>) -> Tensor<2>, "sparsemax"), (entmax15, "entmax15")] {
        for logits in LOGITS {
            let case = Case::new(name, logits, |p: Tensor<2>| p);
            extremes::finite(&case, "map", |x, _| map(x.clone()) * weights(x, 0)).assert();
        }
        // A masked entry takes no gradient, and gives none.
        let leaf = row(&[0.5, f64::NEG_INFINITY, 0.2]).autodiff().require_grad();
        let slopes = values(gradient(&leaf, map(leaf.clone()) * row(&[1.0, 5.0, -2.0]).autodiff()));
        assert!(slopes[1].abs() <= 0.0 && (slopes[0] + slopes[2]).abs() < 1e-12 && slopes[0] > 0.1, "{slopes:?}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Doors

/// Bad input is refused by name; ranks, half precision and an empty batch are not bad input.
#[test]
fn doors() {
    let device = Device::flex();
    let logits = Tensor::<2>::zeros([2, 3], &device);
    let none = Tensor::<2>::zeros([2, 0], &device);
    let nan = logits.clone() + f64::NAN;
    let wide = Tensor::<2>::ones([2, 3], &device);
    macro_rules! refused {
        ($door:expr, $error:pat) => {
            let error = $door.map(|_| ()).unwrap_err();
            assert!(matches!(error, $error), "{error}");
        };
    }
    macro_rules! choice_doors {
        ($($from:expr, $probs:expr;)*) => {$(
            refused!($from(none.clone(), 1.0.into()), Error::Shape { parameter: "logits", .. });
            for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-7, 1e7] {
                refused!($from(logits.clone(), temperature.into()), Error::Parameter { .. });
            }
            refused!($from(logits.clone(), wide.clone().into()), Error::Shape { .. });
            refused!($from(nan.clone(), 1.0.into()).unwrap().validate(), Error::Values { parameter: "logits", .. });
            let zero: Temperature<2> = Tensor::<2>::zeros([2, 1], &device).into();
            refused!($from(logits.clone(), zero).unwrap().validate(), Error::Values { .. });
            refused!($probs(wide.clone() * -1.0), Error::Values { parameter: "probs", .. });
            refused!($probs(logits.clone()), Error::Values { parameter: "probs", .. });
            assert!($probs(Tensor::<2>::from_floats([[0.0, 1.0, 0.0]], &device)).is_ok());
        )*};
    }
    choice_doors! {
        |p, t: Temperature<2>| Decoupled::from_logits(p, t, 1.0), |p| Decoupled::from_probs(p, 1.0, 1.0);
        |p, t: Temperature<2>| Decoupled::from_logits(p, 1.0, t), |p| Decoupled::from_probs(p, 1.0, 1.0);
        |p, t: Temperature<2>| ReinMax::from_logits(p, t), |p| ReinMax::from_probs(p, 1.0);
        |p, t: Temperature<2>| GumbelRao::from_logits(p, t, 2), |p| GumbelRao::from_probs(p, 1.0, 2);
        |p, t: Temperature<2>| GappedStraightThrough::from_logits(p, t), |p| GappedStraightThrough::from_probs(p, 1.0);
    }
    refused!(
        Decoupled::from_logits(logits.clone(), 0.0, 1.0),
        Error::Parameter { parameter: "forward_temperature", .. }
    );
    refused!(
        Decoupled::from_logits(logits.clone(), 1.0, 0.0),
        Error::Parameter { parameter: "backward_temperature", .. }
    );
    refused!(GumbelRao::from_logits(logits.clone(), 1.0, 0), Error::Parameter { parameter: "draws", got: 0.0, .. });
    for gap in [-1.0, f64::NAN, f64::INFINITY] {
        let law = GappedStraightThrough::from_logits(logits.clone(), 1.0).unwrap();
        refused!(law.with_gap(Gap::Constant(gap)), Error::Parameter { parameter: "gap", .. });
    }

    refused!(Gaussian::new(none.clone(), none, 1.0), Error::Shape { subject: "InvertibleGaussian", .. });
    refused!(Gaussian::new(logits.clone(), logits.clone(), 1.0), Error::Values { parameter: "scale", .. });
    refused!(
        Gaussian::new(nan, wide.clone(), 1.0),
        Error::Values { subject: "InvertibleGaussian", parameter: "loc", .. }
    );
    refused!(
        Gaussian::new(logits.clone(), Tensor::ones([2, 2], &device), 1.0),
        Error::Shape { subject: "InvertibleGaussian", parameter: "scale", .. }
    );
    for bad in [0.0, -1.0, f64::NAN, 1e7] {
        refused!(Gaussian::new(logits.clone(), wide.clone(), bad), Error::Parameter { parameter: "temperature", .. });
        let law = Gaussian::new(logits.clone(), wide.clone(), 1.0).unwrap();
        refused!(law.with_delta(bad), Error::Parameter { parameter: "delta", .. });
    }
}

fn shapes_hold<const D: usize>(shape: [usize; D]) {
    let device = Device::flex().autodiff();
    for dtype in [DType::F32, DType::F16] {
        let leaf = Noise::seeded(0).draw(Base::Normal, shape, &device).require_grad();
        // A tape serves one backward pass: each check has its own.
        let logits = || leaf.clone().cast(dtype);
        let mut batch = shape;
        batch[D - 1] = 1;
        let temperature = || Tensor::<D>::ones(batch.map(|_| 1), &device) * 0.5;
        let noise = || Noise::seeded(1);
        macro_rules! check {
            ($law:expr, $sample:expr) => {{
                let law = $law;
                let b = $sample(&law);
                assert_eq!((b.dims(), b.dtype()), (shape, DType::F32));
                assert_eq!(law.log_prob(b.clone()).dims(), batch);
                let slopes = leaf.grad(&(b.clone() * b).sum().backward()).unwrap();
                assert!(slopes.clone().is_finite().all().into_scalar::<bool>());
                assert_eq!(slopes.dims(), shape);
                assert!(!law.sample(&mut noise()).is_tracked());
            }};
        }
        let decoupled =
            || DecoupledStraightThroughGumbelSoftmax::from_logits(logits(), temperature(), temperature()).unwrap();
        check!(decoupled(), |law: &DecoupledStraightThroughGumbelSoftmax<D>| law.rsample(&mut noise()));
        check!(decoupled().with_backward(FORMS[1]), |law: &DecoupledStraightThroughGumbelSoftmax<D>| law
            .rsample(&mut noise()));
        check!(ReinMax::from_logits(logits(), temperature()).unwrap(), |law: &ReinMax<D>| law.rsample(&mut noise()));
        check!(GumbelRao::from_logits(logits(), temperature(), 2).unwrap(), |law: &GumbelRao<D>| law
            .rsample(&mut noise()));
        check!(GappedStraightThrough::from_logits(logits(), temperature()).unwrap(), |law: &GappedStraightThrough<
            D,
        >| law
            .rsample(&mut noise()));
        let law = InvertibleGaussian::from_log_scale(logits(), logits(), temperature()).unwrap();
        let mut wide = shape;
        wide[D - 1] += 1;
        let g = law.rsample(&mut noise());
        assert_eq!((g.dims(), g.dtype(), law.log_prob(g.clone()).dims()), (wide, DType::F32, batch));
        assert_eq!((law.category_probs().dims(), law.unsquash(g.clone()).dims()), (wide, shape));
        assert_eq!(law.kl_divergence(&law).unwrap().dims(), batch);
        assert!(!law.sample(&mut noise()).is_tracked());
        assert_eq!(leaf.grad(&g.square().sum().backward()).unwrap().dims(), shape);
        for map in [sparsemax as fn(Tensor<D>) -> Tensor<D>, entmax15] {
            assert_eq!(map(logits()).dims(), shape);
        }
    }
}

#[test]
fn every_rank_and_an_empty_batch() {
    shapes_hold([4]);
    shapes_hold([1]);
    shapes_hold([3, 4]);
    shapes_hold([0, 4]);
    shapes_hold([2, 3, 4]);
    shapes_hold([2, 0, 4]);
    shapes_hold([2, 1, 3, 4]);
}
