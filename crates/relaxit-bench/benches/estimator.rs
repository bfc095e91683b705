//! One estimate of every estimator of bits that the laboratory knows by name: its backward pass, and for those that learn
//! a step of their parameters.
#![allow(missing_docs)] // of what criterion's macros write

mod common;

use burn::tensor::{DType, Device, Tensor};
use common::said;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use relaxit::control::Tuner;
use relaxit::prelude::*;
use relaxit::schedule::Anneal;
use relaxit_lab::estimators::{Setting, select};

/// `[batch, bits]`: few bits, so that enumeration is among them.
const SHAPE: [usize; 2] = [128, 8];

fn estimators(criterion: &mut Criterion) {
    let device = Device::flex().autodiff();
    let logits = Noise::seeded(0).draw(Base::Normal, SHAPE, &device).require_grad();
    let at = RelaxedBernoulli::from_logits(logits.clone(), 0.5).expect("the temperature is in range");
    let objective = |b: Tensor<2>| (b - 0.45).square().sum_dim(1);
    let setting = Setting { device, dtype: DType::F32, temperature: 0.5, row: vec![SHAPE[1]], noise: Noise::seeded(1) };
    let mut group = criterion.benchmark_group("estimator");
    group.throughput(Throughput::Elements(SHAPE.iter().product::<usize>() as u64));
    for entry in select::<RelaxedBernoulli<2>, 2>(&[]).expect("all of them") {
        let (mut estimator, mut noise) = (entry.build(&setting), Noise::seeded(2));
        // A step of length 0 costs what any other costs, and leaves every repetition the same work.
        let mut tuner = Tuner::new(Anneal::Constant(0.0)).expect("not negative");
        group.bench_function(BenchmarkId::new(entry.name(), said(SHAPE)), |bencher| {
            bencher.iter(|| {
                let estimate = estimator.estimate(&at, &objective, &mut noise);
                let gradient = logits.grad(&estimate.surrogate.backward()).expect("of the logits");
                if let Some(tuning) = estimate.tuning {
                    tuner.step(&mut *estimator, tuning);
                }
                gradient
            });
        });
    }
    group.finish();
}

criterion_group!(benches, estimators);
criterion_main!(benches);
