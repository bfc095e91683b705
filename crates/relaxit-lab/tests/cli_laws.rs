//! `relaxit sample` and `relaxit laws check` as a user meets them.
#![allow(clippy::unwrap_used)]

mod command;

use std::fs;
use std::io::Read;
use std::process::Stdio;

use tempfile::TempDir;

use command::{succeeds, text, typed};

fn data(line: &str) -> String {
    text(&succeeds(&mut typed(line)).stdout)
}

/// Runs to the end, expects `status`, no data, and returns what it said.
fn fails(line: &str, status: i32) -> String {
    let output = typed(line).output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{line}: {message}");
    assert!(output.stdout.is_empty(), "{line}");
    assert!(message.contains("error: ") && !message.contains("panicked"), "{line}: {message}");
    message
}

#[test]
fn the_list_and_the_help_are_as_reviewed() {
    insta::assert_snapshot!("list", data("sample --list"));
    insta::assert_snapshot!("help_of_sample", data("sample --help"));
    insta::assert_snapshot!("help_of_check", data("laws check --help"));
}

/// Every column by name, and numbers that belong together.
#[test]
fn csv_names_its_columns() {
    let lines =
        data("sample relaxed-one-hot-categorical -p logits=0.3,-1.2,0 -p temperature=0.5 -n 5 --log-prob --grad");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 6);
    insta::assert_snapshot!("csv", lines[..2].join("\n"));
    for line in &lines[1..] {
        let numbers: Vec<f64> = line.split(',').map(|x| x.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 8);
        assert!((numbers[..3].iter().sum::<f64>() - 1.0).abs() < 1e-12, "{line}");
        // Adding a constant to the logits changes nothing.
        assert!(numbers[4..7].iter().sum::<f64>().abs() < 1e-9, "{line}");
    }
    let header = |options: &str| data(&format!("sample RelaxedBernoulli -p logits=0,1 -p temperature=1 {options}"));
    let path = header("--grad=path");
    let names = "x0,x1,dx0/dlogits0,dx0/dlogits1,dx0/dtemperature,dx1/dlogits0,dx1/dlogits1,dx1/dtemperature";
    assert_eq!(path.lines().next(), Some(names));
    assert_eq!(header("").lines().next(), Some("x0,x1"));
    assert_eq!(data("sample Bernoulli -p logits=0 --log-prob").lines().next(), Some("x,log_prob"));
    // The same noise, whatever stands beside the draws.
    let draws = |text: &str| {
        text.lines().map(|line| line.split(',').take(2).collect()).collect::<Vec<Vec<_>>>().concat().join(" ")
    };
    assert_eq!(draws(&path), draws(&header("")));
}

#[test]
fn json_lines_hold_the_same_numbers() {
    let line = "sample Gumbel -p loc=1 -p scale=2 -n 4 --log-prob --grad --seed 3";
    let (csv, json) = (data(line), data(&format!("{line} --format jsonl")));
    let mut rows = csv.lines();
    let header: Vec<&str> = rows.next().unwrap().split(',').collect();
    assert_eq!(header, ["x", "log_prob", "dlog_prob/dloc", "dlog_prob/dscale"]);
    assert_eq!(json.lines().count(), 4);
    for (row, object) in rows.zip(json.lines()) {
        // The same digits: a parser of JSON may round the last of them.
        let fields: Vec<String> =
            header.iter().zip(row.split(',')).map(|(name, x)| format!("\"{name}\":{x}")).collect();
        assert_eq!(object, format!("{{{}}}", fields.join(",")));
        assert!(serde_json::from_str::<serde_json::Value>(object).is_ok());
    }
}

#[test]
fn a_seed_gives_the_same_draws() {
    let line = "sample OneHotCategorical -p logits=0,1,2";
    let draws = data(&format!("{line} -n 9000"));
    assert_eq!(draws, data(&format!("{line} -n 9000 --seed 0")));
    assert_ne!(draws, data(&format!("{line} -n 9000 --seed 1")));
    assert_eq!(draws.lines().count(), 9001);
    // A shorter run is the start of a longer one.
    assert!(draws.starts_with(&data(&format!("{line} -n 8200"))));
    // Chunks are not copies of each other.
    let lines: Vec<&str> = draws.lines().collect();
    assert_ne!(lines[1..101], lines[8193..8293]);
}

