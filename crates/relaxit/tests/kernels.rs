//! The fused kernels: the same numbers and gradients as the plain tensor operations, whatever the shape, the strides, the
//! parameters and the number of threads.
#![cfg(feature = "flex")]

#[path = "kernels/harness.rs"]
mod harness;
#[path = "kernels/view.rs"]
mod view;

use burn::tensor::{DType, Tensor, activation};
use harness::{At, Leaves, value_and_gradients};
use proptest::prelude::*;
use relaxit::math::tanh;
use relaxit::prelude::*;
use relaxit::relaxation::HardConcrete;
use relaxit::temperature::Temperature;
use view::{VIEWS, View};

fn bits<const D: usize>(x: Tensor<D>, temperature: Temperature<D>) -> RelaxedBernoulli<D> {
    RelaxedBernoulli::from_logits(x, temperature).expect("a temperature")
}

fn choices<const D: usize>(x: Tensor<D>, temperature: Temperature<D>) -> RelaxedOneHotCategorical<D> {
    RelaxedOneHotCategorical::from_logits(x, temperature).expect("a temperature")
}

fn gates<const D: usize>(x: Tensor<D>, temperature: Temperature<D>) -> HardConcrete<D> {
    HardConcrete::from_logits(x, temperature).expect("a temperature")
}

/// Every kernel at one place.
fn check<const D: usize>(at: &At<D>) {
    at.check_draws("binary Concrete", 1.0, bits);
    at.check_draws("Gumbel-Softmax", 1.0, choices);
    at.check_draws("hard concrete", 1.2, gates);
    let wider = |x, temperature| gates(x, temperature).with_stretch(-0.5, 2.0).expect("legal");
    at.check_draws("hard concrete of another stretch", 2.5, wider);
    check_bernoulli(at);
    check_tanh(at);
    check_top_k(at);
}

/// The largest keys by a sort, of equal ones the first; and the plain way, which does not say which of equal ones it takes.
#[allow(clippy::float_cmp)] // of equal keys
fn check_top_k<const D: usize>(at: &At<D>) {
    let (logits, noise) = (at.view.of(at.logits()), Noise::seeded(at.seed));
    let (shape, categories) = (logits.dims(), logits.dims()[D - 1]);
    let count = 1 + usize::try_from(at.seed * 7).expect("small") % categories;
    let keys = noise.clone().draw(Base::Gumbel, shape, (&logits.device(), DType::F32)) + logits.clone();
    let numbers = |x: Tensor<D>| -> Vec<f32> { x.try_into_vec_as().expect("floats") };
    let set = GumbelTopK::from_logits(logits.clone(), count).expect("a count");
    let chosen = numbers(set.sample(&mut noise.clone()));
    let ranks = PlackettLuce::from_logits(logits.clone(), count).expect("a count").sample(&mut noise.clone());
    let relaxed = RelaxedTopK::from_logits(logits, count, 1.0).expect("a count");
    let plain = numbers(relaxed.threshold(keys.clone()));
    let (keys, ranks) = (numbers(keys), numbers(ranks));
    for (row, keys) in keys.chunks(categories).enumerate() {
        let mut order: Vec<usize> = (0..categories).collect();
        order.sort_by(|&i, &j| keys[j].total_cmp(&keys[i]));
        let of_row = row * categories..(row + 1) * categories;
        let (chosen, ranks) = (&chosen[of_row.clone()], &ranks[of_row.clone()]);
        for (place, &item) in order.iter().enumerate() {
            let expected = if place < count { (place + 1) as f32 } else { 0.0 };
            assert_eq!((ranks[item], chosen[item]), (expected, expected.min(1.0)), "row {row}, item {item} of {at:?}");
        }
        if count == categories || keys[order[count - 1]] != keys[order[count]] {
            assert_eq!(chosen, &plain[of_row], "row {row} of {at:?}");
        }
    }
}

fn check_tanh<const D: usize>(at: &At<D>) {
    let copies = if matches!(at.view, View::Expanded) { 5.0 } else { 1.0 };
    let leaves = vec![at.logits()];
    let scales = vec![leaves[0].ones_like() * copies];
    let view = |leaves: &Leaves<D>| at.view.of(leaves[0].clone());
    at.agree("tanh", &leaves, &scales, &|leaves| tanh(view(leaves)), &|leaves| view(leaves).tanh());
}

