//! In what configurations differ: how runs are told apart by name.

use toml::{Table, Value};

/// For each configuration, the settings that are not the same in all: `name value, name value`.
#[must_use]
pub(super) fn differences(configs: &[Table]) -> Vec<String> {
    let flat: Vec<Vec<(String, String)>> = configs.iter().map(flatten).collect();
    let differs = |key: &String| {
        let value = |settings: &Vec<(String, String)>| {
            settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
        };
        let first = flat.first().and_then(value);
        flat.iter().any(|settings| value(settings) != first)
    };
    flat.iter()
        .map(|settings| {
            let told = settings.iter().filter(|(key, _)| differs(key));
            told.map(|(key, value)| format!("{} {value}", key.replace('_', " "))).collect::<Vec<_>>().join(", ")
        })
        .collect()
}

/// Names of runs: `names`, and where several have the same, in what those differ.
#[must_use]
pub(super) fn labels(names: &[String], configs: &[Table]) -> Vec<String> {
    let label = |(index, name): (usize, &String)| {
        let alike: Vec<usize> = (0..names.len()).filter(|&other| names[other] == *name).collect();
        let told = differences(&alike.iter().map(|&other| configs[other].clone()).collect::<Vec<_>>());
        let own = alike.iter().position(|&other| other == index).map_or("", |place| told[place].as_str());
        if own.is_empty() { name.clone() } else { format!("{name}, {own}") }
    };
    names.iter().enumerate().map(label).collect()
}

/// A configuration without these settings.
pub(super) fn without(mut config: Table, settings: &[&str]) -> Table {
    config.retain(|key, _| !settings.contains(&key));
    config
}

/// Settings in tables within the configuration get their own name, which is told from others' by where it stands.
fn flatten(config: &Table) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    for (key, value) in config {
        match value {
            Value::Table(inner) => settings.extend(flatten(inner)),
            Value::String(text) => settings.push((key.clone(), text.clone())),
            other => settings.push((key.clone(), other.to_string())),
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs() -> Vec<Table> {
        ["seed = 0\nrate = 0.1\n[agent]\nhidden = 64", "seed = 0\nrate = 0.2\nsamples = 2\n[agent]\nhidden = 64"]
            .map(|text| text.parse().unwrap())
            .to_vec()
    }

    #[test]
    fn what_is_the_same_is_not_told() {
        assert_eq!(differences(&configs()), ["rate 0.1", "rate 0.2, samples 2"]);
        assert_eq!(differences(&configs()[..1]), [""]);
        let nested = "seed = 0\nrate = 0.1\n[agent]\nhidden = 32".parse().unwrap();
        assert_eq!(differences(&[configs()[0].clone(), nested]), ["hidden 64", "hidden 32"]);
    }

    #[test]
    fn names_that_differ_need_no_more() {
        let name = |names: [&str; 2]| labels(&names.map(String::from), &configs());
        assert_eq!(name(["rloo", "arm"]), ["rloo", "arm"]);
        assert_eq!(name(["rloo", "rloo"]), ["rloo, rate 0.1", "rloo, rate 0.2, samples 2"]);
        assert_eq!(without(configs().remove(0), &["seed", "agent"]).len(), 1);
    }
}
