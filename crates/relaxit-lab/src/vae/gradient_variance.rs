//! How noisy the gradient is that training follows.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use relaxit::noise::Noise;

use super::code::Code;
use super::stack::Stack;
use crate::audit::measure::Moments;

/// The variance of one training step's gradient at these images, summed over the encoder's parameters, from `draws` of them.
///
/// ```text
/// Σ Var[∂L̂/∂φᵢ | x, θ, φ],   φ the encoder's parameters, L̂ the training objective averaged over the images
/// ```
///
/// Images and weights are held fixed, so that it is the noise of the codes alone; it shrinks with the number of images, and of
/// an exact gradient it is 0.
///
/// # Errors
/// If the temperature is out of range.
///
/// # Panics
/// If the model is on a device without autodiff, or the device fails.
pub fn gradient_variance(
    stack: &Stack<'_>,
    code: &mut dyn Code,
    temperature: f64,
    draws: usize,
    noise: &mut Noise,
) -> relaxit::Result<f64> {
    let mut moments: Option<Moments> = None;
    for _ in 0..draws {
        let objective = code.objective(stack, temperature, noise)?;
        let gradients = GradientsParams::from_grads(objective.loss.backward(), stack.model);
        let mut entries = Entries { gradients: &gradients, values: Vec::new() };
        stack.model.encoder.visit(&mut entries);
        moments.get_or_insert_with(|| Moments::new(entries.values.len())).add(&entries.values);
    }
    Ok(moments.map_or(0.0, |moments| moments.variance().iter().sum()))
}

/// Every entry of the gradients of a module's parameters, in its order.
struct Entries<'a> {
    gradients: &'a GradientsParams,
    values: Vec<f64>,
}

impl ModuleVisitor for Entries<'_> {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        // What the objective does not depend on has no gradient, and no noise.
        if let Some(gradient) = self.gradients.get::<D>(parameter.id) {
            self.values.extend::<Vec<f64>>(gradient.try_into_vec_as().expect("a gradient can be read"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mnist::PIXELS;
    use crate::vae::code;
    use crate::vae::config::VaeConfig;
    use crate::vae::method::Method;
    use crate::vae::model::Vae;
    use crate::vae::perceptron::Widths;
    use burn::tensor::Device;
    use relaxit::noise::Base;

    fn variance(method: Method, copies: usize) -> f64 {
        let latents = "4".parse().unwrap();
        let config = VaeConfig { hidden: Widths(vec![5]), latents, ..VaeConfig::default().with_method(method) };
        let config = VaeConfig { latents, ..config }.resolve().unwrap();
        let device = Device::flex().autodiff();
        let mut code = code::build(&config, &Device::flex()).unwrap();
        let model = Vae::new(&config, code.sizes(), &Noise::seeded(1), &device);
        let x = Noise::seeded(2).draw(Base::Uniform, [2, PIXELS], &device).repeat(&[copies, 1]);
        let stack = Stack { model: &model, x: &x };
        gradient_variance(&stack, &mut *code, 0.5, 400, &mut Noise::seeded(3)).unwrap()
    }

    /// Equal images have independent codes, and the gradient is their mean.
    #[test]
    fn more_images_take_the_noise_down() {
        for method in [Method::Reinforce, Method::Concrete] {
            let ratio = variance(method, 1) / variance(method, 8);
            assert!((ratio / 8.0 - 1.0).abs() < 0.25, "{}: {ratio}", method.name());
        }
    }

    #[test]
    fn baselines_take_the_noise_down_and_enumeration_takes_it_away() {
        let reinforce = variance(Method::Reinforce, 1);
        let rloo = variance(Method::Rloo, 1);
        assert!(rloo > 0.0 && rloo < 0.01 * reinforce, "{rloo} {reinforce}");
        assert!(variance(Method::Exact, 1) < 1e-10 * reinforce);
    }
}
