//! Every relaxation, at several parameters and temperatures, held to every law it can be held to.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor};
use relaxit::kl::kl_monte_carlo;
use relaxit::prelude::*;
use relaxit::testing::{Case, Verdict, coupling, finite_difference, ks, moments, quadrature, score, suite, tails};

fn relaxed_bernoulli(logits: &[f64], temperature: f64) -> Case<RelaxedBernoulli<2>> {
    let law = move |logits| RelaxedBernoulli::from_logits(logits, temperature).unwrap();
    Case::new(format!("RelaxedBernoulli at temperature {temperature}"), logits, law)
}

fn concrete(logits: &[f64], temperature: f64) -> Case<RelaxedOneHotCategorical<2>> {
    let law = move |logits| RelaxedOneHotCategorical::from_logits(logits, temperature).unwrap();
    Case::new(format!("RelaxedOneHotCategorical at temperature {temperature}"), logits, law)
}

/// The relaxed sample of a latent is the relaxed sample of the same noise, and both have one hard value.
fn maps_commute<R: Relaxation<2>>(case: &Case<R>) {
    let law = case.law(1000, DType::F64);
    let noise = Noise::seeded(5).draw(R::BASE, law.noise_shape(), (&law.device(), law.dtype()));
    let z = law.latent().transport(noise.clone());
    let y = law.squash(z.clone());
    assert!(y.all_close(law.transport(noise), Some(1e-12), Some(1e-300)), "{case:?}");
}

#[test]
fn relaxed_bernoulli_laws() {
    for (logits, temperature) in [(&[0.0][..], 1.0), (&[-2.0, 0.5, 3.0], 0.5), (&[0.3, -0.3], 2.0), (&[5.0, -5.0], 0.7)]
    {
        let case = relaxed_bernoulli(logits, temperature);
        ks::density(&case).assert();
        quadrature::normalisation(&case).assert();
        suite::reparameterized_density(&case).iter().for_each(Verdict::assert);
    }
    for (logits, temperature) in
        [(&[0.0][..], 1.0), (&[-2.0, 0.5, 3.0], 0.5), (&[5.0, -5.0], 0.01), (&[0.3, -7.0], 100.0)]
    {
        let case = relaxed_bernoulli(logits, temperature);
        maps_commute(&case);
        coupling::hard(&case).assert();
        coupling::threshold(&case).assert();
        coupling::marginal(&case).assert();
        coupling::conditional(&case).assert();
        coupling::pathwise(&case).assert();
        let latent = case.map("latent", |law| law.latent());
        ks::cdf(&latent).assert();
        tails::counts(&latent).assert();
        moments::mean_and_variance(&latent).assert();
        moments::mean_and_variance(&case.map("hard", |law| law.hard())).assert();
        // Over b, the conditional latent has the latent's own distribution function.
        let (law, mut noise) = (case.law(200_000, DType::F32), Noise::seeded(3));
        let b = law.hard().sample(&mut noise);
        let z_tilde = law.latent_given(b, noise.draw(Base::Logistic, law.shape(), &law.device()));
        ks::uniform(format!("conditional latent of {case:?}"), law.latent().log_cdf(z_tilde).exp()).assert();
    }
}

#[test]
fn relaxed_one_hot_laws() {
    for (logits, temperature) in [(&[0.0, 0.0][..], 1.0), (&[2.0, 0.5], 0.5), (&[0.3, -0.3, 1.0], 0.7)] {
        let case = concrete(logits, temperature);
        quadrature::normalisation(&case).assert();
        suite::reparameterized_density(&case).iter().for_each(Verdict::assert);
        if logits.len() == 2 {
            ks::density(&case).assert();
        }
    }
    for (logits, temperature) in [
        (&[0.0, 0.0][..], 1.0),
        (&[0.3, -0.3, 1.0], 0.5),
        (&[100.0, 101.0, 99.0], 0.01),
        (&[-3.0, 0.0, 2.0, 1.0], 100.0),
        (&[7.0], 0.5),
    ] {
        let case = concrete(logits, temperature);
        maps_commute(&case);
        coupling::hard(&case).assert();
        coupling::threshold(&case).assert();
        coupling::marginal(&case).assert();
        coupling::conditional(&case).assert();
        coupling::pathwise(&case).assert();
        moments::mean_and_variance(&case.map("hard", |law| law.hard())).assert();
    }
}

