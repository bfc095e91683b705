//! The command `relaxit`: parse, run, report how it went.

use std::process::ExitCode;

use clap::Parser;
use relaxit_lab::args::Cli;
use relaxit_lab::commands;
use relaxit_lab::printer::Printer;
use relaxit_lab::sweep::worker;

// glibc gives freed pages back to the kernel at every training step, and the kernel zeroes them again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    worker::end_with_worker();
    let cli = Cli::parse();
    let printer = Printer::new();
    match commands::run(&cli, &printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => printer.failure(&error),
    }
}
