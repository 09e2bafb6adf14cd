//! `gateway-load`: HTTP load so light that it is not the bottleneck, the relay that is the floor of a proxy, and a
//! yardstick for the machine.
//!
//! One thread per `--threads`, each with its own edge-triggered epoll and its share of the connections; nothing is
//! shared until the counts are merged at the end. See `worker` for the loop and bench/README.md for the figures.

mod answer;
mod asked;
mod grpc;
mod http1;
mod http2;
mod link;
mod pace;
mod plan;
mod relay;
mod report;
mod request;
mod sys;
mod tally;
mod tls;
mod units;
mod worker;
mod yardstick;

use plan::Plan;
use std::io::Write;
use std::process::ExitCode;
use tally::Tally;
use tls::Client;
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
        Some("yardstick") => ended(yardstick::main(arguments.skip(1))),
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
    let client = if plan.tls { Some(Client::new(plan)?) } else { None };
    if plan.threads > 1 {
        return Ok(report(plan, &many(plan, client.as_ref())?));
    }
    let mut worker = Worker::new(plan, client.as_ref(), 0)?;
    worker.run()?;
    let good = report(plan, worker.tally());
    if plan.hold && good {
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            sys::interrupt();
        });
        worker.hold()?;
    }
    Ok(good)
}

fn report(plan: &Plan, tally: &Tally) -> bool {
    let text = if plan.json { report::json(plan, tally) + "\n" } else { report::words(plan, tally) };
    let mut output = std::io::stdout().lock();
    let told = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    told.is_ok() && tally.requests() > 0
}

fn many(plan: &Plan, client: Option<&Client>) -> Result<Tally, String> {
    let run = |index| {
        let mut worker = Worker::new(plan, client, index)?;
        worker.run().map(|()| worker)
    };
    let workers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.threads).map(|index| scope.spawn(move || run(index))).collect();
        threads.into_iter().map(|t| t.join().map_err(|_| "a thread panicked".to_owned())).collect()
    });
    let mut sum = Tally::new()?;
    for worker in workers {
        sum.merge(worker??.tally())?;
    }
    Ok(sum)
}
