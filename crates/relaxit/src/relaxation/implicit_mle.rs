//! Implicit maximum likelihood estimation through k-subsets.

use burn::tensor::Tensor;

use crate::distribution::{Distribution, GumbelTopK, k_hot_of_top};
use crate::error::{Error, Result};
use crate::math::on_device;
use crate::noise::{Base, Noise};

/// Implicit maximum likelihood estimation over k-subsets: a hard sample by perturb-and-MAP, and a gradient from a second
/// MAP towards a better sample.
///
/// ```text
/// b = MAP(φ + g),   ĝ = [MAP(φ + g) − MAP(φ + g − λ ∇f(b))] / λ,
/// MAP(θ) = the k-hot vector of the k largest θ,   g ~ Gumbel(0, 1),   φ = logits,   λ = `step`
/// ```
///
/// The noise is Gumbel's, so that `b` follows [`GumbelTopK`] exactly; the paper's Sum-of-Gamma noise, which makes `b`
/// nearer to [`KSubset`](crate::distribution::KSubset), is not offered.
///
/// # Shapes
/// `logits`, samples and gradients: `[batch…, K]`; surrogates: `[batch…, 1]`.
///
/// # Gradient
/// In expectation `[μ(φ) − μ(φ − λw)]/λ` for a linear objective `⟨w, b⟩`, μ = the marginals: a finite difference of the
/// true gradient, exact as λ → 0 (where its variance grows like 1/λ). Biased for every other objective.
///
/// # Numerics
/// λ is measured against the gradient of *each event's own* objective: a mean over a batch of 128 makes it 128 times
/// smaller and may leave every MAP where it was. That is why objectives here give a value for each event.
///
/// # Examples
/// ```
/// use relaxit::prelude::*;
/// let device = Device::flex().autodiff();
/// let logits = Tensor::<2>::zeros([64, 5], &device).require_grad();
/// let costs = Tensor::<2>::from_floats([[1.0, 2.0, 3.0, 4.0, 5.0]], &device);
/// let draw = ImplicitMle::from_logits(logits.clone(), 2, 1.0)?.draw(&mut Noise::seeded(0));
/// let surrogate = draw.surrogate_of(|b| (b * costs).sum_dim(1));
/// let gradient = logits.grad(&surrogate.mean().backward()).unwrap().sum_dim(0);
/// let slopes: Vec<f32> = gradient.try_into_vec_as().unwrap();
/// assert!(slopes[0] < 0.0 && slopes[4] > 0.0); // cheap items become likelier
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::IMPLICIT_MLE`].
#[doc(alias = "IMLE")]
#[derive(Clone, Debug)]
pub struct ImplicitMle<const D: usize> {
    hard: GumbelTopK<D>,
    step: f64,
}

const NAME: &str = "ImplicitMle";

impl<const D: usize> ImplicitMle<D> {
    /// From logits, the size of the subsets and the step λ towards the target.
    ///
    /// # Errors
    /// As [`GumbelTopK::from_logits`], and [`Error::Parameter`] if `step` lies outside [1e-6, 1e6].
    pub fn from_logits(logits: Tensor<D>, count: usize, step: f64) -> Result<Self> {
        if !(1e-6..=1e6).contains(&step) {
            let requirement = "between 1e-6 and 1e6";
            return Err(Error::Parameter { subject: NAME, parameter: "step", requirement, got: step });
        }
        Ok(Self { hard: GumbelTopK::from_logits(logits, count)?, step })
    }

    /// The law of the samples.
    #[must_use]
    pub const fn hard(&self) -> &GumbelTopK<D> {
        &self.hard
    }

    /// λ.
    #[must_use]
    pub const fn step(&self) -> f64 {
        self.step
    }

    /// A sample, with what its gradient needs.
    pub fn draw(&self, noise: &mut Noise) -> ImplicitMleDraw<D> {
        let device = self.hard.logits().clone().inner().device();
        self.draw_from(noise.draw(Base::Gumbel, self.hard.shape(), (&device, self.hard.dtype())))
    }

    /// The sample that standard Gumbel noise becomes.
    ///
    /// # Panics
    /// If the shape of the noise is not that of the logits.
    #[must_use]
    #[track_caller]
    pub fn draw_from(&self, noise: Tensor<D>) -> ImplicitMleDraw<D> {
        let logits = self.hard.logits().clone();
        assert_eq!(noise.dims(), logits.dims(), "{NAME}: the noise must have the shape of the logits");
        let perturbed = logits.clone().inner() + noise.inner();
        let hard = k_hot_of_top(perturbed.clone(), self.hard.count());
        ImplicitMleDraw { logits, perturbed, hard, count: self.hard.count(), step: self.step }
    }
}

/// One sample of [`ImplicitMle`], which turns the objective's gradient at the sample into one of the logits.
#[derive(Clone, Debug)]
pub struct ImplicitMleDraw<const D: usize> {
    logits: Tensor<D>,
    /// Perturbed logits and their MAP, on the inner device.
    perturbed: Tensor<D>,
    hard: Tensor<D>,
    count: usize,
    step: f64,
}

impl<const D: usize> ImplicitMleDraw<D> {
    /// The k-hot sample. It carries no gradient.
    #[must_use]
    pub fn hard(&self) -> Tensor<D> {
        on_device(self.hard.clone(), &self.logits.device())
    }

    /// `[MAP(φ + g) − MAP(φ + g − λ ∇f)] / λ`, the estimate of the gradient in the logits, from `∇f` at the sample, on
    /// the inner device.
    ///
    /// # Panics
    /// If the shape of the gradient is not that of the sample.
    #[must_use]
    #[track_caller]
    pub fn gradient(&self, objective_gradient: Tensor<D>) -> Tensor<D> {
        assert_eq!(objective_gradient.dims(), self.hard.dims(), "{NAME}: the gradient must have the sample's shape");
        let target = self.perturbed.clone() - objective_gradient.inner().cast(self.perturbed.dtype()) * self.step;
        (self.hard.clone() - k_hot_of_top(target, self.count)) * self.step.recip()
    }

    /// A number for each event, `[batch…, 1]`, whose gradient in the logits is [`gradient`](Self::gradient); its value
    /// means nothing. For objectives whose gradient at [`hard`](Self::hard) you have already.
    ///
    /// # Panics
    /// If the shape of the gradient is not that of the sample.
    #[must_use]
    #[track_caller]
    pub fn surrogate(&self, objective_gradient: Tensor<D>) -> Tensor<D> {
        let gradient = on_device(self.gradient(objective_gradient), &self.logits.device());
        (self.logits.clone() * gradient).sum_dim(D - 1)
    }

    /// As [`surrogate`](Self::surrogate), from the objective itself: a value for each event, `[batch…, 1]`.
    ///
    /// The objective is differentiated in a backward pass of its own, of which only the gradient at the sample is kept:
    /// parameters inside the objective get theirs from a term `f(draw.hard())` in your loss.
    ///
    /// # Panics
    /// If the logits are not on an autodiff device.
    #[must_use]
    #[track_caller]
    pub fn surrogate_of(&self, objective: impl FnOnce(Tensor<D>) -> Tensor<D>) -> Tensor<D> {
        assert!(self.logits.device().is_autodiff(), "{NAME}: `surrogate_of` needs logits on an autodiff device");
        let leaf = self.hard().require_grad();
        let value = objective(leaf.clone()).sum();
        let gradient = if value.is_tracked() { leaf.grad(&value.backward()) } else { None };
        self.surrogate(gradient.unwrap_or_else(|| self.hard.zeros_like()))
    }
}
