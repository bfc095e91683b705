#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // of a few variables and of logarithms

use super::*;
use crate::mnist::PIXELS;
use crate::vae::code;
use crate::vae::config::VaeConfig;
use crate::vae::evaluation::{Average, values};
use crate::vae::likelihood::log_likelihood;
use crate::vae::method::Kind;
use crate::vae::method::Method;
use crate::vae::perceptron::Widths;
use crate::vae::prior::PriorKind;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::DType;
use burn::tensor::Device;
use relaxit::math::log_sum_exp;
use relaxit::noise::Base;

/// Images that stand for draws: one image, many times.
const ROWS: usize = 300;

/// The codes of all variables, `[codes, variables, …]`, from those of one, with their log-weights.
fn all_codes(config: &VaeConfig) -> (Tensor<3>, Tensor<2>) {
    // The type in which the code samples.
    let dtype = if config.latent.kind() == Kind::Groups { DType::F64 } else { DType::F32 };
    let (single, weights) = code::tests::points(config, dtype);
    let device = single.device();
    let (variables, points) = (config.latents.variables as u32, weights.len());
    let digits: Vec<Vec<usize>> = (0..points.pow(variables))
        .map(|code| (0..variables).map(|i| code / points.pow(i) % points).collect())
        .collect();
    let entry = |i: usize| {
        let digits: Vec<i64> = digits.iter().map(|digits| digits[i] as i64).collect();
        single.clone().select(0, Tensor::from_data(digits.as_slice(), &device))
    };
    let codes = Tensor::cat((0..variables as usize).map(entry).collect(), 1);
    let weights: Vec<f32> = digits.iter().map(|d| d.iter().map(|&d| weights[d]).sum::<f64>() as f32).collect();
    let count = weights.len();
    (codes, Tensor::<1>::from_floats(weights.as_slice(), &device).reshape([count, 1]))
}

/// A small model with a posterior far from its prior, one image in [`ROWS`] copies, and the exact `log p(x)` and ELBO.
fn problem(config: &VaeConfig, code: &dyn Code) -> (Vae, Tensor<2>, f64, f64) {
    let device = Device::flex();
    let noise = Noise::seeded(5);
    let autodiff = device.clone().autodiff();
    let config_of_model = VaeConfig { hidden: Widths(vec![8]), ..config.clone() };
    let model = Vae::new(&config_of_model, code.sizes(), &noise, &autodiff).valid();
    let x: Tensor<2> = noise.fork("image").draw(Base::Uniform, [1, PIXELS], &device) * 6.0;
    let (codes, weights) = all_codes(config);
    let count = codes.dims()[0];
    let images = x.clone().repeat(&[count, 1]);
    let stack = Stack { model: &model, x: &images };
    let (q, p) = (stack.posterior(&[]), stack.prior(0, None));
    let log_prob = |parameters| sum_over_code(code.log_prob(parameters, codes.clone(), 0.5).unwrap());
    let (log_q, log_prior) = (log_prob(q), log_prob(p));
    let log_p = log_prior + stack.explained(code.decoded(codes.clone())).reshape([count, 1]);
    let elbo = ((log_q.clone() + weights.clone()).exp() * (log_p.clone() - log_q)).sum().into_scalar();
    let log_p = log_sum_exp(log_p + weights, 0).into_scalar();
    (model, x.repeat(&[ROWS, 1]), log_p, elbo)
}

#[test]
fn bounds_agree_with_enumeration() {
    for config in code::tests::cases() {
        let code = code::build(&config, &Device::flex()).unwrap();
        let (model, x, log_p, exact_elbo) = problem(&config, &*code);
        let mut noise = Noise::seeded(1);
        // In f32 a sum over 784 pixels is exact to about 1e-4.
        let close = |average: Average, exact: f64| (average.mean - exact).abs() < 4.892 * average.standard_error + 2e-3;
        let name = config.latent.name();
        let [likelihood, divergence] = elbo(&model, &x, &*code, 0.5, &mut noise).unwrap();
        let single = Average::of(&values(likelihood - divergence));
        assert!(close(single, exact_elbo), "{name}: {single:?} {exact_elbo}");
        let mut bound = |samples| Average::of(&values(iwae(&model, &x, &*code, 0.5, samples, &mut noise).unwrap()));
        let one = bound(1);
        assert!(close(one, exact_elbo), "{name}: {one:?} {exact_elbo}");
        let many = bound(100);
        assert!(many.mean > exact_elbo + 10.0 * many.standard_error, "{name}: {many:?} {exact_elbo}");
        assert!(many.mean < log_p + 4.892 * many.standard_error + 2e-3, "{name}: {many:?} {log_p}");
        assert!(log_p - many.mean < 0.5 * (log_p - exact_elbo), "{name}: {many:?} {log_p} {exact_elbo}");
    }
}

/// A model of two layers, each of two variables, with a learned prior.
fn two_layers(method: Method, latents: &str) -> (VaeConfig, Vae, Tensor<2>) {
    let config = VaeConfig { latents: latents.parse().unwrap(), layers: 2, ..VaeConfig::default().with_method(method) };
    let config = VaeConfig { prior: PriorKind::Learned, hidden: Widths(vec![5]), ..config }.resolve().unwrap();
    let (noise, device) = (Noise::seeded(6), Device::flex().autodiff());
    let sizes = code::build(&config, &device).unwrap().sizes();
    let model = Vae::new(&config, sizes, &noise, &device);
    (config, model, noise.fork("image").draw(Base::Uniform, [1, PIXELS], &device) * 6.0)
}

