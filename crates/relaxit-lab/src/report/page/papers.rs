//! The papers of all methods in a report.

use std::collections::BTreeMap;

use super::document::{Block, Item, Section};
use super::finished::{Finished, Run};
use crate::figure::Figure;
use relaxit::reference::{DECOUPLED_STRAIGHT_THROUGH, GUMBEL_SOFTMAX, LAPLACE_BRIDGE};

/// Every paper once, with what it is the paper of.
pub(super) fn section(runs: &[Finished]) -> Option<Section> {
    let mut papers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut cite = |paper: String, method: String| {
        let methods = papers.entry(paper).or_default();
        if !methods.contains(&method) {
            methods.push(method);
        }
    };
    for Finished { run, .. } in runs {
        match run {
            Run::Vae(run) => {
                for paper in run.config.latent.references() {
                    cite(paper.to_string(), run.config.latent.name());
                }
            }
            Run::Rl(run) => {
                for paper in &run.agents.summary.references {
                    cite(paper.clone(), run.agents.summary.agent.to_string());
                }
            }
            Run::Toy(run) => {
                for outcome in &run.summary.results {
                    outcome.papers.iter().for_each(|paper| cite(paper.clone(), outcome.estimator.clone()));
                }
            }
            Run::Audit(summary) => {
                for record in &summary.results {
                    record.papers.iter().for_each(|paper| cite(paper.clone(), record.estimator.clone()));
                }
            }
            Run::Figure(Figure::LaplaceBridge(_)) => cite(LAPLACE_BRIDGE.to_string(), "laplace-bridge".into()),
            Run::Figure(Figure::TwoTemperatures(_)) => {
                for paper in [DECOUPLED_STRAIGHT_THROUGH, GUMBEL_SOFTMAX] {
                    cite(paper.to_string(), "two-temperatures".into());
                }
            }
        }
    }
    if papers.is_empty() {
        return None;
    }
    let item = |(paper, methods): (String, Vec<String>)| {
        let methods: Vec<String> = methods.iter().map(|method| format!("`{method}`")).collect();
        Item { link: link(&paper), text: paper, note: format!(": {}", methods.join(", ")) }
    };
    let blocks = vec![Block::List(papers.into_iter().map(item).collect())];
    Some(Section { title: "Papers of these methods".into(), blocks })
}

/// Where the paper can be read.
fn link(paper: &str) -> Option<String> {
    let source = paper.rsplit(' ').next()?;
    if let Some(identifier) = source.strip_prefix("arXiv:") {
        Some(format!("https://arxiv.org/abs/{identifier}"))
    } else {
        source.strip_prefix("doi:").map(|identifier| format!("https://doi.org/{identifier}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_paper() {
        let found = link(&DECOUPLED_STRAIGHT_THROUGH.to_string());
        assert_eq!(found.as_deref(), Some("https://arxiv.org/abs/2410.13331"));
        assert_eq!(link("Somebody (1992), Something, doi:10.1/a").as_deref(), Some("https://doi.org/10.1/a"));
        assert_eq!(link("Somebody (1992), Something, ICLR 2022"), None);
    }
}
