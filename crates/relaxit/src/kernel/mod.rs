//! Fused loops: what a sampler does with a dozen tensor operations, done in one pass over the cache.
//!
//! Nothing here is public and nothing here decides a number's meaning: each kernel is a faster way to compute a formula
//! that its law also writes in plain tensor operations, and the two agree to 1e-5 in f32, in value and gradient. A kernel
//! answers `None` for a tensor it was not made for (another backend, another type), and its caller then goes the plain
//! way; so every backend works, the ones with no kernel included.
//!
//! Not by `#[backend_extension]`, which asks for a list of backends, panics on the ones that are not in it, and sees
//! primitives, where the plain way would need a gradient by hand: matching on the tensor's representation leaves
//! everything else to Burn.
//!
//! The loops are plain Rust, compiled once for each instruction set ([`widest`]), and give the same bits on all of them:
//! fused multiplication and addition is asked for by name, and sums go by lanes of a fixed number. Those for GPUs are in
//! `cube`.

#[cfg(feature = "cubecl")]
pub(crate) mod cube;
#[cfg_attr(not(feature = "flex"), allow(dead_code))] // the noise needs the logarithm alone
mod elementary;
#[cfg(feature = "flex")]
mod flex;
mod instruction_set;
mod threads;

#[cfg(feature = "flex")]
mod adam;
#[cfg(feature = "flex")]
mod bernoulli;
#[cfg(feature = "flex")]
mod binary_concrete;
#[cfg(feature = "flex")]
mod gumbel_softmax;
#[cfg(feature = "flex")]
mod hard_concrete;
#[cfg(feature = "flex")]
mod relaxed;
#[cfg(feature = "flex")]
mod tanh;
#[cfg(feature = "flex")]
mod top_k;

pub(crate) use self::elementary::ln;
pub(crate) use self::instruction_set::{Work, widest};
pub(crate) use self::threads::in_parallel;

#[cfg(feature = "flex")]
pub(crate) use self::adam::{AdamStep, adam, serves_adam};
#[cfg(feature = "flex")]
pub(crate) use self::bernoulli::{bernoulli_expected_log_prob, bernoulli_log_prob};
#[cfg(feature = "flex")]
pub(crate) use self::binary_concrete::BinaryConcrete;
#[cfg(feature = "flex")]
pub(crate) use self::gumbel_softmax::GumbelSoftmax;
#[cfg(feature = "flex")]
pub(crate) use self::hard_concrete::HardConcrete;
#[cfg(feature = "flex")]
pub(crate) use self::relaxed::{rsample, rsample_straight_through};
#[cfg(feature = "flex")]
pub(crate) use self::tanh::{serves_tanh, tanh};
#[cfg(feature = "flex")]
pub(crate) use self::top_k::{Mark, gumbel_top_k};
