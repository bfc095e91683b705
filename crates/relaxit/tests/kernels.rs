//! The fused kernels: the same numbers and gradients as the plain tensor operations, whatever the shape, the strides, the
//! parameters and the number of threads.
#![cfg(feature = "flex")]

use burn::tensor::{DType, Tensor};
use relaxit::prelude::*;

const TEMPERATURES: [f64; 4] = [1e-3, 0.5, 1.0, 1e3];

/// Ways to look at a tensor that leave its elements out of order, repeated or skipped in memory.
#[derive(Clone, Copy, Debug)]
enum View {
    Whole,
    Transposed,
    Expanded,
    Sliced,
    Flipped,
}

const VIEWS: [View; 5] = [View::Whole, View::Transposed, View::Expanded, View::Sliced, View::Flipped];

impl View {
    fn of<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        let dims = x.dims();
        match self {
            Self::Whole => x,
            Self::Transposed => x.swap_dims(0, D - 1),
            Self::Expanded => {
                let mut wide = dims;
                wide[0] = 5;
                x.narrow(0, 0, 1).expand(wide)
            }
            Self::Sliced => x.narrow(D - 1, dims[D - 1] / 2, dims[D - 1] - dims[D - 1] / 2),
            Self::Flipped => x.flip([0]),
        }
    }
}

/// Normal numbers; if `extreme`, a hundred times as large, and a few at ±1e4.
fn leaf<const D: usize>(shape: [usize; D], extreme: bool, noise: &mut Noise) -> Tensor<D> {
    let options = (&Device::flex(), DType::F32);
    let (normal, uniform) = (noise.draw(Base::Normal, shape, options), noise.draw(Base::Uniform, shape, options));
    if extreme { (normal.clone() * 100.0).mask_where(uniform.lower_elem(0.02), normal.sign() * 1e4) } else { normal }
}

/// The value of `f` at `leaf`, and the gradient of a random projection of it.
fn value_and_gradient<const D: usize>(leaf: &Tensor<D>, f: impl Fn(Tensor<D>) -> Tensor<D>) -> [Vec<f32>; 2] {
    let leaf = leaf.clone().autodiff().require_grad();
    let y = f(leaf.clone());
    let weights = Noise::seeded(99).draw(Base::Normal, y.dims(), (&y.device(), DType::F32));
    let gradient = leaf.grad(&(y.clone() * weights).sum().backward()).expect("a gradient");
    [y.inner(), gradient].map(|tensor| tensor.try_into_vec_as().expect("floats"))
}

fn assert_close(name: &str, [fused, plain]: [&[f32]; 2], scale: f32) {
    assert_eq!(fused.len(), plain.len(), "{name}");
    for (i, (a, b)) in fused.iter().zip(plain).enumerate() {
        assert!((a - b).abs() <= 1e-5 * scale, "{name}, element {i}: {a}, not {b}");
    }
}

/// Where to compare: a tensor, a temperature, and whether something surely moves there.
struct At<'a, const D: usize> {
    leaf: &'a Tensor<D>,
    temperature: f64,
    moderate: bool,
}

impl<const D: usize> At<'_, D> {
    /// Soft and hard draws of one law, beside the plain way with the same noise.
    fn check<R: Relaxation<D>>(&self, name: &str, law: impl Fn(Tensor<D>) -> R) {
        let noise = Noise::seeded(17);
        let drawn = |law: &R| noise.clone().draw(R::BASE, law.noise_shape(), (&law.device(), law.dtype()));
        self.agree(
            name,
            |x| law(x).rsample(&mut noise.clone()),
            |x| {
                let law = law(x);
                law.transport(drawn(&law))
            },
        );
        self.agree(
            &format!("straight-through {name}"),
            |x| law(x).rsample_straight_through(&mut noise.clone()),
            |x| {
                let law = law(x);
                let z = law.latent().transport(drawn(&law));
                straight_through(law.threshold(z.clone()), law.squash(z))
            },
        );
    }

    #[allow(clippy::cast_possible_truncation)]
    fn agree(&self, name: &str, fused: impl Fn(Tensor<D>) -> Tensor<D>, plain: impl Fn(Tensor<D>) -> Tensor<D>) {
        let [fused, fused_gradient] = value_and_gradient(self.leaf, fused);
        let [plain, plain_gradient] = value_and_gradient(self.leaf, plain);
        assert_close(name, [&fused, &plain], 1.0);
        // The steepest slope that either law can have is of this size.
        let steepest = self.temperature.recip() as f32;
        assert_close(&format!("gradient of {name}"), [&fused_gradient, &plain_gradient], steepest);
        assert!(!self.moderate || plain_gradient.iter().any(|&g| g != 0.0), "{name}: nothing compared");
    }
}

