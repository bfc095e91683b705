//! The configuration of a run, as `config.toml` holds it.

use std::path::PathBuf;

use relaxit::schedule::Anneal;
use serde::{Deserialize, Serialize};

use super::latents::Latents;
use super::method::{Kind, Method};
use super::perceptron::{Activation, Widths};
use super::prior::PriorKind;
use crate::mnist::Protocol;
use crate::run::VERSION;

/// Everything that decides how a run goes. Two runs of one configuration end with the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeConfig {
    /// Which command the run is of.
    pub command: String,
    /// The version that started it.
    pub version: String,
    /// How the code is sampled in training.
    pub latent: Method,
    /// The code's shape.
    pub latents: Latents,
    /// Items in each set, where codes are sets.
    #[serde(default)]
    pub k: Option<usize>,
    /// How many counts there are, where codes are counts.
    #[serde(default)]
    pub atoms: Option<usize>,
    /// Correlation between any two bits of a group, where codes are groups.
    #[serde(default)]
    pub correlation: Option<f64>,
    /// The law of codes before an image is seen.
    pub prior: PriorKind,
    /// Samples of each estimate, where the method takes several.
    #[serde(default)]
    pub samples: Option<usize>,
    /// The step size of the estimator's own parameters, where it has some.
    #[serde(default)]
    pub tuning_rate: Option<f64>,
    /// Layers of the code.
    pub layers: usize,
    /// Hidden layers of the encoder; the decoder has them in reverse.
    pub hidden: Widths,
    /// What bends between layers.
    pub activation: Activation,
    /// What a grey digit means.
    pub protocol: Protocol,
    /// Passes over the training set.
    pub epochs: usize,
    /// Images in a step.
    pub batch_size: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// The temperature at each step.
    pub temperature: Anneal,
    /// The seed of everything random.
    pub seed: u64,
    /// Threads that compute.
    pub threads: usize,
    /// The device that computes.
    pub device: String,
    /// How many devices of that kind share each batch.
    #[cfg(feature = "distributed")]
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub devices: usize,
    /// Training images, from the first.
    pub train_images: usize,
    /// Test images, from the first.
    pub test_images: usize,
    /// Samples of the importance-weighted bound.
    pub iwae_samples: usize,
    /// Where the data lies.
    pub data_dir: PathBuf,
}

impl Default for VaeConfig {
    fn default() -> Self {
        Self {
            command: "vae".into(),
            version: VERSION.into(),
            latent: Method::Concrete,
            latents: default_latents(Method::Concrete),
            k: None,
            atoms: None,
            correlation: None,
            prior: PriorKind::Uniform,
            samples: None,
            tuning_rate: None,
            layers: 1,
            hidden: Widths(vec![400]),
            activation: Activation::Relu,
            protocol: Protocol::Grey,
            epochs: 20,
            batch_size: 128,
            learning_rate: 1e-3,
            temperature: Anneal::Constant(0.5),
            seed: 0,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            device: crate::device::NAMES[0].into(),
            #[cfg(feature = "distributed")]
            devices: 1,
            train_images: 60_000,
            test_images: 10_000,
            iwae_samples: 100,
            data_dir: "data/mnist".into(),
        }
    }
}

impl VaeConfig {
    /// The short form for a first look and for continuous integration.
    #[must_use]
    pub fn quick() -> Self {
        Self { epochs: 2, test_images: 2_000, iwae_samples: 20, ..Self::default() }
    }

    /// Where the run goes if the user does not say.
    #[must_use]
    pub fn default_directory(&self) -> PathBuf {
        let Self { latent, latents, protocol, seed, .. } = self;
        format!("runs/vae-{}-{latents}-{}-seed{seed}", latent.name(), protocol.name()).into()
    }

    /// With another method, and its default code.
    #[must_use]
    pub fn with_method(self, latent: Method) -> Self {
        Self {
            latent,
            latents: default_latents(latent),
            k: None,
            atoms: None,
            correlation: None,
            samples: None,
            tuning_rate: None,
            ..self
        }
    }

