//! Extreme but legal input: huge logits, temperatures from 1e-3 to 1e3 (and the ends of the accepted range),
//! probabilities of exactly 0 and 1, one category, very many, none at all in the batch. Everything stays finite.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor};
use proptest::prelude::*;
use relaxit::distribution::{Binomial, Geometric, NegativeBinomial};
use relaxit::kl::kl_monte_carlo;
use relaxit::prelude::*;
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, DecoupledStraightThroughGumbelSoftmax, GappedStraightThrough, GumbelRao, HardConcrete,
    RebarRelaxation, ReinMax, StochasticTimesSmooth, StraightThroughBernoulli,
};
use relaxit::testing::{Case, coupling, extremes, halves};

const LOGITS: [&[f64]; 5] = [&[1e4, -1e4, 0.0], &[-1e4, -1e4, -1e4], &[0.0], &[1e4], &[80.0, -100.0, 17.0]];
const TEMPERATURES: [f64; 7] = [1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3, 1e6];

fn one_hot(logits: Tensor<2>) -> OneHotCategorical<2> {
    OneHotCategorical::from_logits(logits).unwrap()
}

/// What every discrete law with closed forms must survive.
fn discrete<L>(case: &Case<L>)
where
    L: Density<2> + Moments<2> + Entropy<2> + Enumerable<2> + KlDivergence<L, 2>,
{
    extremes::sampling(case).assert();
    extremes::support(case).assert();
    extremes::finite(case, "entropy", |law, _| law.entropy()).assert();
    extremes::finite(case, "mean", |law, _| law.mean()).assert();
    extremes::finite(case, "variance", |law, _| law.variance()).assert();
    extremes::finite(case, "KL to itself", |law, _| law.kl_divergence(law)).assert();
    for outcome in case.law(3, DType::F32).outcomes() {
        assert!(case.law(3, DType::F32).support().contains(outcome).all().into_scalar::<bool>(), "{case:?}");
    }
    extremes::finite(case, "log_prob of every outcome", |law, _| {
        law.outcomes().map(|outcome| law.log_prob(outcome)).reduce(|a, b| a + b).expect("some outcome")
    })
    .assert();
}

#[test]
fn discrete_laws_at_extremes() {
    for logits in LOGITS {
        discrete(&Case::new("Bernoulli", logits, Bernoulli::from_logits));
        discrete(&Case::new("OneHotCategorical", logits, one_hot));
        discrete(&Case::new("Independent Bernoulli", logits, |p| Independent::<_, 1>(Bernoulli::from_logits(p))));
        // Opposite certainties diverge by 2e4 nats, not by infinity.
        let pair = Case::new("opposite", logits, |p| (one_hot(p.clone()), one_hot(-p)));
        extremes::finite(&pair, "KL", |(p, q), _| p.kl_divergence(q)).assert();
        let pair = Case::new("opposite", logits, |p| (Bernoulli::from_logits(p.clone()), Bernoulli::from_logits(-p)));
        extremes::finite(&pair, "KL", |(p, q), _| p.kl_divergence(q)).assert();
    }
    let many: Vec<f64> = (0..5000).map(|k| f64::from(k % 97) - 50.0).collect();
    let case = Case::new("OneHotCategorical of 5000", &many, one_hot);
    extremes::sampling(&case).assert();
    extremes::finite(&case, "entropy", |law, _| law.entropy()).assert();
}

/// Probabilities of exactly 0 and 1 are certainties with finite numbers throughout.
#[test]
fn certain_probabilities() {
    let bernoulli = |p| Bernoulli::from_probs(p).unwrap();
    discrete(&Case::new("Bernoulli from probs", &[0.0, 1.0, 0.5, 1e-30, 1.0 - 1e-7], bernoulli));
    let one_hot = |p| OneHotCategorical::from_probs(p).unwrap();
    discrete(&Case::new("OneHotCategorical from probs", &[0.0, 1.0, 0.0], one_hot));
    discrete(&Case::new("OneHotCategorical from probs", &[1e-30, 1e30, 0.0], one_hot));

    let law = Bernoulli::from_probs(Tensor::<1>::from_floats([0.0, 1.0], &Device::flex())).unwrap();
    for seed in 0..100 {
        let b: Vec<f32> = law.sample(&mut Noise::seeded(seed)).try_into_vec_as().unwrap();
        assert_eq!(b, [0.0, 1.0]);
    }
    for temperature in [1e-3, 1.0, 1e3] {
        let relaxed = move |p| RelaxedBernoulli::from_probs(p, temperature).unwrap();
        relaxation(&Case::new("RelaxedBernoulli from probs", &[0.0, 1.0, 0.5], relaxed));
        let relaxed = move |p| RelaxedOneHotCategorical::from_probs(p, temperature).unwrap();
        relaxation(&Case::new("RelaxedOneHotCategorical from probs", &[0.0, 1.0, 0.0], relaxed));
    }
}

