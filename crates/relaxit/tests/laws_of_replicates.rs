//! Replicates are the same law over more rows: bit for bit that of repeated parameters, for every law of the library.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, and these are their helpers

use burn::tensor::{DType, Device, Shape, Tensor, TensorData};
use relaxit::distribution::{
    Binomial, Dirichlet, Geometric, LogisticNormal, LogisticNormalSoftmax, NegativeBinomial, Poisson, Truncated,
};
use relaxit::prelude::*;
use relaxit::relaxation::{
    CorrelatedRelaxedBernoulli, DecoupledStraightThroughGumbelSoftmax, GappedStraightThrough, GaussianRelaxedBernoulli,
    GeneralizedGumbelSoftmax, GumbelRao, HardConcrete, HardKumaraswamy, InvertibleGaussian, RebarRelaxation, ReinMax,
    StochasticTimesSmooth, StraightThroughBernoulli,
};
use relaxit::testing::{Case, chi_square, halves, independence, ks, moments};

const DRAWS: usize = 5;

/// Parameters that differ from row to row.
fn parameters<const D: usize>(row: &[f64], shape: [usize; D]) -> Tensor<D> {
    let len: usize = shape.iter().product();
    let values: Vec<f64> = (0..len).map(|i| row[i % row.len()] + 0.03 * (i / row.len()) as f64).collect();
    Tensor::from_data(TensorData::new(values, shape), (&Device::flex(), DType::F64))
}

/// Holds the replicates of `law` to `lifted` at repeated parameters: shape, support, draws, and the gradient of
/// `differentiable`, which the replicates sum up.
fn same<const D: usize, const E: usize, L: Replicate<D>>(
    law: impl Fn(Tensor<D>) -> L,
    lifted: impl Fn(Tensor<E>) -> L::Lifted<E>,
    parameters: Tensor<D>,
    differentiable: impl Fn(&L::Lifted<E>, &mut Noise) -> Tensor<E>,
) {
    let name = std::any::type_name::<L>();
    let mut shape = [1; E];
    shape[E - D..].copy_from_slice(&parameters.dims());
    shape[0] = DRAWS;
    let repeated = parameters.clone().expand(Shape::from(shape));

    let (one, many) = (law(parameters.clone()), lifted(repeated.clone()));
    let replicates = one.replicate::<E>(DRAWS);
    let mut expected = [1; E];
    expected[E - D..].copy_from_slice(&one.shape());
    expected[0] = DRAWS;
    assert_eq!((replicates.shape(), replicates.support()), (expected, one.support()), "{name}");
    assert_eq!(replicates.event_shape(), one.event_shape(), "{name}");
    assert!(replicates.validate().is_ok(), "{name}");
    let draw = |law: &L::Lifted<E>| law.sample(&mut Noise::seeded(3)).to_data();
    assert_eq!(draw(&replicates), draw(&many), "{name}");

    // Weights that differ from replicate to replicate, so that none stands for another.
    let gradient = |value: Tensor<E>| {
        let weights = Noise::seeded(4).draw(Base::Normal, value.dims(), (&Device::flex(), DType::F64));
        (value * Tensor::from_inner(weights)).sum().backward()
    };
    let leaf = parameters.autodiff().require_grad();
    let value = differentiable(&law(leaf.clone()).replicate::<E>(DRAWS), &mut Noise::seeded(5));
    let got = leaf.grad(&gradient(value)).unwrap();
    let apart = repeated.autodiff().require_grad();
    let value = differentiable(&lifted(apart.clone()), &mut Noise::seeded(5));
    let expected = apart.grad(&gradient(value)).unwrap().sum_dim(0).reshape(got.dims());
    assert!(expected.clone().abs().max().into_scalar::<f64>() > 1e-6, "{name}: no gradient");
    assert!(got.clone().all_close(expected.clone(), Some(1e-9), Some(1e-12)), "{name}: {got} {expected}");
}

/// [`same`] at batch dimensions of 0 to 2, and with two new dimensions at once.
macro_rules! every_rank {
    ($row:expr, $law:expr, $differentiable:expr) => {{
        let (row, width) = ($row, $row.len());
        same::<1, 2, _>($law, $law, parameters(&row, [width]), $differentiable);
        same::<2, 3, _>($law, $law, parameters(&row, [3, width]), $differentiable);
        same::<3, 4, _>($law, $law, parameters(&row, [2, 3, width]), $differentiable);
        same::<2, 4, _>($law, $law, parameters(&row, [3, width]), $differentiable);
    }};
}

macro_rules! pathwise {
    ($row:expr, $law:expr) => {
        every_rank!($row, $law, |law, noise| law.rsample(noise))
    };
}

macro_rules! by_density {
    ($row:expr, $law:expr) => {
        every_rank!($row, $law, |law, noise| law.log_prob(law.sample(noise)))
    };
}

