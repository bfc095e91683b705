//! `relaxit report` and `relaxit figure` as a user meets them.
#![allow(clippy::unwrap_used)]

mod command;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use xml::reader::{EventReader, XmlEvent};

use command::{fails, succeeds, text, typed};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Runs of every kind, as small as they come.
fn runs(parent: &Path) -> Vec<PathBuf> {
    let vae = "vae --train-images 300 --test-images 100 --hidden 16 --latents 6 --epochs 2 --batch-size 50 --iwae-samples 3 \
               --threads 1 --data-dir ../../data/mnist";
    let rl = "rl --env cartpole --steps 2000 --evaluations 2 --environments 4 --final-episodes 5 --threads 1";
    let lines = [
        ("concrete-0", format!("{vae} --latent concrete --seed 0")),
        ("concrete-1", format!("{vae} --latent concrete --seed 1")),
        ("rloo-0", format!("{vae} --latent rloo --seed 0")),
        ("other-protocol", format!("{vae} --latent rloo --seed 0 --protocol dynamic")),
        ("a2c-0", format!("{rl} --agent a2c --seed 0 --seeds 2")),
        ("a2c-2", format!("{rl} --agent a2c --seed 2 --seeds 1")),
        ("toy", "toy --estimators reinforce,rloo --steps 20 --seeds 2 --draws 20".into()),
        ("audit", "audit --latents 2 --estimators rloo,straight-through --draws 200 --tune 10".into()),
        ("bridge", "figure laplace-bridge --concentration 2,3,4 --draws 1000".into()),
        ("temperatures", "figure two-temperatures --points 3 --draws 200".into()),
    ];
    lines
        .into_iter()
        .map(|(name, line)| {
            let path = parent.join(name);
            succeeds(&mut typed(&format!("{line} --out {}", path.display())));
            path
        })
        .collect()
}

fn report(runs: &[PathBuf], out: &Path) -> String {
    let names: Vec<String> = runs.iter().map(|path| path.display().to_string()).collect();
    format!("report {} --out {}", names.join(" "), out.display())
}

#[test]
fn a_report_puts_every_run_side_by_side() {
    let parent = TempDir::new().unwrap();
    let (runs, out) = (runs(parent.path()), parent.path().join("report"));
    let said = text(&succeeds(&mut typed(&report(&runs, &out))).stdout);
    assert_eq!(said.lines().count(), 3);
    let html = fs::read_to_string(out.join("report.html")).unwrap();
    let markdown = fs::read_to_string(out.join("report.md")).unwrap();

    asks_for_nothing(&html);
    let figures = figures_are_whole(&html, &markdown, &out.join("figures"));
    // Two curves and two pictures of two protocols; an environment, the toy, the audit, the bridge, sharpness, heat maps.
    assert_eq!(figures, 2 * 4 + 6);

    // Tables say what the summaries say, in both forms.
    let elbo = |run: &str| json(&parent.path().join(run).join("summary.json"))["test_elbo"].as_f64().unwrap();
    let (first, second) = (elbo("concrete-0"), elbo("concrete-1"));
    let (mean, half) = (0.5 * (first + second), 12.706_204_7 * 0.5 * (first - second).abs());
    let expected = format!("{mean:.2} [{:.2}, {:.2}]", mean - half, mean + half);
    assert!(html.contains(&expected), "{expected}");
    assert!(markdown.contains(&expected.replace('[', "\\[").replace(']', "\\]")), "{expected}");
    assert!(html.contains(&format!("{:.2} (± ", elbo("rloo-0"))));
    let summary = json(&parent.path().join("bridge/summary.json"));
    let bridge = &summary["bridges"][0];
    let kl = format!("{:.5} ± {:.5}", bridge["kl"].as_f64().unwrap(), bridge["kl_standard_error"].as_f64().unwrap());
    assert!(html.contains(&kl), "{kl}");
    let toy = json(&parent.path().join("toy/summary.json"));
    assert!(html.contains(&format!("{:.6} ± ", toy["results"][0]["loss"].as_f64().unwrap())));
    let audit = json(&parent.path().join("audit/summary.json"));
    assert!(html.contains(&format!("<td class=\"number\">{:.2}</td>", audit["results"][1]["z"].as_f64().unwrap())));
    assert!(markdown.contains("Audit against the exact gradient: ") && markdown.contains("2 latents"));

    // Protocols are kept apart, seeds of two runs of one agent counted together.
    assert!(html.contains("protocol grey, 2 epochs</h2>") && html.contains("protocol dynamic, 2 epochs</h2>"));
    assert!(html.contains("a2c (3 seeds)") && markdown.contains("| `a2c` | biased | 3 |"), "{markdown}");
    for paper in ["arxiv.org/abs/1611.00712", "arxiv.org/abs/2003.01227", "arxiv.org/abs/2410.13331"] {
        assert!(html.contains(paper) && markdown.contains(paper), "{paper}");
    }
    assert!(html.contains("relaxit report ") && html.contains(" core"));

    // Written again over itself, in any order, it is the same but for the command that it names.
    let backwards: Vec<PathBuf> = runs.iter().rev().cloned().collect();
    succeeds(&mut typed(&report(&backwards, &out)));
    let again = fs::read_to_string(out.join("report.html")).unwrap();
    let without_command =
        |html: &str| html.lines().filter(|line| !line.contains("relaxit report")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_command(&again), without_command(&html));
}