/// As above, through the doors of the other laws.
#[test]
fn certain_probabilities_through_every_door() {
    macro_rules! doors {
        ($probs:expr; $($name:literal $law:expr;)*) => {$(
            let case = Case::new(concat!($name, " from probs"), &$probs, $law);
            extremes::sampling(&case).assert();
            extremes::support(&case).assert();
        )*};
    }
    let identity = || Tensor::<2>::eye(3, &Device::flex());
    doors! { [0.0, 1.0, 0.5];
        "Binomial" |p| Binomial::from_probs(10, p).unwrap();
        "Geometric" |p| Geometric::from_probs(p).unwrap();
        "NegativeBinomial" |p| NegativeBinomial::from_probs(p.ones_like(), p * 0.999).unwrap();
        "HardConcrete" |p| HardConcrete::from_probs(p, 0.5).unwrap();
        "RebarRelaxation" |p| RebarRelaxation::from_probs(p, 0.5).unwrap();
        "StraightThroughBernoulli" |p| StraightThroughBernoulli::from_probs(p).unwrap();
        "CorrelatedRelaxedBernoulli" move |p| CorrelatedRelaxedBernoulli::from_probs(p, &identity(), 0.5).unwrap();
        "KSubset" |p| KSubset::from_probs(p, 2).unwrap();
    }
    doors! { [0.0, 1.0, 0.0];
        "DecoupledStraightThroughGumbelSoftmax" |p| {
            DecoupledStraightThroughGumbelSoftmax::from_probs(p, 0.5, 1.0).unwrap()
        };
        "ReinMax" |p| ReinMax::from_probs(p, 1.0).unwrap();
        "GumbelRao" |p| GumbelRao::from_probs(p, 0.5, 2).unwrap();
        "GappedStraightThrough" |p| GappedStraightThrough::from_probs(p, 0.5).unwrap();
        "GumbelTopK" |p| GumbelTopK::from_probs(p, 2).unwrap();
        "PlackettLuce" |p| PlackettLuce::from_probs(p, 2).unwrap();
    }
    let smooth =
        Case::new("StochasticTimesSmooth", &[0.0, 1.0, 0.5], |p| StochasticTimesSmooth::from_probs(p).unwrap());
    extremes::finite(&smooth, "draw", StochasticTimesSmooth::rsample).assert();
    let top = Case::new("RelaxedTopK", &[0.0, 1.0, 0.0], |p| RelaxedTopK::from_probs(p, 2, 0.5).unwrap());
    extremes::rsampling(&top).assert();
}

/// What every relaxation must survive: hard, soft and latent, forwards and backwards.
fn relaxation<R>(case: &Case<R>)
where
    R: ConditionalRelaxation<2> + Density<2> + 'static,
    R::Latent: Density<2>,
    R::Hard: Density<2>,
{
    extremes::sampling(case).assert();
    extremes::rsampling(case).assert();
    extremes::support(case).assert();
    extremes::finite(case, "log_prob of a reparameterised draw", |law, noise| law.log_prob(law.rsample(noise)))
        .assert();
    extremes::finite(case, "straight-through draw", R::rsample_straight_through).assert();
    let latent = case.map("latent", |law| law.latent());
    extremes::sampling(&latent).assert();
    extremes::rsampling(&latent).assert();
    extremes::support(&latent).assert();
    extremes::finite(&latent, "log_prob of its own draw", |law, noise| law.log_prob(law.rsample(noise))).assert();
    coupling::threshold(&case.clone().with_draws(1 << 14)).assert();
    extremes::finite(case, "latent given b, its sample and density", |law, noise| {
        let b = law.hard().sample(noise);
        let fresh = noise.draw(R::BASE, law.noise_shape(), &law.device());
        let z = law.latent_given(b, fresh);
        law.latent().log_prob(z.clone()) + law.squash(z).sum_dim(1)
    })
    .assert();
    extremes::sampling(&case.map("hard", |law| law.hard())).assert();
}

