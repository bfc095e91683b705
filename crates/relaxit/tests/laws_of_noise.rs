//! The base noise: exact laws out to the tails, independent streams, the same numbers on any number of threads.

use std::collections::HashSet;
use std::f64::consts::FRAC_1_SQRT_2;

use burn::tensor::{DType, Tensor, activation};
use relaxit::noise::NoiseState;
use relaxit::prelude::*;
use relaxit::testing::{Case, Z_BILLION, independence, ks, tails};

const MILLION: usize = 1 << 20;

/// `P(noise ≤ x)`, for x in F64.
fn cdf(base: Base, x: Tensor<1>) -> Tensor<1> {
    match base {
        Base::Uniform => x,
        Base::Logistic => activation::sigmoid(x),
        Base::Gumbel => (-(-x).exp()).exp(),
        Base::Exponential => -(-x).exp() + 1.0,
        Base::Normal => (x * FRAC_1_SQRT_2).erf() * 0.5 + 0.5,
    }
}

/// Tail probabilities 16⁻ᵏ, each with the number that a normal variable exceeds so often.
const LEVELS: [(f64, f64); 5] = [
    (0.0625, 1.534_120_544_352_545_9),
    (0.003_906_25, 2.660_067_468_617_459_2),
    (2.441_406_25e-4, 3.487_104_104_114_431_3),
    (1.525_878_906_25e-5, 4.169_569_323_349_103),
    (9.536_743_164_062_5e-7, 4.763_001_034_267_813_5),
];

/// The numbers below and above which noise falls with probability `p` each.
fn quantiles(base: Base, (p, normal): (f64, f64)) -> [f64; 2] {
    match base {
        Base::Uniform => [p, 1.0 - p],
        Base::Logistic => [p.ln() - (-p).ln_1p(), (-p).ln_1p() - p.ln()],
        Base::Gumbel => [-(-p.ln()).ln(), -(-(-p).ln_1p()).ln()],
        Base::Exponential => [-(-p).ln_1p(), -p.ln()],
        Base::Normal => [-normal, normal],
    }
}

fn draw(base: Base, seed: u64, dtype: DType) -> Tensor<1> {
    Noise::seeded(seed).fork(&format!("{base:?}")).draw(base, [MILLION], (&Device::flex(), dtype)).cast(DType::F64)
}

#[test]
fn draws_have_their_law() {
    for base in Base::ALL {
        for dtype in [DType::F32, DType::F64] {
            for seed in 0..2 {
                let u = cdf(base, draw(base, seed, dtype));
                ks::uniform(format!("{base:?} {dtype:?} seed {seed}"), u).assert();
            }
        }
    }
}

/// Counts beyond the quantiles of 2⁻⁴, 2⁻⁸, … 2⁻²⁰ on either side of 8·10⁶ draws.
#[test]
fn tails_are_as_heavy_as_they_should_be() {
    const ROUNDS: usize = 8;
    for base in Base::ALL {
        let mut noise = Noise::seeded(2).fork("tails");
        let mut counts = [[0.0; 2]; LEVELS.len()];
        for _ in 0..ROUNDS {
            let x = noise.draw(base, [MILLION], &Device::flex());
            for (level, count) in LEVELS.into_iter().zip(&mut counts) {
                let [low, high] = quantiles(base, level);
                count[0] += x.clone().lower_elem(low).float().sum().into_scalar::<f64>();
                count[1] += x.clone().greater_elem(high).float().sum().into_scalar::<f64>();
            }
        }
        for ((p, _), count) in LEVELS.into_iter().zip(counts) {
            let expected = (ROUNDS * MILLION) as f64 * p;
            for (side, observed) in ["lower", "upper"].into_iter().zip(count) {
                tails::count(format!("{base:?}: {side} tail of {p}"), observed, expected).assert();
            }
        }
    }
}

/// Beyond 17.4 a Gumbel or logistic variable made from 24 random bits never comes; from 32 bits it comes as often as it
/// should.
#[test]
fn tails_reach_further_than_24_bits() {
    for base in [Base::Gumbel, Base::Logistic] {
        let mut noise = Noise::seeded(2).fork("far");
        let (mut beyond, rounds) = ([0.0; 3], 32);
        let levels = [14.0_f64, 16.7, 17.4];
        for _ in 0..rounds {
            let x = noise.draw(base, [MILLION], &Device::flex());
            for (count, level) in beyond.iter_mut().zip(levels) {
                *count += x.clone().greater_elem(level).float().sum().into_scalar::<f64>();
            }
        }
        for (observed, level) in beyond.into_iter().zip(levels) {
            // P(X > x) = e^−x to a relative error of e^−x, for both laws.
            let expected = f64::from(rounds) * MILLION as f64 * (-level).exp();
            tails::count(format!("{base:?} beyond {level}"), observed, expected).assert();
        }
        assert!(beyond[2] > 0.0, "{base:?}: {beyond:?}");
    }
}

