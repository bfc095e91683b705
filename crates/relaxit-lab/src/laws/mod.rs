//! The table of laws that `relaxit sample` and `relaxit laws check` know.
//!
//! Adding a law is a few lines in the file of its family: name, one line on what it is for, parameters, a builder from
//! named tensors, and one method for each trait that is true of it ([`Entry`]). Its checks, columns and pictures follow
//! from those.

mod bits;
mod choices;
mod counts;
mod entry;
mod instance;
mod lines;
pub mod parameter;
mod permutations;
mod simplex;
mod subsets;
pub mod unfit;

pub use self::entry::{Arguments, Card, Entry, Law};
pub(crate) use self::instance::values;
pub use self::instance::{Columns, Finding, Gradient, Instance, Wanted};
use self::parameter::{Given, Parameter, Range};
use crate::usage::UsageError;

const LOGITS: Parameter = Parameter::each("logits", Range::Real, &[0.3, -1.2, 0.8]);
const TEMPERATURE: Parameter = Parameter::one("temperature", Range::Within(1e-6, 1e6), &[0.7]);

/// Every law, by name.
#[must_use]
pub fn all() -> Vec<Box<dyn Law>> {
    let families = [
        bits::laws(),
        choices::laws(),
        counts::laws(),
        lines::laws(),
        permutations::laws(),
        simplex::laws(),
        subsets::laws(),
    ];
    let mut laws: Vec<_> = families.into_iter().flatten().collect();
    laws.sort_by_key(|law| law.card().name);
    laws
}

/// The law called `name`, in any case, with or without hyphens and underscores.
///
/// # Errors
/// If there is none; the message names those there are.
pub fn find(name: &str) -> Result<Box<dyn Law>, UsageError> {
    let wanted = plain(name);
    let is_it =
        |card: &Card| std::iter::once(&card.name).chain(&card.aliases).any(|candidate| plain(candidate) == wanted);
    all().into_iter().find(|law| is_it(law.card())).ok_or_else(|| {
        let names: Vec<_> = all().iter().map(|law| law.card().name).collect();
        UsageError(format!("there is no law `{name}`; there are: {}", names.join(", ")))
    })
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// Draws computed at once, each from so many numbers: as many as fit into memory where a law takes some hundred others
/// for each. It decides how noise is dealt out, so another rule would change samples.
#[must_use]
pub fn rows_at_once(numbers: usize) -> usize {
    ((1 << 16) / numbers.next_power_of_two()).clamp(16, 1 << 13)
}

/// `law` at the parameters given.
///
/// # Errors
/// If they do not fit, or the law refuses them.
pub fn build(law: &dyn Law, given: Given) -> Result<Box<dyn Instance>, UsageError> {
    let card = law.card();
    let values = parameter::resolve(card.name, &card.parameters, given)?;
    law.at(values).map_err(|error| UsageError(error.to_string()))
}

/// The parameters that the table gives as an example.
#[must_use]
pub fn examples(card: &Card) -> Given {
    card.parameters.iter().map(|parameter| (parameter.name.to_owned(), parameter.example.to_vec())).collect()
}

#[cfg(test)]
mod tests;
