//! A network with one hidden layer, and its derivative along a direction of its parameters.

use burn::module::{Module, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Gradients, Tensor};
use relaxit::math::tanh;
use relaxit::noise::{Base, Noise};

/// `tanh(x W₁ + b₁) W₂ + b₂`.
#[derive(Module, Debug)]
pub(super) struct Network {
    hidden_weight: Param<Tensor<2>>,
    hidden_bias: Param<Tensor<2>>,
    output_weight: Param<Tensor<2>>,
    output_bias: Param<Tensor<2>>,
}

/// A direction in the space of a network's parameters, without gradient.
#[derive(Clone, Debug)]
pub(super) struct Direction([Tensor<2>; 4]);

impl Network {
    /// With `[inputs, hidden, outputs]` units, on a device with autodiff.
    ///
    /// The hidden layer's parameters are uniform in ±`bounds[0]`, the output's in ±`bounds[1]`; their identifiers are
    /// drawn too, so that equal seeds give equal records.
    pub(super) fn new([inputs, hidden, outputs]: [usize; 3], bounds: [f64; 2], noise: &Noise, device: &Device) -> Self {
        let parameter = |name: &str, shape: [usize; 2], bound: f64| {
            let mut noise = noise.fork(name);
            let id = ParamId::from(noise.bits());
            let value = (noise.draw(Base::Uniform, shape, device) * 2.0 - 1.0) * bound;
            Param::initialized(id, value.require_grad())
        };
        Self {
            hidden_weight: parameter("hidden weight", [inputs, hidden], bounds[0]),
            hidden_bias: parameter("hidden bias", [1, hidden], bounds[0]),
            output_weight: parameter("output weight", [hidden, outputs], bounds[1]),
            output_bias: parameter("output bias", [1, outputs], bounds[1]),
        }
    }

    /// `[rows, inputs]` → `[rows, outputs]`.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.hidden(x).matmul(self.output_weight.val()) + self.output_bias.val()
    }

    fn hidden(&self, x: Tensor<2>) -> Tensor<2> {
        tanh(x.matmul(self.hidden_weight.val()) + self.hidden_bias.val())
    }

    /// The gradient of a backward pass; zero for parameters that it did not reach.
    pub(super) fn direction(&self, gradients: &Gradients) -> Direction {
        Direction(self.parameters().map(|parameter| {
            let value = parameter.val();
            value.grad(gradients).unwrap_or_else(|| value.inner().zeros_like())
        }))
    }

    /// The derivative of [`forward`](Self::forward) at `x` along `direction`: exact, in forward mode.
    ///
    /// `self` and `x` are on the inner device.
    pub(super) fn derivative_along(&self, x: Tensor<2>, direction: &Direction) -> Tensor<2> {
        let Direction([hidden_weight, hidden_bias, output_weight, output_bias]) = direction.clone();
        let h = self.hidden(x.clone());
        let h_slope = (x.matmul(hidden_weight) + hidden_bias) * (-h.clone().square() + 1.0);
        h_slope.matmul(self.output_weight.val()) + h.matmul(output_weight) + output_bias
    }

    /// `direction` as an optimiser takes it.
    pub(super) fn gradients(&self, direction: Direction) -> GradientsParams {
        let mut gradients = GradientsParams::new();
        for (parameter, entry) in self.parameters().into_iter().zip(direction.0) {
            gradients.register(parameter.id, entry);
        }
        gradients
    }

    const fn parameters(&self) -> [&Param<Tensor<2>>; 4] {
        [&self.hidden_weight, &self.hidden_bias, &self.output_weight, &self.output_bias]
    }
}

impl Direction {
    /// The sum of the squares of all entries.
    pub(super) fn squared_norm(&self) -> f64 {
        self.0.iter().map(|entry| entry.clone().square().sum().into_scalar::<f64>()).sum()
    }

    /// All entries in one row.
    pub(super) fn flat(&self) -> Vec<f64> {
        self.0.iter().flat_map(|entry| entry.to_data().iter::<f64>().collect::<Vec<_>>()).collect()
    }

    /// Every entry times `factor`.
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self(self.0.map(|entry| entry * factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Network {
        /// This network, moved along a direction.
        pub(in super::super) fn moved(&self, direction: &Direction, by: f64) -> Self {
            let [a, b, c, d] = direction.0.clone();
            let shift = |parameter: &Param<Tensor<2>>, entry: Tensor<2>| {
                let value = parameter.val().inner() + entry * by;
                Param::initialized(parameter.id, value.autodiff().require_grad())
            };
            Self {
                hidden_weight: shift(&self.hidden_weight, a),
                hidden_bias: shift(&self.hidden_bias, b),
                output_weight: shift(&self.output_weight, c),
                output_bias: shift(&self.output_bias, d),
            }
        }
    }

    #[test]
    fn the_derivative_along_a_direction_is_the_limit_of_differences() {
        let device = Device::flex().autodiff();
        let network = Network::new([3, 5, 2], [0.7, 0.7], &Noise::seeded(0), &device);
        let x = Noise::seeded(1).draw(Base::Normal, [4, 3], &device);
        let gradients = network.forward(x.clone()).square().sum().backward();
        let direction = network.direction(&gradients);
        let moved = |by| network.moved(&direction, by).forward(x.clone()).inner();
        let difference = (moved(1e-3) - moved(-1e-3)) / 2e-3;
        let exact = network.valid().derivative_along(x.clone().inner(), &direction);
        assert!(exact.clone().abs().max().into_scalar::<f32>() > 0.1);
        assert!(exact.all_close(difference, Some(1e-3), Some(1e-3)));
    }
}
