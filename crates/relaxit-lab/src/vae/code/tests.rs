use super::*;
use burn::tensor::{DType, Device, TensorData};
use relaxit::testing::Z_MILLION;

/// Every way to make a code, small enough to be enumerated or integrated: one of each family, and what else differs.
pub(crate) fn cases() -> Vec<VaeConfig> {
    let case = |latent, latents: &str| {
        let latents = latents.parse().unwrap();
        VaeConfig { latents, ..VaeConfig::default().with_method(latent) }.resolve().unwrap()
    };
    vec![
        case(Method::Concrete, "4"),
        case(Method::RebarRelaxation, "4"),
        case(Method::GumbelSoftmax, "3x3"),
        VaeConfig { k: Some(2), ..case(Method::RelaxedTopK, "2x4") },
        VaeConfig { k: Some(2), ..case(Method::Simple, "2x4") },
        VaeConfig { atoms: Some(5), ..case(Method::Poisson, "2") },
        VaeConfig { atoms: Some(5), ..case(Method::Geometric, "2") },
        VaeConfig { atoms: Some(5), ..case(Method::Binomial, "2") },
        VaeConfig { atoms: Some(5), ..case(Method::NegativeBinomial, "2") },
        case(Method::SoftSort, "2x3"),
        case(Method::HardConcrete, "1"),
        case(Method::GaussianRelaxedBernoulli, "1"),
        case(Method::HardKumaraswamy, "1"),
        case(Method::CorrelatedRelaxedBernoulli, "1x2"),
        case(Method::InvertibleGaussian, "1x2"),
        case(Method::LogisticNormal, "1x2"),
        case(Method::LogisticNormalSoftmax, "1x2"),
        case(Method::Dirichlet, "1x2"),
    ]
}

/// The codes of one variable that a sum or an integral runs over, with the logarithms of their weights: `[points, 1, …]`.
pub(crate) fn points(config: &VaeConfig, dtype: DType) -> (Tensor<3>, Vec<f64>) {
    let entries = config.latents.categories.unwrap_or(1);
    let hot = |subset: &dyn Fn(usize) -> bool, n: usize| (0..n).map(|i| f64::from(u8::from(subset(i)))).collect();
    let codes: Vec<(Vec<f64>, f64)> = match config.latent.kind() {
        Kind::Bits | Kind::BitsOrChoices | Kind::Discrete if entries == 1 => vec![(vec![0.0], 0.0), (vec![1.0], 0.0)],
        Kind::Bits | Kind::BitsOrChoices | Kind::Discrete | Kind::Choices => {
            (0..entries).map(|k| (hot(&|i| i == k, entries), 0.0)).collect()
        }
        Kind::Counts => {
            let atoms = config.atoms.unwrap();
            (0..atoms).map(|k| (hot(&|i| i == k, atoms), 0.0)).collect()
        }
        Kind::Subsets => (0_usize..1 << entries)
            .filter(|set| Some(set.count_ones() as usize) == config.k)
            .map(|set| (hot(&|i| set >> i & 1 == 1, entries), 0.0))
            .collect(),
        Kind::Orders => (0..entries.pow(3))
            .map(|order| [order % entries, order / entries % entries, order / entries.pow(2)])
            .filter(|[a, b, c]| a != b && b != c && a != c)
            .map(|order| (hot(&|i| order[i / entries] == i % entries, entries.pow(2)), 0.0))
            .collect(),
        // Over log-odds, where all densities are smooth and fall off at both ends.
        Kind::Gates => {
            line(0.05).map(|(y, _, weight)| (vec![y], weight)).chain([(vec![0.0], 0.0), (vec![1.0], 0.0)]).collect()
        }
        Kind::Points => line(0.05).map(|(y, rest, weight)| (vec![y, rest], weight)).collect(),
        Kind::Groups => line(0.4).flat_map(|(y, _, a)| line(0.4).map(move |(z, _, b)| (vec![y, z], a + b))).collect(),
    };
    let width = codes[0].0.len();
    let (codes, weights): (Vec<_>, Vec<_>) = codes.into_iter().unzip();
    let data = TensorData::new(codes.concat(), [weights.len(), 1, width]);
    (Tensor::from_data(data, (&Device::flex(), dtype)), weights)
}

/// `y`, `1 − y` and `ln y (1 − y) step` at steps of log-odds.
#[allow(clippy::cast_possible_truncation)] // a few thousand points
fn line(step: f64) -> impl Iterator<Item = (f64, f64, f64)> {
    let sigmoid = |t: f64| 1.0 / (1.0 + (-t).exp());
    let last = (40.0 / step) as i32;
    (-last..=last).map(move |i| {
        let (y, rest) = (sigmoid(f64::from(i) * step), sigmoid(-f64::from(i) * step));
        (y, rest, (y * rest * step).ln())
    })
}

