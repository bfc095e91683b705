//! An optimiser that walks the memory once.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Tensor};

use crate::error::{Error, Result};
#[cfg(feature = "flex")]
use crate::kernel::{AdamStep, adam, serves_adam};

/// Burn's [`Adam`], in one pass over parameter, gradient and moments: the same bits, several times as fast on the CPU.
///
/// ```text
/// m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   x ← x − η (m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε)
/// ```
///
/// With a weight decay of `λ`, the gradient is `g + λ x` (the L2 penalty, not `AdamW`'s decoupled decay). The state is that
/// of Burn's, so that a checkpoint of either is resumed by the other. There is no `AMSGrad`: Burn's own has it.
///
/// # Numerics
/// On Burn's CPU backend in f32 the loop does what Burn's operations do, one for one, and gives their bits on any number
/// of threads. For every other device and type it *is* Burn's. A tensor that shares its memory with another one is
/// copied, not overwritten.
///
/// # Errors
/// [`Error::Parameter`] from the `with_…` methods.
///
/// # Panics
/// In a step, if gradient, moments and parameter differ in shape.
///
/// # Examples
/// ```
/// use burn::{nn::LinearConfig, optim::{GradientsParams, ModuleOptimizer}};
/// use relaxit::{optim::FusedAdam, prelude::*};
/// let device = Device::flex().autodiff();
/// let mut optimizer = ModuleOptimizer::from(FusedAdam::new().with_epsilon(1e-8)?);
/// let model = LinearConfig::new(2, 3).init(&device);
/// let before = model.weight.val().inner();
/// let loss = model.forward(Tensor::<2>::ones([4, 2], &device)).sum();
/// let gradients = GradientsParams::from_grads(loss.backward(), &model);
/// let model = optimizer.step(0.01, model, gradients);
/// let moved = before - model.weight.val().inner(); // the first step has the length of the rate
/// assert!((moved - 0.01).abs().max().into_scalar::<f32>() < 1e-6);
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// Kingma & Ba (2015), algorithm 1: [`reference::ADAM`](crate::reference::ADAM).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusedAdam {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    weight_decay: Option<f32>,
}

const NAME: &str = "FusedAdam";

impl FusedAdam {
    /// With Burn's defaults: `β₁` 0.9, `β₂` 0.999, `ε` 1e-5, no weight decay.
    #[must_use]
    pub const fn new() -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-5, weight_decay: None }
    }

    /// With other rates at which the moments forget.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless both are at least 0 and, as f32, below 1.
    #[allow(clippy::cast_possible_truncation)] // computed with in f32, as Burn does
    pub fn with_betas(self, beta_1: f64, beta_2: f64) -> Result<Self> {
        for (parameter, got) in [("beta_1", beta_1), ("beta_2", beta_2)] {
            if !(got >= 0.0 && (got as f32) < 1.0) {
                return Err(Error::Parameter { subject: NAME, parameter, requirement: "in [0, 1)", got });
            }
        }
        Ok(Self { beta_1: beta_1 as f32, beta_2: beta_2 as f32, ..self })
    }

    /// With another number that keeps the denominator from 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless it is between 1e-30 and 1.
    #[allow(clippy::cast_possible_truncation)]
    pub fn with_epsilon(self, epsilon: f64) -> Result<Self> {
        if !(1e-30..=1.0).contains(&epsilon) {
            let requirement = "between 1e-30 and 1";
            return Err(Error::Parameter { subject: NAME, parameter: "epsilon", requirement, got: epsilon });
        }
        Ok(Self { epsilon: epsilon as f32, ..self })
    }

    /// With a penalty on the parameters' squares; 0 for none.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless it is between 0 and 1e6.
    #[allow(clippy::cast_possible_truncation)]
    pub fn with_weight_decay(self, weight_decay: f64) -> Result<Self> {
        if !(0.0..=1e6).contains(&weight_decay) {
            let requirement = "between 0 and 1e6";
            return Err(Error::Parameter { subject: NAME, parameter: "weight_decay", requirement, got: weight_decay });
        }
        Ok(Self { weight_decay: (weight_decay > 0.0).then_some(weight_decay as f32), ..self })
    }

    /// The optimiser whose numbers these are.
    fn plain(&self) -> Adam {
        AdamConfig::new()
            .with_beta_1(self.beta_1)
            .with_beta_2(self.beta_2)
            .with_epsilon(self.epsilon)
            .with_weight_decay(self.weight_decay.map(WeightDecayConfig::new))
            .build()
    }

    /// The numbers of step `time`, rounded as Burn rounds them.
    #[cfg(feature = "flex")]
    #[allow(clippy::cast_possible_truncation)]
    fn at(&self, time: usize, learning_rate: f64) -> AdamStep {
        let Self { beta_1, beta_2, epsilon, weight_decay: penalty } = *self;
        let time = i32::try_from(time).unwrap_or(i32::MAX);
        let spread = (1.0 - beta_2.powi(time)).sqrt();
        let correction = spread / (1.0 - beta_1.powi(time));
        AdamStep { beta_1, beta_2, correction, epsilon: epsilon * spread, learning_rate: learning_rate as f32, penalty }
    }
}

impl Default for FusedAdam {
    fn default() -> Self {
        Self::new()
    }
}

impl Optimizer for FusedAdam {
    type State<const D: usize> = AdamState<D>;

    #[track_caller]
    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let fresh = || AdamState::new(AdaptiveMomentumState::new(0, tensor.zeros_like(), tensor.zeros_like()));
        let AdamState { momentum } = state.unwrap_or_else(fresh);
        for (name, other) in [("gradient", &grad), ("moment 1", &momentum.moment_1), ("moment 2", &momentum.moment_2)] {
            assert_eq!(other.dims(), tensor.dims(), "{NAME}: {name} of another shape");
        }
        #[cfg(feature = "flex")]
        if serves_adam([&tensor, &grad, &momentum.moment_1, &momentum.moment_2]) {
            let (time, max_moment_2) = (momentum.time + 1, momentum.max_moment_2);
            let tensors = [tensor, grad, momentum.moment_1, momentum.moment_2];
            let [tensor, moment_1, moment_2] = adam(self.at(time, lr), tensors);
            let momentum = AdaptiveMomentumState { time, moment_1, moment_2, max_moment_2 };
            return (tensor, Some(AdamState::new(momentum)));
        }
        self.plain().step(lr, tensor, grad, Some(AdamState::new(momentum)))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        Adam::to_device(state, device)
    }
}