/// The temperature as a tensor, one for each element or each event, is the scalar one element by element, and has a
/// gradient.
#[test]
fn temperature_tensors() {
    let (device, options) = (Device::flex(), (&Device::flex(), DType::F64));
    let logits = Tensor::<2>::from_data([[0.5, -1.0, 2.0], [0.0, 3.0, -2.0]], options);
    let each = Tensor::<2>::from_data([[0.1, 0.5, 1.0], [2.0, 0.7, 0.3]], options);
    let noise = Noise::seeded(0).draw(Base::Logistic, [2, 3], options);
    let law = RelaxedBernoulli::from_logits(logits.clone(), each.clone()).unwrap();
    let (y, log_prob) = (law.transport(noise.clone()), law.log_prob(law.transport(noise.clone())));
    for (row, column) in [(0, 0), (0, 1), (1, 2)] {
        let at = |x: &Tensor<2>| x.clone().slice([row..row + 1, column..column + 1]);
        let scalar = RelaxedBernoulli::from_logits(at(&logits), at(&each).into_scalar::<f64>()).unwrap();
        assert!(scalar.transport(at(&noise)).all_close(at(&y), Some(1e-12), None));
        assert!(scalar.log_prob(at(&y)).all_close(at(&log_prob), Some(1e-12), None));
        let b = Tensor::ones([1, 1], options);
        let given = law.latent_given(Tensor::ones([2, 3], options), noise.clone());
        assert!(scalar.latent_given(b, at(&noise)).all_close(at(&given), Some(1e-12), None));
    }

    let each = Tensor::<2>::from_data([[0.1], [2.0]], options);
    let gumbel = Noise::seeded(0).draw(Base::Gumbel, [2, 3], options);
    let law = RelaxedOneHotCategorical::from_logits(logits.clone(), each.clone()).unwrap();
    let (y, log_prob) = (law.transport(gumbel.clone()), law.log_prob(law.transport(gumbel.clone())));
    for row in 0..2 {
        let at = |x: &Tensor<2>| x.clone().slice_dim(0, row);
        let scalar = RelaxedOneHotCategorical::from_logits(at(&logits), at(&each).into_scalar::<f64>()).unwrap();
        assert!(scalar.transport(at(&gumbel)).all_close(at(&y), Some(1e-12), None));
        assert!(scalar.log_prob(at(&y)).all_close(at(&log_prob), Some(1e-12), None));
    }
    assert!(RelaxedOneHotCategorical::from_logits(logits, Tensor::<2>::ones([2, 3], &device)).is_err());

    for parameters in [[0.3, 0.5, -1.0], [-1.0, 2.0, 2.0]] {
        let bernoulli = Case::new("RelaxedBernoulli with log-temperature", &parameters, |p: Tensor<2>| {
            RelaxedBernoulli::from_logits(p.clone().slice_dim(1, 1..3), p.slice_dim(1, 0).exp()).unwrap()
        });
        let concrete = Case::new("RelaxedOneHotCategorical with log-temperature", &parameters, |p: Tensor<2>| {
            RelaxedOneHotCategorical::from_logits(p.clone().slice_dim(1, 1..3), p.slice_dim(1, 0).exp()).unwrap()
        });
        finite_difference::transport(&bernoulli).assert();
        finite_difference::log_prob(&bernoulli).assert();
        coupling::pathwise(&bernoulli).assert();
        score::identity(&bernoulli).assert();
        finite_difference::transport(&concrete).assert();
        finite_difference::log_prob(&concrete).assert();
        coupling::pathwise(&concrete).assert();
        score::identity(&concrete).assert();
    }
}

/// Adding a constant to the logits of a categorical changes samples, densities and conditional latents by nothing.
#[test]
fn categorical_logits_are_free_up_to_a_constant() {
    let options = (&Device::flex(), DType::F64);
    let logits = Tensor::<2>::from_data([[0.5, -1.0, 2.0], [0.0, 3.0, -2.0]], options);
    let noise = Noise::seeded(0).draw(Base::Gumbel, [2, 3], options);
    let at = |shift: f64| RelaxedOneHotCategorical::from_logits(logits.clone() + shift, 0.5).unwrap();
    let (one, other) = (at(0.0), at(30.0));
    let close = |a: Tensor<2>, b: Tensor<2>| a.all_close(b, Some(1e-10), Some(1e-12));
    let (y, b) = (one.transport(noise.clone()), one.hard().sample(&mut Noise::seeded(1)));
    assert!(close(y.clone(), other.transport(noise.clone())));
    assert!(close(one.log_prob(y.clone()), other.log_prob(y.clone())));
    assert!(close(one.latent().log_prob(y.clone().log()), other.latent().log_prob(y.log())));
    assert!(close(one.latent_given(b.clone(), noise.clone()), other.latent_given(b.clone(), noise)));
    assert!(close(one.hard().log_prob(b.clone()), other.hard().log_prob(b)));
    assert!(close(one.hard().entropy(), other.hard().entropy()));
    assert!(close(one.hard().probs(), other.hard().probs()));
}

