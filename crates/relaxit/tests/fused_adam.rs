//! The fused Adam: the bits of Burn's, whatever the shape, the strides, the type and the number of threads.
#![cfg(feature = "flex")]

use burn::nn::{Linear, LinearConfig};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::{Adam, AdamConfig, AdamState, GradientsParams, ModuleOptimizer, Optimizer};
use burn::tensor::{DType, Tensor, TensorData};
use relaxit::optim::FusedAdam;
use relaxit::prelude::*;

/// One optimiser, ours and Burn's.
struct Pair(FusedAdam, Adam);

fn pair([beta_1, beta_2]: [f32; 2], epsilon: f32, penalty: f32) -> Pair {
    let fused = FusedAdam::new().with_betas(beta_1.into(), beta_2.into()).expect("betas");
    let fused = fused.with_epsilon(epsilon.into()).expect("an epsilon");
    let fused = fused.with_weight_decay(penalty.into()).expect("a penalty");
    let plain = AdamConfig::new().with_beta_1(beta_1).with_beta_2(beta_2).with_epsilon(epsilon);
    let plain = plain.with_weight_decay((penalty > 0.0).then(|| WeightDecayConfig::new(penalty)));
    Pair(fused, plain.build())
}

fn pairs() -> [Pair; 4] {
    [
        pair([0.9, 0.999], 1e-5, 0.0),
        pair([0.9, 0.999], 1e-8, 0.5),
        pair([0.0, 0.99], 1e-3, 1e-4),
        pair([0.5, 0.0], 1e-30, 0.0),
    ]
}

/// The same steps by `optimizer`, each with a fresh gradient from `gradient`: the parameter and its moments.
fn run<O: Optimizer<State<D> = AdamState<D>>, const D: usize>(
    optimizer: &O,
    start: &Tensor<D>,
    steps: usize,
    gradient: impl Fn(usize, &mut Noise) -> Tensor<D>,
) -> [TensorData; 3] {
    let (mut x, mut state, mut noise) = (start.clone(), None, Noise::seeded(3));
    for step in 0..steps {
        let rate = 0.1 / (1.0 + step as f64);
        (x, state) = optimizer.step(rate, x, gradient(step, &mut noise), state);
    }
    let momentum = state.expect("steps were made").momentum;
    assert_eq!(momentum.time, steps);
    [x, momentum.moment_1, momentum.moment_2].map(Tensor::into_data)
}

/// Gradients of all sizes: at some steps 0, tiny, or so large that its square overflows.
fn size(step: usize) -> f64 {
    match step % 10 {
        3 => 0.0,
        5 => 1e-25,
        7 if step > 40 => 1e25,
        _ => 1.0,
    }
}

/// The gradient of a step.
type Gradients<'a, const D: usize> = Box<dyn Fn(usize, &mut Noise) -> Tensor<D> + 'a>;

fn check<const D: usize>(shape: [usize; D], dtype: DType) {
    let options = (&Device::flex(), dtype);
    let start = Noise::seeded(1).draw(Base::Normal, shape, options);
    let mut twisted = shape;
    twisted.swap(0, D - 1);
    for (index, Pair(fused, plain)) in pairs().into_iter().enumerate() {
        let straight = |step, noise: &mut Noise| noise.draw(Base::Normal, shape, options) * size(step);
        let views: [(&str, Gradients<D>); 3] = [
            ("whole", Box::new(straight)),
            (
                "transposed",
                Box::new(|step, noise| (noise.draw(Base::Normal, twisted, options) * size(step)).swap_dims(0, D - 1)),
            ),
            ("expanded", Box::new(|step, noise| straight(step, noise).narrow(0, 0, 1).expand(shape))),
        ];
        for (view, gradient) in views {
            let [ours, burns] = [run(&fused, &start, 60, &gradient), run(&plain, &start, 60, &gradient)];
            assert_eq!(ours, burns, "{shape:?}, {dtype:?}, optimiser {index}, {view}");
        }
    }
}

/// Sizes around those of a vector (16) and of a task (16384).
#[test]
fn fused_is_plain_to_the_bit() {
    check([1], DType::F32);
    check([37, 5], DType::F32);
    check([2, 16_384], DType::F32);
    check([3, 129, 130], DType::F32);
    check([7, 3], DType::F64);
}

