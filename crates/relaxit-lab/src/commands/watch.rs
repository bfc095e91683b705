//! `relaxit rl watch`: an episode of a trained policy, as an animated GIF.

use anyhow::{Context, Result};
use relaxit_rl::agent::Agent;
use relaxit_rl::environment::EnvironmentName;
use relaxit_rl::render::record_by_name;

use crate::args::rl::WatchArgs;
use crate::printer::Printer;
use crate::rl::config::RlConfig;
use crate::rl::train::newest;
use crate::run::write_atomically;
use crate::usage::UsageError;

pub(super) fn watch(args: &WatchArgs, printer: &Printer) -> Result<()> {
    let file = args.run.join("config.toml");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let config: RlConfig =
        toml::from_str(&text).with_context(|| format!("{} is not of `relaxit rl`", file.display()))?;
    let seed = args.seed.unwrap_or(config.seed);
    let last = config.seed + config.seeds as u64 - 1;
    if !(config.seed..=last).contains(&seed) {
        return Err(UsageError(format!("--seed must be of the run, {} to {last}, got {seed}", config.seed)).into());
    }
    let name: EnvironmentName = config.env.parse()?;
    if matches!(name, EnvironmentName::Gymnasium(_)) {
        let problem = format!("environments of Gymnasium are not drawn here, and the run is of {}", config.env);
        return Err(UsageError(problem).into());
    }
    let mut agent = Agent::new(config.make(1)?, config.agent.clone(), seed)?;
    agent.adopt_policy(&newest(&args.run, seed)?)?;
    let policy = |seen: &[f32], mask: &[bool]| agent.likeliest_action(seen, mask);
    let recording = record_by_name(&name, &config.env_options, args.episode, policy)?;
    let out = args.out.clone().unwrap_or_else(|| args.run.join("watch.gif"));
    let mut gif = Vec::new();
    recording.write_gif(&mut gif).context("the animation cannot be encoded")?;
    write_atomically(&out, &gif)?;
    let (steps, reward) = (recording.scenes.len() - 1, recording.episode_return);
    printer.data(&format!("reward {reward} in {steps} steps, in {}", out.display()))?;
    Ok(())
}
