//! An auto-encoder of your own Burn modules: pictures of bars in, four bits, pictures of bars out.
//!
//! `cargo run -p relaxit --example 04_own_networks`

#![allow(clippy::print_stdout)] // an example talks to its reader

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::log_sigmoid;
use relaxit::estimator::DisArm;
use relaxit::prelude::*;

const BITS: usize = 4;
const PIXELS: usize = 4 * BITS;

#[derive(Module, Debug)]
struct Autoencoder {
    encoder: Linear,
    decoder: Linear,
}

pub(crate) fn main() -> relaxit::Result<()> {
    let device = Device::flex().autodiff();
    device.seed(0); // the weights are Burn's
    let mut noise = Noise::seeded(0); // everything else is ours
    let mut model = Autoencoder {
        encoder: LinearConfig::new(PIXELS, BITS).init(&device),
        decoder: LinearConfig::new(BITS, PIXELS).init(&device),
    };
    let mut optimizer = AdamConfig::new().init();
    let mut estimator: Box<dyn Estimator<RelaxedBernoulli<2>, 2>> = Box::new(DisArm); // or any other

    // Sixteen pictures of four columns, each black or white, four times each.
    let bars = Bernoulli::from_logits(Tensor::<2>::zeros([1, BITS], &device));
    let bars = Independent::<_, 1>(bars).outcomes().collect();
    let x = Tensor::cat(bars, 0).repeat_dim(0, 4).repeat_dim(1, PIXELS / BITS); // [64, 16]

    for step in 0..=1500 {
        let law = RelaxedBernoulli::from_logits(model.encoder.forward(x.clone() * 2.0 - 1.0), 0.5)?;
        let prior = Bernoulli::from_logits(Tensor::<2>::zeros([1, BITS], &device));
        let divergence = law.hard().kl_divergence(&prior).sum_dim(1).mean();
        let log_likelihood = |b: Tensor<2>| {
            let pixels = model.decoder.forward(b * 2.0 - 1.0);
            log_sigmoid((x.clone() * 2.0 - 1.0) * pixels).sum_dim(1) // one number a picture
        };
        let estimate = estimator.estimate(&law, &log_likelihood, &mut noise);
        let elbo: f32 = (estimate.value.mean() - divergence.clone().detach()).into_scalar();
        if step % 300 == 0 {
            println!("step {step:4}  ELBO {elbo:7.3} nats, of at most {:.3}", -(BITS as f64) * 2_f64.ln());
        }
        assert!(step < 1500 || elbo > -3.5, "it does not learn: {elbo}");
        let gradients = GradientsParams::from_grads((divergence - estimate.surrogate).backward(), &model);
        model = optimizer.step(0.02, model, gradients);
    }
    Ok(())
}
