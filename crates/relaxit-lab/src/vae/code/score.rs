//! The divergence of discrete laws without a closed form.

use burn::tensor::Tensor;

/// `KL(q ‖ p)` of each variable from two draws, each the other's baseline.
///
/// ```text
/// w(b) = ln q(b) − ln p(b),   value = ½ (w₁ + w₂),   gradient = ½ (w₁ − w₂) ∇(ln q(b₁) − ln q(b₂)) − ½ ∇(ln p(b₁) + ln p(b₂))
/// ```
///
/// Value and gradient are unbiased. `terms` draws from `q`, and gives `ln q` and `ln p` of the draw.
pub(super) fn score_divergence(mut terms: impl FnMut() -> (Tensor<3>, Tensor<3>)) -> Tensor<3> {
    let ((log_q1, log_p1), (log_q2, log_p2)) = (terms(), terms());
    let (w1, w2) = ((log_q1.clone() - log_p1.clone()).detach(), (log_q2.clone() - log_p2.clone()).detach());
    let score = (w1.clone() - w2.clone()) * (log_q1 - log_q2) * 0.5;
    let surrogate = score - (log_p1 + log_p2) * 0.5;
    (w1 + w2) * 0.5 + (surrogate.clone() - surrogate.detach())
}
