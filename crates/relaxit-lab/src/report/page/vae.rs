//! Auto-encoders side by side: those of one model, protocol and budget in one table.

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::Deserialize;

use super::codes::{code, kind, model_name, model_of};
use super::difference::{differences, labels, without};
use super::document::{Block, Column, Figure, Image, Section, Table};
use super::finished::VaeRun;
use super::text::{count, number, seeds, with_interval};
use crate::report::curve::{Curve, figure};
use crate::report::student::{interval, mean};
use crate::vae::code::Model;
use crate::vae::config::VaeConfig;
use crate::vae::latents::Latents;
use crate::vae::method::{Kind, Method};
use relaxit::schedule::Anneal;

/// What a report reads of `summary.json`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct VaeSummary {
    pub version: String,
    judged_model: Model,
    training_objective: String,
    test_elbo: f64,
    test_elbo_standard_error: f64,
    test_kl: f64,
    test_iwae: f64,
    test_iwae_standard_error: f64,
    pub seconds: f64,
}

/// What a report reads of a line of `metrics.jsonl`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Evaluation {
    step: usize,
    test_elbo: f64,
    /// Runs of earlier versions have none.
    #[serde(default)]
    gradient_variance: Option<f64>,
}

/// Runs that differ in nothing but their seeds.
struct Row<'a> {
    runs: Vec<&'a VaeRun>,
}

/// The settings that do not change what is compared.
const OF_THE_RUN: [&str; 6] = ["command", "version", "seed", "threads", "device", "data_dir"];

/// The sections of these runs: one for each model and budget.
///
/// # Errors
/// If two runs have the same configuration and seed.
pub(super) fn sections(runs: &[(&str, &VaeRun)]) -> Result<Vec<Section>> {
    for (index, (path, run)) in runs.iter().enumerate() {
        let same = |(_, other): &&(&str, &VaeRun)| {
            settings(&other.config) == settings(&run.config) && other.config.seed == run.config.seed
        };
        if let Some((other, _)) = runs[..index].iter().find(same) {
            bail!("{other} and {path} are runs of one configuration and seed; name one of them");
        }
    }
    let mut models: Vec<Vec<&VaeRun>> = Vec::new();
    for (_, run) in runs {
        match models.iter_mut().find(|model| is_one_model(model[0], run)) {
            Some(model) => model.push(run),
            None => models.push(vec![run]),
        }
    }
    // The larger the comparison, the more it says.
    models.sort_by_key(|model| std::cmp::Reverse(model.len()));
    Ok(models.iter().map(|model| section(model)).collect())
}

/// Whether two runs can stand in one table.
fn is_one_model(a: &VaeRun, b: &VaeRun) -> bool {
    let budget = |run: &VaeRun| VaeConfig {
        latent: Method::Concrete,
        latents: Latents { variables: 1, categories: None },
        correlation: None,
        samples: None,
        tuning_rate: None,
        learning_rate: 0.0,
        temperature: Anneal::Constant(1.0),
        version: String::new(),
        seed: 0,
        threads: 1,
        device: String::new(),
        data_dir: "".into(),
        ..run.config.clone()
    };
    let codes = |run: &VaeRun| (run.summary.judged_model, code(&run.config));
    codes(a) == codes(b) && budget(a) == budget(b)
}

fn settings(config: &VaeConfig) -> toml::Table {
    without(toml::Table::try_from(config).unwrap_or_default(), &OF_THE_RUN)
}

fn section(runs: &[&VaeRun]) -> Section {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for run in runs {
        match rows.iter_mut().find(|row| settings(&row.runs[0].config) == settings(&run.config)) {
            Some(row) => row.runs.push(run),
            None => rows.push(Row { runs: vec![run] }),
        }
    }
    for row in &mut rows {
        row.runs.sort_by_key(|run| run.config.seed);
    }
    rows.sort_by(|a, b| b.mean(|run| run.summary.test_elbo).total_cmp(&a.mean(|run| run.summary.test_elbo)));
    let names: Vec<String> = rows.iter().map(|row| row.runs[0].config.latent.name()).collect();
    let labels = labels(&names, &rows.iter().map(|row| settings(&row.runs[0].config)).collect::<Vec<_>>());

    let first = runs[0];
    let VaeConfig { protocol, epochs, .. } = &first.config;
    let title = format!(
        "Auto-encoders: {}, protocol {}, {}",
        model_name(&first.config),
        protocol.name(),
        count(*epochs, "epoch")
    );
    let mut blocks = vec![Block::Text(model(first)), Block::Table(table(&names, &rows))];
    let latents = model_of(first.config.latents);
    let codes = match kind(&first.config) {
        Kind::BitsOrChoices => latents.to_string(),
        kind => format!("{latents}-{kind:?}").to_lowercase(),
    };
    let stem = format!("vae-{codes}-{}-{epochs}", protocol.name());
    blocks.push(Block::Figure(elbo_curves(&stem, &rows, &labels)));
    blocks.extend(variance_curves(&stem, &rows, &labels).map(Block::Figure));
    blocks.extend(pictures(&stem, &rows[0], &labels[0]).map(Block::Figure));
    Section { title, blocks }
}

