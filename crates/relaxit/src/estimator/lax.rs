//! LAX: a learned control variate for continuous laws, reparameterised once.

use burn::tensor::Tensor;

use super::relax::{STEP, max_to};
use super::{Estimate, gradient, sum_to, surrogate};
use crate::control::ControlVariate;
use crate::distribution::{Density, Reparameterized};
use crate::math::on_device;
use crate::noise::Noise;
use crate::objective::Objective;

/// The LAX estimator with control variate `c`: RELAX for continuous laws, and for objectives whose own gradient cannot be
/// had.
///
/// ```text
/// ĝ = [f(x) − c(x)] ∇ log p(x) + ∇ c(x(ε)),   x = x(ε; θ) ~ p(· ; θ)
/// ```
///
/// `c = 0` is the score-function estimator, `c = f` the reparameterised one; between them, what is learned.
///
/// It estimates `∇ E[f(x)]` of a *continuous* `x`, so it is no [`Estimator`](super::Estimator): instead of a relaxation it
/// takes parameters `θ` and the family of laws that they choose from, which may be the latents or the samples of a
/// relaxation as well.
///
/// # Shapes
/// Parameters: `[rows, parameters…]`; row `i` of the law depends on row `i` of them alone. Samples: `[rows, variables…]`;
/// values and the control variate: `[rows, 1…]`.
///
/// # Gradient
/// Unbiased for every control variate. The law that the control variate is given has its parameters stopped: what it
/// depends on beside `x` must not move with them. One evaluation of the objective, and those that the control variate
/// makes.
///
/// `tuning` is as for [`Relax`](super::Relax), and none for a control variate without parameters;
/// [`Tuner::descend`](crate::control::Tuner::descend) steps down it.
///
/// All that is learned goes through the parameters; what the family captures beside them is constant to the estimate.
/// Family and control variate are differentiated within: a tensor that they capture and that was computed from parameters
/// must not be needed again.
///
/// # Numerics
/// As for [`Relax`](super::Relax): the difference in `tuning` moves each row's parameters by at most 0.01.
///
/// # Examples
/// ```
/// use relaxit::{estimator::Lax, prelude::*};
/// let device = Device::flex().autodiff();
/// let family = |loc: Tensor<2>| Normal::from_log_scale(loc, Tensor::zeros([1, 1], &device)).unwrap();
/// let loc = Tensor::<2>::full([100, 1], 3.0, &device).require_grad();
/// let square = |x: Tensor<2>| x.square();
/// let itself = |_: &Normal<2>, x: Tensor<2>, f: &dyn Objective<2>| f.evaluate(x); // c = f
/// let estimate = Lax::new(itself).estimate(&family, &loc, &square, &mut Noise::seeded(0));
/// let gradient: f32 = loc.grad(&estimate.surrogate.backward()).unwrap().sum().into_scalar();
/// assert!((gradient - 6.0).abs() < 1.0); // 2 μ
/// # Ok::<(), relaxit::Error>(())
/// ```
///
/// # References
/// [`crate::reference::RELAX`], section 3.
#[derive(Clone, Debug)]
pub struct Lax<C> {
    control: C,
}

impl<C> Lax<C> {
    /// With a control variate.
    pub const fn new(control: C) -> Self {
        Self { control }
    }

    /// The control variate.
    pub const fn control(&self) -> &C {
        &self.control
    }

    /// The control variate, to be changed.
    pub const fn control_mut(&mut self) -> &mut C {
        &mut self.control
    }

    /// One estimate of `∇ E[f(x)]`, `x ~ family(parameters)`, from fresh noise.
    pub fn estimate<P, const D: usize>(
        &self,
        family: &dyn Fn(Tensor<D>) -> P,
        parameters: &Tensor<D>,
        f: &dyn Objective<D>,
        noise: &mut Noise,
    ) -> Estimate<D>
    where
        P: Reparameterized<D> + Density<D>,
        C: ControlVariate<P, D>,
    {
        let theta = parameters.clone().detach().require_grad();
        // Through the inner device: a leaf stays one when it is detached.
        let base = on_device(theta.clone().inner(), &theta.device());
        // The law that the control variate sees does not move: else the gradient would be that of another function.
        let fixed = family(base.clone());
        let epsilon = noise.draw(P::BASE, fixed.noise_shape(), (&fixed.device(), fixed.dtype()));
        let control = |law: &P| self.control.value(&fixed, law.transport(epsilon.clone()), f);

        let law = family(theta.clone());
        let x = fixed.transport(epsilon.clone()).detach();
        let value = f.evaluate(x.clone());
        let c = control(&law);
        let advantage = (value.clone() - c.clone()).detach();
        // Two sums: in one, the log-densities of a row's variables would broadcast the row's one control variate.
        let g = gradient(&theta, &((advantage * law.log_prob(x.clone())).sum() + c.sum()));
        let rows = value.shape().num_elements().max(1) as f64;
        let c = control(&fixed);
        let tuning = c.is_tracked().then(|| {
            let score = gradient(&theta, &family(theta.clone()).log_prob(x).sum());
            // A row whose gradient is 0 has no direction, and needs none.
            let step = max_to(g.clone().abs(), value.dims()).clamp_min(1e-12).recip() * STEP;
            let moved = |sign: f64| control(&family(base.clone() + g.clone() * step.clone() * sign));
            let slope = (moved(1.0) - moved(-1.0)) / (step.clone() * 2.0);
            (slope - sum_to(g.clone() * score, value.dims()) * c).sum() * (2.0 * rows.recip())
        });
        Estimate { surrogate: surrogate(parameters, g, value.clone()), value: value.detach(), tuning }
    }
}