#[test]
fn relaxations_at_extremes() {
    for logits in LOGITS {
        for temperature in TEMPERATURES {
            let relaxed = move |p| RelaxedBernoulli::from_logits(p, temperature).unwrap();
            relaxation(&Case::new(format!("RelaxedBernoulli at temperature {temperature}"), logits, relaxed));
            let relaxed = move |p| RelaxedOneHotCategorical::from_logits(p, temperature).unwrap();
            relaxation(&Case::new(format!("RelaxedOneHotCategorical at temperature {temperature}"), logits, relaxed));
        }
    }
    let many: Vec<f64> = (0..3000).map(|k| f64::from(k % 97) - 50.0).collect();
    for temperature in [1e-3, 1.0, 1e3] {
        let relaxed = move |p| RelaxedOneHotCategorical::from_logits(p, temperature).unwrap();
        let case = Case::new(format!("RelaxedOneHotCategorical of 3000 at temperature {temperature}"), &many, relaxed);
        extremes::sampling(&case).assert();
        extremes::rsampling(&case).assert();
        extremes::finite(&case.map("latent", |law| law.latent()), "log_prob", |law, noise| {
            law.log_prob(law.rsample(noise))
        })
        .assert();
        coupling::threshold(&case.with_draws(1 << 10)).assert();
    }
}

/// Temperatures that are tensors reach as far as numbers do.
#[test]
fn temperature_tensors_at_extremes() {
    for exponent in [-3.0_f64, 0.0, 3.0] {
        let parameters = [exponent * 10.0_f64.ln(), 1e4, -1e4, 0.0];
        let bernoulli = Case::new("RelaxedBernoulli with log-temperature", &parameters, |p| {
            RelaxedBernoulli::from_logits(p.clone().slice_dim(1, 1..4), p.slice_dim(1, 0).exp()).unwrap()
        });
        relaxation(&bernoulli);
        let concrete = Case::new("RelaxedOneHotCategorical with log-temperature", &parameters, |p| {
            RelaxedOneHotCategorical::from_logits(p.clone().slice_dim(1, 1..4), p.slice_dim(1, 0).exp()).unwrap()
        });
        relaxation(&concrete);
    }
}

#[test]
fn location_scale_families_at_extremes() {
    fn check<L>(name: &str, law: fn(Tensor<2>) -> L)
    where
        L: Reparameterized<2> + Density<2> + Moments<2> + Entropy<2> + 'static,
    {
        for parameters in [[1e4, 0.0], [-1e4, 10.0], [0.0, -20.0], [1e-30, 20.0]] {
            let case = Case::new(name, &parameters, law);
            extremes::sampling(&case).assert();
            extremes::rsampling(&case).assert();
            extremes::support(&case).assert();
            extremes::finite(&case, "entropy", |law, _| law.entropy()).assert();
            extremes::finite(&case, "mean and variance", |law, _| law.mean() + law.variance()).assert();
            // Far from the location, on both sides.
            for x in [-1e4, 1e4] {
                extremes::finite(&Case::new(name, &[0.0, 0.0], law), "log_prob far out", |law, _| {
                    law.log_prob(Tensor::full(law.shape(), x, &law.device()))
                })
                .assert();
            }
        }
    }
    check("Logistic", |p| {
        let (loc, log_scale) = halves(p);
        Logistic::from_log_scale(loc, log_scale).unwrap()
    });
    check("Gumbel", |p| {
        let (loc, log_scale) = halves(p);
        Gumbel::from_log_scale(loc, log_scale).unwrap()
    });
    check("Normal", |p| {
        let (loc, log_scale) = halves(p);
        Normal::from_log_scale(loc, log_scale).unwrap()
    });
}

