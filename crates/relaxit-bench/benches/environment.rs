//! Steps of environments, many at once, under random actions.
#![allow(missing_docs)] // of what criterion's macros write

mod common;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use relaxit_rl::environment::make;
use relaxit_rl::random::Generator;

fn environments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("environment");
    for name in ["cartpole", "acrobot", "taxi"] {
        for count in [1, 1024] {
            let mut environments = make(name, count).expect("one of ours");
            let mut random = Generator::seeded(0);
            let choices: Vec<usize> = (0..environments.num_actions()).collect();
            let actions: Vec<usize> = (0..64 * count).map(|_| random.choice(&choices)).collect();
            let mut rows = actions.chunks_exact(count).cycle();
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| environments.step(rows.next().expect("a cycle")).expect("legal actions"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, environments);
criterion_main!(benches);
