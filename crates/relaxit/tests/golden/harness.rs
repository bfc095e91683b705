//! Fixtures with golden values: reading them, and comparing.

#![allow(dead_code)] // each test target uses its part

use std::collections::BTreeMap;

use burn::tensor::{DType, TensorData};
use relaxit::prelude::*;
use relaxit::temperature::Temperature;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Named columns of numbers.
pub(crate) type Columns = BTreeMap<String, Vec<f64>>;

/// A fixture and the versions of what made it.
#[derive(Deserialize)]
pub(crate) struct Fixture<T> {
    pub(crate) header: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(crate) content: T,
}

#[derive(Deserialize)]
pub(crate) struct Cases {
    cases: Vec<Case>,
}

/// Inputs of `rows` rows each, and what every quantity must be; `"x by y"` is the gradient of `x` by the input `y`.
#[derive(Deserialize)]
pub(crate) struct Case {
    name: String,
    precisions: Vec<String>,
    rows: usize,
    inputs: Columns,
    expected: Columns,
    source: BTreeMap<String, String>,
}

/// The name and the text of a fixture.
macro_rules! fixture {
    ($name:literal) => {
        ($name, include_str!(concat!("golden/", $name, ".json")))
    };
}

pub(crate) fn parse<T: DeserializeOwned>((name, text): (&str, &str)) -> Fixture<T> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("golden/{name}.json: {error}"))
}

pub(crate) fn data_type(precision: &str) -> DType {
    match precision {
        "f64" => DType::F64,
        "f32" => DType::F32,
        _ => panic!("no such precision: `{precision}`"),
    }
}

/// The inputs of one case as tensors, one row for each event.
pub(crate) struct Inputs {
    tensors: BTreeMap<String, Tensor<2>>,
    /// A temperature to hand over as a number rather than as a tensor.
    number: Option<f64>,
}

impl Inputs {
    fn new(case: &Case, dtype: DType, leaf: Option<&str>, number: Option<f64>) -> Self {
        let device = Device::flex().autodiff();
        let tensor = |(name, values): (&String, &Vec<f64>)| {
            let data = TensorData::new(values.clone(), [case.rows, values.len() / case.rows]);
            let tensor = Tensor::from_data(data, (&device, dtype));
            (name.clone(), if leaf == Some(name) { tensor.require_grad() } else { tensor })
        };
        Self { tensors: case.inputs.iter().map(tensor).collect(), number }
    }

    pub(crate) fn get(&self, name: &str) -> Tensor<2> {
        self.tensors.get(name).unwrap_or_else(|| panic!("the fixture has no input `{name}`")).clone()
    }

    pub(crate) fn temperature(&self) -> Temperature<2> {
        self.number.map_or_else(|| self.get("temperature").into(), Temperature::from)
    }

    /// The gradient of the sum of `output`, weighted by the input `cotangent` where it has that shape.
    fn gradient(&self, output: Tensor<2>, leaf: &str) -> Tensor<2> {
        let cotangent = self.tensors.get("cotangent").filter(|cotangent| cotangent.dims() == output.dims());
        let weighted = cotangent.map_or(output.clone(), |cotangent| output * cotangent.clone());
        let gradient = self.get(leaf).grad(&weighted.sum().backward());
        gradient.unwrap_or_else(|| panic!("the output does not depend on `{leaf}`"))
    }
}

