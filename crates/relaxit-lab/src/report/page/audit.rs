//! Audits of estimators: what they claim, and what was seen.

use serde::Deserialize;

use super::document::{Block, Column, Figure, Image, Table};
use super::text::{any_size, count};
use crate::audit::record::Record;
use crate::report::audit::picture;

/// What a report reads of `summary.json`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct AuditSummary {
    pub version: String,
    pub seed: u64,
    problem: String,
    draws: usize,
    tune: u64,
    temperature: Option<f64>,
    reference: String,
    /// The aggregate of each estimator.
    pub results: Vec<Record>,
}

/// One audit: a table and a picture.
pub(super) fn blocks(summary: &AuditSummary) -> Vec<Block> {
    let AuditSummary { problem, draws, tune, temperature, reference, seed, results, .. } = summary;
    let columns = vec![
        Column::words("estimator"),
        Column::words("claims"),
        Column::numbers("exact"),
        Column::numbers("bias ± standard error"),
        Column::numbers("z"),
        Column::numbers("variance"),
        Column::numbers("mean squared error"),
        Column::numbers("evaluations"),
        Column::numbers("µs a gradient"),
    ];
    let row = |record: &Record| {
        vec![
            format!("`{}`", record.estimator),
            if record.claims_unbiased { "unbiased" } else { "biased" }.into(),
            any_size(record.exact),
            format!("{} ± {}", any_size(record.bias), any_size(record.bias_standard_error)),
            record.z.map_or_else(|| "-".into(), |z| format!("{z:.2}")),
            any_size(record.variance),
            any_size(record.mse),
            format!("{:.0}", record.evaluations),
            any_size(1e6 * record.seconds_per_gradient),
        ]
    };
    let temperature = temperature.map_or_else(String::new, |temperature| format!(", temperature {temperature}"));
    let which = format!("{problem}, {draws} draws, seed {seed}");
    let caption = format!(
        "Audit against the gradient by {reference}: {which}{temperature}. Estimators that learn saw {tune} batches before. Norms over the logits for the exact gradient and the bias, sums over \
         the logits for variance and mean squared error of one gradient; z is the largest bias in standard errors, which in \
         an estimator without bias exceeds 6.109 once in a billion. Evaluations of the objective and time are for one \
         gradient of all logits."
    );
    let figure = Figure::new(
        "audit",
        Image::Svg(picture(problem, results)),
        format!(
            "Variance of one gradient, and squared bias where one is seen, summed over logits: {which}. The axis is \
             logarithmic; an estimator without a point has no variance."
        ),
        format!("Points for variance and squared bias of {}.", count(results.len(), "estimator")),
    );
    let rows = results.iter().map(row).collect();
    vec![
        Block::Heading(problem.clone()),
        Block::Table(Table { caption, columns, rows, number: 0 }),
        Block::Figure(figure),
    ]
}
