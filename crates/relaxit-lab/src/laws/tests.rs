use burn::tensor::{Device, Tensor};
use relaxit::distribution::{Bernoulli, Normal};
use relaxit::noise::Noise;
use relaxit::relaxation::CorrelatedRelaxedBernoulli;
use relaxit::testing::faults::{self, Tampered};

use super::*;

fn instance(name: &str, parameters: &[(&str, &[f64])]) -> Box<dyn Instance> {
    let given = parameters.iter().map(|(name, x)| ((*name).to_owned(), x.to_vec())).collect();
    build(find(name).unwrap().as_ref(), given).unwrap()
}

fn failures(instance: &dyn Instance, draws: usize) -> Vec<&'static str> {
    let findings = (0..instance.checks()).map(|index| instance.check(index, draws, 0));
    let failed = findings.filter(|finding| finding.verdict.as_ref().is_ok_and(|verdict| !verdict.passed()));
    failed.map(|finding| finding.name).collect()
}

#[test]
fn names_are_found_and_are_one_law_each() {
    let mut names: Vec<String> =
        all().iter().flat_map(|law| [&[law.card().name], law.card().aliases.as_slice()].concat()).map(plain).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for name in ["relaxed-one-hot-categorical", "GUMBELSOFTMAX", "concrete"] {
        assert_eq!(find(name).unwrap().card().name, "RelaxedOneHotCategorical");
    }
    let error = find("Cauchy").err().unwrap().to_string();
    assert!(error.contains("`Cauchy`") && error.contains("Bernoulli"), "{error}");
}

/// Every row can be built at its example, and its header and its draws have the same width.
#[test]
fn every_law_can_be_built_and_drawn() {
    for law in all() {
        let card = law.card();
        let instance = build(law.as_ref(), examples(card)).unwrap();
        for gradient in [None, Some(Gradient::Score), Some(Gradient::Path)] {
            if gradient == Some(Gradient::Score) && !instance.has_density()
                || gradient == Some(Gradient::Path) && !instance.has_path()
            {
                continue;
            }
            let wanted = Wanted { log_prob: instance.has_density(), gradient };
            let columns = instance.draw(7, &mut Noise::seeded(0), wanted);
            assert_eq!(columns.row(6).count(), instance.header(wanted).len(), "{} {gradient:?}", card.name);
            assert!(columns.row(6).all(f64::is_finite), "{} {gradient:?}", card.name);
        }
    }
}

/// A wide law is not drawn by the thousand: a draw may be computed from many more numbers than it has entries.
#[test]
fn wide_laws_are_drawn_in_small_portions() {
    assert_eq!([1, 3, 8, 9, 100, 1024].map(rows_at_once), [8192, 8192, 8192, 4096, 512, 64]);
    assert_eq!(rows_at_once(1_000_000), 16);
    let wide = instance("KSubset", &[("logits", &[0.0; 1024]), ("count", &[300.0])]);
    assert_eq!(wide.working(), 1024 * 37);
    let draws = wide.draw(1, &mut Noise::seeded(0), Wanted::default());
    assert_eq!(draws.row(0).filter(|x| *x > 0.5).count(), 300);
}

/// The gradient of a perturbed choice is that of each entry as an objective: known for a choice of one of two.
#[test]
fn perturbed_choices_have_the_gradient_of_each_entry() {
    let wanted = Wanted { log_prob: false, gradient: Some(Gradient::Path) };
    let law = instance("ImplicitMle", &[("logits", &[0.0, 50.0]), ("count", &[1.0]), ("step", &[100.0])]);
    // The second entry is chosen, and a step of 100 against it chooses the first: the difference is (−1, 1)/100.
    let columns = law.draw(5, &mut Noise::seeded(0), wanted);
    for row in 0..5 {
        assert_eq!(columns.row(row).collect::<Vec<_>>(), [0.0, 1.0, 0.0, 0.0, -0.01, 0.01]);
    }
}

