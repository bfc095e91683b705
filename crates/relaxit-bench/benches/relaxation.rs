//! Relaxed and straight-through samples, forward alone and with the backward pass.
#![allow(missing_docs)] // of what criterion's macros write

mod common;

use burn::tensor::{Device, Tensor};
use common::said;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use relaxit::prelude::*;

fn rsample<R: Relaxation<D>, const D: usize>(
    criterion: &mut Criterion,
    name: &str,
    shape: [usize; D],
    law: impl Fn(Tensor<D>) -> relaxit::Result<R>,
) {
    let device = Device::flex().autodiff();
    let logits = Noise::seeded(0).draw(Base::Normal, shape, &device).require_grad();
    let temperature = "the temperature is in range";
    let (tracked, constant) =
        (law(logits.clone()).expect(temperature), law(logits.clone().inner()).expect(temperature));
    let gradient = |sample: Tensor<D>| logits.grad(&sample.sum().backward()).expect("of the logits");
    let mut noise = Noise::seeded(1);
    let mut group = criterion.benchmark_group(format!("relaxation/{name}"));
    group.throughput(Throughput::Elements(shape.iter().product::<usize>() as u64));
    let shape = said(shape);
    group.bench_function(BenchmarkId::new("forward", &shape), |bencher| bencher.iter(|| constant.rsample(&mut noise)));
    group.bench_function(BenchmarkId::new("forward and backward", &shape), |bencher| {
        bencher.iter(|| gradient(tracked.rsample(&mut noise)));
    });
    group.bench_function(BenchmarkId::new("straight-through, forward and backward", &shape), |bencher| {
        bencher.iter(|| gradient(tracked.rsample_straight_through(&mut noise)));
    });
    group.finish();
}

fn relaxations(criterion: &mut Criterion) {
    for shape in [[128, 20, 10], [256, 64, 64]] {
        rsample(criterion, "Gumbel-Softmax", shape, |logits| RelaxedOneHotCategorical::from_logits(logits, 0.5));
    }
    for shape in [[128, 200], [4096, 1000]] {
        rsample(criterion, "binary Concrete", shape, |logits| RelaxedBernoulli::from_logits(logits, 0.5));
        rsample(criterion, "hard concrete", shape, |logits| HardConcrete::from_logits(logits, 0.5));
    }
}

criterion_group!(benches, relaxations);
criterion_main!(benches);
