//! Parameters of laws as a user gives them: names, ranges, and numbers that were checked.

use std::collections::BTreeMap;
use std::fmt;

use crate::usage::UsageError;

/// Entries that one parameter may have.
const WIDEST: usize = 1024;

/// Which numbers a parameter accepts. NaN and infinity are in no range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Every number that is finite in single precision, which test laws and models compute in.
    Real,
    /// Above 0.
    Positive,
    /// From the first to the second, both included.
    Within(f64, f64),
    /// Whole numbers from the first to the second.
    Whole(u32, u32),
}

impl Range {
    /// Whether `x` is accepted.
    #[must_use]
    pub fn contains(self, x: f64) -> bool {
        match self {
            Self::Real => x.abs() <= f64::from(f32::MAX),
            Self::Positive => x > 0.0 && x.is_finite(),
            Self::Within(low, high) => low <= x && x <= high,
            Self::Whole(low, high) => x.fract() == 0.0 && f64::from(low) <= x && x <= f64::from(high),
        }
    }

    /// Whether every number accepted is positive, so that its logarithm will do as well.
    #[must_use]
    pub fn is_positive(self) -> bool {
        matches!(self, Self::Positive) || matches!(self, Self::Within(low, _) if low > 0.0)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real => write!(f, "finite in single precision"),
            Self::Positive => write!(f, "above 0"),
            Self::Within(low, high) => write!(f, "between {} and {}", short(*low), short(*high)),
            Self::Whole(low, high) => write!(f, "a whole number from {low} to {high}"),
        }
    }
}

/// A bound as people write it: 0, 0.5, 1e-6, 1e6.
fn short(x: f64) -> String {
    if x == 0.0 || (1e-3..1e5).contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

/// How many numbers a parameter has, where the law has `K` entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One for each entry, or one for all of them. The longest of these parameters says what `K` is.
    Each,
    /// One.
    One,
    /// A K × K matrix, row by row.
    Square,
}

/// One parameter of a law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name in the library and on the command line.
    pub name: &'static str,
    /// The numbers it accepts.
    pub range: Range,
    /// How many of them.
    pub width: Width,
    /// Whether gradients are taken in it. Those that are not (counts, bounds) reach the law as plain numbers.
    pub differentiable: bool,
    /// What `relaxit laws check` uses if the user gives no parameters.
    pub example: &'static [f64],
    /// What it is if the user does not give it.
    pub default: Option<&'static [f64]>,
}

impl Parameter {
    /// One number for each entry, or one for all.
    #[must_use]
    pub const fn each(name: &'static str, range: Range, example: &'static [f64]) -> Self {
        Self { name, range, width: Width::Each, differentiable: true, example, default: None }
    }

    /// One number.
    #[must_use]
    pub const fn one(name: &'static str, range: Range, example: &'static [f64]) -> Self {
        Self { name, range, width: Width::One, differentiable: true, example, default: None }
    }

    /// A matrix, row by row.
    #[must_use]
    pub const fn square(name: &'static str, range: Range, example: &'static [f64]) -> Self {
        Self { name, range, width: Width::Square, differentiable: true, example, default: None }
    }

    /// The same, but no gradient is taken in it.
    #[must_use]
    pub const fn fixed(self) -> Self {
        Self { differentiable: false, ..self }
    }

    /// The same, but it need not be given: then it is that of the example.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { default: Some(self.example), ..self }
    }

    /// Range and length in words.
    #[must_use]
    pub fn requirement(&self) -> String {
        let length = match self.width {
            Width::Each => "one or more, by commas",
            Width::One => "one number",
            Width::Square => "a K by K matrix, row by row, by commas",
        };
        let optional = if self.default.is_some() { "; need not be given" } else { "" };
        format!("{}; {length}{optional}", self.range)
    }
}

/// Named numbers as the user gave them.
pub type Given = BTreeMap<String, Vec<f64>>;

/// Reads `name=1,2,3`.
///
/// # Errors
/// If there is no `=`, no name, or something that is not a number.
pub fn assignment(text: &str) -> Result<(String, Vec<f64>), String> {
    let (name, numbers) = text.split_once('=').ok_or("expected NAME=NUMBER[,NUMBER...]")?;
    let name = name.trim();
    if name.is_empty() {
        return Err("expected NAME=NUMBER[,NUMBER...], and the name is empty".into());
    }
    let number = |text: &str| text.trim().parse().map_err(|_| format!("`{text}` is not a number"));
    Ok((name.to_owned(), numbers.split(',').map(number).collect::<Result<_, _>>()?))
}

