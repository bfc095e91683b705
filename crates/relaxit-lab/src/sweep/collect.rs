//! What the runs of a sweep say, in one table.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::plan::Job;
use super::state::{State, Sweep};

/// The summary of one job that is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The job.
    pub job: Job,
    /// Its `summary.json`.
    pub summary: Map<String, Value>,
}

/// A row for each job that is done, in the plan's order.
///
/// # Errors
/// If a summary cannot be read.
pub fn collect(sweep: &Sweep) -> Result<Vec<Row>> {
    let done = sweep.plan.jobs.iter().filter(|job| sweep.state(job) == State::Done);
    done.map(|job| {
        let path = sweep.directory(job).join("summary.json");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let summary = serde_json::from_str(&text).with_context(|| format!("{} is no summary", path.display()))?;
        Ok(Row { job: job.clone(), summary })
    })
    .collect()
}

/// A JSON object: the job's name, its point of the grid, its whole summary.
#[must_use]
pub fn json_line(row: &Row) -> String {
    let point: Map<String, Value> = row.job.point.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    json!({ "job": row.job.name, "grid": point, "summary": row.summary }).to_string()
}

/// A header and a line for each row: the job's name, the options of the grid that the summary does not repeat, and every
/// single value of the summary, those inside of others under names with dots. Lists are left out.
#[must_use]
pub fn table(rows: &[Row]) -> Vec<Vec<String>> {
    let flat: Vec<Vec<(String, String)>> = rows.iter().map(cells).collect();
    let mut columns: Vec<String> = vec!["job".into()];
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (column, _) in flat.iter().flatten() {
        if known.insert(column) {
            columns.push(column.clone());
        }
    }
    let line = |(row, cells): (&Row, &Vec<(String, String)>)| {
        let cell = |column: &String| cells.iter().find(|(name, _)| name == column).map(|(_, value)| value.clone());
        let cells = columns[1..].iter().map(|column| cell(column).unwrap_or_default());
        std::iter::once(row.job.name.clone()).chain(cells).collect()
    };
    let lines: Vec<Vec<String>> = rows.iter().zip(&flat).map(line).collect();
    std::iter::once(columns).chain(lines).collect()
}

fn cells(row: &Row) -> Vec<(String, String)> {
    let mut cells = Vec::new();
    flatten("", &row.summary, &mut cells);
    let point = row.job.point.iter().map(|(key, value)| (key.clone(), json!(value)));
    let unsaid: Map<String, Value> =
        point.filter(|(key, _)| !row.summary.contains_key(&key.replace('-', "_"))).collect();
    let mut grid = Vec::new();
    flatten("", &unsaid, &mut grid);
    grid.extend(cells);
    grid
}

fn flatten(prefix: &str, object: &Map<String, Value>, cells: &mut Vec<(String, String)>) {
    for (key, value) in object {
        let name = format!("{prefix}{key}");
        match value {
            Value::Object(inner) => flatten(&format!("{name}."), inner, cells),
            Value::Array(_) => (),
            Value::Null => cells.push((name, String::new())),
            Value::String(text) => cells.push((name, text.clone())),
            Value::Bool(_) | Value::Number(_) => cells.push((name, value.to_string())),
        }
    }
}

/// A line of CSV.
#[must_use]
pub fn csv_line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",")
}

/// The numbers of a [`table`] that differ between its rows, for a reader: columns of one width, numbers cut to six digits.
#[must_use]
pub fn text(table: &[Vec<String>]) -> Vec<String> {
    let Some((columns, rows)) = table.split_first() else { return Vec::new() };
    let numeric = |column: usize| rows.iter().all(|row| row[column].is_empty() || row[column].parse::<f64>().is_ok());
    let differs = |column: usize| rows.iter().any(|row| row[column] != rows[0][column]);
    let kept: Vec<usize> =
        (0..columns.len()).filter(|&column| column == 0 || (numeric(column) && differs(column))).collect();
    let cell = |cell: &String| match cell.parse::<f64>() {
        Ok(number) if cell.len() > 8 => shortened(number),
        _ => cell.clone(),
    };
    let mut lines = vec![kept.iter().map(|&column| columns[column].clone()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| kept.iter().map(|&column| cell(&row[column])).collect()));
    aligned(&lines)
}

fn shortened(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) { format!("{number:.3e}") } else { format!("{number:.3}") }
}

/// Lines of cells, each column as wide as its widest cell.
#[must_use]
pub fn aligned(lines: &[Vec<String>]) -> Vec<String> {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::plan::Plan;

    fn rows() -> Vec<Row> {
        let plan =
            "[[job]]\ncommand = 'vae'\ngrid = { learning-rate = [0.1, 0.2], epochs = [1] }\n[[job]]\ncommand = 'rl'";
        let summaries = [
            json!({ "epochs": 1, "elbo": -100.123_456_789, "objective": "a, \"b\"", "papers": ["x"] }),
            json!({ "epochs": 1, "elbo": -90.5, "objective": "c", "seconds": 1e-5 }),
            json!({ "reward": { "value": 3.5, "low": null } }),
        ];
        let jobs = Plan::parse(plan).unwrap().jobs;
        jobs.into_iter()
            .zip(summaries)
            .map(|(job, summary)| Row { job, summary: summary.as_object().unwrap().clone() })
            .collect()
    }

    #[test]
    fn a_table_has_every_value_once() {
        let lines: Vec<String> = table(&rows()).iter().map(|line| csv_line(line)).collect();
        assert_eq!(
            lines,
            [
                "job,learning-rate,elbo,epochs,objective,seconds,reward.low,reward.value",
                "vae-epochs1-learning-rate0.1,0.1,-100.123456789,1,\"a, \"\"b\"\"\",,,",
                "vae-epochs1-learning-rate0.2,0.2,-90.5,1,c,0.00001,,",
                "rl,,,,,,,3.5"
            ]
        );
        let line: Value = serde_json::from_str(&json_line(&rows()[0])).unwrap();
        assert_eq!(line["grid"], json!({ "learning-rate": 0.1, "epochs": 1 }));
        assert_eq!(line["summary"]["papers"], json!(["x"]));
    }

    #[test]
    fn a_reader_sees_the_numbers_that_differ() {
        let lines = text(&table(&rows()[..2]));
        assert_eq!(
            lines,
            [
                "job                           learning-rate  elbo      seconds",
                "vae-epochs1-learning-rate0.1  0.1            -100.123",
                "vae-epochs1-learning-rate0.2  0.2            -90.5     0.00001"
            ]
        );
    }
}