impl Row<'_> {
    fn values(&self, of: impl Fn(&VaeRun) -> f64) -> Vec<f64> {
        self.runs.iter().map(|run| of(run)).collect()
    }

    fn mean(&self, of: impl Fn(&VaeRun) -> f64) -> f64 {
        mean(&self.values(of))
    }

    fn seeds(&self) -> Vec<u64> {
        self.runs.iter().map(|run| run.config.seed).collect()
    }
}

/// Everything that the table's rows share.
fn model(run: &VaeRun) -> String {
    let VaeConfig { hidden, activation, prior, layers, batch_size, train_images, test_images, protocol, .. } =
        &run.config;
    let name =
        |value: Option<clap::builder::PossibleValue>| value.map_or_else(String::new, |value| value.get_name().into());
    let hidden = match hidden.0.as_slice() {
        [] => "linear networks".into(),
        _ => format!(
            "hidden layers of {hidden} units ({}), in reverse in the decoder",
            name(activation.to_possible_value())
        ),
    };
    let explained = match protocol.name() {
        "grey" => "intensities scored by the Bernoulli cross-entropy",
        "dynamic" => "bits drawn with the intensities as probabilities, anew in each epoch, once for the test set",
        _ => "intensities rounded to bits",
    };
    let apart = match run.summary.judged_model {
        Model::Discrete => "",
        Model::Continuous | Model::Mixed => {
            ", with densities of its own: no bound of discrete codes compares with these"
        }
    };
    format!(
        "Judged as the {} model{apart}. {} of the code, {} prior, {hidden}, Adam with batches of {batch_size} on \
         {train_images} training images of MNIST, judged on {test_images} test images. Protocol `{}`: {explained}; \
         numbers of different protocols cannot be compared.",
        run.summary.judged_model.name(),
        count(*layers, "layer"),
        name(prior.to_possible_value()),
        protocol.name(),
    )
}

