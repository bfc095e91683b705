//! The kernels for GPUs: the numbers and gradients of the plain tensor operations on the same device, with the noise that the
//! CPU draws, as far as f32 has digits.
//!
//! Only in builds with a GPU feature. A build with one on a machine without such a device fails here, and says so: what was not
//! run must not look as if it had passed. `RELAXIT_DEVICE` names the device, as in `vulkan`; by default it is the first that
//! the build has.
#![cfg(feature = "cubecl")]

#[path = "gpu/exact.rs"]
mod exact;
#[path = "kernels/view.rs"]
mod view;

use burn::tensor::{DType, Device, DeviceType, Tensor};
use exact::{About, Event};
use relaxit::prelude::*;
use relaxit::temperature::Temperature;
use view::{VIEWS, View};

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

/// What to draw at.
#[derive(Clone, Copy, Debug)]
struct At<const D: usize> {
    shape: [usize; D],
    view: View,
    logits: Logits,
    temperature: f64,
}

#[derive(Clone, Copy, Debug)]
enum Logits {
    Normal,
    /// A few of ±1e4 among normal ones.
    Extreme,
    /// The noise with the other sign: what is left is the noise's error, and a low temperature shows it.
    Cancelling,
}

impl<const D: usize> At<D> {
    fn draw(label: &str, base: Base, shape: [usize; D]) -> Tensor<D> {
        Noise::seeded(1).fork(label).draw(base, shape, (&Device::flex(), DType::F32))
    }

    /// On the CPU, before the view.
    fn logits(&self, base: Base) -> Tensor<D> {
        let normal = Self::draw("logits", Base::Normal, self.shape);
        match self.logits {
            Logits::Normal => normal,
            Logits::Extreme => {
                let rare = Self::draw("which", Base::Uniform, self.shape).lower_elem(0.02);
                normal.clone().mask_where(rare, normal.sign() * 1e4)
            }
            Logits::Cancelling => -Self::draw("noise", base, self.shape),
        }
    }

    /// Soft and straight-through draws, and the gradients of a random projection, beside those in f64; and beside those of
    /// the plain way on the same device, to 1e-5 wherever f32 can tell.
    fn check<R: Relaxation<D>>(&self, device: &Device, law: impl Fn(Tensor<D>, f64) -> R) {
        let name = |what: &str| format!("{what} of {} at {self:?}", std::any::type_name::<R>());
        let logits = self.logits(R::BASE);
        let there = self.view.of(logits.clone().to_device(device));
        let here = self.view.of(logits);
        let noise = Noise::seeded(1).fork("noise");
        let drawn = Self::draw("noise", R::BASE, here.dims());
        // A gradient that is out of order in memory, too.
        let turn = |x: Tensor<D>| if matches!(self.view, View::Transposed) { x.swap_dims(0, D - 1) } else { x };
        let weights = Self::draw("weights", Base::Normal, turn(here.clone()).dims());

        let event_len = if R::EVENT_DIMS == 0 { 1 } else { here.dims()[D - 1] };
        let inputs = [here, drawn.clone(), turn(weights.clone())].map(numbers);
        let [logits, noises, slopes] = inputs.each_ref().map(|x| x.chunks(event_len));
        let events: Vec<Event> = logits
            .zip(noises)
            .zip(slopes)
            .map(|((logits, noise), weights)| Event::new(R::BASE, [logits, noise, weights], self.temperature))
            .collect();

        let [weights, drawn] = [weights, drawn].map(|x| x.to_device(device).autodiff());
        let results = |f: &dyn Fn(R) -> Tensor<D>| {
            let leaf = there.clone().autodiff().require_grad();
            let y = f(law(leaf.clone(), self.temperature));
            let gradient = leaf.grad(&(turn(y.clone()) * weights.clone()).sum().backward()).expect("a gradient");
            [y.inner(), gradient].map(numbers)
        };
        let [soft, gradient] = results(&|law| law.rsample(&mut noise.clone()));
        let [plain, plain_gradient] = results(&|law| law.transport(drawn.clone()));
        let expected: Vec<About> = events.iter().flat_map(|event| event.y.clone()).collect();
        close(&name("value"), &soft, &plain, &expected, 1e-5);
        let expected: Vec<About> = events.iter().flat_map(|event| event.gradient.clone()).collect();
        close(&name("gradient"), &gradient, &plain_gradient, &expected, 1e-5 / self.temperature);

        let [hard, hard_gradient] = results(&|law| law.rsample_straight_through(&mut noise.clone()));
        assert_eq!(hard.len(), soft.len(), "{}", name("hard"));
        for (event, hard) in events.iter().zip(hard.chunks(event_len)) {
            assert!(event.may_harden_to(hard), "{}: {hard:?} of {event:?}", name("hard"));
        }
        assert_eq!(hard_gradient, gradient, "{}", name("straight-through gradient"));
    }
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.try_into_vec_as().expect("floats")
}

