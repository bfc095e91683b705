//! Laws over subsets and orders, and their relaxations, held to every law they can be held to.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor};
use relaxit::Error;
use relaxit::prelude::*;
use relaxit::testing::{
    Case, Verdict, chi_square, divergence, extremes, finite_difference, independence, moments, quadrature, score,
};

const LOGITS: [(&[f64], usize); 7] = [
    (&[0.0, 0.0], 1),
    (&[3.0, -1.0, 0.5], 2),
    (&[100.0, 101.0, 99.0, 100.5], 2),
    (&[0.3, -2.0, 1.0, 0.0], 3),
    (&[1.0, 0.0, -1.0], 3),
    (&[0.5, 0.0, -0.5, 1.0, 2.0, -1.5], 3),
    (&[7.0], 1),
];

/// Logits at which nothing may overflow, cancel or become NaN.
const EXTREME: [(&[f64], usize); 6] = [
    (&[1e4, -1e4, 0.0], 2),
    (&[-1e4, -1e4, -1e4], 2),
    (&[1e4, -1e4, 0.0], 3),
    (&[-1e4], 1),
    (&[80.0, -100.0, 17.0, 80.0, 80.0], 3),
    (&[-1e4, 1e4, 1e4, -1e4, 1e4], 1),
];

fn order(logits: &[f64], count: usize) -> Case<PlackettLuce<2>> {
    Case::new(format!("PlackettLuce of {count}"), logits, move |p| PlackettLuce::from_logits(p, count).unwrap())
}

fn top_k(logits: &[f64], count: usize) -> Case<GumbelTopK<2>> {
    let case = Case::new(format!("GumbelTopK of {count}"), logits, move |p| GumbelTopK::from_logits(p, count).unwrap());
    case.with_draws(40_000)
}

fn relaxed_top_k(logits: &[f64], count: usize, temperature: f64) -> Case<RelaxedTopK<2>> {
    let law = move |p| RelaxedTopK::from_logits(p, count, temperature).unwrap();
    Case::new(format!("RelaxedTopK of {count} at temperature {temperature}"), logits, law)
}

fn f64s(rows: &[f64]) -> Tensor<2> {
    Tensor::<1>::from_data(rows, (&Device::flex(), DType::F64)).reshape([1, rows.len()])
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.try_into_vec_as().unwrap()
}

/// What every discrete law with a probability is held to.
fn discrete_laws<L: Density<2> + Enumerable<2>>(case: &Case<L>) {
    chi_square::outcomes(case).assert();
    quadrature::mass(case).assert();
    finite_difference::log_prob(case).assert();
    score::identity(case).assert();
    extremes::support(case).assert();
    let law = case.law(1, DType::F64);
    for outcome in law.outcomes() {
        assert!(law.support().contains(outcome).all().into_scalar::<bool>(), "{case:?}");
    }
}

fn discrete_extremes<L: Density<2> + Enumerable<2>>(case: &Case<L>) {
    extremes::sampling(case).assert();
    extremes::support(case).assert();
    extremes::finite(case, "log_prob of every outcome", |law, _| {
        law.outcomes().map(|outcome| law.log_prob(outcome)).reduce(|a, b| a + b).unwrap()
    })
    .assert();
}

/// All outcomes once, as many as there must be.
fn distinct<L: Enumerable<2>>(law: &L, expected: usize) {
    let mut outcomes: Vec<String> = law.outcomes().map(|x| format!("{:?}", values(x))).collect();
    outcomes.sort();
    outcomes.dedup();
    assert_eq!(outcomes.len(), expected);
    assert_eq!(law.outcomes().count(), expected);
}

#[test]
fn orders() {
    for (logits, count) in LOGITS {
        let case = order(logits, count);
        discrete_laws(&case);
        if logits.len() > count || count > 1 {
            independence::rows(&case).assert();
        }
    }
    for (logits, count) in EXTREME {
        discrete_extremes(&order(logits, count));
    }
    distinct(&order(&[0.0; 5], 3).law(1, DType::F64), 60);
}