/// An empty batch goes through every method, forwards and backwards.
#[test]
fn empty_batches() {
    let device = Device::flex().autodiff();
    let noise = || Noise::seeded(0);
    let logits = Tensor::<2>::zeros([0, 3], &device).require_grad();
    macro_rules! shapes {
        ($law:expr, [$($method:ident),*]) => {{
            let law = $law;
            let x = law.sample(&mut noise());
            assert_eq!(x.dims(), [0, 3]);
            assert_eq!(law.log_prob(x).dims()[0], 0);
            $(assert_eq!(law.$method().dims()[0], 0);)*
        }};
    }
    shapes!(Bernoulli::from_logits(logits.clone()), [mean, variance, entropy]);
    shapes!(one_hot(logits.clone()), [mean, variance, entropy]);
    shapes!(Independent::<_, 1>(Bernoulli::from_logits(logits.clone())), [mean, variance, entropy]);
    shapes!(Logistic::from_log_scale(logits.clone(), logits.clone()).unwrap(), [mean, variance, entropy]);
    shapes!(Gumbel::from_log_scale(logits.clone(), logits.clone()).unwrap(), [mean, variance, entropy]);
    shapes!(Normal::from_log_scale(logits.clone(), logits.clone()).unwrap(), [mean, variance, entropy]);
    shapes!(ExpConcrete::from_logits(logits.clone(), 0.5).unwrap(), []);
    shapes!(RelaxedBernoulli::from_logits(logits.clone(), 0.5).unwrap(), []);
    shapes!(RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5).unwrap(), []);
    assert_eq!(Independent::<_, 1>(Bernoulli::from_logits(logits.clone())).outcomes().count(), 8);
    assert!(OneHotCategorical::from_probs(Tensor::<2>::zeros([0, 3], &device)).is_ok());

    let relaxed = RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5).unwrap();
    let b = relaxed.hard().sample(&mut noise());
    let z = relaxed.latent_given(b.clone(), noise().draw(Base::Gumbel, [0, 3], &device));
    assert_eq!(relaxed.threshold(z).dims(), [0, 3]);
    assert_eq!(relaxed.hard().kl_divergence(&relaxed.hard()).dims(), [0, 1]);
    assert_eq!(kl_monte_carlo(&relaxed.latent(), &relaxed.latent(), 2, &mut noise()).mean.dims(), [0, 1]);
    let y = relaxed.rsample_straight_through(&mut noise());
    assert_eq!(logits.grad(&y.sum().backward()).unwrap().dims(), [0, 3]);

    let relaxed = RelaxedBernoulli::from_logits(logits.clone(), 0.5).unwrap();
    let b = relaxed.hard().sample(&mut noise());
    let z = relaxed.latent_given(b, noise().draw(Base::Logistic, [0, 3], &device));
    assert_eq!(relaxed.threshold(z).dims(), [0, 3]);
    let y = relaxed.rsample(&mut noise());
    assert_eq!(logits.grad(&y.sum().backward()).unwrap().dims(), [0, 3]);
}