    /// With the code in the form that the method works on, and everything filled in that it needs.
    ///
    /// # Errors
    /// If the method does not work on such a code, in words that name what it accepts.
    pub fn resolve(mut self) -> Result<Self, String> {
        let (name, kind, latents) = (self.latent.name(), self.latent.kind(), self.latents);
        let refusal = |accepted: &str| format!("--latent {name} takes {accepted}, got --latents {latents}");
        match (kind, latents.categories) {
            (Kind::Bits, _) => {
                self.latents = latents.as_bits().ok_or_else(|| {
                    let others = Method::names(|method| {
                        matches!(method.kind(), Kind::Choices | Kind::BitsOrChoices | Kind::Discrete)
                    });
                    refusal(&format!("bits, such as 200 or 20x2 (for more categories: {others})"))
                })?;
            }
            (Kind::Choices | Kind::Points, _) => self.latents = latents.as_choices(),
            (Kind::Counts, Some(_)) => return Err(refusal("a number of counts, such as 50, with their --atoms")),
            (Kind::Gates, Some(_)) => return Err(refusal("a number of gates, such as 200")),
            (Kind::Subsets, None) => return Err(refusal("VARIABLESxITEMS, such as 20x10, with their --k")),
            (Kind::Orders, None) => return Err(refusal("VARIABLESxITEMS, such as 20x5")),
            (Kind::Groups, None) => return Err(refusal("GROUPSxBITS, such as 20x10")),
            _ => {}
        }
        let codes = (self.latents.categories.unwrap_or(2) as f64).powf(self.latents.variables as f64);
        if self.latent == Method::Exact && codes > MOST_CODES {
            return Err(refusal(&format!("at most {MOST_CODES} codes, such as 12 or 6x4")));
        }
        let items = self.latents.categories.unwrap_or(1);
        self.k = self.resolve_k(items)?;
        self.atoms = match (kind, self.atoms) {
            (Kind::Counts, atoms) => Some(atoms.unwrap_or(16)),
            (_, None) => None,
            _ => return Err(not_for("atoms", &name, |method| method.kind() == Kind::Counts)),
        };
        self.correlation = match (kind, self.correlation) {
            (Kind::Groups, correlation) => {
                let correlation = correlation.unwrap_or(0.5);
                let lowest = -1.0 / (items as f64 - 1.0);
                // Nearer to either end the matrix is singular, to rounding.
                if !(lowest + 1e-3..=0.999).contains(&correlation) {
                    return Err(format!(
                        "--correlation of groups of {items} bits must be between {:.3} and 0.999, got {correlation}",
                        lowest + 1e-3
                    ));
                }
                Some(correlation)
            }
            (_, None) => None,
            _ => return Err(not_for("correlation", &name, |method| method.kind() == Kind::Groups)),
        };
        self.samples = match (self.latent.samples(), self.samples) {
            (Some((default, range)), samples) => {
                let samples = samples.unwrap_or(default);
                if !range.contains(&samples) {
                    let (low, high) = range.into_inner();
                    return Err(format!("--samples of --latent {name} must be from {low} to {high}, got {samples}"));
                }
                Some(samples)
            }
            (None, None) => None,
            _ => return Err(not_for("samples", &name, |method| method.samples().is_some())),
        };
        if self.layers > 1 && !self.latent.stacks(self.k) {
            let others = Method::names(|method| method.stacks(None));
            return Err(format!(
                "--layers must be 1 with --latent {name}; codes of bits or choices may have more: {others}"
            ));
        }
        self.tuning_rate = match (self.latent.learns(), self.tuning_rate) {
            (true, rate) => Some(rate.unwrap_or(self.learning_rate)),
            (false, None) => None,
            _ => return Err(not_for("tuning-rate", &name, Method::learns)),
        };
        #[cfg(feature = "distributed")]
        if self.devices > 1 && self.latent.learns() {
            let others = Method::names(|method| !method.learns());
            return Err(format!(
                "--devices must be 1 for --latent {name}, whose estimator learns, got {}; several are for {others}",
                self.devices
            ));
        }
        Ok(self)
    }

    fn resolve_k(&self, items: usize) -> Result<Option<usize>, String> {
        let takes_k = |kind| matches!(kind, Kind::Subsets | Kind::Discrete);
        let k = match (self.latent.kind(), self.k) {
            (Kind::Subsets, None) => items / 2,
            (_, None) => return Ok(None),
            (kind, Some(k)) if takes_k(kind) => k,
            _ => return Err(not_for("k", &self.latent.name(), |method| takes_k(method.kind()))),
        };
        if k < items {
            return Ok(Some(k));
        }
        let latents = self.latents;
        Err(format!("--k must be below the number of items of --latents VARIABLESxITEMS, got {k} with {latents}"))
    }
}