#[test]
fn replicates_of_continuous_laws() {
    pathwise!([0.3, -1.0, 2.0, -0.5], |p| {
        let (loc, log_scale) = halves(p);
        Normal::from_log_scale(loc, log_scale).unwrap()
    });
    pathwise!([0.3, -1.0, 2.0, -0.5], |p| {
        let (loc, log_scale) = halves(p);
        Logistic::from_log_scale(loc, log_scale).unwrap()
    });
    pathwise!([0.3, -1.0, 2.0, -0.5], |p| {
        let (loc, log_scale) = halves(p);
        Gumbel::from_log_scale(loc, log_scale).unwrap()
    });
    pathwise!([0.3, -1.0, 2.0, -0.5], |p| {
        let (loc, log_scale) = halves(p);
        Independent::<_, 1>(Normal::from_log_scale(loc, log_scale).unwrap())
    });
    pathwise!([0.3, -1.0, 2.0], |p| ExpConcrete::from_logits(p, 0.5).unwrap());
    pathwise!([0.3, -1.0, 2.0], |p| Dirichlet::from_log_concentration(p).unwrap());
    pathwise!([0.3, -1.0, 2.0, -0.5], |p| {
        let (loc, log_scale) = halves(p);
        LogisticNormal::from_log_scale(loc, log_scale).unwrap()
    });
    pathwise!([0.3, -1.0, 2.0, -0.5], |p| {
        let (loc, log_scale) = halves(p);
        LogisticNormalSoftmax::from_log_scale(loc, log_scale).unwrap()
    });
}

#[test]
fn replicates_of_discrete_laws() {
    by_density!([0.3, -1.0, 2.0], Bernoulli::from_logits);
    by_density!([0.3, -1.0, 2.0], |p| Independent::<_, 1>(Bernoulli::from_logits(p)));
    by_density!([0.3, -1.0, 2.0], |p| OneHotCategorical::from_logits(p).unwrap());
    by_density!([0.3, -1.0, 2.0, 0.0], |p| GumbelTopK::from_logits(p, 2).unwrap());
    by_density!([0.3, -1.0, 2.0, 0.0], |p| PlackettLuce::from_logits(p, 2).unwrap());
    by_density!([0.3, -1.0, 2.0, 0.0], |p| KSubset::from_logits(p, 2).unwrap());
    by_density!([0.3, -1.0, 1.0], Poisson::from_log_rate);
    by_density!([0.3, -1.0, 1.0], Geometric::from_logits);
    by_density!([0.3, -1.0, 1.0], |p| Binomial::from_logits(5, p).unwrap());
    by_density!([0.3, 1.0, -0.4, -1.0], |p| {
        let (total_count, logits) = halves(p);
        NegativeBinomial::from_logits(total_count, logits).unwrap()
    });
    by_density!([0.7], |p| Truncated::new(Poisson::from_log_rate(p), 4).unwrap());
    by_density!([0.3, -1.0, 2.0], StraightThroughBernoulli::from_logits);
    by_density!([0.3, -1.0, 2.0], |p| DecoupledStraightThroughGumbelSoftmax::from_logits(p, 0.5, 2.0).unwrap());
}

#[test]
fn replicates_of_relaxations() {
    pathwise!([0.3, -1.0, 2.0], |p| RelaxedBernoulli::from_logits(p, 0.5).unwrap());
    pathwise!([0.3, -1.0, 2.0], |p| RebarRelaxation::from_logits(p, 0.5).unwrap());
    pathwise!([0.3, -1.0, 2.0], |p| HardConcrete::from_logits(p, 0.5).unwrap().with_stretch(-0.3, 1.2).unwrap());
    pathwise!([0.3, -1.0, 0.5, -0.5], |p| {
        let (a, b) = halves(p);
        HardKumaraswamy::from_log_concentrations(a, b).unwrap()
    });
    pathwise!([0.3, 0.6, 0.5, -0.5], |p| {
        let (loc, log_scale) = halves(p);
        GaussianRelaxedBernoulli::from_log_scale(loc, log_scale).unwrap()
    });
    let correlation = Tensor::<2>::from_floats([[1.0, 0.5, 0.2], [0.5, 1.0, 0.3], [0.2, 0.3, 1.0]], &Device::flex());
    pathwise!([0.3, -1.0, 2.0], |p| CorrelatedRelaxedBernoulli::from_logits(p, &correlation, 0.5).unwrap());
    pathwise!([0.3, -1.0, 2.0], StraightThroughBernoulli::from_logits);
    pathwise!([0.3, -1.0, 2.0], StochasticTimesSmooth::from_logits);
    pathwise!([0.3, -1.0, 2.0], |p| RelaxedOneHotCategorical::from_logits(p, 0.5).unwrap());
    pathwise!([0.3, -1.0, 2.0, 0.0], |p| RelaxedTopK::from_logits(p, 2, 0.5).unwrap());
    pathwise!([0.3, -1.0, 2.0], |p| DecoupledStraightThroughGumbelSoftmax::from_logits(p, 0.5, 2.0).unwrap());
    pathwise!([0.3, -1.0, 2.0], |p| GappedStraightThrough::from_logits(p, 0.5).unwrap());
    pathwise!([0.3, -1.0, 2.0], |p| GumbelRao::from_logits(p, 0.5, 3).unwrap());
    pathwise!([0.3, -1.0, 2.0], |p| ReinMax::from_logits(p, 1.0).unwrap());
    pathwise!([0.3, -1.0, 0.5, -0.5], |p| {
        let (loc, log_scale) = halves(p);
        InvertibleGaussian::from_log_scale(loc, log_scale, 0.5).unwrap().with_delta(2.0).unwrap()
    });
    let atoms = Tensor::<1>::from_data([-1.0, 0.5, 7.0], (&Device::flex(), DType::F64));
    every_rank!(
        [0.3, -1.0, 2.0],
        |p| {
            let atoms = if p.device().is_autodiff() { Tensor::from_inner(atoms.clone()) } else { atoms.clone() };
            GeneralizedGumbelSoftmax::from_logits(p, atoms, 0.5).unwrap()
        },
        GeneralizedGumbelSoftmax::rsample_value
    );
}

