//! Laws of counts and of the simplex against values from torch, scipy and mpmath.
//!
//! `python/golden/make_counts.py` writes the fixtures and says how their values were found.

#[path = "golden/harness.rs"]
mod harness;

use relaxit::distribution::{
    Binomial, Dirichlet, Geometric, LogisticNormal, LogisticNormalSoftmax, NegativeBinomial, Poisson, Truncated,
};
use relaxit::math;
use relaxit::prelude::*;
use relaxit::relaxation::GeneralizedGumbelSoftmax;

use harness::{check, common, fixture, unknown};

#[test]
fn digamma() {
    check(fixture!("digamma"), &["digamma by x"], |inputs, quantity| match quantity {
        "digamma" => math::digamma(inputs.get("x")),
        _ => unknown(quantity),
    });
}

#[test]
fn poisson() {
    check(fixture!("poisson"), &[], |inputs, quantity| {
        let law = |log_rate| Poisson::from_log_rate(inputs.get(log_rate));
        let (p, q) = (law("log_rate"), law("q_log_rate"));
        match quantity {
            "log_prob" => p.log_prob(inputs.get("value")),
            "mean" => p.mean(),
            "variance" => p.variance(),
            "kl_divergence" => p.kl_divergence(&q),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn geometric() {
    check(fixture!("geometric"), &["mean", "variance"], |inputs, quantity| {
        let law = |logits| Geometric::from_logits(inputs.get(logits));
        let (p, q) = (law("logits"), law("q_logits"));
        common(&p, &q, inputs, quantity)
    });
}

#[test]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // of a small whole number
fn binomial() {
    check(fixture!("binomial"), &["mean", "variance"], |inputs, quantity| {
        let total_count = inputs.get("total_count").max().into_scalar::<f64>() as usize;
        let law = |logits| Binomial::from_logits(total_count, inputs.get(logits)).expect("legal");
        let (p, q) = (law("logits"), law("q_logits"));
        match quantity {
            "log_prob" => p.log_prob(inputs.get("value")),
            "mean" => p.mean(),
            "variance" => p.variance(),
            "kl_divergence" => p.kl_divergence(&q),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn negative_binomial() {
    check(fixture!("negative_binomial"), &["mean", "variance"], |inputs, quantity| {
        let law = NegativeBinomial::from_logits(inputs.get("total_count"), inputs.get("logits")).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            "mean" => law.mean(),
            "variance" => law.variance(),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn truncated() {
    check(fixture!("truncated"), &[], |inputs, quantity| {
        let law = Poisson::from_log_rate(inputs.get("log_rate"));
        let truncated = Truncated::new(law, inputs.get("cotangent").dims()[1]).expect("legal");
        match quantity {
            "logits" => truncated.logits(),
            "mean" => truncated.mean(),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn generalized_gumbel_softmax() {
    check(fixture!("generalized_gumbel_softmax"), &[], |inputs, quantity| {
        let atoms = inputs.get("atoms").slice_dim(0, 0).flatten(0, 1);
        let law = GeneralizedGumbelSoftmax::from_logits(inputs.get("logits"), atoms, inputs.temperature());
        let law = law.expect("legal");
        match quantity {
            "value" => law.value(law.transport(inputs.get("noise"))),
            "hard value" => law.value(law.threshold(law.latent().transport(inputs.get("noise")))),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn dirichlet() {
    check(fixture!("dirichlet"), &[], |inputs, quantity| {
        let law = |concentration| Dirichlet::new(inputs.get(concentration)).expect("legal");
        let (p, q) = (law("concentration"), law("q_concentration"));
        match quantity {
            "sample" => p.transport(inputs.get("noise")),
            _ => common(&p, &q, inputs, quantity),
        }
    });
}

#[test]
fn logistic_normal() {
    check(fixture!("logistic_normal"), &[], |inputs, quantity| {
        let law = LogisticNormal::new(inputs.get("loc"), inputs.get("scale")).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn logistic_normal_softmax() {
    check(fixture!("logistic_normal_softmax"), &[], |inputs, quantity| {
        let law = LogisticNormalSoftmax::new(inputs.get("loc"), inputs.get("scale")).expect("legal");
        match quantity {
            "log_prob" => law.log_prob(inputs.get("value")),
            _ => unknown(quantity),
        }
    });
}

#[test]
fn laplace_bridge() {
    check(fixture!("laplace_bridge"), &[], |inputs, quantity| {
        let dirichlet = Dirichlet::new(inputs.get("concentration")).expect("legal");
        let normal = LogisticNormalSoftmax::new(inputs.get("loc"), inputs.get("scale")).expect("legal");
        match quantity {
            "bridge_loc" => dirichlet.laplace_bridge().expect("K > 1").loc().clone(),
            "bridge_scale" => dirichlet.laplace_bridge().expect("K > 1").scale().clone(),
            "bridge_concentration" => normal.laplace_bridge().expect("K > 1").concentration().clone(),
            _ => unknown(quantity),
        }
    });
}