#[test]
fn sets() {
    for (logits, count) in LOGITS {
        let case = top_k(logits, count);
        if logits.len() > count {
            discrete_laws(&case);
            independence::rows(&case).assert();
        }
    }
    for (logits, count) in EXTREME {
        discrete_extremes(&top_k(logits, count));
    }
    distinct(&top_k(&[0.0; 5], 3).law(1, DType::F64), 10);
    distinct(&top_k(&[0.0; 5], 5).law(1, DType::F64), 1);
}

fn subset(logits: &[f64], count: usize) -> Case<KSubset<2>> {
    let case = Case::new(format!("KSubset of {count}"), logits, move |p| KSubset::from_logits(p, count).unwrap());
    case.with_draws(40_000)
}

#[test]
fn conditional_bernoulli() {
    for (logits, count) in LOGITS {
        let case = subset(logits, count);
        chi_square::outcomes(&case).assert();
        quadrature::mass(&case).assert();
        moments::mean_and_variance(&case).assert();
        extremes::support(&case).assert();
        finite_difference::log_prob(&case).assert();
        finite_difference::of(&case, "gradient of the mean", |law| law.mean()).assert();
        finite_difference::of(&case, "gradient of the variance", |law| law.variance()).assert();
        finite_difference::of(&case, "gradient of the entropy", |law| law.entropy()).assert();
        score::identity(&case).assert();
        divergence::entropy(&case).assert();
        if logits.len() > count {
            independence::rows(&case).assert();
        }
        let other: Vec<f64> = (0..logits.len()).map(|i| (i as f64).sin()).collect();
        divergence::kl(&case, &subset(&other, count)).assert();
        let entries = logits.len();
        let pair = Case::new("two of KSubset", &[logits, &other].concat(), move |p| {
            let part = |start| KSubset::from_logits(p.clone().narrow(1, start, entries), count).unwrap();
            (part(0), part(entries))
        });
        finite_difference::of(&pair, "gradient of the divergence", |(p, q)| p.kl_divergence(&q)).assert();
    }
    distinct(&subset(&[0.0; 6], 4).law(1, DType::F64), 15);
}

#[test]
fn conditional_bernoulli_at_extremes() {
    let many: Vec<f64> = (0..1000).map(|i| f64::from(i % 97) / 5.0 - 8.0).collect();
    for (logits, count) in EXTREME.into_iter().chain([(&many[..100], 20), (&many[..37], 37), (&many[..65], 1)]) {
        let case = subset(logits, count);
        if logits.len() < 10 {
            discrete_extremes(&case);
        }
        extremes::sampling(&case).assert();
        extremes::finite(&case, "mean", |law, _| law.mean()).assert();
        extremes::finite(&case, "variance", |law, _| law.variance()).assert();
        extremes::finite(&case, "entropy", |law, _| law.entropy()).assert();
        extremes::finite(&case, "KL to itself", |law, _| law.kl_divergence(law)).assert();
        extremes::finite(&case, "straight-through draw", KSubset::rsample_straight_through).assert();
    }
    // A thousand items: marginals sum to k, and are the derivative of the normaliser.
    let logits = f64s(&many).autodiff().require_grad();
    let law = KSubset::from_logits(logits.clone(), 100).unwrap();
    let marginals = law.mean();
    assert!((values(marginals.clone().sum())[0] - 100.0).abs() < 1e-9);
    let b = law.sample(&mut Noise::seeded(0));
    let score = logits.grad(&law.log_prob(b.clone()).sum().backward()).unwrap();
    assert!((b.inner() - marginals.inner()).all_close(score, Some(1e-10), Some(1e-12)));
}