/// Holds every quantity of a fixture to what `compute` gives: within 1e-10 in F64 and 1e-5 in F32, relative to the
/// expected value or to [`floor`], whichever is larger.
pub(crate) fn check(fixture: (&str, &str), tails: &[&str], compute: impl Fn(&Inputs, &str) -> Tensor<2>) {
    let Fixture { header, content: Cases { cases } } = parse(fixture);
    let mut failures = Vec::new();
    for case in &cases {
        let each_type = |quantity| case.precisions.iter().map(move |name| (quantity, data_type(name)));
        for ((quantity, expected), dtype) in case.expected.iter().flat_map(each_type) {
            let (output, leaf) = quantity.split_once(" by ").map_or((&**quantity, None), |(x, y)| (x, Some(y)));
            for number in temperatures(case, leaf) {
                let inputs = Inputs::new(case, dtype, leaf, number);
                let result = compute(&inputs, output);
                let result = if let Some(leaf) = leaf { inputs.gradient(result, leaf) } else { result };
                let source = case.source.get(quantity).expect("a source for each quantity");
                let label =
                    format!("golden/{}.json, case `{}`, {dtype:?}, {quantity} ({source})", fixture.0, case.name);
                assert_eq!(result.dtype(), dtype, "{label}");
                let got: Vec<f64> = result.try_into_vec_as().expect("readable");
                let relative = if dtype == DType::F64 { 1e-10 } else { 1e-5 };
                let width = expected.len() / case.rows;
                let floor = |i| floor(case, quantity, dtype, i / width, tails);
                failures.extend(differences(&label, &got, expected, |i| relative * expected[i].abs().max(floor(i))));
            }
        }
    }
    assert!(failures.is_empty(), "{}\n{} values differ from those of {header:?}", failures.join("\n"), failures.len());
}

/// What an error may at least be relative to: next to nothing if the quantity must keep its `tails`, else 1.
pub(crate) fn floor(case: &Case, quantity: &str, dtype: DType, row: usize, tails: &[&str]) -> f64 {
    if tails.contains(&quantity) {
        // With the factor 1e-5, the smallest normal f32: below it nothing is left to be relative to.
        return 1e-33;
    }
    let (Some(temperature), DType::F32) = (case.inputs.get("temperature"), dtype) else { return 1.0 };
    // `φ − τ z` and `(φ + g) / τ` lose in F32 what a number as large as φ cannot hold, whatever the formula; in a
    // derivative by τ they are multiplied by z, which is as large as φ / τ.
    let logits = &case.inputs["logits"];
    let width = logits.len() / case.rows;
    let largest = logits[row * width..][..width].iter().fold(0.0, |largest: f64, logit| largest.max(logit.abs()));
    if quantity.ends_with(" by temperature") { (largest / temperature[row]).max(1.0) } else { largest.max(1.0) }
}

/// As a tensor (`None`), and as a number too where one number will do.
pub(crate) fn temperatures(case: &Case, leaf: Option<&str>) -> Vec<Option<f64>> {
    let mut temperatures = vec![None];
    if let Some([first, rest @ ..]) = case.inputs.get("temperature").map(Vec::as_slice)
        && leaf != Some("temperature")
        && rest.iter().all(|other| other.to_bits() == first.to_bits())
    {
        temperatures.push(Some(*first));
    }
    temperatures
}

/// A line for each value that is off by more than is allowed at its index.
pub(crate) fn differences(label: &str, got: &[f64], expected: &[f64], allowed: impl Fn(usize) -> f64) -> Vec<String> {
    assert_eq!(got.len(), expected.len(), "{label}: number of values");
    let pairs = got.iter().zip(expected).enumerate();
    pairs
        .filter_map(|(i, (got, expected))| {
            let (off, allowed) = ((got - expected).abs(), allowed(i));
            let close = off <= allowed; // not so for NaN
            (!close).then(|| {
                format!("{label}[{i}]: got {got:e}, expected {expected:e}: off by {off:.1e}, allowed {allowed:.1e}")
            })
        })
        .collect()
}

/// The quantities that most laws have; the divergence is that from `p` to `q`.
pub(crate) fn common<L>(p: &L, q: &L, inputs: &Inputs, quantity: &str) -> Tensor<2>
where
    L: Density<2> + Moments<2> + Entropy<2> + KlDivergence<L, 2>,
{
    match quantity {
        "log_prob" => p.log_prob(inputs.get("value")),
        "mean" => p.mean(),
        "variance" => p.variance(),
        "entropy" => p.entropy(),
        "kl_divergence" => p.kl_divergence(q),
        _ => unknown(quantity),
    }
}

/// A quantity that nobody computes must not pass.
pub(crate) fn unknown(quantity: &str) -> ! {
    panic!("the fixture expects `{quantity}`, which this test does not compute")
}

pub(crate) use fixture;