/// A law of any rank and shape: samples have its shape, densities keep the event as 1, both are finite, and the
/// gradient has the parameters' shape.
fn shapes_hold<const D: usize>(
    shape: [usize; D],
    seed: u64,
    spread: f64,
    temperature: f64,
) -> Result<(), TestCaseError> {
    let device = Device::flex().autodiff();
    let parameters = Noise::seeded(seed).fork("parameters").draw(Base::Normal, shape, &device) * spread;
    let leaf = parameters.require_grad();
    let mut batch = shape;
    batch[D - 1] = 1;
    let finite = |x: Tensor<D>, dims: [usize; D]| {
        prop_assert_eq!(x.dims(), dims);
        prop_assert!(x.clone().inner().is_finite().all().into_scalar::<bool>(), "{}", x);
        Ok(())
    };
    macro_rules! check {
        ($law:expr, $densities:expr) => {{
            let law = $law;
            let x = law.sample(&mut Noise::seeded(seed));
            prop_assert!(law.support().contains(x.clone()).all().into_scalar::<bool>());
            prop_assert_eq!([law.batch_shape(), law.event_shape()].concat(), shape);
            let log_prob = law.log_prob(x.clone());
            finite(x, shape)?;
            finite(log_prob.clone(), $densities)?;
            let gradient = leaf.grad(&log_prob.sum().backward()).expect("every law here has a gradient");
            finite(gradient, shape)?;
            prop_assert!(law.validate().is_ok());
        }};
    }
    let logits = || leaf.clone();
    check!(Bernoulli::from_logits(logits()), shape);
    check!(OneHotCategorical::from_logits(logits()).unwrap(), batch);
    check!(Normal::from_log_scale(logits(), logits() / spread).unwrap(), shape);
    check!(Gumbel::from_log_scale(logits(), logits() / spread).unwrap(), shape);
    check!(Logistic::from_log_scale(logits(), logits() / spread).unwrap(), shape);
    check!(ExpConcrete::from_logits(logits(), temperature).unwrap(), batch);
    check!(RelaxedBernoulli::from_logits(logits(), temperature).unwrap(), shape);
    check!(RelaxedOneHotCategorical::from_logits(logits(), temperature).unwrap(), batch);
    check!(Independent::<_, 1>(Bernoulli::from_logits(logits())), batch);
    check!(Independent::<_, 1>(RelaxedBernoulli::from_logits(logits(), temperature).unwrap()), batch);

    let relaxed = RelaxedOneHotCategorical::from_logits(logits(), temperature).unwrap();
    let b = relaxed.hard().sample(&mut Noise::seeded(seed));
    let z = relaxed.latent_given(b.clone(), Noise::seeded(seed + 1).draw(Base::Gumbel, shape, &device));
    prop_assert_eq!(relaxed.threshold(z.clone()).to_data(), b.to_data());
    finite(relaxed.squash(z), shape)?;
    let relaxed = RelaxedBernoulli::from_logits(logits(), temperature).unwrap();
    let b = relaxed.hard().sample(&mut Noise::seeded(seed));
    let z = relaxed.latent_given(b.clone(), Noise::seeded(seed + 1).draw(Base::Logistic, shape, &device));
    prop_assert_eq!(relaxed.threshold(z.clone()).to_data(), b.to_data());
    finite(relaxed.rsample(&mut Noise::seeded(seed)), shape)?;
    finite(z, shape)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_law_at_every_shape(
        dims in [1..5_usize, 1..4_usize, 1..4_usize, 1..6_usize],
        seed in 0..1000_u64,
        spread in prop::sample::select(vec![1e-3, 1.0, 30.0, 1e4]),
        temperature in prop::sample::select(vec![1e-3, 0.1, 0.5, 1.0, 1e3]),
    ) {
        let [a, b, c, d] = dims;
        shapes_hold([d], seed, spread, temperature)?;
        shapes_hold([a, d], seed, spread, temperature)?;
        shapes_hold([a, b, d], seed, spread, temperature)?;
        shapes_hold([a, b, c, d], seed, spread, temperature)?;
    }
}

/// Scales at both ends of their range, in F32: densities and their gradients, though not those of a variance.
#[test]
fn scales_from_end_to_end() {
    fn held<L: Reparameterized<2> + Density<2>>(name: &str, law: impl Fn(Tensor<2>, Tensor<2>) -> L + Copy + 'static) {
        for scale in [1e-30, 1e-20, 1.0, 1e20, 1e30] {
            let case = Case::new(name, &[0.0, 0.7, scale, scale], move |p: Tensor<2>| {
                law(p.clone().slice_dim(1, 0..2), p.slice_dim(1, 2..4))
            });
            extremes::sampling(&case).assert();
            extremes::rsampling(&case).assert();
            extremes::support(&case).assert();
        }
    }
    held("Normal", |loc, scale| Normal::new(loc, scale).unwrap());
    held("Logistic", |loc, scale| Logistic::new(loc, scale).unwrap());
    held("Gumbel", |loc, scale| Gumbel::new(loc, scale).unwrap());
    held("Normal by log-scale", |loc, scale| Normal::from_log_scale(loc, scale.log()).unwrap());
    let near = |scale: f64| {
        let at = |loc: f64| {
            Normal::new(Tensor::<1>::full([1], loc, &Device::flex()), Tensor::full([1], scale, &Device::flex()))
        };
        at(0.0).unwrap().kl_divergence(&at(scale).unwrap()).into_scalar::<f32>()
    };
    for scale in [1e-30, 1.0, 1e30] {
        assert!((near(scale) - 0.5).abs() < 1e-5, "{scale}");
    }
    for bad in [0.0, -1.0, 1e-31, 1e31, f64::NAN] {
        let tensor = |x: f64| Tensor::<1>::full([1], x, (&Device::flex(), DType::F64));
        assert!(Normal::new(tensor(0.0), tensor(bad)).is_err(), "{bad}");
    }
}
