//! Relaxations of permutations against their definitions, their hard limits and Plackett and Luce's law.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Tensor};
use relaxit::Error;
use relaxit::prelude::*;
use relaxit::testing::{Case, Z_BILLION, extremes, finite_difference, independence};

const LOGITS: [&[f64]; 4] = [&[0.3, -1.0, 2.0, 0.5], &[0.0, 0.0], &[100.0, 101.0, 99.5], &[3.0]];
const EXTREME: [&[f64]; 4] = [&[1e4, -1e4, 0.0], &[-1e4, -1e4, -1e4], &[1e4], &[80.0, -100.0, 17.0, 80.0]];

/// One row of scores for each event.
fn scores(p: Tensor<2>) -> Tensor<3> {
    let [rows, items] = p.dims();
    p.reshape([rows, 1, items])
}

fn soft_sort(logits: &[f64], temperature: f64) -> Case<SoftSort<3>> {
    Case::new(format!("SoftSort at temperature {temperature}"), logits, move |p| {
        SoftSort::from_logits(scores(p), temperature).unwrap()
    })
}

fn neural_sort(logits: &[f64], temperature: f64) -> Case<NeuralSort<3>> {
    Case::new(format!("NeuralSort at temperature {temperature}"), logits, move |p| {
        NeuralSort::from_logits(scores(p), temperature).unwrap()
    })
}

/// A square of logits, for each event.
fn sinkhorn(logits: &[f64], temperature: f64, iterations: usize) -> Case<GumbelSinkhorn<3>> {
    let items = logits.len().isqrt();
    Case::new(format!("GumbelSinkhorn at temperature {temperature}"), logits, move |p: Tensor<2>| {
        let rows = p.dims()[0];
        GumbelSinkhorn::from_logits(p.reshape([rows, items, items]), temperature, iterations).unwrap()
    })
}

fn f64s<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    Tensor::<1>::from_data(values, (&Device::flex(), DType::F64)).reshape(shape)
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.try_into_vec_as().unwrap()
}

fn close(got: &[f64], exact: &[f64], tolerance: f64) {
    assert_eq!(got.len(), exact.len());
    for (got, exact) in got.iter().zip(exact) {
        assert!((got - exact).abs() <= tolerance, "{got} {exact}");
    }
}

fn pathwise<L: Reparameterized<3>>(case: &Case<L>) {
    finite_difference::transport(case).assert();
    finite_difference::noise(case).assert();
    extremes::rsampling(case).assert();
    let shape = case.law(1, DType::F64).shape();
    if shape[2] > 1 {
        independence::rows(&case.clone().with_draws(20_000)).assert();
    }
}

#[test]
fn gradients_and_extremes() {
    for logits in LOGITS {
        for temperature in [0.5, 1.0, 5.0] {
            if logits.len() > 1 {
                pathwise(&soft_sort(logits, temperature));
                pathwise(&neural_sort(logits, temperature));
            }
        }
    }
    for temperature in [0.7, 2.0] {
        pathwise(&sinkhorn(&[0.3, -1.0, 2.0, 0.5, 0.0, 1.0, -0.5, 0.2, 1.5], temperature, 5));
        pathwise(&sinkhorn(&[0.3, -1.0, 2.0, 0.5], temperature, 20));
    }
    for temperature in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
        for logits in EXTREME {
            extremes::rsampling(&soft_sort(logits, temperature)).assert();
            extremes::rsampling(&neural_sort(logits, temperature)).assert();
            let straight = "straight-through draw";
            extremes::finite(&soft_sort(logits, temperature), straight, SoftSort::rsample_straight_through).assert();
            extremes::finite(&neural_sort(logits, temperature), straight, NeuralSort::rsample_straight_through)
                .assert();
        }
        extremes::rsampling(&sinkhorn(&[1e4, -1e4, 0.0, -1e4], temperature, 30)).assert();
        extremes::rsampling(&sinkhorn(&[1e4], temperature, 3)).assert();
    }
}

/// `softmax` of a row on the host.
fn softmax(x: &[f64]) -> Vec<f64> {
    let max = x.iter().copied().fold(f64::MIN, f64::max);
    let weights: Vec<f64> = x.iter().map(|x| (x - max).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / total).collect()
}