fn check_bernoulli<const D: usize>(at: &At<D>) {
    let (logits, uniform) = (at.logits(), at.uniform());
    let size = logits.clone().abs() + 1.0;
    let copies = if matches!(at.view, View::Expanded) { 5.0 } else { 1.0 };
    // Bits, and a few numbers that are none.
    let value = uniform.clone().greater_elem(0.5).float().mask_fill(uniform.clone().lower_elem(0.05), 0.3);
    let value = value.mask_fill(uniform.clone().lower_elem(0.02), f32::NAN);
    at.agree(
        "Bernoulli log-probability",
        &vec![logits.clone(), value],
        &vec![size.ones_like() * copies, size.clone() * copies],
        &|leaves| Bernoulli::from_logits(at.view.of(leaves[0].clone())).log_prob(at.view.of(leaves[1].clone())),
        &|leaves| {
            let [logits, value] = [0, 1].map(|leaf| at.view.of(leaves[leaf].clone()));
            let outside = Support::Boolean.contains(value.clone()).bool_not();
            let value = value.clone().mask_fill(value.is_finite().bool_not(), 0.0);
            activation::log_sigmoid((value * 2.0 - 1.0) * logits).mask_fill(outside, f32::NEG_INFINITY)
        },
    );
    // Means of which some are bits.
    let mean = (uniform * 1.2 - 0.1).clamp(0.0, 1.0);
    at.agree(
        "Bernoulli expected log-probability",
        &vec![logits, mean],
        &vec![size.ones_like() * copies, size * copies],
        &|leaves| {
            let law = Independent::<_, 1>(Bernoulli::from_logits(at.view.of(leaves[0].clone())));
            law.expected_log_prob(at.view.of(leaves[1].clone()))
        },
        &|leaves| {
            let [logits, mean] = [0, 1].map(|leaf| at.view.of(leaves[leaf].clone()));
            let (one, zero) = (activation::log_sigmoid(logits.clone()), activation::log_sigmoid(-logits));
            (mean.clone() * one + (-mean + 1.0) * zero).sum_dim(D - 1)
        },
    );
}