#[test]
fn parameters_come_from_a_file_too() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("law.toml");
    fs::write(&path, "logits = [0.3, -1.2]\ntemperature = 1\n").unwrap();
    let file = path.display();
    let line = format!("sample RelaxedBernoulli --params {file}");
    assert_eq!(data(&line), data("sample RelaxedBernoulli -p logits=0.3,-1.2 -p temperature=1"));
    // The command line goes before the file.
    assert_eq!(
        data(&format!("{line} -p temperature=0.1")),
        data("sample RelaxedBernoulli -p logits=0.3,-1.2 -p temperature=0.1")
    );
    fs::write(&path, "logits = 'many'").unwrap();
    assert!(fails(&line, 2).contains("`logits` must be a number or an array"));
    fs::write(&path, "logits = [").unwrap();
    assert!(fails(&line, 2).contains("law.toml"));
    fs::remove_file(&path).unwrap();
    assert!(fails(&line, 1).contains("cannot read"));
}

#[test]
fn bad_input_is_a_usage_error() {
    for (line, expected) in [
        ("sample", "<LAW>"),
        ("sample Cauchy -p loc=0", "there is no law `Cauchy`; there are: Bernoulli,"),
        ("sample Bernoulli", "parameter `logits` is missing"),
        ("sample Bernoulli -p logit=0", "no parameter `logit`; it has: logits"),
        ("sample Bernoulli -p logits=0 -p logits=1", "`logits` is given twice"),
        ("sample Bernoulli -p logits=zero", "`zero` is not a number"),
        ("sample Bernoulli -p logits", "NAME=NUMBER"),
        ("sample Bernoulli -p logits=nan", "`logits` must be finite in single precision, got NaN"),
        ("sample Bernoulli -p logits=0,-inf", "`logits` must be finite in single precision, got -inf"),
        ("sample Normal -p loc=0 -p scale=-1", "`scale` must be between 1e-15 and 1e15, got -1.0"),
        ("sample Normal -p loc=0,1 -p scale=1,2,3", "`loc` must have 1 or 3 numbers, got 2"),
        ("sample ExpConcrete -p logits=0,1 -p temperature=0", "`temperature` must be between 1e-6 and 1e6, got 0.0"),
        ("sample ExpConcrete -p logits=0,1 -p temperature=1,2", "`temperature` must have 1 number, got 2"),
        ("sample Bernoulli -p logits=0 -n 0", "from 1 to 10000000"),
        ("sample Bernoulli -p logits=0 -n 10000001", "from 1 to 10000000"),
        ("sample Bernoulli -p logits=0 -n -3", "-3"),
        ("sample Bernoulli -p logits=0 -n many", "many"),
        ("sample Bernoulli -p logits=0 --seed -1", "-1"),
        ("sample Bernoulli -p logits=0 --format xml", "xml"),
        ("sample Bernoulli -p logits=0 --grad=slope", "slope"),
        ("sample Bernoulli -p logits=0 --grad=path", "no reparameterised samples"),
        ("sample Normal -p loc=0,1 -p scale=1 --plot never.svg", "a picture shows one entry"),
        ("sample GumbelTopK -p logits=0,1 -p count=5", "count"),
        ("sample Poisson -p rate=1 --grad=path", "no reparameterised samples"),
        ("sample StochasticTimesSmooth -p logits=0 --log-prob", "no tractable log-density"),
        ("sample SoftSort -p logits=0,1 -p temperature=1 --log-prob", "no tractable log-density"),
        ("sample SoftSort -p logits=0,1 -p temperature=1 --plot never.svg", "a picture shows one entry"),
        ("sample GumbelSinkhorn -p logits=0,1,2 -p temperature=1", "`logits` must have K * K numbers, K = 1, got 3"),
        ("sample GumbelSinkhorn -p logits=0 -p temperature=1 -p iterations=0", "a whole number from 1 to 10000, got 0"),
        ("sample PlackettLuce -p logits=0,1 -p count=3", "`count` must be between 1 and the number of items"),
        ("sample ImplicitMle -p logits=0,1 -p count=1 -p step=0", "`step` must be between 1e-6 and 1e6, got 0"),
        ("sample TruncatedPoisson -p rate=1", "`num_atoms` is missing"),
        ("sample TruncatedPoisson -p rate=1 -p num_atoms=0", "a whole number from 1 to 1024, got 0"),
        ("sample TruncatedBinomial -p total_count=2 -p logits=0 -p num_atoms=4", "`num_atoms` must be at most"),
        ("sample HardConcrete -p logits=0 -p temperature=1 -p gamma=0.1", "`gamma` must be between -1000 and -1e-4"),
        ("sample HardKumaraswamy -p concentration1=1 -p concentration0=1 -p zeta=1", "`zeta` must be between 1.0001"),
        ("sample InvertibleGaussian -p loc=0 -p scale=1 -p temperature=1 -p delta=0", "`delta` must be between 1e-6"),
        ("sample GappedStraightThrough -p logits=0,1 -p temperature=1 -p gap=-1", "`gap` must be between 0 and 1e6"),
        ("sample GeneralizedGumbelSoftmax -p logits=0,1 -p atoms=1,2,3 -p temperature=1", "`logits` must have 1 or 3"),
        ("sample --list --seed 1", "--list"),
        ("laws", "check"),
        ("laws check Cauchy", "there is no law `Cauchy`"),
        ("laws check -p logits=0", "name it"),
        ("laws check Bernoulli -p scale=0", "no parameter `scale`"),
        ("laws check Bernoulli --draws 10", "from 1000 to 10000000"),
        ("laws check Bernoulli --draws 10000000", "at most 1333333 draws can be checked"),
    ] {
        let message = if line == "laws" { text(&typed(line).output().unwrap().stderr) } else { fails(line, 2) };
        assert!(message.contains(expected), "{line}: {message}");
    }
    let long = format!("sample Bernoulli -p logits={}0", "0,".repeat(1024));
    assert!(fails(&long, 2).contains("at most 1024"));
    let wide = format!("laws check KSubset -p count=500 -p logits={}0", "0,".repeat(999));
    assert!(fails(&wide, 2).contains("KSubset with 1000 entries is too large to be checked"));
    let wide = format!("laws check KSubset -p count=25 --draws 100000 -p logits={}0", "0,".repeat(99));
    assert!(fails(&wide, 2).contains("at most 13333 draws can be checked"));
    let wide = format!("sample RelaxedBernoulli -p temperature=1 --grad=path -p logits={}0", "0,".repeat(99));
    assert!(fails(&wide, 2).contains("columns are too many"));
}