/// The papers' definitions, entry by entry.
#[test]
fn definitions() {
    let z: [f64; 4] = [0.4, -1.0, 2.5, 0.9];
    let mut sorted = z;
    sorted.sort_by(|a, b| b.total_cmp(a));
    for temperature in [0.1, 1.0, 7.0] {
        let soft: Vec<f64> = sorted.iter().flat_map(|s| softmax(&z.map(|z| -(s - z).abs() / temperature))).collect();
        let law = SoftSort::from_logits(f64s(&[0.0; 4], [1, 1, 4]), temperature).unwrap();
        close(&values(law.squash(f64s(&z, [1, 1, 4]))), &soft, 1e-12);

        let neural: Vec<f64> = (1..=4)
            .flat_map(|row| {
                let factor = 5.0 - 2.0 * f64::from(row);
                softmax(&z.map(|zi| (factor * zi - z.iter().map(|zj| (zi - zj).abs()).sum::<f64>()) / temperature))
            })
            .collect();
        let law = NeuralSort::from_logits(f64s(&[0.0; 4], [1, 1, 4]), temperature).unwrap();
        close(&values(law.squash(f64s(&z, [1, 1, 4]))), &neural, 1e-12);

        let mut matrix: [[f64; 2]; 2] = [[0.4, -1.0], [2.5, 0.9]].map(|row| row.map(|x: f64| (x / temperature).exp()));
        for _ in 0..10 {
            let columns = [matrix[0][0] + matrix[1][0], matrix[0][1] + matrix[1][1]];
            matrix = matrix.map(|row| [row[0] / columns[0], row[1] / columns[1]]);
            matrix = matrix.map(|row| row.map(|x| x / (row[0] + row[1])));
        }
        let law = GumbelSinkhorn::from_logits(f64s(&[0.0; 4], [1, 2, 2]), temperature, 10).unwrap();
        close(&values(law.squash(f64s(&z, [1, 2, 2]))), &matrix.concat(), 1e-12);
    }
}

/// Rows sum to 1, the largest entries stand where the hard matrix has its ones, and towards 0 the two are one.
#[test]
fn limits() {
    let logits = Tensor::<3>::from_floats([[[0.3, -1.0, 2.0, 0.5, 0.0]]], &Device::flex()).repeat_dim(0, 2000);
    let off = |soft: Tensor<3>, hard: Tensor<3>| {
        let [rows, items, _] = soft.dims();
        assert!(soft.clone().sum_dim(2).all_close(Tensor::ones([rows, items, 1], &Device::flex()), None, None));
        values((soft - hard).abs().max_dim(2).max_dim(1).mean())[0]
    };
    for temperature in [1e-5, 1.0, 50.0] {
        let soft = SoftSort::from_logits(logits.clone(), temperature).unwrap();
        let neural = NeuralSort::from_logits(logits.clone(), temperature).unwrap();
        let z = soft.latent_rsample(&mut Noise::seeded(0));
        let hard = soft.threshold(&z);
        assert_eq!(hard.to_data(), neural.threshold(&z).to_data());
        // The sorted scores are in descending order: the hard matrix is the one that sorts.
        let sorted = (hard.clone() * z.clone()).sum_dim(2).reshape([2000, 5]);
        assert!(values(sorted.clone().narrow(1, 0, 4) - sorted.narrow(1, 1, 4)).iter().all(|&gap| gap >= 0.0));
        for relaxed in [soft.squash(z.clone()), neural.squash(z.clone())] {
            let peaks = (relaxed.clone() * hard.clone()).sum_dim(2);
            assert!(values(relaxed.clone().max_dim(2) - peaks).iter().all(|&gap| gap <= 1e-6));
            let distance = off(relaxed, hard.clone());
            assert!(temperature > 1e-3 || distance < 1e-3, "{distance}");
        }
        for column in values(hard.sum_dim(1)) {
            assert!((column - 1.0).abs() < 1e-6);
        }
    }
}

/// Columns too, with enough iterations; towards 0 the matching of largest sum.
#[test]
fn sinkhorn_is_doubly_stochastic_and_hardens_to_the_best_matching() {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let noise = Noise::seeded(0).draw(Base::Gumbel, [200, 3, 3], (&Device::flex(), DType::F64));
    let logits = Tensor::zeros([200, 3, 3], (&Device::flex(), DType::F64));
    let p = GumbelSinkhorn::from_logits(logits.clone(), 1.0, 100).unwrap().transport(noise.clone());
    close(&values(p.clone().sum_dim(1)), &[1.0; 600], 1e-6);
    close(&values(p.sum_dim(2)), &[1.0; 600], 1e-12);

    let hard = values(GumbelSinkhorn::from_logits(logits, 0.01, 2000).unwrap().transport(noise.clone()));
    let (mut agree, z) = (0, values(noise));
    for (p, z) in hard.chunks(9).zip(z.chunks(9)) {
        let sum = |order: &[usize; 3]| order.iter().enumerate().map(|(row, column)| z[3 * row + column]).sum::<f64>();
        let best = ORDERS.iter().max_by(|a, b| sum(a).total_cmp(&sum(b))).unwrap();
        agree += i32::from(best.iter().enumerate().all(|(row, column)| p[3 * row + column] > 0.9));
    }
    // The others are near ties.
    assert!(agree > 180, "{agree}");
}