/// Both laws at every view and temperature, from leaves of one shape.
fn check<const D: usize>(shape: [usize; D]) {
    let mut noise = Noise::seeded(1).fork(&format!("{shape:?}"));
    for extreme in [false, true] {
        let leaf = leaf(shape, extreme, &mut noise);
        for view in VIEWS {
            for temperature in TEMPERATURES {
                let at = format!("{shape:?}, {view:?}, extreme: {extreme}, temperature {temperature}");
                let moderate = !extreme && (0.1..10.0).contains(&temperature);
                let place = At { leaf: &leaf, temperature, moderate };
                place.check(&format!("binary Concrete of {at}"), |x| {
                    RelaxedBernoulli::from_logits(view.of(x), temperature).expect("a temperature")
                });
                let moderate = moderate && view.of(leaf.clone()).dims()[D - 1] > 1;
                At { moderate, ..place }.check(&format!("Gumbel-Softmax of {at}"), |x| {
                    RelaxedOneHotCategorical::from_logits(view.of(x), temperature).expect("a temperature")
                });
            }
        }
    }
}

/// Sizes around those of a block of noise (4), a vector (16), a batch of blocks (64) and a task (4096).
#[test]
fn fused_is_plain() {
    check([1]);
    check([77]);
    check([5000]);
    check([1, 1]);
    check([7, 10]);
    check([3, 130]);
    check([150, 64]);
    check([2, 5003]);
    check([3, 5, 11]);
    check([2, 1, 17]);
    check([2, 3, 2, 33]);
}

#[test]
fn threads_do_not_change_the_bits() {
    let leaf = leaf([129, 67], false, &mut Noise::seeded(0));
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let choice = |x| RelaxedOneHotCategorical::from_logits(x, 0.5).expect("a temperature");
            let bit = |x| RelaxedBernoulli::from_logits(x, 0.5).expect("a temperature");
            [
                value_and_gradient(&leaf, |x| choice(x).rsample(&mut Noise::seeded(2))),
                value_and_gradient(&leaf, |x| bit(x).rsample(&mut Noise::seeded(2))),
                value_and_gradient(&leaf, |x| choice(x).rsample_straight_through(&mut Noise::seeded(2))),
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

/// Where no kernel serves: F64, and a temperature that is a tensor.
#[test]
fn other_types_and_temperatures_go_the_plain_way() {
    let device = Device::flex();
    let noise = Noise::seeded(6);
    let logits = Tensor::<2>::zeros([3, 4], (&device, DType::F64));
    let law = RelaxedOneHotCategorical::from_logits(logits, 0.3).expect("legal");
    let plain = law.transport(noise.clone().draw(Base::Gumbel, [3, 4], (&device, DType::F64)));
    assert_eq!(law.rsample(&mut noise.clone()).to_data(), plain.to_data());
    let temperatures = Tensor::<2>::from_data([[0.1], [1.0], [10.0]], (&device, DType::F32));
    let law = RelaxedOneHotCategorical::from_logits(Tensor::<2>::zeros([3, 4], (&device, DType::F32)), temperatures)
        .expect("legal");
    let plain = law.transport(noise.clone().draw(Base::Gumbel, [3, 4], (&device, DType::F32)));
    assert_eq!(law.rsample(&mut noise.clone()).to_data(), plain.to_data());
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
