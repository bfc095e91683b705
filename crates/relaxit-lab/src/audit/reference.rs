//! The gradient that estimates are compared with: by enumeration, or by a long run.

use burn::tensor::{DType, Tensor, TensorData};
use relaxit::estimator::Rloo;
use relaxit::noise::Noise;

use super::measure::{Moments, draw};
use super::problem::Problem;
use crate::estimators::Registered;

/// Outcomes that are enumerated at most.
pub const MOST_OUTCOMES: usize = 1 << 16;

/// A gradient that may have an error of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// One number for each logit.
    pub gradient: Vec<f64>,
    /// Their standard errors; 0 if enumerated.
    pub standard_error: Vec<f64>,
}

/// How many outcomes the code has, or `None` if more than [`MOST_OUTCOMES`].
#[must_use]
pub fn outcomes(problem: &Problem) -> Option<usize> {
    let variables = u32::try_from(problem.latents.variables).ok()?;
    let outcomes = problem.latents.categories.unwrap_or(2).checked_pow(variables)?;
    (outcomes <= MOST_OUTCOMES).then_some(outcomes)
}

/// The exact gradient, or `None` if there are too many outcomes.
///
/// ```text
/// ∂/∂φᵢₖ E[f(b)] = Σ_b p(b) (f(b) − E f) (bᵢₖ − πᵢₖ)
/// ```
///
/// # Panics
/// If the device fails.
#[must_use]
pub fn enumerate(problem: &Problem) -> Option<Reference> {
    let outcomes = outcomes(problem)?;
    let probabilities = problem.probabilities();
    let values = values(problem, outcomes);
    let categories = probabilities[0].len();
    let [_, channels] = problem.shape();
    let weights: Vec<f64> =
        (0..outcomes).map(|code| digits(code, categories).zip(&probabilities).map(|(k, p)| p[k]).product()).collect();
    let mean: f64 = weights.iter().zip(&values).map(|(p, f)| p * f).sum();

    let mut gradient = vec![0.0; problem.logits.len()];
    for (code, (p, f)) in weights.iter().zip(&values).enumerate() {
        let advantage = p * (f - mean);
        for (variable, (digit, pi)) in digits(code, categories).zip(&probabilities).enumerate() {
            for channel in 0..channels {
                // The one logit of a bit is that of its value 1.
                let category = channel + usize::from(channels == 1);
                let score = f64::from(u8::from(digit == category)) - pi[category];
                gradient[variable * channels + channel] += advantage * score;
            }
        }
    }
    let standard_error = vec![0.0; gradient.len()];
    Some(Reference { gradient, standard_error })
}

/// The values of the variables in outcome number `code`: endless, with zeros after the last variable.
fn digits(mut code: usize, categories: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let digit = code % categories;
        code /= categories;
        Some(digit)
    })
}

/// The objective at every outcome.
fn values(problem: &Problem, outcomes: usize) -> Vec<f64> {
    let [variables, channels] = problem.shape();
    let categories = channels.max(2);
    let codes: Vec<usize> = (0..outcomes).collect();
    codes
        .chunks(problem.chunk())
        .flat_map(|codes| {
            let row = |code: &usize| digits(*code, categories).take(variables).collect::<Vec<_>>();
            let entry = |digit| {
                let is = move |category: usize| f64::from(u8::from(category == digit));
                (0..channels).map(move |channel| is(channel + usize::from(channels == 1)))
            };
            let b: Vec<f64> = codes.iter().flat_map(row).flat_map(entry).collect();
            let b = TensorData::new(b, [codes.len(), variables, channels]);
            let value = problem.objective().evaluate(Tensor::from_data(b, (&problem.device, DType::F64)));
            value.inner().try_into_vec_as::<f64>().expect("an objective's values can be read")
        })
        .collect()
}

/// Samples of each estimate of the long run.
const SAMPLES: usize = 8;