/// Sizes around those of a block of noise (4), a vector (16), a batch of blocks (64) and a task (4096).
fn shapes() -> impl Strategy<Value = [usize; 4]> {
    prop_oneof![
        3 => [1..6_usize, 1..5_usize, 1..5_usize, 1..70_usize],
        1 => [300..800_usize, 1..3_usize, 1..2_usize, 1..20_usize],
        1 => [1..3_usize, 1..2_usize, 1..2_usize, 4000..5100_usize],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn fused_is_plain(
        [a, b, c, d] in shapes(),
        view in prop::sample::select(VIEWS.to_vec()),
        seed in 0..1000_u64,
        extreme in any::<bool>(),
        log_temperature in prop_oneof![-3.0..3.0_f64, -0.5..0.5_f64],
        each in prop::option::of(0..16_u8),
    ) {
        let temperature = 10_f64.powf(log_temperature);
        macro_rules! check {
            ($shape:expr) => {
                check(&At { shape: $shape, view, seed, extreme, temperature, each })
            };
        }
        check!([d]);
        check!([a, d]);
        check!([a, b, d]);
        check!([a, b, c, d]);
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    let at = At { shape: [129, 67], view: View::Whole, seed: 0, extreme: false, temperature: 0.5, each: None };
    let numbers = |leaves: &Leaves<2>, f: &dyn Fn(&Leaves<2>) -> Tensor<2>| {
        let (value, gradients) = value_and_gradients(leaves, f);
        std::iter::once(value).chain(gradients).map(|x| x.try_into_vec_as().expect("floats")).collect()
    };
    let on = |threads| -> Vec<Vec<Vec<f32>>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let (logits, mean) = (at.logits(), at.uniform());
        let heat = |shape| Tensor::full(shape, 0.7, (&Device::flex(), DType::F32));
        let noise = &Noise::seeded(2);
        let temperature = |leaves: &Leaves<2>| Temperature::from(leaves[1].clone());
        pool.install(|| {
            vec![
                numbers(&vec![logits.clone()], &|x| bits(x[0].clone(), 0.5.into()).rsample(&mut noise.clone())),
                numbers(&vec![logits.clone()], &|x| choices(x[0].clone(), 0.5.into()).rsample(&mut noise.clone())),
                numbers(&vec![logits.clone()], &|x| {
                    choices(x[0].clone(), 0.5.into()).rsample_straight_through(&mut noise.clone())
                }),
                numbers(&vec![logits.clone()], &|x| gates(x[0].clone(), 0.5.into()).rsample(&mut noise.clone())),
                numbers(&vec![logits.clone(), heat([1, 1])], &|x| {
                    bits(x[0].clone(), temperature(x)).rsample(&mut noise.clone())
                }),
                numbers(&vec![logits.clone(), heat([129, 1])], &|x| {
                    choices(x[0].clone(), temperature(x)).rsample(&mut noise.clone())
                }),
                numbers(&vec![logits.clone()], &|x| {
                    let set = GumbelTopK::from_logits(x[0].clone(), 5).expect("a count").sample(&mut noise.clone());
                    set * x[0].clone()
                }),
                numbers(&vec![logits.clone()], &|x| tanh(x[0].clone())),
                numbers(&vec![logits.clone(), mean.clone().round()], &|x| {
                    Bernoulli::from_logits(x[0].clone()).log_prob(x[1].clone())
                }),
                numbers(&vec![logits.clone(), mean.clone()], &|x| {
                    Independent::<_, 1>(Bernoulli::from_logits(x[0].clone())).expected_log_prob(x[1].clone())
                }),
            ]
        })
    };
    assert_eq!(on(1), on(2));
}

/// The numbers are used up whether or not there is a kernel, and so the next draw is the same.
#[test]
fn the_stream_goes_on_alike() {
    let device = Device::flex();
    let mut noises = [(); 3].map(|()| Noise::seeded(4));
    let [fused, plain, other_type] = &mut noises;
    let law = RelaxedBernoulli::from_logits(Tensor::<1>::zeros([5], (&device, DType::F32)), 0.5).expect("legal");
    let y = law.rsample(fused);
    assert!(y.all_close(law.transport(plain.draw(Base::Logistic, [5], (&device, DType::F32))), None, Some(1e-6)));
    let law = RelaxedBernoulli::from_logits(Tensor::<1>::zeros([5], (&device, DType::F64)), 0.5).expect("legal");
    assert_eq!(law.rsample(other_type).dtype(), DType::F64);
    assert_eq!(noises[0].state(), noises[1].state());
    assert_eq!(noises[0].state(), noises[2].state());
}

/// Where no kernel serves: F64.
#[test]
fn other_types_go_the_plain_way() {
    let device = Device::flex();
    let noise = Noise::seeded(6);
    let logits = Tensor::<2>::zeros([3, 4], (&device, DType::F64));
    let law = RelaxedOneHotCategorical::from_logits(logits, 0.3).expect("legal");
    let plain = law.transport(noise.clone().draw(Base::Gumbel, [3, 4], (&device, DType::F64)));
    assert_eq!(law.rsample(&mut noise.clone()).to_data(), plain.to_data());
}

/// A temperature that only part of the logits shares, and one that is not on the tape of the logits.
#[test]
fn gradients_go_where_they_are_wanted() {
    let device = Device::flex().autodiff();
    let each = Tensor::<2>::full([3, 1], 0.5, (&device, DType::F32));
    let logits = Tensor::<2>::zeros([3, 4], (&device, DType::F32));
    let leaf = each.clone().require_grad();
    let y = bits(logits.clone(), leaf.clone().into()).rsample(&mut Noise::seeded(0));
    assert_eq!(leaf.grad(&y.sum().backward()).expect("a gradient").dims(), [3, 1]);
    let leaf = logits.require_grad();
    let y = bits(leaf.clone(), each.into()).rsample(&mut Noise::seeded(0));
    assert!(leaf.grad(&y.sum().backward()).is_some());
}

#[test]
fn nothing_comes_of_nothing() {
    let device = Device::flex().autodiff();
    let logits = Tensor::<2>::zeros([0, 3], (&device, DType::F32)).require_grad();
    let choice = RelaxedOneHotCategorical::from_logits(logits.clone(), 0.5).expect("legal");
    assert_eq!(choice.rsample(&mut Noise::seeded(0)).dims(), [0, 3]);
    let bit = RelaxedBernoulli::from_logits(logits.clone(), 0.5).expect("legal").rsample(&mut Noise::seeded(0));
    assert_eq!(logits.grad(&bit.sum().backward()).expect("a gradient").dims(), [0, 3]);
}

/// A gradient that two operations share is not overwritten by the first.
#[test]
fn a_shared_gradient_is_left_alone() {
    let options = (&Device::flex().autodiff(), DType::F32);
    let leaves = [(); 2].map(|()| Tensor::<1>::ones([100], options).require_grad());
    let law = RelaxedBernoulli::from_logits(leaves[0].clone(), 0.5).expect("legal");
    let y = law.rsample(&mut Noise::seeded(0));
    let weights = Noise::seeded(1).draw(Base::Normal, [100], options);
    let gradients = ((y + leaves[1].clone()) * weights.clone()).sum().backward();
    assert!(leaves[0].grad(&gradients).is_some());
    assert_eq!(leaves[1].grad(&gradients).expect("a gradient").to_data(), weights.to_data());
}

/// A gradient reaches what the logits were computed from, once, and nothing is recorded where nothing is asked.
#[test]
fn the_tape_goes_through() {
    let device = Device::flex().autodiff();
    let x = Tensor::<1>::full([4], 0.5, (&device, DType::F32)).require_grad();
    let law = RelaxedBernoulli::from_logits(x.clone() * 3.0, 2.0).expect("legal");
    let y = law.rsample(&mut Noise::seeded(0));
    let expected = y.clone().inner() * (-y.clone().inner() + 1.0) * 3.0 / 2.0;
    let gradient = x.grad(&y.sum().backward()).expect("a gradient");
    assert!(gradient.all_close(expected, None, Some(1e-6)));
    let constant = RelaxedBernoulli::from_logits(Tensor::<1>::zeros([4], (&device, DType::F32)), 2.0).expect("legal");
    assert!(!constant.rsample(&mut Noise::seeded(0)).is_tracked());
}
