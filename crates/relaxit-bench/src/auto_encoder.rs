//! Training steps of the auto-encoder: 784-400-20-400-784, relaxed bits, 128 images, Adam.

use anyhow::{Context, Result};
use burn::tensor::{Device, Tensor};
use relaxit::noise::{Base, Noise};
use relaxit_lab::mnist::PIXELS;
use relaxit_lab::vae::code;
use relaxit_lab::vae::config::VaeConfig;
use relaxit_lab::vae::latents::Latents;
use relaxit_lab::vae::model::Vae;
use relaxit_lab::vae::step::{Step, optimizer};

use super::Work;

pub(crate) fn training() -> Result<Work> {
    let device = Device::flex();
    let config = VaeConfig { latents: Latents { variables: 20, categories: None }, ..VaeConfig::default() };
    let mut code = code::build(&config, &device).context("a code of bits")?;
    let mut noise = Noise::seeded(0);
    let device = device.autodiff();
    let mut model = Some(Vae::new(&config, code.sizes(), &noise.fork("weights"), &device));
    let mut optimizer = optimizer()?;
    let x: Tensor<2> = noise.draw(Base::Uniform, [config.batch_size, PIXELS], &device);
    Ok(Box::new(move |repetitions| {
        for _ in 0..repetitions {
            let (temperature, learning_rate) = (0.5, config.learning_rate);
            let step = Step { code: &mut *code, noise: &mut noise, temperature, learning_rate };
            let before = model.take().context("the model of the step before")?;
            let (after, loss) = step.take(before, &mut optimizer, &x)?;
            anyhow::ensure!(loss.is_finite(), "training diverged");
            model = Some(after);
        }
        Ok(repetitions)
    }))
}
