//! Affine layers whose initial values come from our own noise.

use burn::module::{Param, ParamId};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use relaxit::noise::{Base, Noise};

/// `x W + b` with every parameter uniform in ±1/√inputs.
///
/// The parameters' identifiers are drawn too, so that equal seeds give equal checkpoint files.
pub(super) fn linear(inputs: usize, outputs: usize, mut noise: Noise, device: &Device) -> Linear {
    let bound = 1.0 / (inputs as f64).sqrt();
    let ids = [noise.bits(), noise.bits()].map(ParamId::from);
    let mut uniform = |shape| {
        let u = noise.draw(Base::Uniform, shape, device);
        (u * 2.0 - 1.0) * bound
    };
    let weight: Tensor<2> = uniform([inputs, outputs]);
    let bias: Tensor<2> = uniform([1, outputs]);
    Linear {
        weight: Param::initialized(ids[0], weight.require_grad()),
        bias: Some(Param::initialized(ids[1], bias.reshape([outputs]).require_grad())),
    }
}
