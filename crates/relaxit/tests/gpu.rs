//! The kernels for GPUs: the numbers and gradients of the plain tensor operations on the same device, with the noise that the
//! CPU draws, as far as f32 has digits.
//!
//! Only in builds with a GPU feature. A build with one on a machine without such a device fails here, and says so: what was not
//! run must not look as if it had passed. `RELAXIT_DEVICE` names the device, as in `vulkan`; by default it is the first that
//! the build has.
#![cfg(feature = "cubecl")]

use burn::tensor::{DType, Device, DeviceType, Tensor};
use relaxit::prelude::*;

fn device() -> Device {
    let kinds = [
        #[cfg(feature = "cuda")]
        ("cuda", DeviceType::Cuda),
        #[cfg(feature = "rocm")]
        ("rocm", DeviceType::Rocm),
        #[cfg(feature = "metal")]
        ("metal", DeviceType::Metal),
        #[cfg(feature = "vulkan")]
        ("vulkan", DeviceType::Vulkan),
        #[cfg(feature = "wgpu")]
        ("wgpu", DeviceType::Wgpu),
    ];
    let wanted = std::env::var("RELAXIT_DEVICE").unwrap_or_else(|_| kinds[0].0.to_owned());
    let (name, kind) = kinds.into_iter().find(|(name, _)| *name == wanted).expect("a device of this build");
    let found = Device::enumerate(kind).into_vec().into_iter().next();
    found.unwrap_or_else(|| panic!("this machine has no `{name}` device, so its kernels were not tried"))
}

/// How far noise in f32 may be from noise in f64 where it makes a difference to a sample.
const NOISE: f32 = 1e-6;

/// What to draw at. What is not under test is computed on the CPU: some software drivers fail at kernels of Burn's own.
struct Case<const D: usize> {
    device: Device,
    /// On the CPU.
    leaf: Tensor<D>,
    temperature: f64,
}

impl<const D: usize> Case<D> {
    /// Values, and the gradient of a random projection of them.
    fn results(&self, f: impl Fn(Tensor<D>) -> Tensor<D>) -> [Vec<f32>; 2] {
        let leaf = self.leaf.clone().to_device(&self.device).autodiff().require_grad();
        let y = f(leaf.clone());
        let weights = Noise::seeded(99).draw(Base::Normal, y.dims(), (&y.device(), DType::F32));
        let gradient = leaf.grad(&(y.clone() * weights).sum().backward()).expect("a gradient");
        [y.inner(), gradient].map(|tensor| tensor.try_into_vec_as().expect("floats"))
    }

    /// How far a value may be off: rounding of its own, and what the noise and the sum of it and the largest logit are off,
    /// over the temperature.
    #[allow(clippy::cast_possible_truncation)]
    fn tolerance(&self) -> f32 {
        let largest: f32 = self.leaf.clone().abs().max().into_scalar();
        1e-5 + (NOISE + largest * f32::EPSILON) / self.temperature as f32
    }

    /// Soft and hard draws of `law`, beside the plain way with the noise of the CPU.
    #[allow(clippy::cast_possible_truncation)]
    fn check<R: Relaxation<D>>(&self, name: &str, law: impl Fn(Tensor<D>) -> R) {
        let (noise, tolerance) = (Noise::seeded(17), self.tolerance());
        let steepest = 1.0 / self.temperature as f32;
        let plain = |x: Tensor<D>| {
            let law = law(x);
            let drawn = noise.clone().draw(R::BASE, law.noise_shape(), (&law.device(), law.dtype()));
            law.transport(drawn)
        };
        let [soft, soft_gradient] = self.results(|x| law(x).rsample(&mut noise.clone()));
        let [plain, plain_gradient] = self.results(plain);
        // Where the tolerance is no tolerance, only that the numbers are numbers.
        if tolerance < 0.1 {
            close(name, &soft, &plain, tolerance);
            close(&format!("gradient of {name}"), &soft_gradient, &plain_gradient, 4.0 * tolerance * steepest);
        }
        assert!(soft.iter().all(|y| (0.0..=1.0).contains(y)), "{name}");
        assert!(soft_gradient.iter().all(|g| g.is_finite()), "{name}");

        let hard_name = format!("straight-through {name}");
        let [hard, hard_gradient] = self.results(|x| law(x).rsample_straight_through(&mut noise.clone()));
        assert!(hard.iter().all(|&b| b == 0.0 || b == 1.0), "{hard_name}");
        assert_eq!(hard_gradient, soft_gradient, "{hard_name}");
        let expected: Vec<f32> = {
            let law = law(self.leaf.clone());
            let drawn = noise.clone().draw(R::BASE, law.noise_shape(), (&law.device(), law.dtype()));
            law.threshold(law.latent().transport(drawn)).try_into_vec_as().expect("floats")
        };
        // A near tie may fall either way.
        let wrong = hard.iter().zip(&expected).filter(|(b, expected)| b != expected).count();
        assert!(wrong * 200 <= hard.len(), "{hard_name}: {wrong} of {} differ", hard.len());
    }
}