/// Coarse bits repeat themselves: among 2²⁰ draws, the thousand in a tail of 2⁻¹⁰ collide thirty times if they come from
/// 24 bits, and one time in eight altogether if they come from 32.
#[test]
fn tails_are_not_coarse() {
    let repeats = |tail: Tensor<1>| {
        let tail: Vec<f64> = tail.try_into_vec_as().unwrap();
        tail.len() - tail.iter().map(|x| x.to_bits()).collect::<HashSet<_>>().len()
    };
    let p = 2.0_f64.powi(-10);
    let expected = (MILLION as f64 * p).powi(2) / 2.0 / (p * 2.0_f64.powi(32));
    // The tails where each law's floating-point grid is finer than the random bits.
    let uniform = draw(Base::Uniform, 0, DType::F32);
    let logistic = draw(Base::Logistic, 0, DType::F32);
    let gumbel = draw(Base::Gumbel, 0, DType::F32);
    for (name, x, tail) in [
        ("Uniform", uniform.clone(), uniform.clone().lower_elem(p)),
        ("Logistic", logistic.clone(), logistic.lower_elem(p.ln())),
        ("Gumbel", gumbel.clone(), gumbel.greater_elem(-p.ln())),
    ] {
        tails::count(format!("repeats in a tail of {name}"), repeats(x.mask_select(tail)) as f64, expected).assert();
    }

    let coarse = ((uniform * 2.0_f64.powi(24)).floor() + 0.5) / 2.0_f64.powi(24);
    let tail = coarse.clone().mask_select(coarse.lower_elem(p));
    assert!(!tails::count("repeats of 24 bits", repeats(tail) as f64, expected).passed());
}

/// Neighbours within a draw, consecutive draws, forks and seeds: uncorrelated, and so are their squares.
#[test]
fn draws_forks_and_seeds_are_independent() {
    const ROWS: usize = 1 << 15;
    for base in Base::ALL {
        for dtype in [DType::F32, DType::F64] {
            let mut noise = Noise::seeded(0);
            let draw = |noise: &mut Noise| {
                let x = noise.draw(base, [ROWS, 8], (&Device::flex(), dtype)).cast(DType::F64);
                // By rank, so that heavy tails weigh no more than others.
                cdf(base, x.reshape([8 * ROWS])).reshape([ROWS, 8]) - 0.5
            };
            let columns = [
                draw(&mut noise),
                draw(&mut noise),
                draw(&mut Noise::seeded(1)),
                draw(&mut Noise::seeded(0).fork("a")),
                draw(&mut Noise::seeded(0).fork("b")),
                draw(&mut Noise::seeded(0).fork("a").fork("b")),
            ];
            let x = Tensor::cat(columns.into(), 1);
            let x = Tensor::cat(vec![x.clone(), x.square()], 1);
            let (variance, mean) = x.clone().var_mean(0);
            let z = (x - mean) / variance.sqrt();
            let size = z.dims()[1];
            let correlation: Vec<f64> =
                (z.clone().transpose().matmul(z) / (ROWS as f64).sqrt()).try_into_vec_as().unwrap();
            for (pair, correlation) in correlation.iter().enumerate() {
                // A number and its own square about ½ are uncorrelated too.
                let distinct = pair / size != pair % size;
                assert!(!distinct || correlation.abs() < Z_BILLION, "{base:?} {dtype:?} {pair}: {correlation}");
            }
        }
    }
}

/// The same holds through a law's sampler.
#[test]
fn rows_of_a_law_are_independent() {
    let case = Case::new("Normal", &[0.0; 8], |loc: Tensor<2>| Normal::from_log_scale(loc.clone(), loc).unwrap());
    independence::rows(&case).assert();
}

#[test]
fn tensors_do_not_depend_on_the_number_of_threads() {
    let on = |threads, base, dtype| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| Noise::seeded(3).draw(base, [3, 50_001], (&Device::flex(), dtype)).to_data())
    };
    for base in Base::ALL {
        for dtype in [DType::F32, DType::F64] {
            let one = on(1, base, dtype);
            assert_eq!(one, on(2, base, dtype), "{base:?}");
            assert_eq!(one, on(5, base, dtype), "{base:?}");
        }
    }
}

/// A killed run that wrote its state goes on with the numbers it would have drawn.
#[test]
fn a_serialised_state_resumes() {
    let device = Device::flex();
    let mut noise = Noise::seeded(u64::MAX).fork("training");
    for _ in 0..3 {
        let _ = noise.draw(Base::Normal, [5], &device);
    }
    let text = serde_json::to_string(&noise.state()).unwrap();
    let mut resumed = Noise::from_state(serde_json::from_str::<NoiseState>(&text).unwrap());
    assert_eq!(resumed, noise);
    for base in Base::ALL {
        let shape = [2, 3];
        assert_eq!(noise.draw(base, shape, &device).to_data(), resumed.draw(base, shape, &device).to_data());
        assert_eq!(noise.bits(), resumed.bits());
    }
    assert_eq!(noise.fork("x").permutation(9), resumed.fork("x").permutation(9));
}

/// Each order of three comes equally often.
#[test]
fn permutations_are_uniform() {
    let mut noise = Noise::seeded(0);
    let mut counts = std::collections::HashMap::new();
    for _ in 0..60_000 {
        *counts.entry(noise.permutation(3)).or_insert(0.0) += 1.0;
    }
    assert_eq!(counts.len(), 6);
    for (order, observed) in counts {
        tails::count(format!("{order:?}"), observed, 10_000.0).assert();
    }
}