/// `log q(b | x)` and `log p(x, b)` of every pair of codes of both layers, `[pairs, 1]`, differentiable.
fn all_pairs(config: &VaeConfig, model: &Vae, x: &Tensor<2>) -> [Tensor<2>; 2] {
    let device = x.device();
    let code = code::build(config, &device).unwrap();
    let (codes, _) = all_codes(config);
    let (codes, count) = (relaxed_onto(codes.clone(), &device), codes.dims()[0]);
    let lower = codes.clone().repeat(&[count, 1, 1]);
    let upper = Tensor::cat((0..count).map(|i| codes.clone().narrow(0, i, 1).repeat(&[count, 1, 1])).collect(), 0);
    let images = x.clone().repeat(&[count * count, 1]);
    let log_prob = |parameters, b: &Tensor<3>| sum_over_code(code.log_prob(parameters, b.clone(), 0.5).unwrap());
    let log_q =
        log_prob(model.encoder.forward(images.clone()), &lower) + log_prob(model.upper[0].above(lower.clone()), &upper);
    let log_p = log_prob(model.prior.parameters(count * count, &device), &upper)
        + log_prob(model.upper[0].below(upper), &lower)
        + log_likelihood(model.decoder.forward(lower), images);
    [log_q, log_p]
}

fn relaxed_onto(x: Tensor<3>, device: &Device) -> Tensor<3> {
    if device.is_autodiff() { Tensor::from_inner(x) } else { x }
}

#[test]
fn bounds_of_two_layers_agree_with_enumeration() {
    for (method, latents) in [(Method::Rloo, "2"), (Method::Rloo, "2x3")] {
        let (config, model, x) = two_layers(method, latents);
        let (model, x) = (model.valid(), x.inner());
        let code = code::build(&config, &Device::flex()).unwrap();
        let [log_q, log_p] = all_pairs(&config, &model, &x);
        let exact_elbo: f64 = (log_q.clone().exp() * (log_p.clone() - log_q)).sum().into_scalar();
        let log_p: f64 = log_sum_exp(log_p, 0).into_scalar();
        let (x, mut noise) = (x.repeat(&[ROWS, 1]), Noise::seeded(2));
        let close = |average: Average, exact: f64| (average.mean - exact).abs() < 4.892 * average.standard_error + 2e-3;
        let [likelihood, divergence] = elbo(&model, &x, &*code, 0.5, &mut noise).unwrap();
        let single = Average::of(&values(likelihood - divergence));
        assert!(close(single, exact_elbo), "{latents}: {single:?} {exact_elbo}");
        let many = Average::of(&values(iwae(&model, &x, &*code, 0.5, 200, &mut noise).unwrap()));
        assert!(many.mean > exact_elbo + 10.0 * many.standard_error, "{latents}: {many:?} {exact_elbo}");
        assert!((log_p - many.mean).abs() < 0.1 * (log_p - exact_elbo), "{latents}: {many:?} {log_p} {exact_elbo}");
    }
}

/// The gradient of each parameter of a model, as one number: entries with alternating signs.
struct Contrasts<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<f64>,
}

impl ModuleVisitor for Contrasts<'_> {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let gradient = self.gradients.get::<D>(parameter.id).expect("every parameter has a gradient");
        let entries: Vec<f64> = gradient.try_into_vec_as().unwrap();
        self.sums.push(entries.iter().enumerate().map(|(i, x)| if i % 3 == 0 { -x } else { *x }).sum());
    }
}

fn contrasts(model: &Vae, loss: &Tensor<1>) -> Vec<f64> {
    let gradients = GradientsParams::from_grads(loss.backward(), model);
    let mut contrasts = Contrasts { gradients: &gradients, sums: Vec::new() };
    model.visit(&mut contrasts);
    contrasts.sums
}

/// Every parameter of both layers gets the gradient of the enumerated ELBO, whatever estimates it.
#[test]
fn training_of_two_layers_is_unbiased() {
    const DRAWS: usize = 40;
    for (method, latents) in [
        (Method::Rloo, "2"),
        (Method::Rloo, "2x3"),
        (Method::Exact, "2x3"),
        (Method::Disarm, "2"),
        (Method::Rebar, "2"),
        (Method::Rebar, "2x3"),
    ] {
        let (config, model, x) = two_layers(method, latents);
        let [log_q, log_p] = all_pairs(&config, &model, &x);
        let exact = contrasts(&model, &(log_q.clone().exp() * (log_q - log_p)).sum());
        let mut code = code::build(&config, &x.device()).unwrap();
        let (x, mut noise) = (x.repeat(&[100, 1]), Noise::seeded(3));
        let draws: Vec<Vec<f64>> = (0..DRAWS)
            .map(|_| {
                let objective = code.objective(&Stack { model: &model, x: &x }, 0.5, &mut noise).unwrap();
                contrasts(&model, &objective.loss)
            })
            .collect();
        assert!(exact.len() > 12);
        for (i, exact) in exact.iter().enumerate() {
            let average = Average::of(&draws.iter().map(|draw| draw[i]).collect::<Vec<_>>());
            // One in a million of Student's law with 39 degrees of freedom lies beyond 5.8.
            let near = 5.8 * average.standard_error + 1e-3 * (1.0 + exact.abs());
            let name = method.name();
            assert!((average.mean - exact).abs() < near, "{name} {latents}, parameter {i}: {average:?} {exact}");
        }
    }
}

#[test]
fn a_streamed_log_mean_exp_survives_any_order_and_size() {
    let device = Device::flex();
    for order in [[-1e4, 0.0, -1e4_f32, 3.0], [3.0, -1e4, 0.0, -1e4]] {
        let mut mean = StreamingLogMeanExp::default();
        for w in order {
            mean.add(Tensor::full([1, 1], w, &device));
        }
        let got: f64 = mean.value().unwrap().into_scalar();
        assert!((got - ((3_f64.exp() + 1.0) / 4.0).ln()).abs() < 1e-6);
    }
}