/// Monte Carlo divergences, in their own standard errors from the closed form or the integral; and the standard error is
/// the spread of repeated estimates.
#[test]
fn divergences_by_monte_carlo() {
    let device = Device::flex();
    // A normal pair has a closed form.
    let normal = |loc: f64, scale: f64| {
        let full = |x| Tensor::<2>::full([1, 1], x, (&device, DType::F64));
        Normal::new(full(loc), full(scale)).unwrap()
    };
    let (p, q) = (normal(0.0, 1.0), normal(1.0, 2.0));
    check_divergence(&p, &q, p.kl_divergence(&q).into_scalar());

    let latents = |logit: f64| relaxed_bernoulli(&[logit], 0.5).map("latent", |law| law.latent());
    let (p, q) = (latents(1.0), latents(-0.5));
    let (law, target) = (p.law(1, DType::F64), q.law(1, DType::F64));
    let exact = quadrature::expectation(&p, |x| law.log_prob(x.clone()) - target.log_prob(x));
    check_divergence(&law, &target, exact[0]);

    let latents = |logits: &[f64], temperature| concrete(logits, temperature).map("latent", |law| law.latent());
    let (p, q) = (latents(&[1.0, 0.0, -1.0], 0.5), latents(&[0.0, 0.0, 0.5], 0.7));
    let (law, target) = (p.law(1, DType::F64), q.law(1, DType::F64));
    let exact = quadrature::expectation(&p, |x| law.log_prob(x.clone()) - target.log_prob(x));
    check_divergence(&law, &target, exact[0]);

    // A divergence is invariant under squashing both sides.
    let (p, q) = (concrete(&[1.0, 0.0, -1.0], 0.7), concrete(&[0.0, 0.0, 0.5], 0.7));
    let (law, target) = (p.law(1, DType::F64), q.law(1, DType::F64));
    let squashed = quadrature::expectation(&p, |y| law.log_prob(y.clone()) - target.log_prob(y));
    let (law, target) = (law.latent(), target.latent());
    let latent = p.map("latent", |law| law.latent());
    let exact = quadrature::expectation(&latent, |x| law.log_prob(x.clone()) - target.log_prob(x));
    assert!((squashed[0] - exact[0]).abs() < 1e-6, "{squashed:?} {exact:?}");
}

fn check_divergence<P, Q>(p: &P, q: &Q, exact: f64)
where
    P: Reparameterized<2> + Density<2>,
    Q: Density<2>,
{
    let estimate = kl_monte_carlo(p, q, 4000, &mut Noise::seeded(0));
    let (mean, error): (f64, f64) =
        (estimate.mean.into_scalar(), estimate.standard_error.expect("many draws").into_scalar());
    assert!((mean - exact).abs() < 4.892 * error, "{mean} ± {error}, exact {exact}");
    assert!(error < 0.1 * exact, "{error} says nothing about {exact}");

    let repeated: Vec<f64> = (0..200)
        .map(|seed| kl_monte_carlo(p, q, 100, &mut Noise::seeded(seed)).mean.into_scalar::<f64>() - exact)
        .collect();
    let spread = (repeated.iter().map(|off| off * off).sum::<f64>() / 200.0).sqrt();
    let claim = error * 40.0_f64.sqrt();
    assert!((spread / claim - 1.0).abs() < 0.3, "spread {spread}, standard error {claim}");
    assert!(kl_monte_carlo(p, q, 1, &mut Noise::seeded(0)).standard_error.is_none());
}