/// Draws, densities and gradients of a law that can be computed by hand.
#[test]
fn columns_of_a_normal_law() {
    let normal = instance("normal", &[("loc", &[1.0, -1.0]), ("scale", &[2.0])]);
    let score = Wanted { log_prob: true, gradient: Some(Gradient::Score) };
    let header = ["x0", "x1", "log_prob0", "log_prob1", "dlog_prob/dloc0", "dlog_prob/dloc1", "dlog_prob/dscale"];
    assert_eq!(normal.header(score), header);
    let row: Vec<f64> = normal.draw(3, &mut Noise::seeded(0), score).row(2).collect();
    let (s, t) = ((row[0] - 1.0) * 0.5, (row[1] + 1.0) * 0.5);
    let log_prob = |s: f64| -0.5 * s * s - 2.0_f64.ln() - 0.5 * std::f64::consts::TAU.ln();
    let expected = [log_prob(s), log_prob(t), s / 2.0, t / 2.0, (s * s + t * t - 2.0) / 2.0];
    for (got, expected) in row[2..].iter().zip(expected) {
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }

    let path = Wanted { log_prob: false, gradient: Some(Gradient::Path) };
    let header = ["x0", "x1", "dx0/dloc0", "dx0/dloc1", "dx0/dscale", "dx1/dloc0", "dx1/dloc1", "dx1/dscale"];
    assert_eq!(normal.header(path), header);
    let other: Vec<f64> = normal.draw(3, &mut Noise::seeded(0), path).row(2).collect();
    for (got, expected) in other.iter().zip([row[0], row[1], 1.0, 0.0, s, 0.0, 1.0, t]) {
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }
}

#[test]
fn good_laws_pass_and_say_what_does_not_apply() {
    let bernoulli = instance("Bernoulli", &[("logits", &[0.3, -1.2])]);
    assert!(bernoulli.checks() >= 7);
    assert_eq!(failures(bernoulli.as_ref(), 20_000), Vec::<&str>::new());
    let relaxed = instance("RelaxedBernoulli", &[("logits", &[0.3]), ("temperature", &[1e-3])]);
    let left_out = (0..relaxed.checks()).filter(|index| relaxed.check(*index, 2_000, 0).verdict.is_err()).count();
    // The score identity, the integral and the comparison with it: draws are rounded to 0 and 1.
    assert_eq!(left_out, 3);
    assert_eq!(failures(relaxed.as_ref(), 20_000), Vec::<&str>::new());
}

fn tampered<L>(entry: Entry<L>, given: &[(&str, &[f64])]) -> Vec<&'static str>
where
    L: relaxit::distribution::Distribution<2> + 'static,
{
    let given = given.iter().map(|(name, x)| ((*name).to_owned(), x.to_vec())).collect();
    failures(build(entry.done().as_ref(), given).unwrap().as_ref(), 20_000)
}

/// Laws with a fault fail where the fault is.
#[test]
fn faulty_laws_fail() {
    let nan = Entry::<Tampered<Bernoulli<2>, 2>>::new("NaN", "faulty", &[LOGITS], |p| {
        Ok(faults::nan_sampler(Bernoulli::from_logits(p.tensor("logits"))))
    });
    assert!(!tampered(nan.density().moments(), &[("logits", &[0.3])]).is_empty());

    let score = Entry::<Tampered<Bernoulli<2>, 2>>::new("score", "faulty", &[LOGITS], |p| {
        Ok(faults::score_of_another_law(Bernoulli::from_logits(p.tensor("logits"))))
    });
    let failed = tampered(score.density().enumerable().moments(), &[("logits", &[0.3])]);
    assert!(failed.contains(&"score identity") && !failed.contains(&"mean and variance"), "{failed:?}");

    let ignored = Entry::<Tampered<CorrelatedRelaxedBernoulli<2>, 2>>::new("copula", "faulty", &[LOGITS], |p| {
        let correlation = Tensor::<2>::from_floats([[1.0, 0.7], [0.7, 1.0]], &Device::flex());
        Ok(faults::ignored_copula(CorrelatedRelaxedBernoulli::from_logits(p.tensor("logits"), &correlation, 0.7)?))
    });
    let failed = tampered(ignored.density().continuous().joint(), &[("logits", &[0.3, -0.5])]);
    assert_eq!(failed, ["draws against expectations by the density"]);

    let parameters = [Parameter::each("loc", Range::Real, &[0.0]), Parameter::each("scale", Range::Positive, &[1.0])];
    let entry = Entry::<Tampered<Normal<2>, 2>>::new("gradient", "faulty", &parameters, |p| {
        Ok(faults::dropped_gradient(Normal::new(p.tensor("loc"), p.tensor("scale"))?))
    });
    let failed = tampered(entry.reparameterized().moments(), &[("loc", &[0.3]), ("scale", &[2.0])]);
    assert_eq!(failed, ["gradient of the sample in the parameters"]);
}

/// A law as a command line gives it.
fn parsed(line: &str) -> Box<dyn Instance> {
    let mut words = line.split(' ');
    let law = find(words.next().unwrap()).unwrap();
    let given: Vec<_> = words.map(|word| parameter::assignment(word).unwrap()).collect();
    build(law.as_ref(), parameter::collect(&given).unwrap()).unwrap()
}

