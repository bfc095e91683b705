//! Base noise, element by element.
#![allow(missing_docs)] // of what criterion's macros write

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use relaxit::noise::{Base, Noise};

fn fill(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("noise");
    for len in [1 << 10, 1 << 20] {
        group.throughput(Throughput::Elements(len as u64));
        for base in [Base::Uniform, Base::Logistic, Base::Gumbel, Base::Exponential, Base::Normal] {
            let (mut noise, mut out) = (Noise::seeded(0), vec![0.0; len]);
            group.bench_function(BenchmarkId::new(format!("{base:?}"), len), |bencher| {
                bencher.iter(|| noise.fill(base, black_box(&mut out)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, fill);
criterion_main!(benches);