/// The gradient of a Monte Carlo divergence is that of the exact one.
#[test]
fn gradients_of_divergences_by_monte_carlo() {
    let device = Device::flex().autodiff();
    let loc = Tensor::<2>::full([50_000, 1], 0.5, (&device, DType::F64)).require_grad();
    let one = Tensor::ones([50_000, 1], (&device, DType::F64));
    let p = Normal::new(loc.clone(), one.clone()).unwrap();
    let q = Normal::new(one.zeros_like(), one * 2.0).unwrap();
    let estimate = kl_monte_carlo(&p, &q, 4, &mut Noise::seeded(0));
    assert!(!estimate.standard_error.expect("many draws").is_tracked());
    let slopes = loc.grad(&estimate.mean.sum().backward()).unwrap();
    // ∂KL/∂μ = (μ₁ − μ₂)/σ₂² = 0.125
    let (variance, mean) = slopes.var_mean(0);
    let (variance, mean): (f64, f64) = (variance.into_scalar(), mean.into_scalar());
    assert!((mean - 0.125).abs() < 4.892 * (variance / 5e4).sqrt(), "{mean}");
}

/// The forward value is the hard one to the last bit, the gradient that of the relaxed sample.
#[test]
fn straight_through_is_hard_forwards_and_soft_backwards() {
    fn check<R: Relaxation<2>>(case: &Case<R>, with: impl Fn(Tensor<2>) -> R) {
        let parameters = case.law(1000, DType::F32).logits().clone();
        let gradient = |straight: bool| {
            let logits = parameters.clone().autodiff().require_grad();
            let relaxed = with(logits.clone());
            let weights = Noise::seeded(9).draw(Base::Normal, relaxed.shape(), &relaxed.device());
            let mut noise = Noise::seeded(4);
            let y = if straight { relaxed.rsample_straight_through(&mut noise) } else { relaxed.rsample(&mut noise) };
            let inside: f32 = relaxed.hard().support().contains(y.clone()).float().min().into_scalar();
            assert_eq!(inside > 0.5, straight, "{case:?}");
            logits.grad(&(y * weights).sum().backward()).unwrap()
        };
        assert!(gradient(true).all_close(gradient(false), Some(1e-5), Some(1e-6)), "{case:?}");
    }
    check(&relaxed_bernoulli(&[0.5, -1.0], 0.5), |logits| RelaxedBernoulli::from_logits(logits, 0.5).unwrap());
    check(&concrete(&[0.5, -1.0, 2.0], 0.5), |logits| RelaxedOneHotCategorical::from_logits(logits, 0.5).unwrap());
}

/// Parameters in half precision give noise, samples and densities in F32: the very numbers of F32 parameters.
#[test]
fn half_precision_parameters() {
    let device = Device::flex();
    let full = Tensor::<2>::from_data([[0.5, -1.0, 2.0]], &device); // exact in half precision too
    for dtype in [DType::F16, DType::BF16] {
        let half = full.clone().cast(dtype);
        macro_rules! same {
            ($law:expr) => {
                let (wide, narrow) = ($law(full.clone()), $law(half.clone()));
                assert_eq!(narrow.dtype(), DType::F32);
                let (x, y) = (wide.sample(&mut Noise::seeded(0)), narrow.sample(&mut Noise::seeded(0)));
                assert_eq!((y.dtype(), x.to_data()), (DType::F32, y.to_data()));
                assert_eq!(wide.log_prob(x.clone()).to_data(), narrow.log_prob(x).to_data());
            };
        }
        same!(Bernoulli::from_logits);
        same!(|p| OneHotCategorical::from_logits(p).unwrap());
        same!(|p| Normal::from_log_scale(p, half.clone()).unwrap());
        same!(|p| ExpConcrete::from_logits(p, 0.5).unwrap());
        same!(|p| RelaxedBernoulli::from_logits(p, half.clone().exp()).unwrap());
        same!(|p| RelaxedOneHotCategorical::from_logits(p, 0.5).unwrap());
        same!(|p| RelaxedBernoulli::from_logits(p, 0.5).unwrap().latent());
        assert_eq!(Noise::seeded(0).draw(Base::Gumbel, [3], (&device, dtype)).dtype(), DType::F32);

        let leaf = half.clone().autodiff().require_grad();
        let y = RelaxedBernoulli::from_logits(leaf.clone(), 0.5).unwrap().rsample(&mut Noise::seeded(0));
        let gradient = leaf.grad(&y.sum().backward()).unwrap();
        assert!(gradient.min().into_scalar::<f32>() > 0.0);
    }
}