/// Every law of the list, as the list writes its parameters: both formats, from the command line and from a file, and
/// what it does not offer is refused.
#[test]
fn every_law_is_sampled() {
    let directory = TempDir::new().unwrap();
    let (list, file) = (data("sample --list"), directory.path().join("law.toml"));
    let blocks: Vec<&str> = list.split("\n\n").filter(|block| !block.trim().is_empty()).collect();
    assert!(blocks.len() >= 40, "{}", blocks.len());
    for block in blocks {
        let name = block.trim().split(':').next().unwrap();
        let examples: Vec<&str> = block
            .lines()
            .filter_map(|line| line.trim().strip_prefix("-p"))
            .map(|line| line.trim().split(' ').next().unwrap())
            .collect();
        let optional: Vec<&str> = block
            .lines()
            .filter(|line| line.contains("need not be given"))
            .filter_map(|line| line.trim().strip_prefix("-p")?.trim().split(' ').next())
            .collect();
        let line = format!("sample {name} -n 2 -p {}", examples.join(" -p "));
        let draws = data(&line);
        assert_eq!(draws.lines().count(), 3, "{line}");
        let numbers = draws.lines().nth(2).unwrap().split(',');
        assert!(numbers.clone().all(|x| x.parse::<f64>().is_ok_and(f64::is_finite)), "{line}: {draws}");

        let toml = examples.iter().filter(|example| !optional.contains(example));
        let toml: Vec<String> = toml.map(|example| example.replacen('=', " = [", 1) + "]\n").collect();
        fs::write(&file, toml.concat()).unwrap();
        let from_file = data(&format!("sample {name} -n 2 --format jsonl --params {}", file.display()));
        let object: serde_json::Value = serde_json::from_str(from_file.lines().nth(1).unwrap()).unwrap();
        assert_eq!(object.as_object().unwrap().len(), numbers.count(), "{name}");

        for (option, offer) in
            [("--log-prob", "log-density"), ("--grad", "log-density"), ("--grad=path", "path gradient")]
        {
            let line = format!("{line} {option}");
            if block.contains(offer) {
                let wider = data(&line).lines().next().unwrap().split(',').count();
                assert!(wider > draws.lines().next().unwrap().split(',').count(), "{line}");
            } else {
                assert!(fails(&line, 2).contains(name), "{line}");
            }
        }
    }
}