/// No script, and nothing with an address but links to papers, which ask for nothing until they are followed.
fn asks_for_nothing(html: &str) {
    assert!(!html.contains("<script") && !html.contains("@import") && !html.contains("srcset"));
    for (attribute, others) in [("src=\"", "data:image/png;base64,"), ("href=\"", "data:")] {
        for value in html.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let paper = attribute == "href=\""
                && ["https://arxiv.org/abs/", "https://doi.org/"].iter().any(|site| value.starts_with(site));
            assert!(value.starts_with('#') || value.starts_with(others) || paper, "{attribute}{value}");
        }
    }
    for value in html.split("url(").skip(1) {
        assert!(value.starts_with('#'), "{}", &value[..40]);
    }
}

/// Every figure is in the page and in a file of its own, and every SVG is XML whose identifiers are its own; how many
/// there are.
fn figures_are_whole(html: &str, markdown: &str, folder: &Path) -> usize {
    let count = html.matches("<figure id=\"figure-").count();
    let pictures = html.matches("<img ").count();
    let svgs: Vec<&str> =
        html.split("<svg").skip(1).map(|rest| rest.split_inclusive("</svg>").next().unwrap()).collect();
    assert_eq!(pictures + svgs.len(), count);
    let mut identifiers = BTreeSet::new();
    for svg in svgs {
        for event in EventReader::new(format!("<svg{svg}").as_bytes()) {
            if let XmlEvent::StartElement { attributes, .. } = event.unwrap()
                && let Some(id) = attributes.iter().find(|attribute| attribute.name.local_name == "id")
            {
                assert!(identifiers.insert(id.value.clone()), "{} is there twice", id.value);
            }
        }
    }
    assert!(!identifiers.is_empty());
    assert_eq!(markdown.matches("](figures/").count(), count);
    for file in markdown.split("](figures/").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        let bytes = fs::read(folder.join(file)).unwrap();
        match file.rsplit('.').next() {
            Some("svg") => EventReader::new(bytes.as_slice()).into_iter().for_each(|event| drop(event.unwrap())),
            _ => assert!(bytes.starts_with(b"\x89PNG"), "{file}"),
        }
    }
    // And the list of them.
    assert_eq!(fs::read_dir(folder).unwrap().count(), count + 1);
    count
}

/// Reports are often written on another machine than the runs were made on.
#[test]
fn the_machines_are_those_of_the_runs() {
    let parent = TempDir::new().unwrap();
    let out = parent.path().join("report");
    let runs: Vec<PathBuf> = ["a", "b", "c"].iter().map(|name| parent.path().join(name)).collect();
    let lines =
        ["laplace-bridge --draws 1000", "laplace-bridge --draws 1001", "two-temperatures --points 2 --draws 200"];
    for (line, run) in lines.iter().zip(&runs) {
        let line = format!("figure {line} --out {}", run.display());
        succeeds(typed(&line).env("RAYON_NUM_THREADS", "3"));
        assert_eq!(json(&run.join("summary.json"))["machine"]["threads"], 3);
    }
    let written = || {
        succeeds(&mut typed(&report(&runs, &out)));
        fs::read_to_string(out.join("report.md")).unwrap()
    };
    let here = written();
    let machine = here.lines().find(|line| line.starts_with("| machine |")).unwrap().to_owned();
    assert!(machine.contains(" core") && machine.ends_with("(3 runs)` |"), "{machine}");

    // One run comes from elsewhere, one is of a version that did not say where it was made.
    let altered = |run: &Path, alter: &dyn Fn(&mut Value)| {
        let path = run.join("summary.json");
        let mut summary = json(&path);
        alter(&mut summary);
        fs::write(path, summary.to_string()).unwrap();
    };
    altered(&runs[0], &|summary| summary["machine"]["processor"] = "Abacus".into());
    altered(&runs[0], &|summary| summary["machine"]["threads"] = 7.into());
    altered(&runs[1], &|summary| drop(summary.as_object_mut().unwrap().remove("machine")));
    let there = written();
    let machine = there.lines().find(|line| line.starts_with("| machine |")).unwrap().to_owned();
    assert!(machine.contains("Abacus") && machine.matches("(1 run)").count() == 2, "{machine}");
    assert!(machine.contains("not recorded (1 run, of an earlier version)"), "{machine}");
    let row = |run: &Path| {
        let name = format!("`{}`", run.display());
        there.lines().find(|line| line.contains(&name) && line.matches('|').count() > 4).unwrap().to_owned()
    };
    let abacus = machine.split("Abacus").next().unwrap().rsplit_once(": ").unwrap().0.chars().last().unwrap();
    assert!(row(&runs[0]).ends_with(&format!("| 7 | {abacus} |")), "{}", row(&runs[0]));
    assert!(row(&runs[1]).ends_with("| - | - |"), "{}", row(&runs[1]));

    // Written again of fewer runs, it leaves no figure behind, and no file of others is touched.
    let figures = out.join("figures");
    fs::write(figures.join("mine.svg"), "precious").unwrap();
    assert!(figures.join("sharpness.svg").exists());
    succeeds(&mut typed(&report(&runs[..1], &out)));
    let names: BTreeSet<_> = fs::read_dir(&figures).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().eq([".report", "laplace-bridge.svg", "mine.svg"]), "{names:?}");
}

