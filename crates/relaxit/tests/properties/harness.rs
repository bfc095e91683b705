//! Where in the space of parameters laws are looked at, and what must be true of them there.

use burn::tensor::{DType, Shape, TensorData};
use proptest::prelude::*;
use relaxit::prelude::*;
use relaxit::temperature::Temperature;

pub(crate) type Outcome = Result<(), TestCaseError>;

/// Where in the space of parameters the laws are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<const D: usize> {
    pub(crate) shape: [usize; D],
    pub(crate) seed: u64,
    /// The size of the real parameters.
    pub(crate) spread: f64,
    pub(crate) temperature: f64,
    /// A temperature for each event or element, rather than one for all.
    pub(crate) each: bool,
    /// Between 0 and 1: which of the legal whole numbers, and which correlation.
    pub(crate) portion: f64,
    /// The type of the parameters.
    pub(crate) dtype: DType,
    /// Equal rows of parameters, of which draws must differ.
    pub(crate) equal_rows: bool,
    /// The parameters are rounded to `dtype`, and given in F32.
    pub(crate) raised: bool,
}

impl<const D: usize> At<D> {
    /// Standard normal numbers, of which all parameters are made.
    pub(crate) fn leaf(&self) -> Tensor<D> {
        let mut shape = self.shape;
        if self.equal_rows {
            shape[..D - 1].fill(1);
        }
        let x = Noise::seeded(self.seed).fork("parameters").draw(Base::Normal, shape, &Device::flex().autodiff());
        // As a `Shape`, because an array may not have a 0, and the batch may be empty.
        x.expand(Shape::from(self.shape)).require_grad()
    }

    pub(crate) fn cast(&self, x: Tensor<D>) -> Tensor<D> {
        let x = x.cast(self.dtype);
        if self.raised { x.cast(DType::F32) } else { x }
    }

    pub(crate) fn real(&self, leaf: &Tensor<D>) -> Tensor<D> {
        self.cast(leaf.clone() * self.spread)
    }

    /// Logarithms, for instance, of positive numbers whose range is that of their exponential.
    pub(crate) fn bounded(&self, leaf: &Tensor<D>, bound: f64) -> Tensor<D> {
        self.cast((leaf.clone() * self.spread).clamp(-bound, bound))
    }

    /// A second parameter, of another direction.
    pub(crate) fn second(&self, leaf: &Tensor<D>, bound: f64) -> Tensor<D> {
        self.cast((leaf.clone().square() * (self.spread / 2.0) - self.spread).clamp(-bound, bound))
    }

    /// One temperature, or one for each event of `event_dims` dimensions, from 1e-3 to 1e3.
    pub(crate) fn temperature(&self, event_dims: usize) -> Temperature<D> {
        if !self.each {
            return self.temperature.into();
        }
        let shape = kept(self.shape, event_dims);
        let u = Noise::seeded(self.seed).fork("temperature").draw(Base::Uniform, shape, &Device::flex().autodiff());
        ((u * 2.0 - 1.0) * 1000_f64.ln()).exp().into()
    }

    /// A whole number from 1 to `last`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn whole(&self, last: usize) -> usize {
        1 + (self.portion * (last - 1) as f64).round() as usize
    }

    /// The same correlation between any two entries, from the least that is possible.
    pub(crate) fn correlation(&self) -> Tensor<2> {
        let size = self.shape[D - 1];
        let least = if size > 1 { -0.99 / (size - 1) as f64 } else { 0.0 };
        let rho = least + (0.99 - least) * self.portion;
        let entries = (0..size * size).map(|i| if i % (size + 1) == 0 { 1.0 } else { rho }).collect();
        Tensor::from_data(TensorData::new(entries, [size, size]), (&Device::flex(), DType::F64))
    }

    pub(crate) fn noise(&self) -> Noise {
        Noise::seeded(self.seed)
    }
}

/// `shape` with its event dimensions kept as 1.
pub(crate) fn kept<const D: usize>(mut shape: [usize; D], event_dims: usize) -> [usize; D] {
    shape[D - event_dims..].fill(1);
    shape
}

pub(crate) fn finite<const D: usize>(x: &Tensor<D>, what: &str) -> Outcome {
    prop_assert!(x.clone().inner().is_finite().all().into_scalar::<bool>(), "{what}: {x}");
    Ok(())
}

