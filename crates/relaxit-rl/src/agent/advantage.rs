//! What an action was worth: generalised advantages, with ends of episodes told apart.

/// How a sequence of steps ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    /// The episode is over, and nothing follows.
    Over,
    /// It went on elsewhere, from a state of this value.
    Cut(f64),
}

/// The generalised advantages of one sequence.
///
/// ```text
/// δₜ = rₜ + γ V(sₜ₊₁) − V(sₜ),   Aₜ = δₜ + γ λ Aₜ₊₁
/// ```
///
/// `Aₜ + V(sₜ)` is the λ-return. With λ = 1 it is the discounted return itself, whatever `V` is, as long as the episode
/// is over at its end.
///
/// # References
/// Schulman, Moritz, Levine, Jordan & Abbeel (2016), arXiv:1506.02438.
pub(super) fn advantages(rewards: &[f64], values: &[f64], end: End, discount: f64, lambda: f64) -> Vec<f64> {
    let mut next = match end {
        End::Over => 0.0,
        End::Cut(value) => value,
    };
    let mut advantage = 0.0;
    let mut advantages: Vec<f64> = rewards
        .iter()
        .zip(values)
        .rev()
        .map(|(reward, value)| {
            advantage = reward + discount * next - value + discount * lambda * advantage;
            next = *value;
            advantage
        })
        .collect();
    advantages.reverse();
    advantages
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // what is exact

    use super::*;

    #[test]
    fn full_lambda_gives_the_discounted_return_minus_the_value() {
        let (rewards, values) = ([1.0, 2.0, 4.0], [10.0, -3.0, 7.0]);
        let over = advantages(&rewards, &values, End::Over, 0.5, 1.0);
        assert_eq!(over, [1.0 + 1.0 + 1.0 - 10.0, 2.0 + 2.0 + 3.0, 4.0 - 7.0]);
        let cut = advantages(&rewards, &values, End::Cut(8.0), 0.5, 1.0);
        assert_eq!(cut[0], over[0] + 1.0);
    }

    #[test]
    fn no_lambda_gives_the_error_of_one_step() {
        let got = advantages(&[1.0, 2.0], &[3.0, 5.0], End::Cut(7.0), 0.5, 0.0);
        assert_eq!(got, [1.0 + 2.5 - 3.0, 2.0 + 3.5 - 5.0]);
    }
}