/// Holds every element to what it is in f64, and to the plain way.
fn close(name: &str, fused: &[f32], plain: &[f32], expected: &[About], tolerance: f64) {
    assert_eq!((fused.len(), plain.len()), (expected.len(), expected.len()), "{name}");
    for (i, ((&fused, &plain), expected)) in fused.iter().zip(plain).zip(expected).enumerate() {
        assert!(expected.holds(fused), "{name}, element {i}: {fused} is not {expected:?}");
        let apart = (f64::from(fused) - f64::from(plain)).abs();
        assert!(apart <= tolerance + 2.0 * expected.off, "{name}, element {i}: {fused}, plainly {plain}, {expected:?}");
    }
}

/// Both laws from logits of one shape.
fn check<const D: usize>(device: &Device, shape: [usize; D]) {
    let moderate = At { shape, view: View::Whole, logits: Logits::Normal, temperature: 0.5 };
    let views = VIEWS.map(|view| At { view, ..moderate });
    let temperatures = [1e-3, 1e3].map(|temperature| At { temperature, ..moderate });
    let extreme = [1e-3, 0.5, 1e3].map(|temperature| At { logits: Logits::Extreme, temperature, ..moderate });
    let cancelling = [At { logits: Logits::Cancelling, temperature: 1e-5, ..moderate }];
    for at in views.into_iter().chain(temperatures).chain(extreme).chain(cancelling) {
        at.check(device, |x, temperature| RelaxedBernoulli::from_logits(x, temperature).expect("a temperature"));
        at.check(device, |x, temperature| {
            RelaxedOneHotCategorical::from_logits(x, temperature).expect("a temperature")
        });
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
    check(&device, [2, 2003]);
    check(&device, [300, 64]);
    check(&device, [3, 5, 11]);
    check(&device, [2, 3, 2, 33]);
}

/// More rows than a device counts cubes along one dimension, 65 535, each long enough for a cube of its own.
#[test]
fn every_row_of_many_is_drawn() {
    let shape = [65_600, 509];
    let logits = Tensor::<2>::zeros(shape, (&device(), DType::F32));
    let y = RelaxedOneHotCategorical::from_logits(logits, 1.0).expect("a temperature").rsample(&mut Noise::seeded(3));
    let sums = numbers(y.clone().sum_dim(1));
    assert!(sums.len() == shape[0] && sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    // A longer draw starts like a shorter one.
    let host = Tensor::<2>::zeros([2, 509], (&Device::flex(), DType::F32));
    let host = RelaxedOneHotCategorical::from_logits(host, 1.0).expect("a temperature").rsample(&mut Noise::seeded(3));
    for (a, b) in numbers(y.narrow(0, 0, 2)).into_iter().zip(numbers(host)) {
        assert!((a - b).abs() < 1e-6, "{a}, not {b}");
    }
}

/// Temperatures that differ have no kernel, and are drawn all the same.
#[test]
fn temperatures_may_be_a_tensor() {
    let device = device();
    let logits = Noise::seeded(1).draw(Base::Normal, [3, 5], (&device, DType::F32));
    let each = Tensor::<2>::full([3, 1], 0.5, (&device, DType::F32));
    let [one, each] = [Temperature::from(0.5), Temperature::from(each)].map(|temperature| {
        let law = RelaxedOneHotCategorical::from_logits(logits.clone(), temperature).expect("a temperature");
        numbers(law.rsample(&mut Noise::seeded(2)))
    });
    assert!(one.iter().zip(&each).all(|(a, b)| (a - b).abs() < 1e-5), "{one:?} {each:?}");
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
    fn check<R: Relaxation<2>>(device: &Device, law: impl Fn(Tensor<2>) -> R) {
        for draw in [R::rsample, R::rsample_straight_through] {
            let leaf = Tensor::<2>::zeros([0, 3], (device, DType::F32)).require_grad();
            let y = draw(&law(leaf.clone()), &mut Noise::seeded(0));
            assert_eq!(y.dims(), [0, 3]);
            assert_eq!(leaf.grad(&y.sum().backward()).expect("a gradient").dims(), [0, 3]);
        }
    }
    let device = device().autodiff();
    check(&device, |leaf| RelaxedBernoulli::from_logits(leaf, 0.5).expect("a temperature"));
    check(&device, |leaf| RelaxedOneHotCategorical::from_logits(leaf, 0.5).expect("a temperature"));
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
    for (gradient, expected) in numbers(gradient).into_iter().zip(numbers(expected)) {
        assert!((gradient - expected).abs() < 1e-6, "{gradient}, not {expected}");
    }
    let constant = RelaxedBernoulli::from_logits(Tensor::<1>::zeros([4], (&device, DType::F32)), 2.0).expect("legal");
    assert!(!constant.rsample(&mut Noise::seeded(0)).is_tracked());
}