/// The gradient by `draws` estimates of the leave-one-out estimator, with its error.
///
/// # Panics
/// If the device fails.
#[must_use]
pub fn long_run<R: Registered<3>>(problem: &Problem, draws: usize, noise: &Noise) -> Reference {
    let mut noise = noise.fork("reference");
    let mut estimator = Rloo::new(SAMPLES).expect("several samples");
    let mut moments = Moments::new(problem.logits.len());
    let mut left = draws;
    while left > 0 {
        let rows = left.min(problem.chunk());
        moments.add(&draw::<R>(problem, &mut estimator, problem.objective(), rows, &mut noise).gradients);
        left -= rows;
    }
    Reference { gradient: moments.mean().to_vec(), standard_error: moments.standard_error() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::objective::BuiltIn;
    use crate::audit::problem::shape;
    use burn::tensor::Device;
    use relaxit::estimator::{Estimator, Exact};
    use relaxit::relaxation::{RelaxedBernoulli, RelaxedOneHotCategorical};

    fn problem(latents: &str, logits: &[f64], objective: BuiltIn) -> Problem {
        let (latents, device) = (latents.parse::<crate::vae::latents::Latents>().unwrap(), Device::flex().autodiff());
        let judge = objective.judge(shape(latents), 0.45, &Noise::seeded(3), &device).unwrap();
        Problem { latents, logits: logits.to_vec(), temperature: 0.5, device, judge }
    }

    fn check<R: Registered<3>>(problem: &Problem, exact: &mut dyn Estimator<R, 3>) {
        let by_library = draw::<R>(problem, exact, problem.objective(), 1, &mut Noise::seeded(0)).gradients;
        let reference = enumerate(problem).unwrap();
        for (ours, theirs) in reference.gradient.iter().zip(&by_library) {
            assert!((ours - theirs).abs() < 1e-12 * theirs.abs().max(1.0), "{ours} {theirs}");
        }
        assert!(by_library.iter().any(|g| g.abs() > 1e-3), "{by_library:?}");
        // The long run, with an error that is told truly.
        let run = long_run::<R>(problem, 20_000, &Noise::seeded(1));
        for ((ours, run), error) in reference.gradient.iter().zip(&run.gradient).zip(&run.standard_error) {
            assert!((ours - run).abs() < 4.892 * error && *error > 0.0, "{ours} {run} {error}");
        }
    }

    #[test]
    fn enumeration_agrees_with_the_librarys_and_with_a_long_run() {
        for objective in [BuiltIn::Quadratic, BuiltIn::Polynomial, BuiltIn::Nk] {
            let bits = problem("3", &[0.3, -2.0, 5.0], objective);
            check::<RelaxedBernoulli<3>>(&bits, &mut Exact::<2>);
            let choices = problem("2x3", &[0.3, -2.0, 1.0, 0.0, 4.0, -1.0], objective);
            check::<RelaxedOneHotCategorical<3>>(&choices, &mut Exact::<1>);
        }
    }

    /// `θ (1 − θ) ((1 − t)² − t²)`, to full precision where the other value is rare.
    #[test]
    fn rare_values_lose_no_digits() {
        for logit in [0.0, -50.0, 50.0, -700.0_f64] {
            let theta = [(1.0 + (-logit).exp()).recip(), (1.0 + logit.exp()).recip()];
            let expected = theta[0] * theta[1] * 0.1;
            let got = enumerate(&problem("1", &[logit], BuiltIn::Toy)).unwrap().gradient[0];
            assert!((got - expected).abs() <= 1e-12 * expected, "{logit}: {got} {expected}");
        }
    }

    #[test]
    fn too_many_outcomes_are_not_enumerated() {
        let of = |latents: &str, count| enumerate(&problem(latents, &vec![0.0; count], BuiltIn::Toy));
        assert!(of("17", 17).is_none() && of("9x4", 36).is_none() && of("200", 200).is_none());
        assert!(of("16", 16).is_some() && of("8x4", 32).is_some());
    }
}
