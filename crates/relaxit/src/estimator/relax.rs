//! RELAX, and with it REBAR: a learned control variate, reparameterised twice.

use burn::tensor::Tensor;

use super::{Bias, Estimate, Estimator, gradient, sum_to, surrogate};
use crate::control::ControlVariate;
use crate::distribution::{Density, Reparameterized};
use crate::math::on_device;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::reference::{REBAR, RELAX, Reference};
use crate::relaxation::ConditionalRelaxation;

/// The RELAX estimator with control variate `c`; with [`RelaxedObjective`](crate::control::RelaxedObjective) it is REBAR.
///
/// ```text
/// ĝ = [f(b) − c(z̃)] ∇ log p(b) + ∇ c(z) − ∇ c(z̃),   z ~ latent,   b = H(z),   z̃ ~ p(z | b)
/// ```
///
/// # Gradient
/// Unbiased for every control variate. `tuning` is a term whose gradient with respect to the parameters of the control
/// variate (and to a temperature tensor of the relaxation) is an unbiased estimate of that of `E‖ĝ‖²`, averaged over
/// rows: `2⟨ĝ, ∂ĝ/∂φ⟩`. Rows are independent and their mean gradient is fixed, so it is the gradient of the variance of
/// what is applied. There is none where nothing in the control variate records a gradient. The mixed second derivative
/// in it is taken along ĝ, since Burn differentiates once: exactly for a control variate that knows its
/// [`slope`](ControlVariate::slope), such as a [`Network`](crate::control::Network), by a central difference otherwise.
///
/// The objective is differentiated within. Parameters of its own are safe, but a tensor that it captures and that was
/// *computed* from some must not be needed again: Burn's graph is consumed at the first use. Compute such tensors inside
/// the objective, or detach them.
///
/// # Numerics
/// The difference moves each row's logits by at most 0.01, whatever the size of ĝ.
///
/// # Examples
/// ```
/// use relaxit::{control::RelaxedObjective, estimator::Relax, prelude::*};
/// let device = Device::flex().autodiff();
/// let eta = Tensor::<1>::ones([1], &device).require_grad();
/// let at = RelaxedBernoulli::from_logits(Tensor::<2>::zeros([64, 3], &device).require_grad(), 0.5)?;
/// let f = |b: Tensor<2>| (b - 0.45).square().sum_dim(1);
/// let estimate = Relax::new(RelaxedObjective::new(eta.clone())).estimate(&at, &f, &mut Noise::seeded(0));
/// assert!(eta.grad(&estimate.tuning.unwrap().backward()).is_some());
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::RELAX`], [`crate::reference::REBAR`].
#[doc(alias = "Rebar")]
#[derive(Clone, Debug)]
pub struct Relax<C> {
    control: C,
    coupled: bool,
}

impl<C> Relax<C> {
    /// With a control variate, and with `z̃` coupled to `z` by common random numbers, as in REBAR's code: the two agree
    /// in value and differ in gradient alone.
    pub const fn new(control: C) -> Self {
        Self { control, coupled: true }
    }

    /// The same with `z̃` drawn from fresh noise, as in RELAX's paper: mostly with more variance.
    #[must_use]
    pub fn uncoupled(self) -> Self {
        Self { coupled: false, ..self }
    }

    /// The same with another control variate.
    pub(super) fn map<D>(self, change: impl FnOnce(C) -> D) -> Relax<D> {
        Relax { control: change(self.control), coupled: self.coupled }
    }

    /// The control variate.
    pub const fn control(&self) -> &C {
        &self.control
    }

    /// The control variate, to be changed.
    pub const fn control_mut(&mut self) -> &mut C {
        &mut self.control
    }
}

/// How far the directional difference moves the logits.
pub(super) const STEP: f64 = 1e-2;

impl<R, C, const D: usize> Estimator<R, D> for Relax<C>
where
    R: ConditionalRelaxation<D>,
    R::Latent: Reparameterized<D>,
    R::Hard: Density<D>,
    C: ControlVariate<R, D>,
{
    fn name(&self) -> &'static str {
        "relax"
    }

    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    fn references(&self) -> &'static [Reference] {
        &[RELAX, REBAR]
    }

    fn estimate(&mut self, at: &R, f: &dyn Objective<D>, noise: &mut Noise) -> Estimate<D> {
        let theta = at.logits().clone().detach().require_grad();
        // The graph behind a temperature is left for `tuning`.
        let here = at.detach().with_logits(theta.clone());
        let draw = |noise: &mut Noise| noise.draw(R::BASE, here.noise_shape(), (&here.device(), here.dtype()));
        let u = draw(noise);
        let b = here.threshold(here.latent().transport(u.clone()));
        let v = if self.coupled { here.noise_given(b.clone(), u.clone()) } else { draw(noise) };
        let value = f.evaluate(b.clone());
        // c(z) and c(z̃) at other logits, with noise and b held fixed.
        let controls = |r: &R| {
            let (z, z_tilde) = (r.latent().transport(u.clone()), r.latent_given(b.clone(), v.clone()));
            (self.control.value(r, z, f), self.control.value(r, z_tilde, f))
        };

        let (c, c_tilde) = controls(&here);
        let advantage = (value.clone() - c_tilde.clone()).detach();
        let score = here.hard().log_prob(b.clone());
        // Two sums: in one, the scores of a row's variables would broadcast the row's one control variate.
        let g = gradient(&theta, &((advantage * score).sum() + (c - c_tilde).sum()));

        // A control variate without parameters has nothing to tune.
        let base = on_device(theta.clone().inner(), &at.device());
        let still = at.with_logits(base.clone());
        let (_, c_tilde) = controls(&still);
        let tuning = c_tilde.is_tracked().then(|| {
            let score = gradient(&theta, &here.hard().log_prob(b.clone()).sum());
            let exact = self.control.slope().and_then(|slope| {
                let [along, along_tilde] = still.tangents(u.clone(), b.clone(), v.clone(), g.clone())?;
                let (z, z_tilde) = (still.latent().transport(u.clone()), still.latent_given(b.clone(), v.clone()));
                Some(slope.along(&still, z, &along) - slope.along(&still, z_tilde, &along_tilde))
            });
            let slope = exact.unwrap_or_else(|| {
                let largest = max_to(g.clone().abs(), value.dims());
                // A row whose gradient is 0 has no direction, and needs none.
                let step = (largest.clamp_min(1e-12)).recip() * STEP;
                let moved = |sign: f64| at.with_logits(base.clone() + g.clone() * step.clone() * sign);
                let (ahead, behind) = (controls(&moved(1.0)), controls(&moved(-1.0)));
                ((ahead.0 - ahead.1) - (behind.0 - behind.1)) / (step.clone() * 2.0)
            });
            (slope - sum_to(g.clone() * score, value.dims()) * c_tilde).mean() * 2.0
        });
        Estimate { surrogate: surrogate(at.logits(), g, value.clone()), value: value.detach(), tuning }
    }

    /// Those of the control variate.
    fn parameters(&self) -> Vec<Tensor<1>> {
        self.control.parameters()
    }

    fn set_parameters(&mut self, parameters: Vec<Tensor<1>>) {
        self.control.set_parameters(parameters);
    }
}

/// The largest entry over the dimensions that `shape` has as 1.
pub(super) fn max_to<const D: usize>(x: Tensor<D>, shape: [usize; D]) -> Tensor<D> {
    (0..D).filter(|&dim| shape[dim] == 1).fold(x, Tensor::max_dim)
}