/// Collects assignments; a name may come once.
///
/// # Errors
/// If a name comes twice.
pub fn collect(assignments: &[(String, Vec<f64>)]) -> Result<Given, UsageError> {
    let mut given = Given::new();
    for (name, numbers) in assignments {
        if given.insert(name.clone(), numbers.clone()).is_some() {
            return Err(UsageError(format!("parameter `{name}` is given twice")));
        }
    }
    Ok(given)
}

/// Reads a TOML table of numbers and arrays of numbers.
///
/// # Errors
/// If the text is no TOML, or a value is not a number or an array of numbers.
pub fn from_toml(text: &str) -> Result<Given, UsageError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| UsageError(error.to_string()))?;
    let numbers = |(name, value): (String, toml::Value)| {
        let entries = match value {
            toml::Value::Array(entries) => entries,
            other => vec![other],
        };
        let numbers: Option<Vec<f64>> = entries.iter().map(number).collect();
        let refusal = || UsageError(format!("parameter `{name}` must be a number or an array of numbers"));
        Ok((name.clone(), numbers.ok_or_else(refusal)?))
    };
    table.into_iter().map(numbers).collect()
}

fn number(value: &toml::Value) -> Option<f64> {
    match value {
        toml::Value::Float(x) => Some(*x),
        toml::Value::Integer(x) => Some(*x as f64),
        _ => None,
    }
}

/// Numbers for every parameter of a law, in its order, that passed the checks of [`resolve`].
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Entries of the law.
    pub entries: usize,
    /// The numbers of each parameter.
    pub numbers: Vec<Vec<f64>>,
}