#[test]
fn nothing_comes_of_nothing() {
    let empty = Tensor::<2>::zeros([0, 4], (&Device::flex(), DType::F32));
    let (x, state) = FusedAdam::new().step(0.1, empty.clone(), empty, None);
    assert_eq!((x.dims(), state.expect("a state").momentum.moment_2.dims()), ([0, 4], [0, 4]));
}

#[test]
fn threads_do_not_change_the_bits() {
    let options = (&Device::flex(), DType::F32);
    let start = Noise::seeded(1).draw(Base::Normal, [50_001], options);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let gradient = |_, noise: &mut Noise| noise.draw(Base::Normal, [50_001], options);
        pool.install(|| run(&FusedAdam::new(), &start, 5, gradient))
    };
    assert_eq!(on(1), on(2));
}

#[test]
fn what_others_look_at_is_left_alone() {
    let options = (&Device::flex(), DType::F32);
    let x = Tensor::<1>::ones([100], options);
    let (moved, state) = FusedAdam::new().step(0.1, x.clone(), x.clone(), None);
    let momentum = state.clone().expect("a state").momentum;
    let (before, kept) = (momentum.moment_1.to_data(), moved.clone());
    let (again, _) = FusedAdam::new().step(0.1, moved, x.clone(), state);
    assert_eq!(x.to_data(), TensorData::from([1.0_f32; 100]));
    assert_eq!(momentum.moment_1.to_data(), before);
    assert!((kept - again).abs().min().into_scalar::<f32>() > 0.05);
}

/// A linear layer after so many more steps, as bits.
fn train(optimizer: &mut ModuleOptimizer, mut model: Linear, steps: usize) -> Linear {
    let x = Noise::seeded(5).draw::<2>(Base::Normal, [8, 6], &model.weight.val().device());
    for _ in 0..steps {
        let loss = model.forward(x.clone()).square().sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(0.01, model, gradients);
    }
    model
}

fn weights(model: &Linear) -> [TensorData; 2] {
    [model.weight.val().into_data(), model.bias.as_ref().expect("a bias").val().into_data()]
}

/// A checkpoint of either is resumed by the other, to the bits of training that never stopped.
#[test]
fn checkpoints_are_those_of_burn() {
    let model = LinearConfig::new(6, 4).init(&Device::flex().autodiff());
    let optimizers = || [AdamConfig::new().init(), FusedAdam::new().into()];
    let whole = weights(&train(&mut optimizers()[0], model.clone(), 9));
    for mut first in optimizers() {
        let half = train(&mut first, model.clone(), 4);
        let bytes = first.into_bytes().expect("a record");
        for second in optimizers() {
            let mut second = second.from_bytes(bytes.clone()).expect("a record");
            assert_eq!(weights(&train(&mut second, half.clone(), 5)), whole);
        }
    }
}

#[test]
fn doors_refuse_what_is_out_of_range() {
    let adam = FusedAdam::default();
    let refused = [
        (adam.with_betas(1.0, 0.5), "beta_1"),
        (adam.with_betas(0.9, 1.0 - 1e-12), "beta_2"),
        (adam.with_betas(-0.1, 0.5), "beta_1"),
        (adam.with_betas(0.5, f64::NAN), "beta_2"),
        (adam.with_epsilon(0.0), "epsilon"),
        (adam.with_epsilon(f64::INFINITY), "epsilon"),
        (adam.with_weight_decay(-1e-3), "weight_decay"),
        (adam.with_weight_decay(f64::NAN), "weight_decay"),
    ];
    for (result, parameter) in refused {
        let error = result.expect_err(parameter).to_string();
        assert!(error.starts_with(&format!("FusedAdam: `{parameter}` must be ")), "{error}");
    }
}

#[test]
#[should_panic(expected = "FusedAdam: gradient of another shape")]
fn a_gradient_of_another_shape_is_refused() {
    let device = Device::flex();
    let _ = FusedAdam::new().step(0.1, Tensor::<1>::zeros([3], &device), Tensor::<1>::zeros([1], &device), None);
}