#[test]
fn replicates_of_permutations() {
    let row = [0.3, -1.0, 2.0];
    macro_rules! matrices {
        ($rows:literal, $law:expr) => {
            same::<2, 3, _>($law, $law, parameters(&row, [$rows, 3]), |law, noise| law.rsample(noise));
            same::<3, 4, _>($law, $law, parameters(&row, [2, $rows, 3]), |law, noise| law.rsample(noise));
        };
    }
    matrices!(1, |p| SoftSort::from_logits(p, 0.5).unwrap());
    matrices!(1, |p| NeuralSort::from_logits(p, 0.5).unwrap());
    matrices!(3, |p| GumbelSinkhorn::from_logits(p, 0.5, 7).unwrap());
}

/// A temperature for each element is one for each element of every replicate.
#[test]
fn replicates_share_their_temperatures() {
    let temperatures = || Tensor::<2>::from_data([[0.5], [1.0], [2.0]], (&Device::flex(), DType::F64));
    let draw = |temperature: Tensor<2>, logits: Tensor<2>| {
        let law = RelaxedOneHotCategorical::from_logits(logits, temperature).unwrap();
        law.replicate::<3>(DRAWS).sample(&mut Noise::seeded(0))
    };
    let logits = parameters(&[0.3, -1.0, 2.0], [3, 3]);
    let all = draw(temperatures(), logits.clone());
    assert_eq!(all.dims(), [DRAWS, 3, 3]);
    for row in 0..3 {
        let like_this = draw(temperatures().narrow(0, row, 1), logits.clone());
        assert_eq!(all.clone().narrow(1, row, 1).to_data(), like_this.narrow(1, row, 1).to_data());
    }
}

/// Replicates as rows of a statistical check: they follow the law, and know nothing of each other.
#[test]
fn replicates_are_independent_draws_of_the_law() {
    fn one_row(p: Tensor<2>) -> Tensor<1> {
        let width = p.dims()[1];
        p.narrow(0, 0, 1).reshape([width])
    }
    let relaxed = Case::new("replicates of a RelaxedBernoulli", &[0.4, -1.0], |p: Tensor<2>| {
        let rows = p.dims()[0];
        RelaxedBernoulli::from_logits(one_row(p), 0.5).unwrap().replicate::<2>(rows)
    });
    ks::density(&relaxed).assert();
    independence::rows(&relaxed).assert();
    let choice = Case::new("replicates of a OneHotCategorical", &[0.4, -1.0, 0.0], |p: Tensor<2>| {
        let rows = p.dims()[0];
        OneHotCategorical::from_logits(one_row(p)).unwrap().replicate::<2>(rows)
    });
    chi_square::outcomes(&choice).assert();
    moments::mean_and_variance(&choice).assert();
    independence::rows(&choice).assert();
}

#[test]
fn replicates_of_an_empty_batch_and_none_at_all() {
    let law = |rows: usize| OneHotCategorical::from_logits(Tensor::<2>::zeros([rows, 3], &Device::flex())).unwrap();
    assert_eq!(law(0).replicate::<3>(4).sample(&mut Noise::seeded(0)).dims(), [4, 0, 3]);
    assert_eq!(law(2).replicate::<3>(0).sample(&mut Noise::seeded(0)).dims(), [0, 2, 3]);
}
