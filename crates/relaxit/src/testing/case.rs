//! A law under test.

use std::fmt;
use std::rc::Rc;

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::Verdict;
use crate::noise::Noise;

/// A family of laws at one value of its parameters: the subject of every check.
///
/// The family is a closure from parameters of shape `[rows, parameters]` to a law whose first dimension is those rows.
/// Rows are replicates: checks build as many as they need, all equal for statistics, perturbed one by one for
/// derivatives, so row i of the law may depend on row i of the parameters only.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, finite_difference};
/// let case = Case::new("Normal", &[0.5, -1.0], |p: Tensor<2>| {
///     let (loc, log_scale) = (p.clone().slice_dim(1, 0), p.slice_dim(1, 1));
///     Normal::from_log_scale(loc, log_scale).unwrap()
/// });
/// finite_difference::transport(&case).assert();
/// ```
pub struct Case<L> {
    name: String,
    parameters: Vec<f64>,
    family: Rc<dyn Fn(Tensor<2>) -> L>,
    device: Device,
    draws: usize,
    seed: u64,
}

impl<L> Case<L> {
    /// A family at `parameters`, on the default device, with 2·10⁵ draws and seed 0.
    pub fn new(name: impl Into<String>, parameters: &[f64], family: impl Fn(Tensor<2>) -> L + 'static) -> Self {
        Self {
            name: name.into(),
            parameters: parameters.into(),
            family: Rc::new(family),
            device: Device::default(),
            draws: 200_000,
            seed: 0,
        }
    }

    /// The same on another device, which must know F64: statistics are taken in it.
    #[must_use]
    pub fn on(self, device: &Device) -> Self {
        Self { device: device.clone().without_autodiff(), ..self }
    }

    /// The same with another number of draws.
    #[must_use]
    pub fn with_draws(self, draws: usize) -> Self {
        Self { draws, ..self }
    }

    /// The same with other noise.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The case of a law made from this one, such as the latent of a relaxation.
    ///
    /// # Examples
    /// ```
    /// use relaxit::prelude::*;
    /// use relaxit::testing::{Case, ks};
    /// let relaxed = Case::new("RelaxedBernoulli", &[1.0], |p| RelaxedBernoulli::from_logits(p, 0.5).unwrap());
    /// ks::cdf(&relaxed.map("latent", |law| law.latent())).assert();
    /// ```
    #[must_use]
    pub fn map<M>(&self, part: &str, map: impl Fn(L) -> M + 'static) -> Case<M>
    where
        L: 'static,
    {
        let family = Rc::clone(&self.family);
        Case {
            name: format!("{part} of {}", self.name),
            parameters: self.parameters.clone(),
            family: Rc::new(move |parameters| map(family(parameters))),
            device: self.device.clone(),
            draws: self.draws,
            seed: self.seed,
        }
    }

    /// The law with `rows` equal rows, without autodiff.
    #[must_use]
    pub fn law(&self, rows: usize, dtype: DType) -> L {
        self.at(self.rows(rows, dtype))
    }

    /// The law at other parameters.
    pub(super) fn at(&self, parameters: Tensor<2>) -> L {
        (self.family)(parameters)
    }

    /// Equal rows of parameters.
    pub(super) fn rows(&self, rows: usize, dtype: DType) -> Tensor<2> {
        let row = TensorData::new(self.parameters.clone(), [1, self.parameters.len()]);
        Tensor::from_data(row, (&self.device, dtype)).repeat_dim(0, rows)
    }

    /// Equal rows of parameters that record a gradient.
    pub(super) fn leaf(&self, rows: usize, dtype: DType) -> Tensor<2> {
        self.rows(rows, dtype).autodiff().require_grad()
    }

    /// How many draws a statistical check makes.
    pub(super) const fn draws(&self) -> usize {
        self.draws
    }

    /// The noise of one check; no check shifts another's.
    pub(super) fn noise(&self, law: &str) -> Noise {
        Noise::seeded(self.seed).fork(law)
    }

    /// Name and parameters.
    pub(super) fn subject(&self) -> String {
        const SHOWN: usize = 5;
        match self.parameters.as_slice() {
            parameters if parameters.len() <= SHOWN => format!("{} {parameters:?}", self.name),
            parameters => format!("{} with {} parameters", self.name, parameters.len()),
        }
    }

    pub(super) fn verdict(&self, law: &'static str, statistic: f64, threshold: f64) -> Verdict {
        Verdict { law, subject: self.subject(), statistic, threshold }
    }
}

impl<L> Clone for Case<L> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            parameters: self.parameters.clone(),
            family: Rc::clone(&self.family),
            device: self.device.clone(),
            draws: self.draws,
            seed: self.seed,
        }
    }
}

impl<L> fmt::Debug for Case<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("parameters", &self.parameters)
            .field("device", &self.device)
            .field("draws", &self.draws)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// The first and the second half of the last dimension: the two parameters of a family, or those of two laws.
///
/// # Panics
/// If the last dimension is odd.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// use relaxit::testing::{Case, halves, ks};
/// let case = Case::new("Normal", &[0.5, -1.0], |p: Tensor<2>| {
///     let (loc, log_scale) = halves(p);
///     Normal::from_log_scale(loc, log_scale).unwrap()
/// });
/// ks::cdf(&case).assert();
/// ```
#[track_caller]
pub fn halves<const D: usize>(parameters: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let entries = parameters.dims()[D - 1];
    assert!(entries.is_multiple_of(2), "halves: the last dimension must be even, got {entries}");
    (parameters.clone().narrow(D - 1, 0, entries / 2), parameters.narrow(D - 1, entries / 2, entries / 2))
}
