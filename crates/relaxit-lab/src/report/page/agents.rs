//! Agents side by side, environment by environment.

use anyhow::{Result, ensure};
use relaxit::noise::Noise;

use super::difference::{labels, without};
use super::document::{Block, Column, Figure, Image, Section, Table};
use super::finished::RlRun;
use super::text::{count, with_interval, with_interval_of_any_size};
use crate::report::curve::{Curve, learning_curves};
use crate::rl::config::RlConfig;
use crate::rl::statistics::probability_of_improvement;
use crate::rl::summary::{Summary, curve};
use crate::rl::train::PhaseMetrics;

/// The settings that do not change what is compared.
const OF_THE_RUN: [&str; 5] = ["command", "version", "seed", "seeds", "threads"];

/// All seeds of one configuration, whichever runs trained them.
struct Agent<'a> {
    config: &'a RlConfig,
    summary: Summary,
    metrics: Vec<Vec<PhaseMetrics>>,
}

/// The section of these runs, if there are any.
///
/// # Errors
/// If two runs have the same configuration and a seed in common.
pub(super) fn section(runs: &[(&str, &RlRun)]) -> Result<Option<Section>> {
    let mut environments: Vec<Vec<Agent<'_>>> = Vec::new();
    for agent in pooled(runs)? {
        match environments.iter_mut().find(|agents| agents[0].config.env == agent.config.env) {
            Some(agents) => agents.push(agent),
            None => environments.push(vec![agent]),
        }
    }
    if environments.is_empty() {
        return Ok(None);
    }
    let mut blocks = vec![Block::Text(
        "Every agent's numbers are of its own seeds; evaluations use seeds of their own. Intervals are 95 % percentile \
         bootstrap intervals of the interquartile mean over seeds."
            .into(),
    )];
    for mut agents in environments {
        agents.sort_by(|a, b| b.summary.evaluation_reward.value.total_cmp(&a.summary.evaluation_reward.value));
        blocks.extend(environment(&agents));
    }
    Ok(Some(Section { title: "Agents".into(), blocks }))
}

fn settings(config: &RlConfig) -> toml::Table {
    without(toml::Table::try_from(config).unwrap_or_default(), &OF_THE_RUN)
}

/// Runs that differ in nothing but their seeds become one.
fn pooled<'a>(runs: &[(&str, &'a RlRun)]) -> Result<Vec<Agent<'a>>> {
    let mut groups: Vec<Vec<(&str, &'a RlRun)>> = Vec::new();
    for &(path, run) in runs {
        match groups.iter_mut().find(|group| settings(&group[0].1.config) == settings(&run.config)) {
            Some(group) => group.push((path, run)),
            None => groups.push(vec![(path, run)]),
        }
    }
    groups.into_iter().map(|group| pool(&group)).collect()
}

fn pool<'a>(group: &[(&str, &'a RlRun)]) -> Result<Agent<'a>> {
    let (_, first) = group[0];
    let mut seeds = Vec::new();
    for (path, run) in group {
        for (seed, metrics) in run.agents.summary.seeds.iter().zip(&run.agents.metrics) {
            let same = seeds
                .iter()
                .find(|(_, (other, _)): &&(&str, (&crate::rl::train::SeedSummary, _))| other.seed == seed.seed);
            if let Some((other, _)) = same {
                ensure!(
                    false,
                    "{other} and {path} are runs of one configuration with seed {}; name one of them",
                    seed.seed
                );
            }
            seeds.push((*path, (seed, metrics)));
        }
    }
    let (summaries, metrics) = seeds.into_iter().map(|(_, (seed, metrics))| (seed.clone(), metrics.clone())).unzip();
    let Summary { claims_unbiased, references, .. } = &first.agents.summary;
    let summary = match group {
        [_] => first.agents.summary.clone(),
        _ => Summary::new(&first.config, *claims_unbiased, references.clone(), summaries),
    };
    Ok(Agent { config: &first.config, summary, metrics })
}

