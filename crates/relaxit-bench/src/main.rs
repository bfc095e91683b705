//! What `python/compare/speed.py` measures of relaxit: one piece of work at a time, on request.
//!
//! Without arguments it reads requests, one a line, `WORK REPETITIONS`, and answers each with the seconds it took; the
//! first request of a kind sets the work up and warms it, outside of the time. With `memory WORK` it answers with the
//! peak of memory that the work needs, in multiples of its input.

mod agent;
mod auto_encoder;
mod environment;
mod memory;
mod relaxation;

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use anyhow::{Context, Result, bail};

// As the command `relaxit` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Does something so many times, and says how many units of it that were.
type Work = Box<dyn FnMut(usize) -> Result<usize>>;

/// The work called `name`: a kind, and its shape after a blank where it has one.
fn work(name: &str) -> Result<Work> {
    match name.split_once('@').unwrap_or((name, "")) {
        ("gumbel-softmax", shape) => relaxation::gumbel_softmax(dimensions(shape)?),
        ("st-gumbel-softmax", shape) => relaxation::straight_through_gumbel_softmax(dimensions(shape)?),
        ("binary-concrete", shape) => relaxation::binary_concrete(dimensions(shape)?),
        ("vae", "") => auto_encoder::training(),
        ("relax", "") => agent::training(),
        ("cartpole", "") => environment::cart_pole(),
        _ => bail!("there is no work `{name}`"),
    }
}

/// `128x20x10` as numbers.
fn dimensions<const D: usize>(shape: &str) -> Result<[usize; D]> {
    let numbers: Option<Vec<usize>> = shape.split('x').map(|number| number.parse().ok()).collect();
    numbers.and_then(|numbers| numbers.try_into().ok()).with_context(|| format!("`{shape}` must be {D} numbers"))
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => serve(),
        [command, name] if command == "memory" => {
            writeln!(io::stdout(), "{:.2}", memory::peak_over_input(name)?)?;
            Ok(())
        }
        _ => bail!("expected no arguments, or `memory WORK`"),
    }
}

fn serve() -> Result<()> {
    let mut works: HashMap<String, Work> = HashMap::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (name, repetitions) = line.rsplit_once(' ').context("a request is `WORK REPETITIONS`")?;
        let repetitions = repetitions.parse().context("`REPETITIONS` must be a number")?;
        if !works.contains_key(name) {
            let mut work = work(name)?;
            work(1)?;
            works.insert(name.to_owned(), work);
        }
        let work = works.get_mut(name).context("it was put there")?;
        let start = Instant::now();
        let units = work(repetitions)?;
        let seconds = start.elapsed().as_secs_f64();
        let mut out = io::stdout().lock();
        writeln!(out, "{seconds} {units}")?;
        out.flush()?;
    }
    Ok(())
}