fn table(names: &[String], rows: &[Row<'_>]) -> Table {
    let first = rows[0].runs[0];
    let told =
        differences(&rows.iter().map(|row| without(settings(&row.runs[0].config), &["latent"])).collect::<Vec<_>>());
    let is_told = told.iter().any(|told| !told.is_empty());
    let of_model = match first.summary.judged_model {
        Model::Discrete => String::new(),
        model => format!(" of the {} model", model.name()),
    };
    let elbo = format!("test ELBO{of_model} (nats)");
    let iwae = format!("IWAE bound{of_model}, {} samples (nats)", first.config.iwae_samples);
    let mut columns = vec![Column::words("latent")];
    columns.extend(["seeds", &elbo, &iwae, "KL (nats)", "minutes a seed"].map(Column::numbers));
    columns.push(Column::words("trained by"));
    if is_told {
        columns.push(Column::words("other settings"));
    }
    let row = |((row, name), told): ((&Row<'_>, &String), &String)| {
        let mut cells = vec![format!("`{name}`")];
        let bound = |of: fn(&VaeSummary) -> f64, error: fn(&VaeSummary) -> f64| match interval(
            &row.values(|run| of(&run.summary)),
        ) {
            Some(interval) => with_interval(&interval, 2),
            None => format!(
                "{} (± {} over images)",
                number(of(&row.runs[0].summary), 2),
                number(error(&row.runs[0].summary), 2)
            ),
        };
        cells.push(row.runs.len().to_string());
        cells.push(bound(|summary| summary.test_elbo, |summary| summary.test_elbo_standard_error));
        cells.push(bound(|summary| summary.test_iwae, |summary| summary.test_iwae_standard_error));
        cells.push(number(row.mean(|run| run.summary.test_kl), 2));
        cells.push(number(row.mean(|run| run.summary.seconds / 60.0), 1));
        cells.push(trained_by(&row.runs[0].summary.training_objective));
        if is_told {
            cells.push(told.clone());
        }
        cells
    };
    let caption = format!(
        "Bounds of the {} model on {} test images, protocol {}, in nats per image, the best ELBO first: mean over seeds \
         with its 95 % interval by Student's t over seeds. One seed has no such interval: ± is then the standard error \
         over test images, which says nothing of training. KL and minutes are means. A relaxed objective is \
         E[log p(x|y)] with relaxed y, minus the KL of the discrete law: not a bound.",
        first.summary.judged_model.name(),
        first.config.test_images,
        first.config.protocol.name(),
    );
    Table { caption, columns, rows: rows.iter().zip(names).zip(&told).map(row).collect(), number: 0 }
}

/// The training objective in few words: `ELBO, biased gradient`.
fn trained_by(objective: &str) -> String {
    let parts = objective.split_once(" of the ").and_then(|(what, rest)| Some((what, rest.split_once(" with a")?.1)));
    match parts {
        Some((what, gradient)) => format!("{what}, {}", gradient.trim_start_matches('n').trim_start()),
        None => "relaxed objective".into(),
    }
}

/// A row's curve of `value`, over the evaluations that all its seeds have.
fn curve(row: &Row<'_>, label: &str, value: impl Fn(&Evaluation) -> Option<f64>) -> Option<Curve> {
    let length = row.runs.iter().map(|run| run.metrics.len()).min().unwrap_or(0);
    let (mut points, mut band) = (Vec::new(), Vec::new());
    for index in 0..length {
        let values: Vec<f64> = row.runs.iter().filter_map(|run| value(&run.metrics[index])).collect();
        if values.len() < row.runs.len() {
            continue;
        }
        points.push((row.runs[0].metrics[index].step as f64, mean(&values)));
        band.extend(interval(&values).map(|interval| (interval.low, interval.high)));
    }
    (!points.is_empty()).then(|| Curve { name: format!("{label} ({})", seeds(&row.seeds())), points, band })
}

fn elbo_curves(stem: &str, rows: &[Row<'_>], labels: &[String]) -> Figure {
    let curves: Vec<Curve> = rows
        .iter()
        .zip(labels)
        .filter_map(|(row, label)| curve(row, label, |evaluation| Some(evaluation.test_elbo)))
        .collect();
    let first = rows[0].runs[0];
    let (model, protocol) = (first.summary.judged_model.name(), first.config.protocol.name());
    let svg = figure(
        &format!("Test ELBO of the {model} model, protocol {protocol}"),
        "optimiser step",
        "test ELBO, nats per image",
        &curves,
    );
    Figure::new(
        format!("{stem}-elbo"),
        Image::Svg(svg),
        format!(
            "Single-sample test ELBO of the {model} model in training, protocol {protocol}: mean over seeds; bands are 95 % \
             intervals by Student's t over seeds, where there are several."
        ),
        format!("Curves of the test ELBO over optimiser steps, one for each of {}.", count(curves.len(), "method")),
    )
}

fn variance_curves(stem: &str, rows: &[Row<'_>], labels: &[String]) -> Option<Figure> {
    let log = |evaluation: &Evaluation| evaluation.gradient_variance.filter(|variance| *variance > 0.0).map(f64::log10);
    let curves: Vec<Curve> = rows.iter().zip(labels).filter_map(|(row, label)| curve(row, label, log)).collect();
    (!curves.is_empty()).then(|| {
        let svg = figure(
            "Variance of the encoder's gradient",
            "optimiser step",
            "log10 of the variance, nats² summed over parameters",
            &curves,
        );
        Figure::new(
            format!("{stem}-variance"),
            Image::Svg(svg),
            "Variance of one training step's gradient, summed over the encoder's parameters, at the weights as they stand \
             and one fixed batch: mean of its logarithm over seeds; bands are 95 % intervals by Student's t over seeds, \
             where there are several. The lower, the better, among gradients without bias."
                .into(),
            format!("Curves of gradient variance over optimiser steps, one for each of {}.", count(curves.len(), "method")),
        )
    })
}

fn pictures(stem: &str, row: &Row<'_>, label: &str) -> [Figure; 2] {
    let run = row.runs[0];
    let (seed, protocol) = (run.config.seed, run.config.protocol.name());
    let [reconstructions, samples] = run.pictures.clone();
    let which = format!("`{label}`, which has the best ELBO of the table, seed {seed}, protocol {protocol}");
    [
        Figure::new(
            format!("{stem}-reconstructions"),
            Image::Png(reconstructions),
            format!("Test digits, each above its reconstruction from one code, by {which}."),
            "Rows of test digits, each above a row of what was reconstructed of them.".into(),
        ),
        Figure::new(
            format!("{stem}-samples"),
            Image::Png(samples),
            format!("Digits decoded from codes drawn from the prior, by {which}."),
            "A grid of digits drawn from the model.".into(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_told_in_few_words() {
        let told: std::collections::BTreeSet<String> =
            Method::value_variants().iter().map(|method| trained_by(method.training_objective())).collect();
        let expected = [
            "ELBO, biased gradient",
            "ELBO, unbiased gradient",
            "importance-weighted bound, unbiased gradient",
            "relaxed objective",
        ];
        assert!(told.iter().eq(expected), "{told:?}");
    }
}
