//! `gateway-load`: HTTP/1.1 load so light that it is not the bottleneck, and the relay that is the floor of a proxy.
//!
//! One thread per `--threads`, each with its own edge-triggered epoll and its share of the connections; nothing is
//! shared until the counts are merged at the end. See `worker` for the loop and bench/README.md for the figures.

mod answer;
mod pace;
mod plan;
mod relay;
mod report;
mod slot;
mod sys;
mod tally;
mod worker;

use plan::Plan;
use std::process::ExitCode;
use tally::Tally;
use worker::Worker;

/// Exit code of a command line that cannot be understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    match arguments.peek().map(String::as_str) {
        Some("--help" | "-h") => {
            print!("{}", plan::HELP);
            ExitCode::SUCCESS
        }
        Some("--version") => {
            println!("gateway-load {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some("relay") => ended(relay::main(arguments.skip(1))),
        _ => match plan::parse(arguments) {
            Ok(plan) => ended(load(&plan)),
            Err(sentence) => {
                eprintln!("gateway-load: {sentence}");
                ExitCode::from(USAGE)
            }
        },
    }
}

fn ended(result: Result<bool, String>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => {
            eprintln!("gateway-load: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the plan and prints the report; false when not one request was answered well.
fn load(plan: &Plan) -> Result<bool, String> {
    sys::raise_descriptor_limit();
    sys::note_interrupts();
    let tally = run(plan)?;
    if plan.json {
        println!("{}", report::json(plan, &tally));
    } else {
        print!("{}", report::words(plan, &tally));
    }
    Ok(tally.requests() > 0)
}

fn run(plan: &Plan) -> Result<Tally, String> {
    if plan.threads == 1 {
        return Worker::new(plan, 0)?.run();
    }
    let tallies: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..plan.threads).map(|index| scope.spawn(move || Worker::new(plan, index)?.run())).collect();
        threads.into_iter().map(|t| t.join().map_err(|_| "a thread panicked".to_owned())).collect()
    });
    let mut sum = Tally::new()?;
    for tally in tallies {
        sum.merge(&tally??)?;
    }
    Ok(sum)
}
