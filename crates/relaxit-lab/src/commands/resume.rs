//! What commands that resume a run share.

use anyhow::Result;
use serde::Serialize;

/// The first key on which two configurations differ, with both values.
pub(super) fn first_difference<C: Serialize>(a: &C, b: &C) -> Result<Option<(String, String, String)>> {
    let (a, b) = (toml::Table::try_from(a)?, toml::Table::try_from(b)?);
    let said = |value: Option<&toml::Value>| value.map_or_else(|| "none".into(), ToString::to_string);
    let mut keys = a.keys().chain(b.keys());
    let key = keys.find(|&key| a.get(key) != b.get(key));
    Ok(key.map(|key| (key.clone(), said(a.get(key)), said(b.get(key)))))
}