/// The hard matrices are drawn as often as Plackett and Luce say; the probabilities sum to 1.
#[test]
fn hard_matrices_follow_plackett_and_luce() {
    const DRAWS: usize = 50_000;
    let relaxed = soft_sort(&[0.3, -1.0, 1.0], 0.7);
    let law = relaxed.law(DRAWS, DType::F32);
    let draws = values(law.threshold(&law.latent_rsample(&mut Noise::seeded(4))));
    let (one, other) = (relaxed.law(1, DType::F64), neural_sort(&[0.3, -1.0, 1.0], 2.0).law(1, DType::F64));
    let mut total = 0.0;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut matrix = [0.0; 9];
        for (position, item) in order.into_iter().enumerate() {
            matrix[3 * position + item] = 1.0;
        }
        let log_prob = one.hard_log_prob(f64s(&matrix, [1, 3, 3]));
        assert_eq!(log_prob.dims(), [1, 1, 1]);
        close(&values(other.hard_log_prob(f64s(&matrix, [1, 3, 3]))), &values(log_prob.clone()), 1e-15);
        let p = values(log_prob)[0].exp();
        let drawn = draws.chunks(9).filter(|draw| draw.iter().zip(matrix).all(|(a, b)| (a - b).abs() < 0.5)).count();
        let (share, error) = (drawn as f64 / DRAWS as f64, (p * (1.0 - p) / DRAWS as f64).sqrt());
        assert!((share - p).abs() < Z_BILLION * error, "{order:?}: {share} {p}");
        total += p;
    }
    assert!((total - 1.0).abs() < 1e-12);

    for outside in [[0.5; 9], [0.0; 9], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [f64::NAN; 9]] {
        assert!(values(one.hard_log_prob(f64s(&outside, [1, 3, 3])))[0] == f64::NEG_INFINITY, "{outside:?}");
    }
    let of_matrix = |law: SoftSort<3>| {
        let rows = law.shape()[0];
        let matrix = f64s(&[0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0], [1, 3, 3]).repeat_dim(0, rows);
        law.hard_log_prob(if law.device().is_autodiff() { matrix.autodiff() } else { matrix })
    };
    finite_difference::of(&relaxed, "gradient of the hard log_prob", of_matrix).assert();
}

#[test]
fn bad_input_is_refused() {
    let device = Device::flex();
    let square = Tensor::<3>::zeros([2, 3, 3], &device);
    let row = Tensor::<3>::zeros([2, 1, 3], &device);
    assert!(matches!(SoftSort::from_logits(square.clone(), 1.0), Err(Error::Shape { subject: "SoftSort", .. })));
    assert!(matches!(NeuralSort::from_logits(square.clone(), 1.0), Err(Error::Shape { subject: "NeuralSort", .. })));
    assert!(matches!(SoftSort::from_logits(Tensor::<1>::zeros([3], &device), 1.0), Err(Error::Shape { .. })));
    assert!(matches!(SoftSort::from_logits(Tensor::<2>::zeros([1, 0], &device), 1.0), Err(Error::Shape { .. })));
    assert!(matches!(GumbelSinkhorn::from_logits(row.clone(), 1.0, 5), Err(Error::Shape { .. })));
    assert!(matches!(
        GumbelSinkhorn::from_logits(square.clone(), 1.0, 0),
        Err(Error::Parameter { parameter: "iterations", .. })
    ));
    for temperature in [0.0, -1.0, f64::NAN, 1e7] {
        assert!(matches!(SoftSort::from_logits(row.clone(), temperature), Err(Error::Parameter { .. })));
        assert!(matches!(NeuralSort::from_logits(row.clone(), temperature), Err(Error::Parameter { .. })));
        assert!(matches!(GumbelSinkhorn::from_logits(square.clone(), temperature, 1), Err(Error::Parameter { .. })));
    }
    let nan = row.clone() * f64::NAN;
    assert!(SoftSort::from_logits(nan.clone(), 1.0).unwrap().validate().is_err());
    assert!(NeuralSort::from_logits(nan, 1.0).unwrap().validate().is_err());
    assert!(GumbelSinkhorn::from_logits(square * f64::NAN, 1.0, 1).unwrap().validate().is_err());

    let none = Tensor::<3>::zeros([0, 1, 3], &device);
    let mut noise = Noise::seeded(0);
    assert_eq!(SoftSort::from_logits(none.clone(), 1.0).unwrap().rsample(&mut noise).dims(), [0, 3, 3]);
    let law = NeuralSort::from_logits(none, 1.0).unwrap();
    assert_eq!(law.rsample(&mut noise).dims(), [0, 3, 3]);
    assert_eq!(law.threshold(&law.latent_rsample(&mut noise)).dims(), [0, 3, 3]);
    let none = GumbelSinkhorn::from_logits(Tensor::<3>::zeros([0, 3, 3], &device), 1.0, 2).unwrap();
    assert_eq!(none.rsample(&mut noise).dims(), [0, 3, 3]);
}