const TEMPERATURE: f64 = 0.6;
const Q: [f64; 4] = [0.7, -0.4, 0.3, -0.9];
const P: [f64; 4] = [-0.2, 0.5, 0.1, 0.2];

fn rows(parameters: &[f64], rows: usize) -> Tensor<3> {
    let one = TensorData::new(parameters.to_vec(), [1, 1, parameters.len()]);
    Tensor::<3>::from_data(one, (&Device::flex(), DType::F64)).repeat(&[rows, 1, 1])
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.try_into_vec_as().unwrap()
}

/// The densities of all points at `parameters`, and what they weigh.
fn densities(config: &VaeConfig, parameters: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let code = build(config, &Device::flex()).unwrap();
    let (points, weights) = points(config, DType::F64);
    let parameters = rows(parameters, weights.len());
    (numbers(code.log_prob(parameters, points, TEMPERATURE).unwrap()), weights)
}

/// `KL(q ‖ p)`, summed or integrated.
fn exact_divergence(config: &VaeConfig, q: &[f64], p: &[f64]) -> f64 {
    let ((q, weights), (p, _)) = (densities(config, q), densities(config, p));
    q.iter().zip(p).zip(weights).map(|((q, p), weight)| (q + weight).exp() * (q - p)).sum()
}

fn parameters(config: &VaeConfig) -> (Vec<f64>, Vec<f64>) {
    let count = build(config, &Device::flex()).unwrap().sizes().parameters;
    (Q[..count].to_vec(), P[..count].to_vec())
}

/// The mean of `draws` lies within the standard errors of a one-in-a-million test of `exact`, or next to it.
fn agrees(draws: &[f64], exact: f64) -> bool {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let error = (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt();
    (mean - exact).abs() < Z_MILLION * error + 1e-5
}

const ROWS: usize = 20_000;

#[test]
fn laws_of_codes_have_a_mass_of_one() {
    for config in cases() {
        for parameters in <[_; 2]>::from(parameters(&config)) {
            let (log_probs, weights) = densities(&config, &parameters);
            let mass: f64 = log_probs.iter().zip(weights).map(|(log_prob, weight)| (log_prob + weight).exp()).sum();
            assert!((mass - 1.0).abs() < 1e-5, "{}: {mass}", config.latent.name());
        }
    }
}

#[test]
fn codes_follow_their_law() {
    for config in cases() {
        let (code, (q, _)) = (build(&config, &Device::flex()).unwrap(), parameters(&config));
        let (log_probs, weights) = densities(&config, &q);
        let (points, _) = points(&config, DType::F64);
        let samples = code.sample(rows(&q, ROWS), TEMPERATURE, &mut Noise::seeded(3)).unwrap();
        for entry in 0..code.sizes().width {
            let entry_of = |x: Tensor<3>| numbers(code.decoded(x).slice_dim(2, entry..=entry));
            let values = entry_of(points.clone());
            let mean = (0..values.len()).map(|i| values[i] * (log_probs[i] + weights[i]).exp()).sum();
            let draws = entry_of(samples.clone());
            assert!(agrees(&draws, mean), "{} {entry}: {mean}", config.latent.name());
        }
    }
}

#[test]
fn divergences_and_their_gradients_are_unbiased() {
    const STEP: f64 = 1e-4;
    for config in cases() {
        let (code, (q, p)) = (build(&config, &Device::flex()).unwrap(), parameters(&config));
        let leaf = |parameters| Tensor::from_inner(rows(parameters, ROWS)).require_grad();
        let (at_q, at_p) = (leaf(&q), leaf(&p));
        let divergence = code.divergence(at_q.clone(), at_p.clone(), TEMPERATURE, &mut Noise::seeded(4)).unwrap();
        let exact = exact_divergence(&config, &q, &p);
        assert!(agrees(&numbers(divergence.clone().inner()), exact), "{}: {exact}", config.latent.name());
        let gradients = divergence.sum().backward();
        for i in 0..q.len() {
            let moved =
                |x: &[f64], by| x.iter().enumerate().map(|(j, x)| if i == j { x + by } else { *x }).collect::<Vec<_>>();
            let slope = |f: &dyn Fn(f64) -> f64| (f(STEP) - f(-STEP)) / (2.0 * STEP);
            let by_q = slope(&|by| exact_divergence(&config, &moved(&q, by), &p));
            let by_p = slope(&|by| exact_divergence(&config, &q, &moved(&p, by)));
            for (leaf, exact) in [(&at_q, by_q), (&at_p, by_p)] {
                let draws = numbers(leaf.grad(&gradients).unwrap().slice_dim(2, i..=i));
                assert!(agrees(&draws, exact), "{}, parameter {i}: {} {exact}", config.latent.name(), draws[0]);
            }
        }
    }
}