/// What is left out is left out rightly: where the test would be run, it fails, of a law that is right.
#[test]
fn what_is_left_out_would_fail() {
    for (line, check, reason) in [
        ("Poisson rate=1e-6", "independence of rows and draws", "an entry hardly ever varies"),
        ("Poisson rate=1e-6", "score identity", "an entry hardly ever varies"),
        ("Geometric logits=30", "mean and variance", "an entry hardly ever varies"),
        ("Normal loc=1e6 scale=1e-6", "independence of rows and draws", "draws hardly differ beside their size"),
        ("LogisticNormal loc=0,0 scale=1e-12", "density integrates to 1", "draws hardly differ beside their size"),
        ("Normal loc=1e4 scale=1e-3", "mean and variance", "draws vary too little beside their size"),
        ("Normal loc=1e6 scale=1", "gradient of log_prob in the parameters", "too near a limit for differences"),
        ("Normal loc=0 scale=1e-15", "gradient of log_prob in the value", "too near a limit for differences"),
        ("ExpConcrete logits=9e4,0,1 temperature=1", "gradient of log_prob in the parameters", "too near a limit"),
        ("RelaxedBernoulli logits=0.3 temperature=0.05", "score identity", "draws round to the boundary"),
        ("RelaxedBernoulli logits=0.3 temperature=0.05", "density integrates to 1", "draws round to the boundary"),
        ("RelaxedBernoulli logits=0.3 temperature=0.05", "draws against log_prob", "draws round to the boundary"),
        ("RelaxedOneHotCategorical logits=0,1,2 temperature=0.2", "gradient of log_prob in the value", "a corner"),
        ("RelaxedOneHotCategorical logits=0,1,2 temperature=1e6", "latent given b against rejection", "too little"),
        ("Dirichlet concentration=0.02,2,2", "density integrates to 1", "too lopsided for quadrature"),
        ("Dirichlet concentration=1e-3,1e-3", "entropy", "draws round to the boundary"),
        (
            "CorrelatedRelaxedBernoulli logits=0.3,-1.2 correlation=1,0.9999,0.9999,1 temperature=1",
            "density integrates to 1",
            "the density is a ridge",
        ),
        ("HardConcrete logits=0.3 temperature=1e-6", "score identity", "nearly every draw is clamped"),
    ] {
        let instance = parsed(line);
        let index = (0..instance.checks()).find(|index| instance.name_of(*index) == check).unwrap();
        let said = instance.check(index, 20_000, 0).verdict.map(|verdict| verdict.to_string()).unwrap_err();
        assert!(said.contains(reason), "{line}: {check}: {said}");
        let verdict = instance.verdict(index, 20_000, 0);
        assert!(!verdict.passed(), "{line}: nothing speaks against it: {verdict}");
    }
}

/// Laws that are right pass what is not left out, at parameters where that is not easy.
#[test]
fn nothing_else_fails() {
    for line in [
        "Bernoulli logits=1e4,-1e4,0",
        "Normal loc=9e4 scale=0.01",
        "Gumbel loc=1e5 scale=1",
        "RelaxedBernoulli logits=9e4,-9e4 temperature=1e-3",
        "RelaxedBernoulli logits=0.3 temperature=1e6",
        "RelaxedOneHotCategorical logits=0,1,2 temperature=0.05",
        "ExpConcrete logits=0,1 temperature=1e-3",
        "Dirichlet concentration=0.09,2,2",
        "Dirichlet concentration=9e5,9e5",
        "LogisticNormal loc=40,0 scale=1",
        "InvertibleGaussian loc=0,0 scale=1 temperature=0.05",
        "CorrelatedRelaxedBernoulli logits=0.3,-1.2 correlation=1,0.9,0.9,1 temperature=1",
        "HardConcrete logits=30 temperature=0.5",
        "HardKumaraswamy concentration1=1000 concentration0=1000",
        "GaussianRelaxedBernoulli loc=0.5 scale=1e-6",
        "NegativeBinomial total_count=1 logits=-20",
        "TruncatedPoisson rate=100 num_atoms=5",
        "KSubset logits=2000,0,-2000 count=1",
        "StochasticTimesSmooth logits=20",
        "SoftSort logits=0,1,2 temperature=1e-3",
        "GeneralizedGumbelSoftmax logits=0,30 atoms=0,1 temperature=1",
    ] {
        assert_eq!(failures(parsed(line).as_ref(), 5_000), Vec::<&str>::new(), "{line}");
    }
}
