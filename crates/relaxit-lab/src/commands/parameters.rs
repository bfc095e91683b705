//! The parameters of a law, from the command line and a file.

use std::fs;

use anyhow::{Context, Result};

use crate::args::ParameterArgs;
use crate::laws::parameter::{Given, collect, from_toml};
use crate::usage::UsageError;

/// What the user gave; the command line goes before the file.
pub(super) fn given(args: &ParameterArgs) -> Result<Given> {
    let from_line = collect(&args.parameters)?;
    let mut given = match &args.params {
        None => Given::new(),
        Some(path) => {
            let shown = path.display();
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
            from_toml(&text).map_err(|error| UsageError(format!("{shown}: {error}")))?
        }
    };
    given.extend(from_line);
    Ok(given)
}
