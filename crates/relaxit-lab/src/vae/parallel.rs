//! Data-parallel training: each batch divided among devices, a replica of the model on each.
//!
//! ```text
//!          ┌─ images of device 0 ──▶ replica 0 ──▶ gradient 0 ─┐
//! batch ───┼─ images of device 1 ──▶ replica 1 ──▶ gradient 1 ─┼─▶ their mean ──▶ one step of the optimiser, on device 0
//!          └─ …                                                ┘
//! ```
//!
//! This is the strategy of Burn's own `MultiDevice` trainer: [`Module::fork`] makes the replicas, a thread drives each device,
//! [`GradientsParams::to_device`] brings the gradients back and [`GradientsAccumulator`] adds them, always in the order of
//! the devices, so that equal runs give equal bits. It needs nothing of a device but transfers, so it also runs where Burn has
//! no collective operations: several replicas may share one CPU. Burn's all-reduce (CUDA and remote devices alone, in 0.22)
//! would spare the way over device 0.

use std::thread;

use anyhow::{Context, Result, anyhow};
use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor};
use relaxit::noise::Noise;

use super::code;
use super::config::VaeConfig;
use super::model::Vae;
use super::stack::Stack;

/// The devices of a run, and what a step takes from it.
#[derive(Debug)]
pub struct Workers<'a> {
    /// What to do.
    pub config: &'a VaeConfig,
    /// Without autodiff; the first has the model and the optimiser.
    pub devices: &'a [Device],
}

impl Workers<'_> {
    /// The gradient of the mean loss over the images `x`, `[images, PIXELS]` without autodiff, on the first device, and the
    /// mean of the objective.
    ///
    /// Device `i` draws from the fork `device i` of `noise`: what it draws depends on its place, not on its speed.
    ///
    /// # Errors
    /// If the configuration was not [resolved](VaeConfig::resolve), or a device fails.
    pub fn gradients(
        &self,
        model: &Vae,
        x: &Tensor<2>,
        temperature: f64,
        noise: &Noise,
    ) -> Result<(GradientsParams, Tensor<1>)> {
        let images = x.dims()[0];
        let shares = x.clone().chunk(self.devices.len(), 0);
        let parts: Vec<Result<(GradientsParams, Tensor<1>)>> = thread::scope(|scope| {
            let work = |(index, (device, share)): (usize, (&Device, Tensor<2>))| {
                let weight = share.dims()[0] as f64 / images as f64;
                let x = share.to_device(device).autodiff();
                let device = device.clone().autodiff();
                let replica = model.clone().fork(&device);
                let mut noise = noise.fork(&format!("device {index}"));
                scope.spawn(move || {
                    let mut code = code::build(self.config, &device).context("the configuration has no code")?;
                    let objective = code.objective(&Stack { model: &replica, x: &x }, temperature, &mut noise)?;
                    let value = objective.value.inner() * weight;
                    let gradients = (objective.loss * weight).backward();
                    Ok((GradientsParams::from_grads(gradients, &replica), value))
                })
            };
            // All are started before the first is waited for.
            let started: Vec<_> = self.devices.iter().zip(shares).enumerate().map(work).collect();
            let join = |worker: thread::ScopedJoinHandle<'_, _>| {
                worker.join().unwrap_or_else(|_| Err(anyhow!("the thread of a device panicked")))
            };
            started.into_iter().map(join).collect()
        });
        let main = &self.devices[0];
        let (mut sum, mut mean) = (GradientsAccumulator::new(), Tensor::zeros([1], main));
        for part in parts {
            let (gradients, value) = part?;
            sum.accumulate(model, gradients.to_device(main, model));
            mean = mean + value.to_device(main);
        }
        Ok((sum.grads(), mean))
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{ModuleVisitor, Param};
    use clap::ValueEnum;

    use super::*;
    use crate::mnist::tests::synthetic;
    use crate::vae::method::Method;

    /// All gradients, in the order of the parameters.
    struct Flat<'a>(&'a GradientsParams, Vec<f32>);

    impl ModuleVisitor for Flat<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).expect("every parameter has a gradient");
            self.1.extend(gradient.try_into_vec_as::<f32>().expect("floats"));
        }
    }

    fn gradients(latent: Method, devices: usize, images: usize, seed: u64) -> (Vec<f32>, f64) {
        let config = VaeConfig { hidden: "5".parse().unwrap(), devices, ..VaeConfig::default().with_method(latent) };
        let config = config.resolve().unwrap();
        let device = Device::flex();
        let sizes = code::build(&config, &device).unwrap().sizes();
        let model = Vae::new(&config, sizes, &Noise::seeded(1), &device.clone().autodiff());
        let devices = vec![device; devices];
        let workers = Workers { config: &config, devices: &devices };
        let indices: Vec<usize> = (0..images).collect();
        let noise = Noise::seeded(seed);
        let x = config.protocol.batch(&synthetic(images), &indices, &noise, &devices[0]);
        let (gradients, value) = workers.gradients(&model, &x, 0.5, &noise).unwrap();
        let mut flat = Flat(&gradients, Vec::new());
        model.visit(&mut flat);
        (flat.1, value.into_scalar())
    }

    /// Enumeration draws nothing, so the batch's gradient does not depend on how it is divided: into equal shares, unequal
    /// ones, and fewer than there are devices.
    #[test]
    fn the_gradient_is_that_of_the_whole_batch() {
        for images in [6, 7] {
            let (whole, value) = gradients(Method::Exact, 1, images, 0);
            let largest = whole.iter().fold(0.0, |largest: f32, g| largest.max(g.abs()));
            for devices in [2, 3, 8] {
                let (divided, of_divided) = gradients(Method::Exact, devices, images, 0);
                assert!((value - of_divided).abs() < 1e-5 * value.abs());
                assert_eq!(whole.len(), divided.len());
                for (a, b) in whole.iter().zip(&divided) {
                    assert!((a - b).abs() <= 1e-5 * largest, "{images} images, {devices} devices: {a}, {b}");
                }
            }
        }
    }

    /// Equal seeds give equal bits however the threads run; other seeds, and other divisions, draw other noise.
    #[test]
    fn the_noise_belongs_to_the_place() {
        let first = gradients(Method::Concrete, 3, 6, 0);
        for _ in 0..5 {
            assert_eq!(gradients(Method::Concrete, 3, 6, 0), first);
        }
        assert_ne!(gradients(Method::Concrete, 3, 6, 1), first);
        assert_ne!(gradients(Method::Concrete, 2, 6, 0), first);
    }

    #[test]
    fn every_method_that_does_not_learn_can_be_divided() {
        for &latent in Method::value_variants() {
            if !latent.learns() {
                let (gradients, value) = gradients(latent, 2, 3, 0);
                assert!(value.is_finite() && gradients.iter().all(|g| g.is_finite()), "{}", latent.name());
                assert!(gradients.iter().any(|&g| g != 0.0), "{}", latent.name());
            }
        }
    }
}