/// The gradient of `y` in the leaf is finite, and there is one.
pub(crate) fn slopes<const D: usize>(at: &At<D>, leaf: &Tensor<D>, y: Tensor<D>, what: &str) -> Outcome {
    if at.dtype == DType::F16 {
        return Ok(()); // a gradient ends at 65504 on its way back to parameters of this type
    }
    prop_assert!(y.is_tracked(), "{what} carries no gradient");
    let gradient = leaf.grad(&y.sum().backward());
    prop_assert!(gradient.is_some(), "{what} does not depend on its parameters");
    let gradient = gradient.unwrap();
    prop_assert_eq!(gradient.dims(), leaf.dims());
    finite(&gradient, &format!("gradient of {what}"))
}

/// A draw is in the support and has the law's shape; its rows differ even where their parameters do not; and half
/// precision ends at the constructor, so that the draw is that of the same numbers in F32, and carries its gradient.
pub(crate) fn draw<L: Distribution<D>, const D: usize>(
    at: &At<D>,
    build: &dyn Fn(&At<D>, &Tensor<D>) -> L,
    sample: &dyn Fn(&L, &mut Noise) -> Tensor<D>,
) -> Outcome {
    let law = build(at, &at.leaf());
    let x = sample(&law, &mut at.noise());
    prop_assert_eq!(x.dims(), law.shape());
    finite(&x, "draw")?;
    let support = law.support();
    prop_assert!(support.contains(x.clone()).all().into_scalar::<bool>(), "not in {support:?}: {x}");
    if at.equal_rows {
        let x = x.clone().inner();
        let spread: f64 = (x.clone().max_dim(0) - x.min_dim(0)).max().into_scalar();
        prop_assert!(spread > 0.0, "all rows are equal");
    }
    let full = if at.dtype == DType::F64 { DType::F64 } else { DType::F32 };
    prop_assert_eq!(x.dtype(), full);
    if at.dtype != full {
        let same = build(&At { raised: true, ..*at }, &at.leaf());
        prop_assert_eq!(sample(&same, &mut at.noise()).to_data(), x.to_data());
    }
    Ok(())
}

/// Every law.
pub(crate) fn samples<L: Distribution<D>, const D: usize>(
    at: &At<D>,
    build: impl Fn(&At<D>, &Tensor<D>) -> L,
) -> Outcome {
    let law = build(at, &at.leaf());
    prop_assert!(law.validate().is_ok(), "{:?}", law.validate());
    prop_assert_eq!([law.batch_shape(), law.event_shape()].concat(), law.shape());
    prop_assert!(!law.sample(&mut at.noise()).is_tracked());
    draw(at, &build, &|law, noise| law.sample(noise))
}

/// A law with a density: finite at its own draws, with a finite gradient, and −∞ outside the support.
pub(crate) fn density<L: Density<D>, const D: usize>(at: &At<D>, build: impl Fn(&At<D>, &Tensor<D>) -> L) -> Outcome {
    samples(at, &build)?;
    let leaf = at.leaf();
    let law = build(at, &leaf);
    let x = law.sample(&mut at.noise());
    let log_prob = law.log_prob(x.clone());
    prop_assert_eq!(log_prob.dims(), kept(law.shape(), L::EVENT_DIMS));
    finite(&log_prob, "log_prob")?;
    if at.dtype == DType::F16 || at.dtype == DType::BF16 {
        let same = build(&At { raised: true, ..*at }, &leaf);
        prop_assert_eq!(same.log_prob(x).to_data(), log_prob.to_data());
    }
    if log_prob.is_tracked() {
        slopes(at, &leaf, log_prob, "log_prob")?;
    }
    for (inside, x) in law.support().examples(law.shape()[D - 1], &law.device()) {
        let mut shape = [1; D];
        shape[D - 1] = x.dims()[0];
        let log_prob =
            law.log_prob(x.clone().reshape(shape).cast(law.dtype()).expand(Shape::from(law.shape()))).inner();
        let outside = log_prob.clone().equal_elem(f64::NEG_INFINITY).all().into_scalar::<bool>();
        let is_nan = log_prob.is_nan().any().into_scalar::<bool>();
        prop_assert!(inside && !is_nan || outside, "at {x}");
    }
    Ok(())
}

/// A law whose draws carry a gradient, by noise held fixed or by any other means.
pub(crate) fn path<L: Distribution<D>, const D: usize>(
    at: &At<D>,
    build: impl Fn(&At<D>, &Tensor<D>) -> L,
    rsample: impl Fn(&L, &mut Noise) -> Tensor<D>,
) -> Outcome {
    draw(at, &build, &rsample)?;
    let leaf = at.leaf();
    let x = rsample(&build(at, &leaf), &mut at.noise());
    // Not the sum, which is constant on a simplex.
    slopes(at, &leaf, x.clone() * x, "draw")
}
