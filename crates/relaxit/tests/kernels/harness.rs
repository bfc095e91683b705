//! Where the fused kernels are compared with plain tensor operations, and how.

use burn::tensor::{DType, Shape, Tensor};
use relaxit::prelude::*;
use relaxit::temperature::Temperature;

use crate::view::View;

/// One place to compare at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<const D: usize> {
    pub(crate) shape: [usize; D],
    pub(crate) view: View,
    pub(crate) seed: u64,
    /// Logits of some hundreds, and a few of ±1e4, rather than normal ones.
    pub(crate) extreme: bool,
    pub(crate) temperature: f64,
    /// A tensor of temperatures rather than one number, of its own size along the dimensions with a 1 here.
    pub(crate) each: Option<u8>,
}

/// What is differentiated: the logits before the view, and the temperatures or whatever else there is.
pub(crate) type Leaves<const D: usize> = Vec<Tensor<D>>;

impl<const D: usize> At<D> {
    fn draw(&self, label: &str, base: Base, shape: [usize; D]) -> Tensor<D> {
        Noise::seeded(self.seed).fork(label).draw(base, shape, (&Device::flex(), DType::F32))
    }

    pub(crate) fn logits(&self) -> Tensor<D> {
        let normal = self.draw("logits", Base::Normal, self.shape);
        if !self.extreme {
            return normal;
        }
        let rare = self.draw("which", Base::Uniform, self.shape).lower_elem(0.02);
        (normal.clone() * 100.0).mask_where(rare, normal.sign() * 1e4)
    }

    /// Uniform on [0, 1].
    pub(crate) fn uniform(&self) -> Tensor<D> {
        self.draw("uniform", Base::Uniform, self.shape)
    }

    /// Temperatures from 1e-3 to 1e3 (from 0.2 to 5 at moderate ones) for logits of this view, one for each event.
    fn temperatures(&self, event_dims: usize) -> Option<Tensor<D>> {
        let mask = self.each?;
        let mut shape = self.view.of(self.logits()).dims();
        for (dim, size) in shape.iter_mut().enumerate() {
            if mask >> dim & 1 == 0 || dim >= D - event_dims {
                *size = 1;
            }
        }
        let spread = if self.moderate() { 5.0_f64 } else { 1e3 };
        Some(((self.draw("temperatures", Base::Uniform, shape) * 2.0 - 1.0) * spread.ln()).exp())
    }

    /// Whether something surely moves there.
    fn moderate(&self) -> bool {
        !self.extreme && (0.1..10.0).contains(&self.temperature)
    }

    /// Soft and hard draws of a relaxation, beside the plain way with the same noise. `steepest`: the steepest slope that
    /// it can have at temperature 1.
    pub(crate) fn check_draws<R: Relaxation<D>>(
        &self,
        name: &str,
        steepest: f64,
        law: impl Fn(Tensor<D>, Temperature<D>) -> R,
    ) {
        let event_dims = R::EVENT_DIMS;
        let leaves: Leaves<D> = [Some(self.logits()), self.temperatures(event_dims)].into_iter().flatten().collect();
        let law = |leaves: &Leaves<D>| {
            let temperature = leaves.get(1).map_or(self.temperature.into(), |each| each.clone().into());
            law(self.view.of(leaves[0].clone()), temperature)
        };
        let noise = Noise::seeded(self.seed).fork("noise");
        let drawn = |law: &R| noise.clone().draw(R::BASE, law.noise_shape(), (&law.device(), law.dtype()));
        let scales = self.steepness(&leaves, steepest, drawn(&law(&leaves)));
        let soft = |leaves: &Leaves<D>| law(leaves).rsample(&mut noise.clone());
        let plain_soft = |leaves: &Leaves<D>| {
            let law = law(leaves);
            law.transport(drawn(&law))
        };
        self.agree(name, &leaves, &scales, &soft, &plain_soft);
        let hard = |leaves: &Leaves<D>| law(leaves).rsample_straight_through(&mut noise.clone());
        let plain_hard = |leaves: &Leaves<D>| {
            let (law, noise) = (law(leaves), drawn(&law(leaves)));
            // The hard sample does not depend on the temperature, so that its latent may be had without.
            straight_through(law.threshold(law.logits().clone() + noise.clone()), law.transport(noise))
        };
        self.agree(&format!("straight-through {name}"), &leaves, &scales, &hard, &plain_hard);
    }

