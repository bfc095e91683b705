//! One estimate and its backward pass of every estimator of bits that the laboratory knows by name.
#![allow(missing_docs)] // of what criterion's macros write

use burn::tensor::{DType, Device, Tensor};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use relaxit::prelude::*;
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
    for entry in select::<RelaxedBernoulli<2>, 2>(&[]).expect("all of them") {
        let (mut estimator, mut noise) = (entry.build(&setting), Noise::seeded(2));
        group.bench_function(BenchmarkId::new(entry.name(), format!("{SHAPE:?}")), |bencher| {
            bencher.iter(|| logits.grad(&estimator.estimate(&at, &objective, &mut noise).surrogate.backward()));
        });
    }
    group.finish();
}

criterion_group!(benches, estimators);
criterion_main!(benches);