fn close(name: &str, a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len(), "{name}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance, "{name}, element {i}: {a}, not {b}, by more than {tolerance}");
    }
}

/// Both laws at every temperature, from leaves of one shape, moderate and with a few logits at ±1e4; whole and transposed.
fn check<const D: usize>(device: &Device, shape: [usize; D]) {
    let mut noise = Noise::seeded(1).fork(&format!("{shape:?}"));
    let options = (&Device::flex(), DType::F32);
    for extreme in [false, true] {
        let normal = noise.draw(Base::Normal, shape, options);
        let rare = noise.draw(Base::Uniform, shape, options).lower_elem(0.02);
        let leaf = if extreme { normal.clone().mask_where(rare, normal.sign() * 1e4) } else { normal };
        for temperature in [1e-3, 0.5, 1e3] {
            let at = format!("{shape:?}, extreme: {extreme}, temperature {temperature}");
            let case = Case { device: device.clone(), leaf: leaf.clone(), temperature };
            case.check(&format!("binary Concrete of {at}"), |x| {
                RelaxedBernoulli::from_logits(x, temperature).expect("a temperature")
            });
            case.check(&format!("Gumbel-Softmax of {at}"), |x| {
                RelaxedOneHotCategorical::from_logits(x, temperature).expect("a temperature")
            });
            case.check(&format!("transposed Gumbel-Softmax of {at}"), |x| {
                RelaxedOneHotCategorical::from_logits(x.swap_dims(0, D - 1), temperature).expect("a temperature")
            });
        }
    }
}

/// Sizes around those of a block of noise (4), and a cube (256 units, 1024 elements).
#[test]
fn fused_is_plain() {
    let device = device();
    check(&device, [1]);
    check(&device, [77]);
    check(&device, [5, 1]);
    check(&device, [7, 10]);
    check(&device, [3, 130]);
    check(&device, [2, 5003]);
    check(&device, [300, 64]);
    check(&device, [3, 5, 11]);
    check(&device, [2, 3, 2, 33]);
}

/// The numbers are used up whether or not there is a kernel, and so the next draw is the same.
#[test]
fn the_stream_goes_on_alike() {
    let mut noises = [(); 2].map(|()| Noise::seeded(4));
    let [gpu, cpu] = &mut noises;
    for (device, noise) in [(device(), gpu), (Device::flex(), cpu)] {
        let law = RelaxedBernoulli::from_logits(Tensor::<1>::zeros([5], (&device, DType::F32)), 0.5).expect("legal");
        assert_eq!(law.rsample(noise).dims(), [5]);
    }
    assert_eq!(noises[0], noises[1]);
}

#[test]
fn nothing_comes_of_nothing() {
    let logits = Tensor::<2>::zeros([0, 3], (&device(), DType::F32));
    let choice = RelaxedOneHotCategorical::from_logits(logits, 0.5).expect("legal");
    assert_eq!(choice.rsample(&mut Noise::seeded(0)).dims(), [0, 3]);
}

/// A gradient reaches what the logits were computed from, once, and nothing is recorded where nothing is asked.
#[test]
fn the_tape_goes_through() {
    let device = device().autodiff();
    let x = Tensor::<1>::full([4], 0.5, (&device, DType::F32)).require_grad();
    let law = RelaxedBernoulli::from_logits(x.clone() * 3.0, 2.0).expect("legal");
    let y = law.rsample(&mut Noise::seeded(0));
    let expected = y.clone().inner() * (-y.clone().inner() + 1.0) * 1.5;
    let gradient = x.grad(&y.sum().backward()).expect("a gradient");
    let [gradient, expected] = [gradient, expected].map(|x| x.try_into_vec_as::<f32>().expect("floats"));
    close("the gradient", &gradient, &expected, 1e-6);
    let constant = RelaxedBernoulli::from_logits(Tensor::<1>::zeros([4], (&device, DType::F32)), 2.0).expect("legal");
    assert!(!constant.rsample(&mut Noise::seeded(0)).is_tracked());
}
