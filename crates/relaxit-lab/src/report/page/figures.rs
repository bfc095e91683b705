//! Figures that no run trained for.

use anyhow::Result;

use super::document::{Block, Column, Figure, Image, Section, Table};
use super::text::{any_size, number};
use crate::figure::laplace_bridge::{Bridge, Bridges};
use crate::figure::two_temperatures::{Form, Temperatures};
use crate::report::{laplace_bridge, two_temperatures};

/// The section of the Laplace bridge.
pub(super) fn bridge(bridges: &Bridges) -> Result<Section> {
    let figure = Figure::new(
        "laplace-bridge",
        Image::Svg(laplace_bridge::figure(bridges)?),
        "Densities on the simplex of three categories, each row on one scale of colours: a Dirichlet law, the softmax of \
         normal variables that the Laplace bridge leads to, and the Dirichlet law that leads to from there. Densities are \
         with respect to the first two coordinates."
            .into(),
        "Triangles of colour, a row for each law: the Dirichlet law, its approximation, and the way back.".into(),
    );
    let triple = |x: &[f64; 3]| format!("({})", x.map(trimmed).join(", "));
    let row = |bridge: &Bridge| {
        vec![
            triple(&bridge.concentration),
            triple(&bridge.loc),
            triple(&bridge.scale),
            triple(&bridge.back),
            format!("{} ± {}", number(bridge.kl, 5), number(bridge.kl_standard_error, 5)),
            format!("{} ± {}", number(bridge.total_variation, 5), number(bridge.total_variation_standard_error, 5)),
        ]
    };
    let mut columns: Vec<Column> =
        ["concentration α", "location μ", "scale β", "and back, α"].map(Column::words).into();
    columns.extend(["KL (nats)", "total variation"].map(Column::numbers));
    let caption = format!(
        "The bridge in numbers: KL divergence from the Dirichlet law to its approximation and the total variation between \
         them, by {} draws from the Dirichlet law, seed {}; ± is the standard error over draws. The bridge gives \
         independent logits the variances that centred ones have under the Dirichlet law, and leaves their covariances out: \
         ratios of entries vary less, by a third where concentrations are equal, however large these are. The way back is \
         exact.",
        bridges.config.draws, bridges.config.seed
    );
    let rows = bridges.bridges.iter().map(row).collect();
    let table = Table { caption, columns, rows, number: 0 };
    let title = "The Laplace bridge on the 3-simplex".into();
    Ok(Section { title, blocks: vec![Block::Figure(figure), Block::Table(table)] })
}

/// Three decimals, without those that say nothing.
fn trimmed(x: f64) -> String {
    let text = format!("{x:.3}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// The section of the two temperatures.
pub(super) fn temperatures(temperatures: &Temperatures) -> Result<Section> {
    let Temperatures { config, gradients, .. } = temperatures;
    let list = |x: &[f64]| x.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let form = match config.form {
        Form::Perturbed => "of the relaxed sample, at the noise that made the choice",
        Form::Probabilities => "of the probabilities, without noise",
    };
    let (logits, draws, seed) = (list(&config.logits), config.draws, config.seed);
    let worst = gradients.iter().map(|at| at.noise).fold(0.0, f64::max) / (draws as f64).sqrt();
    let sharpness = Figure::new(
        "sharpness",
        Image::Svg(two_temperatures::sharpness(temperatures)),
        format!(
            "Sharpness over the temperature, logits {logits}: the largest of the probabilities by which the forward \
             temperature makes choices, exact, and the largest entry of the relaxed sample whose Jacobian the backward \
             temperature shapes, mean of {draws} draws; the band holds the middle 95 % of the draws. Seed {seed}."
        ),
        "Two falling curves of the largest entry over the temperature, from hard to flat.".into(),
    );
    let heat_maps = Figure::new(
        "two-temperatures",
        Image::Svg(two_temperatures::heat_maps(temperatures)?),
        format!(
            "Gradients of E‖b − t‖², t = ({}), logits {logits}, by the Jacobian {form}: norm of the bias and standard \
             deviation of one gradient over the norm of the exact gradient at the same forward temperature, and the cosine \
             of the mean gradient to the exact one. {draws} draws at each pair, seed {seed}; the standard error of the bias \
             is at most {} on this scale.",
            list(&config.target),
            any_size(worst)
        ),
        "Three heat maps over backward and forward temperature: bias, noise and direction of gradients.".into(),
    );
    let text = "The decoupled straight-through Gumbel-Softmax chooses at its forward temperature and differentiates at its \
                backward temperature.";
    let blocks = vec![Block::Text(text.into()), Block::Figure(sharpness), Block::Figure(heat_maps)];
    Ok(Section { title: "Two temperatures of the decoupled straight-through estimator".into(), blocks })
}
