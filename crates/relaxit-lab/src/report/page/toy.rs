//! The toy problem's figure and where its estimators ended.

use serde::Deserialize;

use super::document::{Block, Column, Figure, Image, Table};
use super::finished::ToyRun;
use super::text::{any_size, count, number};
use crate::report::student::half_width;
use crate::report::toy::{figure, title};
use crate::toy::train::Point;

/// What a report reads of `summary.json`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ToySummary {
    pub version: String,
    pub seconds: f64,
    pub results: Vec<Outcome>,
}

/// Where one estimator ended.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Outcome {
    target: f64,
    pub estimator: String,
    claims_unbiased: bool,
    infimum: f64,
    loss: f64,
    loss_standard_error: f64,
    variance: f64,
    pub papers: Vec<String>,
}

/// One run: a figure and a table.
pub(super) fn blocks(run: &ToyRun) -> Vec<Block> {
    let ToyRun { config, summary, points } = run;
    let curves: Vec<&[Point]> =
        points.chunk_by(|a, b| a.estimator == b.estimator && a.target.total_cmp(&b.target).is_eq()).collect();
    let seeds = count(config.seeds, "seed");
    let figure = Figure::new(
        "toy",
        Image::Svg(figure(&title(config), &curves)),
        format!(
            "The toy problem: loss E[(b - t)²] of a bit b above the variance of one gradient, over steps of Adam, for each \
             target t. Lines are means over {seeds}, bands two standard errors over seeds; the dashed line is the loss that \
             is approached and never reached. Variances are measured by {} gradients.",
            config.draws
        ),
        format!("Curves of loss and of gradient variance, one for each of {} estimators.", config.estimators.len()),
    );
    let row = |outcome: &Outcome| {
        let half = half_width(outcome.loss_standard_error, config.seeds);
        let loss = match config.seeds {
            1 => number(outcome.loss, 6),
            _ => format!("{:.6} ± {half:.6}", outcome.loss),
        };
        vec![
            format!("`{}`", outcome.estimator),
            if outcome.claims_unbiased { "unbiased" } else { "biased" }.into(),
            outcome.target.to_string(),
            loss,
            number(outcome.infimum, 6),
            any_size(outcome.variance),
        ]
    };
    let columns = vec![
        Column::words("estimator"),
        Column::words("claims"),
        Column::numbers("target t"),
        Column::numbers("final loss"),
        Column::numbers("infimum"),
        Column::numbers("variance of one gradient"),
    ];
    let caption = format!(
        "The toy problem after {} steps: exact loss at the last logit, mean over {seeds} ± half of its 95 % interval by \
         Student's t over seeds, and the mean variance of one gradient there.",
        config.steps
    );
    let rows = summary.results.iter().map(row).collect();
    vec![Block::Figure(figure), Block::Table(Table { caption, columns, rows, number: 0 })]
}
