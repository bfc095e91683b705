//! An audit as a table and as a picture.

use kuva::backend::svg::SvgBackend;
use kuva::plot::ScatterPlot;
use kuva::render::layout::Layout;
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use relaxit::testing::Z_BILLION;

use super::curve::COLOURS;
use crate::audit::record::Record;

/// The columns of [`row`].
#[must_use]
pub fn header() -> String {
    cells(
        [
            "estimator",
            "claims",
            "exact",
            "mean",
            "bias",
            "± error",
            "z",
            "variance",
            "mse",
            "evaluations",
            "s/gradient",
        ]
        .map(str::to_owned),
    )
}

/// One record as a line of the table.
#[must_use]
pub fn row(record: &Record) -> String {
    let claim = if record.claims_unbiased { "unbiased" } else { "biased" };
    cells([
        record.estimator.clone(),
        claim.into(),
        short(record.exact),
        short(record.mean),
        short(record.bias),
        short(record.bias_standard_error),
        record.z.map_or_else(|| "-".into(), |z| if z.abs() < 1e4 { format!("{z:.2}") } else { short(z) }),
        short(record.variance),
        short(record.mse),
        format!("{:.0}", record.evaluations),
        format!("{:.1e}", record.seconds_per_gradient),
    ])
}

fn cells([name, claim, numbers @ ..]: [String; 11]) -> String {
    let numbers = numbers.map(|cell| format!("{cell:>11}")).join(" ");
    format!("{name:<18} {claim:<8} {numbers}")
}

/// Four digits.
fn short(x: f64) -> String {
    if x == 0.0 {
        "0".into()
    } else if (1e-2..1e4).contains(&x.abs()) {
        format!("{x:.4}")
    } else {
        format!("{x:.3e}")
    }
}

/// The papers of these estimators, one line each.
#[must_use]
pub fn papers(records: &[Record]) -> Vec<String> {
    let lines = records.iter().flat_map(|record| {
        record.papers.iter().map(|paper| format!("{:<18} {paper}", record.estimator)).collect::<Vec<_>>()
    });
    lines.collect()
}

/// Variance and squared bias of each estimator on one logarithmic axis, as SVG. A squared bias is shown where it is seen.
#[must_use]
pub fn picture(title: &str, records: &[Record]) -> String {
    let height = |index: usize| (records.len() - index) as f64;
    let points = |value: fn(&Record) -> Option<f64>| -> Vec<(f64, f64)> {
        let values = records.iter().enumerate().map(|(index, record)| (value(record), height(index)));
        values.filter_map(|(x, y)| x.filter(|x| *x > 0.0 && x.is_finite()).map(|x| (x, y))).collect()
    };
    let variance = points(|record| Some(record.variance));
    let bias = points(|record| record.z.filter(|z| z.abs() > Z_BILLION).map(|_| record.bias.powi(2)));
    let series = |name: &str, points: Vec<(f64, f64)>, colour: &str| {
        Plot::Scatter(ScatterPlot::new().with_data(points).with_color(colour).with_size(5.0).with_legend(name))
    };
    let plots = vec![series("variance", variance, COLOURS[0]), series("squared bias", bias, COLOURS[1])];
    let names = records.iter().rev().map(|record| record.estimator.clone()).collect();
    let layout = Layout::auto_from_plots(&plots)
        .with_y_axis_min(0.5)
        .with_y_axis_max(records.len() as f64 + 0.5)
        .with_title(title)
        .with_x_label("of one gradient, summed over logits")
        .with_log_x()
        .with_y_categories(names);
    SvgBackend.render_scene(&render_multiple(plots, layout))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record(variance: f64, z: Option<f64>) -> Record {
        Record {
            estimator: "rloo".into(),
            claims_unbiased: true,
            exact: 0.25,
            mean: 0.125,
            bias: -0.125,
            bias_standard_error: 1e-5,
            z,
            variance,
            mse: 1e5,
            evaluations: 2.0,
            seconds_per_gradient: 1.5e-6,
            logit: None,
            exact_standard_error: 0.0,
            draws: 100,
            papers: vec!["Somebody (1999), Something".into()],
        }
    }

    #[test]
    fn a_row_has_the_headers_columns() {
        let row = row(&record(0.0, None));
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(
            cells,
            ["rloo", "unbiased", "0.2500", "0.1250", "-0.1250", "1.000e-5", "-", "0", "1.000e5", "2", "1.5e-6"]
        );
        assert_eq!(row.chars().count(), header().chars().count());
        assert_eq!(super::row(&record(1.0, Some(-3.5e12))).chars().count(), header().chars().count());
        assert_eq!(papers(&[record(1.0, None)]), ["rloo               Somebody (1999), Something"]);
    }

    #[test]
    fn a_picture_survives_numbers_that_no_logarithm_has() {
        for (variance, z) in [(0.0, None), (f64::NAN, Some(f64::NAN)), (1.0, Some(7.0)), (1e-300, Some(0.0))] {
            let svg = picture("all", &[record(variance, z)]);
            assert!(svg.contains("rloo") && svg.contains("squared bias") && !svg.contains("NaN"), "{svg}");
        }
    }
}