fn environment(agents: &[Agent<'_>]) -> Vec<Block> {
    let env = &agents[0].config.env;
    let names: Vec<String> = agents.iter().map(|agent| agent.summary.agent.to_string()).collect();
    let labels = labels(&names, &agents.iter().map(|agent| settings(agent.config)).collect::<Vec<_>>());
    let curves: Vec<Curve> = agents
        .iter()
        .zip(&labels)
        .map(|(agent, label)| curve(format!("{label} ({})", count(agent.metrics.len(), "seed")), &agent.metrics))
        .collect();
    let episodes = agents[0].config.evaluation_episodes;
    let figure = Figure::new(
        format!("rl-{}", file_name(env)),
        Image::Svg(learning_curves(env, &curves)),
        format!(
            "Learning on {env}: mean reward of {episodes} evaluation episodes, interquartile mean over seeds with its 95 % \
             percentile bootstrap interval as a band, over steps of environments."
        ),
        format!("Learning curves of {} on {env}.", count(curves.len(), "agent")),
    );
    vec![Block::Heading(env.clone()), Block::Table(table(agents, &labels)), Block::Figure(figure)]
}

fn table(agents: &[Agent<'_>], labels: &[String]) -> Table {
    let columns = vec![
        Column::words("agent"),
        Column::words("policy gradient"),
        Column::numbers("seeds"),
        Column::numbers("steps a seed"),
        Column::numbers("final reward"),
        Column::numbers("ended before the time limit (%)"),
        Column::numbers("seeds at threshold"),
        Column::numbers("training episodes to threshold"),
        Column::numbers("steps to threshold"),
        Column::numbers("gradient variance (reward²)"),
        Column::numbers("P(better than the first)"),
    ];
    let rewards =
        |agent: &Agent<'_>| -> Vec<f64> { agent.summary.seeds.iter().map(|seed| seed.evaluation_reward).collect() };
    let row = |(index, (agent, label)): (usize, (&Agent<'_>, &String))| {
        let summary = &agent.summary;
        let percent = crate::rl::statistics::Interval {
            value: 100.0 * summary.evaluation_terminated.value,
            low: 100.0 * summary.evaluation_terminated.low,
            high: 100.0 * summary.evaluation_terminated.high,
        };
        let better = if index == 0 {
            "-".into()
        } else {
            let noise = Noise::seeded(0).fork(&format!("improvement {index}"));
            with_interval(&probability_of_improvement(&rewards(agent), &rewards(&agents[0]), noise), 2)
        };
        let reached = |interval: Option<&_>| interval.map_or_else(|| "never".into(), with_interval_of_any_size);
        vec![
            format!("`{label}`"),
            if summary.claims_unbiased { "unbiased" } else { "biased" }.into(),
            summary.seeds.len().to_string(),
            agent.config.steps.to_string(),
            with_interval(&summary.evaluation_reward, 2),
            with_interval(&percent, 1),
            format!("{} of {}", summary.seeds_at_threshold, summary.seeds.len()),
            reached(summary.episodes_to_threshold.as_ref()),
            reached(summary.steps_to_threshold.as_ref()),
            with_interval_of_any_size(&summary.gradient_variance),
            better,
        ]
    };
    let RlConfig { env, threshold, choice, .. } = agents[0].config;
    let caption = format!(
        "Agents on {env}, the best reward first: interquartile mean over seeds with its 95 % percentile bootstrap \
         interval. Final rewards are of {} evaluation episodes a seed ({} actions); the threshold is a mean of {} over 100 \
         training episodes in a row, and steps and episodes are of the seeds that reached it. A claim of no bias is for the \
         return within the time limit.",
        agents[0].summary.evaluation_episodes,
        format!("{choice:?}").to_lowercase(),
        threshold,
    );
    Table { caption, columns, rows: agents.iter().zip(labels).enumerate().map(row).collect(), number: 0 }
}

/// What a file's name may hold of a name.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
