//! What commands that resume a run share.

use anyhow::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::run::RunDirectory;
use crate::usage::UsageError;

/// Starts `run` at a configuration, or refuses to go on with it at another.
pub(super) fn hold_to<C: Serialize + DeserializeOwned>(run: &RunDirectory, config: &C) -> Result<()> {
    match run.config()? {
        Some(stored) => refuse_changes(run, &stored, config),
        None => run.write_config(config),
    }
}

/// Refuses to go on with `run` at a configuration that contradicts the stored one.
pub(super) fn refuse_changes<C: Serialize>(run: &RunDirectory, stored: &C, asked: &C) -> Result<()> {
    let Some((key, was, is)) = first_difference(stored, asked)? else {
        return Ok(());
    };
    Err(UsageError(format!(
        "{} was started with {key} = {was}, and is asked to go on with {is}; drop the option or name another directory \
         with --out",
        run.path().display()
    ))
    .into())
}

/// The first key on which two configurations differ, with both values.
fn first_difference<C: Serialize>(a: &C, b: &C) -> Result<Option<(String, String, String)>> {
    let (a, b) = (toml::Table::try_from(a)?, toml::Table::try_from(b)?);
    let said = |value: Option<&toml::Value>| value.map_or_else(|| "none".into(), ToString::to_string);
    let mut keys = a.keys().chain(b.keys());
    let key = keys.find(|&key| a.get(key) != b.get(key));
    Ok(key.map(|key| (key.clone(), said(a.get(key)), said(b.get(key)))))
}