/// Different counts share no outcome; the straight-through sample has the gradient of the marginals.
#[test]
fn conditional_bernoulli_corners() {
    let law = |count| subset(&[0.3, 1.0, -2.0, 0.0], count).law(1, DType::F64);
    assert!(values(law(1).kl_divergence(&law(2)))[0] == f64::INFINITY);

    let logits = f64s(&[0.3, 1.0, -2.0, 0.0]).autodiff().require_grad();
    let weights = f64s(&[1.0, -2.0, 0.5, 3.0]).autodiff();
    let law = KSubset::from_logits(logits.clone(), 2).unwrap();
    let b = law.rsample_straight_through(&mut Noise::seeded(3));
    assert!(law.support().contains(b.clone()).all().into_scalar::<bool>());
    let got = logits.grad(&(b * weights.clone()).sum().backward()).unwrap();
    // On a linear objective it is exact: the gradient of E⟨w, b⟩, by enumeration.
    let expectation = law.outcomes().map(|b| law.log_prob(b.clone()).exp() * (b * weights.clone()).sum_dim(1));
    let exact = logits.grad(&expectation.reduce(|a, b| a + b).unwrap().sum().backward()).unwrap();
    assert!(got.all_close(exact, Some(1e-12), Some(1e-14)));

    let device = Device::flex();
    let none = KSubset::from_logits(Tensor::<2>::zeros([0, 3], &device), 2).unwrap();
    let x = none.sample(&mut Noise::seeded(0));
    assert_eq!((x.dims(), none.log_prob(x).dims()), ([0, 3], [0, 1]));
    assert_eq!((none.mean().dims(), none.entropy().dims()), ([0, 3], [0, 1]));
    assert_eq!(none.kl_divergence(&none).dims(), [0, 1]);
    for count in [0, 4] {
        assert!(matches!(
            KSubset::from_logits(Tensor::<1>::zeros([3], &device), count),
            Err(Error::Parameter { subject: "KSubset", parameter: "count", .. })
        ));
    }
    for bad in [-0.1, 1.1, f32::NAN] {
        let probs = Tensor::<1>::from_floats([0.5, bad], &device);
        assert!(matches!(KSubset::from_probs(probs, 1), Err(Error::Values { count: 1, .. })));
    }
    let certain = KSubset::from_probs(Tensor::<1>::from_floats([0.0, 1.0, 1.0], &device), 2).unwrap();
    let b: Vec<f32> = certain.sample(&mut Noise::seeded(0)).try_into_vec_as().unwrap();
    assert_eq!(b, [0.0, 1.0, 1.0]);
    assert!(values(certain.entropy())[0].abs() < 1e-4);
    assert!(KSubset::from_logits(Tensor::<1>::from_floats([f32::NAN], &device), 1).unwrap().validate().is_err());
}

/// A set that must be everything is certain, and has no gradient.
#[test]
fn everything_is_certain() {
    let case = top_k(&[0.3, -1.0, 2.0], 3);
    quadrature::mass(&case).assert();
    chi_square::outcomes(&case).assert();
    finite_difference::log_prob(&case).assert();
}

/// P(S), by the recursion over the subsets of S that may have come first: a sum of positive terms.
fn exact_set_log_prob(logits: &[f64], members: &[usize]) -> f64 {
    let weight = |i: usize| logits[i].exp();
    let rest: f64 = (0..logits.len()).filter(|i| !members.contains(i)).map(weight).sum();
    let mut probability = vec![0.0; 1 << members.len()];
    probability[0] = 1.0;
    for drawn in 0..probability.len() {
        let left = (0..members.len()).filter(|i| drawn >> i & 1 == 0).fold(rest, |left, i| left + weight(members[i]));
        for (i, &member) in members.iter().enumerate().filter(|(i, _)| drawn >> i & 1 == 0) {
            probability[drawn | 1 << i] += probability[drawn] * weight(member) / left;
        }
    }
    probability[probability.len() - 1].ln()
}