#[cfg(feature = "distributed")]
const fn one() -> usize {
    1
}

#[cfg(feature = "distributed")]
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks for it
const fn is_one(devices: &usize) -> bool {
    *devices == 1
}

fn not_for(option: &str, name: &str, accept: impl Fn(Method) -> bool) -> String {
    let others = Method::names(accept);
    format!("--{option} is not for --latent {name}, but for {others}")
}

/// Codes that are enumerated: in each training step every one of them goes through the decoder.
const MOST_CODES: f64 = 4096.0;

const fn default_latents(method: Method) -> Latents {
    if matches!(method, Method::Exact) {
        return Latents { variables: 8, categories: None };
    }
    match method.kind() {
        Kind::Bits | Kind::BitsOrChoices | Kind::Discrete | Kind::Gates => Latents { variables: 200, categories: None },
        Kind::Choices => Latents { variables: 200, categories: Some(2) },
        Kind::Counts => Latents { variables: 50, categories: None },
        Kind::Orders => Latents { variables: 20, categories: Some(5) },
        Kind::Subsets | Kind::Groups | Kind::Points => Latents { variables: 20, categories: Some(10) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vae::code;
    use burn::tensor::Device;
    use clap::ValueEnum;

    fn resolved(latent: Method, latents: &str, k: Option<usize>) -> Result<VaeConfig, String> {
        let latents = latents.parse().unwrap();
        VaeConfig { latents, k, ..VaeConfig::default().with_method(latent) }.resolve()
    }

    #[test]
    fn every_method_has_a_code_at_its_defaults() {
        for &method in Method::value_variants() {
            let config = VaeConfig::default().with_method(method).resolve().unwrap();
            assert!(code::build(&config, &Device::flex()).is_some(), "{}", method.name());
        }
    }

    /// What is resolved can be built, whatever was asked for.
    #[test]
    fn what_fits_a_method_has_a_code() {
        for &method in Method::value_variants() {
            let mut accepted = 0;
            for latents in ["6", "6x2", "4x3"] {
                for k in [None, Some(1), Some(2), Some(5)] {
                    let Ok(config) = resolved(method, latents, k) else { continue };
                    assert!(code::build(&config, &Device::flex()).is_some(), "{} {latents} {k:?}", method.name());
                    assert_eq!(config.clone().resolve().as_ref(), Ok(&config));
                    accepted += 1;
                }
            }
            assert!(accepted > 0, "{}", method.name());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_by_what_does() {
        let refusal = |latent, latents, k| resolved(latent, latents, k).unwrap_err();
        assert!(refusal(Method::Concrete, "20x4", None).contains("takes bits"));
        assert!(refusal(Method::Exact, "13", None).contains("at most 4096 codes"));
        assert!(refusal(Method::Exact, "7x4", None).contains("at most 4096 codes"));
        assert!(refusal(Method::Poisson, "20x4", None).contains("--atoms"));
        assert!(refusal(Method::HardConcrete, "20x4", None).contains("a number of gates"));
        assert!(refusal(Method::Simple, "20", None).contains("VARIABLESxITEMS"));
        assert!(refusal(Method::Simple, "20x4", Some(4)).contains("below the number of items"));
        assert!(refusal(Method::Rloo, "20", Some(1)).contains("below the number of items"));
        assert!(refusal(Method::Dirichlet, "20x4", Some(2)).contains("relaxed-top-k, implicit-mle, simple"));
        assert!(refusal(Method::StraightThrough, "20x4", Some(2)).contains("--k is not for"));
        let groups = VaeConfig { correlation: Some(-0.2), ..VaeConfig::default() };
        assert!(groups.clone().resolve().unwrap_err().contains("--correlation is not for --latent concrete"));
        let groups = VaeConfig { latent: Method::CorrelatedRelaxedBernoulli, ..groups };
        let groups = VaeConfig { latents: "3x6".parse().unwrap(), ..groups };
        assert!(groups.clone().resolve().unwrap_err().contains("between -0.199 and 0.999"));
        assert!(VaeConfig { latents: "3x5".parse().unwrap(), ..groups }.resolve().is_ok());
    }
}
