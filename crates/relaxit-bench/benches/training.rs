//! One training step of the auto-encoder, for methods of every kind, and one update of every agent.
#![allow(missing_docs)] // of what criterion's macros write

mod common;

use burn::tensor::{Device, Tensor};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use relaxit::noise::{Base, Noise};
use relaxit_lab::mnist::PIXELS;
use relaxit_lab::vae::code;
use relaxit_lab::vae::config::VaeConfig;
use relaxit_lab::vae::latents::Latents;
use relaxit_lab::vae::method::Method;
use relaxit_lab::vae::model::Vae;
use relaxit_lab::vae::step::{Step, optimizer};
use relaxit_rl::agent::{Agent, AgentConfig, Algorithm, Collection};
use relaxit_rl::environment::make;

fn auto_encoder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("auto-encoder");
    for latent in [Method::Concrete, Method::StraightThrough, Method::Rloo, Method::Disarm, Method::Rebar] {
        let latents = Latents { variables: 20, categories: None };
        let config = VaeConfig { latent, latents, samples: Some(2), ..VaeConfig::default() };
        let mut code = code::build(&config, &Device::flex()).expect("a code of bits");
        let (device, mut noise) = (Device::flex().autodiff(), Noise::seeded(0));
        let mut model = Some(Vae::new(&config, code.sizes(), &noise.fork("weights"), &device));
        let mut optimizer = optimizer().expect("in range");
        let x: Tensor<2> = noise.draw(Base::Uniform, [config.batch_size, PIXELS], &device);
        group.throughput(Throughput::Elements(config.batch_size as u64));
        group.bench_function(BenchmarkId::new(latent.name(), "784-400-20-400-784"), |bencher| {
            bencher.iter(|| {
                let (temperature, learning_rate) = (0.5, config.learning_rate);
                let step = Step { code: &mut *code, noise: &mut noise, temperature, learning_rate };
                let before = model.take().expect("the model of the step before");
                let (after, loss) = step.take(before, &mut optimizer, &x).expect("the temperature is in range");
                model = Some(after);
                loss
            });
        });
    }
    group.finish();
}

fn agents(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("agent");
    group.sampling_mode(SamplingMode::Flat);
    for algorithm in Algorithm::ALL {
        // Segments, so that every update has as many steps.
        let config = AgentConfig { collection: Collection::Segment(32), ..AgentConfig::new(algorithm) };
        let environments = 16;
        let cart_pole = make("cartpole", environments).expect("one of ours");
        let mut agent = Agent::new(cart_pole, config, 0).expect("a legal configuration");
        group.throughput(Throughput::Elements(32 * environments as u64));
        group.bench_function(BenchmarkId::new(algorithm.name(), "cartpole"), |bencher| {
            bencher.iter(|| agent.update().expect("it does not diverge"));
        });
    }
    group.finish();
}

criterion_group!(benches, auto_encoder, agents);
criterion_main!(benches);
