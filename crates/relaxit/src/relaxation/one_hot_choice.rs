//! What the straight-through estimators of one categorical choice share: their samples are those of `hard`.

/// The traits of a law whose field `hard` is the [`OneHotCategorical`](crate::distribution::OneHotCategorical) of its
/// samples, and whose method `check` reads its parameters.
macro_rules! one_hot_choice {
    ($law:ident) => {
        impl<const D: usize> Distribution<D> for $law<D> {
            const EVENT_DIMS: usize = 1;

            fn support(&self) -> Support {
                Support::OneHot
            }

            fn shape(&self) -> [usize; D] {
                self.hard.shape()
            }

            fn device(&self) -> Device {
                self.hard.device()
            }

            fn dtype(&self) -> DType {
                self.hard.dtype()
            }

            fn sample(&self, noise: &mut Noise) -> Tensor<D> {
                self.hard.sample(noise)
            }

            fn validate(&self) -> Result<()> {
                self.check()
            }
        }

        impl<const D: usize> Density<D> for $law<D> {
            fn log_prob(&self, value: Tensor<D>) -> Tensor<D> {
                self.hard.log_prob(value)
            }
        }

        impl<const D: usize> Moments<D> for $law<D> {
            fn mean(&self) -> Tensor<D> {
                self.hard.mean()
            }

            fn variance(&self) -> Tensor<D> {
                self.hard.variance()
            }
        }

        impl<const D: usize> Mode<D> for $law<D> {
            fn mode(&self) -> Tensor<D> {
                self.hard.mode()
            }
        }

        impl<const D: usize> Entropy<D> for $law<D> {
            fn entropy(&self) -> Tensor<D> {
                self.hard.entropy()
            }
        }

        impl<const D: usize> Enumerable<D> for $law<D> {
            fn outcomes(&self) -> impl Iterator<Item = Tensor<D>> + '_ {
                self.hard.outcomes()
            }

            fn num_outcomes(&self) -> f64 {
                self.hard.num_outcomes()
            }
        }

        impl<const D: usize> KlDivergence<Self, D> for $law<D> {
            fn kl_divergence(&self, q: &Self) -> Tensor<D> {
                self.hard.kl_divergence(&q.hard)
            }
        }

        impl<const D: usize> KlDivergence<OneHotCategorical<D>, D> for $law<D> {
            fn kl_divergence(&self, q: &OneHotCategorical<D>) -> Tensor<D> {
                self.hard.kl_divergence(q)
            }
        }
    };
}
pub(super) use one_hot_choice;
