//! Log-densities of relaxed and discrete laws, forward and backward.
#![allow(missing_docs)] // of what criterion's macros write

mod common;

use burn::tensor::{Device, Tensor};
use common::said;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use relaxit::prelude::*;

const SHAPE: [usize; 3] = [128, 20, 10];

fn log_prob<L: Density<3>>(criterion: &mut Criterion, name: &str, law: impl Fn(Tensor<3>) -> relaxit::Result<L>) {
    let device = Device::flex().autodiff();
    let logits = Noise::seeded(0).draw(Base::Normal, SHAPE, &device).require_grad();
    let law = law(logits.clone()).expect("legal parameters");
    let sample = law.sample(&mut Noise::seeded(1));
    let mut group = criterion.benchmark_group("density");
    group.throughput(Throughput::Elements(SHAPE.iter().product::<usize>() as u64));
    group.bench_function(BenchmarkId::new(name, said(SHAPE)), |bencher| {
        bencher.iter(|| logits.grad(&law.log_prob(sample.clone()).sum().backward()).expect("of the logits"));
    });
    group.finish();
}

fn laws(criterion: &mut Criterion) {
    log_prob(criterion, "Bernoulli", |logits| Ok(Bernoulli::from_logits(logits)));
    log_prob(criterion, "OneHotCategorical", OneHotCategorical::from_logits);
    log_prob(criterion, "RelaxedBernoulli", |logits| RelaxedBernoulli::from_logits(logits, 0.5));
    log_prob(criterion, "RelaxedOneHotCategorical", |logits| RelaxedOneHotCategorical::from_logits(logits, 0.5));
}

criterion_group!(benches, laws);
criterion_main!(benches);