/// Fits what the user gave to what `law` takes.
///
/// # Errors
/// If a parameter is unknown or missing, has the wrong length, or a number out of its range.
pub fn resolve(law: &str, parameters: &[Parameter], mut given: Given) -> Result<Values, UsageError> {
    let names = || parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>().join(", ");
    if let Some(name) = given.keys().find(|name| parameters.iter().all(|parameter| parameter.name != **name)) {
        return Err(UsageError(format!("{law} has no parameter `{name}`; it has: {}", names())));
    }
    let mut numbers = Vec::new();
    for parameter in parameters {
        let Parameter { name, range, .. } = parameter;
        let values = given.remove(*name).or_else(|| parameter.default.map(<[f64]>::to_vec)).ok_or_else(|| {
            UsageError(format!("{law}: parameter `{name}` is missing ({}); give it by -p", parameter.requirement()))
        })?;
        if let Some(x) = values.iter().find(|x| !range.contains(**x)) {
            return Err(UsageError(format!("{law}: every value of `{name}` must be {range}, got {x:?}")));
        }
        numbers.push(values);
    }
    let longest = |width: Width| {
        let wide = parameters.iter().zip(&numbers).filter(|(parameter, _)| parameter.width == width);
        wide.map(|(_, numbers)| numbers.len()).max()
    };
    // A matrix alone says by its own length what K is.
    let entries = longest(Width::Each).or_else(|| longest(Width::Square).map(usize::isqrt)).unwrap_or(1);
    for (Parameter { name, width, .. }, numbers) in parameters.iter().zip(&numbers) {
        let (fits, expected) = match width {
            Width::Each if entries == 1 => (numbers.len() == 1, "1 number".to_owned()),
            Width::Each => (numbers.len() == 1 || numbers.len() == entries, format!("1 or {entries} numbers")),
            Width::One => (numbers.len() == 1, "1 number".to_owned()),
            Width::Square => (numbers.len() == entries * entries, format!("K * K numbers, K = {entries}")),
        };
        if !fits {
            return Err(UsageError(format!("{law}: `{name}` must have {expected}, got {}", numbers.len())));
        }
        if entries > WIDEST {
            return Err(UsageError(format!("{law}: `{name}` must have at most {WIDEST} numbers, got {entries}")));
        }
    }
    Ok(Values { entries, numbers })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: [Parameter; 3] = [
        Parameter::each("loc", Range::Real, &[0.0]),
        Parameter::each("scale", Range::Positive, &[1.0]),
        Parameter::one("k", Range::Whole(1, 9), &[1.0]).fixed(),
    ];

    fn resolved(assignments: &[&str]) -> Result<Values, String> {
        let assignments: Result<Vec<_>, _> = assignments.iter().map(|text| assignment(text)).collect();
        let given = collect(&assignments?).map_err(|error| error.to_string())?;
        resolve("Law", &PARAMETERS, given).map_err(|error| error.to_string())
    }

    #[test]
    fn good_parameters_are_put_in_order() {
        let values = resolved(&["scale=2", "k=3", "loc= 1, -2.5,3e1"]).unwrap();
        assert_eq!(values, Values { entries: 3, numbers: vec![vec![1.0, -2.5, 30.0], vec![2.0], vec![3.0]] });
    }

    #[test]
    fn bad_parameters_are_refused_by_name() {
        let good = ["loc=0", "scale=1", "k=1"];
        let with = |index: usize, text: &'static str| {
            let mut assignments = good.to_vec();
            assignments[index] = text;
            resolved(&assignments).unwrap_err()
        };
        for (index, text, expected) in [
            (0, "loc=nan", "`loc` must be finite in single precision, got NaN"),
            (0, "loc=0,inf", "`loc` must be finite in single precision, got inf"),
            (0, "loc=1e39", "`loc` must be finite in single precision, got 1"),
            (0, "loc=", "`` is not a number"),
            (0, "loc=1,,2", "`` is not a number"),
            (0, "loc=one", "`one` is not a number"),
            (0, "loc", "NAME=NUMBER"),
            (0, "=1", "the name is empty"),
            (0, "locus=1", "no parameter `locus`; it has: loc, scale, k"),
            (0, "k=2", "`k` is given twice"),
            (1, "scale=0", "`scale` must be above 0, got 0"),
            (1, "scale=nan", "`scale` must be above 0, got NaN"),
            (2, "k=1.5", "a whole number from 1 to 9, got 1.5"),
            (2, "k=10", "a whole number from 1 to 9, got 10"),
            (2, "k=1,2", "`k` must have 1 number, got 2"),
        ] {
            let message = with(index, text);
            assert!(message.contains(expected), "{text}: {message}");
        }
        assert!(resolved(&good[..2]).unwrap_err().contains("`k` is missing"));
        assert!(resolved(&["loc=1,2", "scale=1,2,3", "k=1"]).unwrap_err().contains("1 or 3 numbers, got 2"));
        let many = format!("loc={}", vec!["0"; WIDEST + 1].join(","));
        assert!(resolved(&[&many, "scale=1", "k=1"]).unwrap_err().contains("at most 1024"));
    }

    #[test]
    fn what_is_optional_need_not_be_given() {
        let parameters = [PARAMETERS[0], Parameter::one("delta", Range::Positive, &[1.0]).fixed().optional()];
        let given = |text: &str| collect(&[assignment(text).unwrap()]).unwrap();
        assert_eq!(resolve("Law", &parameters, given("loc=2")).unwrap().numbers, [[2.0], [1.0]]);
        assert!(resolve("Law", &parameters, given("delta=2")).unwrap_err().to_string().contains("`loc` is missing"));
        let mut both = given("loc=2");
        both.extend(given("delta=3"));
        assert_eq!(resolve("Law", &parameters, both.clone()).unwrap().numbers, [[2.0], [3.0]]);
        both.extend(given("delta=-3"));
        assert!(resolve("Law", &parameters, both).unwrap_err().to_string().contains("`delta` must be above 0"));
        assert!(parameters[1].requirement().contains("need not be given"));
    }

    #[test]
    fn a_matrix_says_how_many_entries_there_are() {
        let parameters = [Parameter::square("logits", Range::Real, &[0.0])];
        let entries = |text: &str| resolve("Law", &parameters, collect(&[assignment(text).unwrap()]).unwrap());
        assert_eq!(entries("logits=1,2,3,4").unwrap().entries, 2);
        let message = entries("logits=1,2,3").unwrap_err().to_string();
        assert!(message.contains("`logits` must have K * K numbers, K = 1, got 3"), "{message}");
    }

    #[test]
    fn a_file_holds_numbers_and_arrays() {
        let given = from_toml("loc = [1, -2.5]\nscale = 2").unwrap();
        assert_eq!(given["loc"], [1.0, -2.5]);
        assert_eq!(given["scale"], [2.0]);
        for text in ["loc = 'x'", "loc = [1, 'x']", "loc = [[1]]", "[loc]\na = 1"] {
            assert!(from_toml(text).unwrap_err().to_string().contains("`loc` must be a number"), "{text}");
        }
        assert!(from_toml("loc = ").is_err());
        assert!(from_toml("loc = 1\nloc = 2").is_err());
    }
}