/// The integral is the sum over orders, at every k.
#[test]
fn integral_is_the_sum_over_orders() {
    let logits: Vec<f64> = values(Noise::seeded(1).draw(Base::Normal, [40], (&Device::flex(), DType::F64)) * 3.0);
    let rows = f64s(&logits);
    for count in [1, 2, 3, 5, 8, 9, 12, 16] {
        for start in [0, 7, 20] {
            let members: Vec<usize> = (0..count).map(|i| (start + 3 * i) % 40).collect();
            let exact = exact_set_log_prob(&logits, &members);
            let mut hot = vec![0.0; 40];
            for &i in &members {
                hot[i] = 1.0;
            }
            let law = GumbelTopK::from_logits(rows.clone(), count).unwrap();
            let got = values(law.log_prob(f64s(&hot)))[0];
            assert!((got - exact).abs() < 1e-11, "k = {count}: {got} {exact}");
            let single = GumbelTopK::from_logits(rows.clone().cast(DType::F32), count).unwrap();
            let got = values(single.log_prob(f64s(&hot).cast(DType::F32)))[0];
            assert!((got - exact).abs() < 2e-6 * (1.0 + exact.abs()), "k = {count} in f32: {got} {exact}");
        }
    }
}

/// Equal items: every set is as likely as another, for any k; the integrand is narrowest there.
#[test]
fn equal_items_have_equal_sets() {
    for (items, count) in [(20, 10), (100, 50), (400, 200), (400, 399), (1000, 3)] {
        let law = GumbelTopK::from_logits(f64s(&vec![0.7; items]), count).unwrap();
        let hot: Vec<f64> = (0..items).map(|i| f64::from(u8::from(i < count))).collect();
        let binomial: f64 = (0..count).map(|i| ((items - i) as f64 / (count - i) as f64).ln()).sum();
        let got = values(law.log_prob(f64s(&hot)))[0];
        assert!((got + binomial).abs() < 1e-10 * binomial, "{count} of {items}: {got} {binomial}");
    }
}

/// Probabilities used where logits belong pick the first item with probability 0.727.
#[test]
fn probabilities_are_not_logits() {
    let probs = Tensor::<2>::from_data([[0.99, 0.01]], (&Device::flex(), DType::F64)).repeat_dim(0, 100_000);
    for share in [
        PlackettLuce::from_probs(probs.clone(), 1).unwrap().sample(&mut Noise::seeded(0)),
        GumbelTopK::from_probs(probs.clone(), 1).unwrap().sample(&mut Noise::seeded(1)),
        RelaxedTopK::from_probs(probs, 1, 1e-3).unwrap().rsample_straight_through(&mut Noise::seeded(2)),
    ]
    .map(|draws| values(draws.slice_dim(1, 0).mean())[0])
    {
        // Five standard errors.
        assert!((share - 0.99).abs() < 0.0016, "{share}");
    }
}

#[test]
fn relaxed_sets() {
    for (logits, count) in LOGITS {
        for temperature in [0.3, 1.0, 5.0] {
            let case = relaxed_top_k(logits, count, temperature);
            if logits.len() > 1 {
                finite_difference::transport(&case).assert();
                finite_difference::noise(&case).assert();
                if logits.len() > count {
                    independence::rows(&case).assert();
                }
            }
            moments::mean_and_variance(&case.map("latent", |law| law.latent())).assert();
            // The hard law of `threshold` is the law that the relaxation names.
            let hard = case.law(40_000, DType::F32).latent().rsample(&mut Noise::seeded(5));
            let hard = case.law(40_000, DType::F32).threshold(hard);
            share_of_outcomes(&case, &hard);
        }
    }
    for (logits, count) in EXTREME {
        for temperature in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
            let case = relaxed_top_k(logits, count, temperature);
            extremes::rsampling(&case).assert();
            extremes::finite(&case, "straight-through draw", RelaxedTopK::rsample_straight_through).assert();
        }
    }
}