#[test]
fn what_is_no_finished_run_is_refused_by_name() {
    let parent = TempDir::new().unwrap();
    let (run, out) = (parent.path().join("run"), parent.path().join("report"));
    let refused = |runs: &[&Path]| {
        let runs: Vec<PathBuf> = runs.iter().map(|path| (*path).to_owned()).collect();
        let message = fails(&mut typed(&report(&runs, &out)), 1);
        assert!(!out.exists());
        message
    };
    assert!(refused(&[parent.path()]).contains(&format!("{} holds no run", parent.path().display())));
    fs::create_dir(&run).unwrap();
    fs::write(run.join("config.toml"), "command = \"vae\"\n").unwrap();
    let message = refused(&[&run]);
    assert!(message.contains(&run.display().to_string()) && message.contains("not finished"), "{message}");
    fs::write(run.join("summary.json"), "{}").unwrap();
    assert!(refused(&[&run]).contains("not a configuration of this version"));
    fs::write(run.join("config.toml"), "command = \"dance\"\n").unwrap();
    assert!(refused(&[&run]).contains("`dance`"));

    let [one, two] = ["one", "two"].map(|name| parent.path().join(name));
    for path in [&one, &two] {
        let line =
            "vae --latents 3 --hidden 4 --epochs 1 --train-images 60 --test-images 20 --iwae-samples 1 --threads 1";
        succeeds(&mut typed(&format!("{line} --data-dir ../../data/mnist --out {}", path.display())));
    }
    let message = refused(&[&one, &two]);
    assert!(message.contains("one configuration and seed") && message.contains("two"), "{message}");

    fs::write(one.join("metrics.jsonl"), "").unwrap();
    let message = refused(&[&one]);
    assert!(message.contains("one/metrics.jsonl has 0 lines of 1"), "{message}");
}

/// Of such names the report tells what can be told.
#[test]
#[cfg(target_os = "linux")]
fn directories_need_not_be_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let parent = TempDir::new().unwrap();
    let [run, out] = [&b"run \xFF"[..], b"report \xFE"].map(|name| parent.path().join(OsStr::from_bytes(name)));
    succeeds(typed("audit --draws 100 --tune 0 --estimators rloo").arg("--out").arg(&run));
    succeeds(typed("report").arg(&run).arg("--out").arg(&out));
    let markdown = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(markdown.contains("run \u{FFFD}' --out '"), "{markdown}");
}

#[test]
fn a_figure_is_made_once_and_again_on_request() {
    let parent = TempDir::new().unwrap();
    let out = parent.path().join("bridge");
    let line = format!("figure laplace-bridge --draws 1000 --out {}", out.display());
    let said = text(&succeeds(&mut typed(&line)).stdout);
    assert!(said.contains("KL 0.") && said.contains("laplace-bridge.svg"), "{said}");
    let summary = fs::read(out.join("summary.json")).unwrap();
    assert!(fails(&mut typed(&line), 1).contains("--resume"));
    succeeds(&mut typed(&format!("{line} --resume")));
    assert_eq!(fs::read(out.join("summary.json")).unwrap(), summary);
    let message = fails(&mut typed(&format!("{line} --resume --seed 1")), 2);
    assert!(message.contains("started with seed = 0") && message.contains("go on with 1"), "{message}");
    let other = format!("figure two-temperatures --resume --out {}", out.display());
    assert!(fails(&mut typed(&other), 2).contains("started with"));
    for (wrong, name) in [
        ("laplace-bridge --concentration 1,2", "three numbers"),
        ("laplace-bridge --concentration 1,2,0", "0.01"),
        ("two-temperatures --logits 1,2", "--target"),
        ("two-temperatures --target 1,1,1,1", "differ"),
        ("two-temperatures --lowest 2 --highest 2", "--highest"),
    ] {
        let message = fails(&mut typed(&format!("figure {wrong} --out {}", parent.path().join("wrong").display())), 2);
        assert!(message.contains(name), "{wrong}: {message}");
    }
    assert!(!parent.path().join("wrong").exists());
}