/// The far end may close the pipe at any time, and a long run stops then.
#[test]
fn a_closed_pipe_ends_the_run() {
    let line = "sample RelaxedBernoulli -p logits=0 -p temperature=1 --grad -n 10000000";
    let mut child = typed(line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut start = [0; 10];
    stdout.read_exact(&mut start).unwrap();
    drop(stdout);
    assert!(child.wait().unwrap().success());
    assert_eq!(&start, b"x,dlog_pro");
}

#[test]
fn pictures_are_drawn() {
    let directory = TempDir::new().unwrap();
    for (index, (law, texts)) in [
        ("Bernoulli -p logits=0.3,-1.2", &["x0 = 1", "draws", "law"][..]),
        ("OneHotCategorical -p logits=0,1,2,3", &["Categorical", "probability"]),
        ("Gumbel -p loc=0 -p scale=1", &["density", "2000 draws"]),
        ("RelaxedBernoulli -p logits=0.5 -p temperature=0.5", &["density"]),
        ("RelaxedBernoulli -p logits=0.5 -p temperature=0.001", &["P(x = 1)"]),
        ("RelaxedOneHotCategorical -p logits=0.5,0 -p temperature=0.5", &["density"]),
        ("ExpConcrete -p logits=0.5,0 -p temperature=0.5", &["density"]),
        ("ExpConcrete -p logits=0.5,0,1 -p temperature=0.5", &["ExpConcrete, 2000 draws"]),
        ("Normal -p loc=1e30 -p scale=1e-15", &["P(x = 1"]),
        ("HardConcrete -p logits=0.5 -p temperature=0.5", &["density", "P(x = 0) ≈ ", "P(x = 1) ≈ "]),
        ("Poisson -p rate=4", &["probability", "law"]),
        ("TruncatedPoisson -p rate=3 -p num_atoms=4", &["probability", "law"]),
        ("PlackettLuce -p logits=0,1,2 -p count=2", &["probability", "120"]),
        ("RelaxedTopK -p logits=0,1,2 -p count=2 -p temperature=0.5", &["RelaxedTopK, 2000 draws"]),
        ("InvertibleGaussian -p loc=0,1 -p scale=1 -p temperature=1", &["InvertibleGaussian, 2000 draws"]),
        ("GeneralizedGumbelSoftmax -p logits=0,1 -p atoms=0,5 -p temperature=0.5", &["draws"]),
    ]
    .into_iter()
    .enumerate()
    {
        let path = directory.path().join(format!("{index}.svg"));
        let output = succeeds(&mut typed(&format!("sample {law} -n 2000 --plot {}", path.display())));
        assert_eq!(text(&output.stdout).lines().count(), 2001);
        let svg = fs::read_to_string(&path).unwrap();
        assert!(svg.starts_with("<svg") && !svg.contains("NaN") && !svg.contains("inf\""), "{law}");
        for text in texts {
            assert!(svg.contains(text), "{law}: {text}");
        }
    }
    let nowhere = "sample Bernoulli -p logits=0 --plot /nonexistent/picture.svg";
    let output = typed(nowhere).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot write /nonexistent/picture.svg"));
}

#[test]
fn laws_are_checked_with_the_users_parameters() {
    let output = succeeds(&mut typed("laws check Bernoulli -p logits=0.3,-1.2,4 --draws 20000"));
    let (lines, notes) = (text(&output.stdout), text(&output.stderr));
    assert!(lines.lines().count() >= 8, "{lines}");
    for line in lines.lines() {
        assert!(line.starts_with("passed  Bernoulli: ") && line.contains(", threshold "), "{line}");
    }
    assert!(notes.contains("0 failed, seed 0, 20000 draws"), "{notes}");
    let output = succeeds(&mut typed("laws check OneHotCategorical -p logits=2 --draws 1000"));
    assert!(text(&output.stderr).contains("left out  OneHotCategorical: independence"), "{}", text(&output.stderr));
}

/// Without names every law is checked, at the parameters that the list gives as examples.
#[test]
fn every_law_passes_at_its_example() {
    let lines = data("laws check --draws 20000");
    assert!(lines.lines().all(|line| line.starts_with("passed  ")), "{lines}");
    for law in data("sample --list").lines().filter(|line| !line.starts_with(' ') && !line.is_empty()) {
        let name = law.split(':').next().unwrap();
        assert!(lines.contains(&format!("passed  {name}: ")), "{name}");
    }
}