/// How often each set was drawn, in standard errors.
fn share_of_outcomes(case: &Case<RelaxedTopK<2>>, draws: &Tensor<2>) {
    let law = case.law(1, DType::F64).hard();
    let rows = draws.dims()[0] as f64;
    for outcome in law.outcomes() {
        let p = values(law.log_prob(outcome.clone()).exp())[0];
        let equal = draws.clone().cast(DType::F64).equal(outcome.expand(draws.dims())).float().min_dim(1);
        let share = values(equal.sum())[0] / rows;
        let z = (share - p).abs() / (p * (1.0 - p) / rows).sqrt().max(1e-3 / rows.sqrt());
        Verdict { law: "share", subject: format!("{case:?}"), statistic: z, threshold: 6.109 }.assert();
    }
}

/// As the temperature falls, the relaxed sample becomes the k largest: not, from the second pick on, the smallest.
#[test]
fn relaxed_sets_harden() {
    let noise = Noise::seeded(0).draw(Base::Gumbel, [5000, 6], &Device::flex());
    let logits = Tensor::<2>::from_floats([[0.5, 3.0, -2.0, 0.0, 0.1, -8.0]], &Device::flex()).repeat_dim(0, 5000);
    for count in 1..=6 {
        let relaxed = RelaxedTopK::from_logits(logits.clone(), count, 1e-6).unwrap();
        let z = relaxed.latent().transport(noise.clone());
        let (hard, soft) = (relaxed.threshold(z.clone()), relaxed.squash(z));
        let off: f64 = values((hard - soft).abs().max_dim(1).mean())[0];
        assert!(off < 1e-3, "{count}: {off}");
    }
}

/// The definition, step by step on the host.
#[test]
fn relaxed_sets_by_definition() {
    let z = [0.5_f64, 3.0, -2.0, 0.0, 2.9];
    for (temperature, count) in [(0.2, 4), (1.0, 3), (10.0, 5)] {
        let (mut alpha, mut total) = (z.to_vec(), vec![0.0; 5]);
        for _ in 0..count {
            let norm: f64 = alpha.iter().map(|a| (a / temperature).exp()).sum();
            for i in 0..5 {
                let a = (alpha[i] / temperature).exp() / norm;
                total[i] += a;
                alpha[i] += (-a).ln_1p();
            }
        }
        let relaxed = RelaxedTopK::from_logits(f64s(&[0.0; 5]), count, temperature).unwrap();
        for (got, exact) in values(relaxed.squash(f64s(&z))).into_iter().zip(total) {
            assert!((got - exact).abs() < 1e-11, "{got} {exact}");
        }
    }
}

#[test]
fn one_temperature_for_each_event() {
    let device = Device::flex();
    let each = Tensor::<2>::from_floats([[0.1], [10.0]], &device);
    let relaxed = RelaxedTopK::from_logits(Tensor::<2>::zeros([2, 4], &device), 2, each).unwrap();
    let z = Tensor::<2>::from_floats([[3.0, 1.0, 0.0, -1.0]], &device).repeat_dim(0, 2);
    let y = relaxed.squash(z.clone());
    for (row, temperature) in [(0, 0.1), (1, 10.0)] {
        let one = RelaxedTopK::from_logits(Tensor::<2>::zeros([1, 4], &device), 2, temperature).unwrap();
        assert!(one.squash(z.clone().slice_dim(0, row)).all_close(y.clone().slice_dim(0, row), Some(1e-5), None));
    }
}

/// One law for many values, one value for many laws.
#[test]
fn values_broadcast() {
    fn both<L: Density<2>>(law: fn(Tensor<2>) -> L, value: &[f64]) {
        let rows = Noise::seeded(2).draw(Base::Normal, [3, 4], (&Device::flex(), DType::F64));
        let many = law(rows.clone()).log_prob(f64s(value));
        assert_eq!(many.dims(), [3, 1]);
        for row in 0..3 {
            let one = law(rows.clone().slice_dim(0, row));
            let got = one.log_prob(f64s(value).repeat_dim(0, 5));
            assert!(got.all_close(many.clone().slice_dim(0, row).repeat_dim(0, 5), Some(1e-12), Some(1e-12)));
        }
    }
    both(|p| PlackettLuce::from_logits(p, 2).unwrap(), &[0.0, 2.0, 0.0, 1.0]);
    both(|p| GumbelTopK::from_logits(p, 2).unwrap(), &[0.0, 1.0, 0.0, 1.0]);
    both(|p| KSubset::from_logits(p, 2).unwrap(), &[0.0, 1.0, 0.0, 1.0]);
}