    /// The size of slopes in every leaf, to which rounding is to be compared: 1/τ in a logit, for each of its copies in a
    /// view; in a temperature that of the sum `Σ g z/τ` of as many terms.
    fn steepness(&self, leaves: &Leaves<D>, steepest: f64, noise: Tensor<D>) -> Leaves<D> {
        let logits = leaves[0].clone().autodiff().require_grad();
        let wide = self.view.of(logits.clone());
        let (dims, perturbed) = (wide.dims(), wide.clone().inner() + noise);
        let (rates, z) = match leaves.get(1) {
            Some(each) => {
                let wide_each = each.clone().expand(Shape::from(dims));
                (wide_each.clone().recip(), perturbed / wide_each)
            }
            None => (perturbed.ones_like() * self.temperature.recip(), perturbed * self.temperature.recip()),
        };
        let in_logits =
            logits.grad(&(wide * Tensor::from_inner(rates * steepest)).sum().backward()).expect("a gradient");
        let largest: f64 = z.abs().max().into_scalar();
        let in_temperatures = leaves.get(1).map(|each| {
            let terms = dims.iter().product::<usize>() as f64 / each.dims().iter().product::<usize>() as f64;
            each.clone().recip() * (terms.sqrt() * (1.0 + largest / 10.0) * steepest)
        });
        [Some(in_logits), in_temperatures].into_iter().flatten().collect()
    }

    /// Holds `fused` to `plain` in value, and in the gradient of a random projection to the scale of each leaf's slopes.
    pub(crate) fn agree(
        &self,
        name: &str,
        leaves: &Leaves<D>,
        scales: &Leaves<D>,
        fused: &dyn Fn(&Leaves<D>) -> Tensor<D>,
        plain: &dyn Fn(&Leaves<D>) -> Tensor<D>,
    ) {
        let (value, gradients) = value_and_gradients(leaves, fused);
        let (plain_value, plain_gradients) = value_and_gradients(leaves, plain);
        // Nothing but an infinity is close to one.
        let size = plain_value.clone().abs().clamp_min(1.0);
        let size = size.clone().mask_fill(size.is_inf(), 0.0);
        assert_close(&format!("{name} of {self:?}"), value, plain_value, size);
        for (leaf, ((fused, plain), scale)) in gradients.into_iter().zip(plain_gradients).zip(scales).enumerate() {
            let still = plain.clone().abs().max().into_scalar::<f32>() == 0.0;
            let dims = self.view.of(leaves[0].clone()).dims();
            // A choice of one never moves, and a few gates may all be shut.
            let surely = self.moderate() && dims[D - 1] > 1 && dims.iter().product::<usize>() >= 50;
            assert!(!still || !surely, "{name} of {self:?}: nothing compared");
            assert_close(&format!("gradient {leaf} of {name} of {self:?}"), fused, plain, scale.clone());
        }
    }
}

/// The value of `f`, and the gradients of a random projection of it.
pub(crate) fn value_and_gradients<const D: usize>(
    leaves: &Leaves<D>,
    f: &dyn Fn(&Leaves<D>) -> Tensor<D>,
) -> (Tensor<D>, Vec<Tensor<D>>) {
    let leaves: Leaves<D> = leaves.iter().map(|leaf| leaf.clone().autodiff().require_grad()).collect();
    let y = f(&leaves);
    let weights = Noise::seeded(99).draw(Base::Normal, y.dims(), (&y.device(), DType::F32));
    let gradients = (y.clone() * weights).sum().backward();
    (y.inner(), leaves.iter().map(|leaf| leaf.grad(&gradients).expect("a gradient")).collect())
}

#[track_caller]
#[allow(clippy::float_cmp)] // infinities
fn assert_close<const D: usize>(name: &str, fused: Tensor<D>, plain: Tensor<D>, scale: Tensor<D>) {
    assert_eq!(fused.dims(), plain.dims(), "{name}");
    let [fused, plain, scale] = [fused, plain, scale].map(|x| x.try_into_vec_as::<f32>().expect("floats"));
    for (i, ((&a, &b), scale)) in fused.iter().zip(&plain).zip(scale).enumerate() {
        let close = a == b || (a - b).abs() <= 1e-5 * scale;
        assert!(close, "{name}, element {i}: {a}, not {b}, at a scale of {scale}");
    }
}
