//! Judging a model on a data set.

use burn::tensor::{Device, Tensor};
use relaxit::noise::Noise;

use super::bound::{elbo, iwae};
use super::code::Code;
use super::model::Vae;
use crate::mnist::{Digits, Protocol};

/// Averages over a data set, with the standard error over its images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Average {
    /// The mean over the images.
    pub mean: f64,
    /// The standard deviation of that mean.
    pub standard_error: f64,
}

impl Average {
    /// Of one number for each image.
    pub(super) fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self { mean, standard_error: (squares / (n * (n - 1.0).max(1.0))).sqrt() }
    }
}

/// Images that are evaluated at once.
const BATCH: usize = 500;

/// The model as it stands, the data it is judged on, and where: what both evaluations need.
#[derive(Debug)]
pub struct Evaluation<'a> {
    /// The model, off the autodiff device.
    pub model: &'a Vae,
    /// The test set.
    pub digits: &'a Digits,
    /// What the digits mean.
    pub protocol: Protocol,
    /// What stands between encoder and decoder.
    pub code: &'a dyn Code,
    /// The temperature at which the model stands, where that belongs to it.
    pub temperature: f64,
    /// The seed's root stream; evaluations fork it.
    pub noise: &'a Noise,
    /// Where to compute, without autodiff.
    pub device: &'a Device,
}

impl Evaluation<'_> {
    /// The single-sample ELBO of the test set, with its two terms: `(ELBO, log-likelihood, KL)`.
    ///
    /// # Errors
    /// If the temperature is out of range.
    pub fn elbo(&self) -> relaxit::Result<(Average, Average, Average)> {
        let mut noise = self.noise.fork("test elbo");
        let (mut likelihoods, mut divergences) = (Vec::new(), Vec::new());
        for x in self.batches() {
            let [likelihood, divergence] = elbo(self.model, &x, self.code, self.temperature, &mut noise)?;
            likelihoods.extend(values(likelihood));
            divergences.extend(values(divergence));
        }
        let bounds: Vec<f64> = likelihoods.iter().zip(&divergences).map(|(a, b)| a - b).collect();
        Ok((Average::of(&bounds), Average::of(&likelihoods), Average::of(&divergences)))
    }

    /// The importance-weighted bound of the test set; `each_batch` hears of every batch done.
    ///
    /// # Errors
    /// If the temperature is out of range.
    pub fn iwae(&self, samples: usize, each_batch: impl Fn()) -> relaxit::Result<Average> {
        let mut noise = self.noise.fork("test iwae");
        let mut bounds = Vec::new();
        for x in self.batches() {
            bounds.extend(values(iwae(self.model, &x, self.code, self.temperature, samples, &mut noise)?));
            each_batch();
        }
        Ok(Average::of(&bounds))
    }

    /// How many batches [`iwae`](Self::iwae) computes.
    #[must_use]
    pub fn batch_count(&self) -> usize {
        self.digits.len().div_ceil(BATCH)
    }

    fn batches(&self) -> impl Iterator<Item = Tensor<2>> + '_ {
        let binarisation = self.noise.fork("test set");
        let indices: Vec<usize> = (0..self.digits.len()).collect();
        (0..self.batch_count()).map(move |batch| {
            let range = batch * BATCH..((batch + 1) * BATCH).min(indices.len());
            self.protocol.batch(self.digits, &indices[range], &binarisation, self.device)
        })
    }
}

pub(super) fn values(x: Tensor<2>) -> Vec<f64> {
    x.try_into_vec_as().expect("an evaluation's numbers can be read")
}