#[test]
fn bad_input_is_refused() {
    let device = Device::flex();
    let logits = Tensor::<2>::zeros([2, 3], &device);
    for count in [0, 4, usize::MAX] {
        let expected = Error::Parameter {
            subject: "GumbelTopK",
            parameter: "count",
            requirement: "between 1 and the number of items",
            got: count as f64,
        };
        assert_eq!(GumbelTopK::from_logits(logits.clone(), count).unwrap_err(), expected);
        assert_eq!(RelaxedTopK::from_logits(logits.clone(), count, 1.0).unwrap_err(), expected);
        assert!(PlackettLuce::from_logits(logits.clone(), count).is_err());
    }
    assert!(matches!(
        RelaxedTopK::from_logits(logits.clone(), 2, f64::NAN),
        Err(Error::Parameter { parameter: "temperature", .. })
    ));
    let empty = Tensor::<2>::zeros([2, 0], &device);
    assert!(matches!(PlackettLuce::from_logits(empty.clone(), 1), Err(Error::Shape { .. })));
    assert!(matches!(GumbelTopK::from_logits(empty, 1), Err(Error::Shape { .. })));
    let negative = Tensor::<2>::from_floats([[0.5, -0.5, 1.0]], &device);
    assert!(matches!(PlackettLuce::from_probs(negative.clone(), 1), Err(Error::Values { count: 1, .. })));
    assert!(matches!(GumbelTopK::from_probs(negative, 1), Err(Error::Values { count: 1, .. })));
    let nan = Tensor::<2>::from_floats([[0.5, f32::NAN, 1.0]], &device);
    assert!(PlackettLuce::from_logits(nan.clone(), 2).unwrap().validate().is_err());
    assert!(RelaxedTopK::from_logits(nan, 2, 1.0).unwrap().validate().is_err());
}

#[test]
fn empty_batches_and_ranks() {
    let device = Device::flex();
    let none = Tensor::<3>::zeros([2, 0, 3], &device);
    let law = PlackettLuce::from_logits(none.clone(), 2).unwrap();
    let x = law.sample(&mut Noise::seeded(0));
    assert_eq!((x.dims(), law.log_prob(x).dims()), ([2, 0, 3], [2, 0, 1]));
    let law = GumbelTopK::from_logits(none.clone(), 2).unwrap();
    let x = law.sample(&mut Noise::seeded(0));
    assert_eq!((x.dims(), law.log_prob(x).dims()), ([2, 0, 3], [2, 0, 1]));
    assert_eq!(RelaxedTopK::from_logits(none, 2, 0.5).unwrap().rsample(&mut Noise::seeded(0)).dims(), [2, 0, 3]);

    // A vector and a batch of batches are the same law; certainties of 0 stay finite; half precision is raised.
    let probs = Tensor::<1>::from_floats([0.0, 1.0, 0.5], &device);
    let law = GumbelTopK::from_probs(probs.clone(), 2).unwrap();
    let deep = GumbelTopK::from_probs(probs.reshape([1, 1, 1, 3]), 2).unwrap();
    for outcome in law.outcomes() {
        let a = values(law.log_prob(outcome.clone()))[0];
        assert_eq!(a.to_bits(), values(deep.log_prob(outcome.reshape([1, 1, 1, 3])))[0].to_bits());
        assert!(a.is_finite());
    }
    let half = Tensor::<1>::zeros([3], (&device, DType::F16));
    assert_eq!(PlackettLuce::from_logits(half, 2).unwrap().dtype(), DType::F32);
}
