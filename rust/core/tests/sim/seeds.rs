//! Thousands of stories, each from its seed alone.

use std::panic::catch_unwind;

use super::story;

/// Stories of one `make test`.
const SEEDS: u64 = 3_000;
/// After so many troubles the rest is not tried.
const SHOWN: usize = 20;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// What is wrong with this story, and how to see it again.
fn trouble(seed: u64) -> Option<String> {
    let outcome =
        catch_unwind(|| story::live(seed)).unwrap_or_else(|_| Err("the simulation itself panicked".into()));
    let fault = outcome.err()?;
    Some(format!(
        "seed {seed}: {fault}\nreplay: SIM_SEED={seed} cargo test -p gateway-core --test sim replay"
    ))
}

/// The promises of LESSONS.md hold in every story. `SIM_SEEDS` says how many, `SIM_FROM` where they begin.
#[test]
fn every_promise_holds_in_every_story() {
    let from = number("SIM_FROM").unwrap_or(1);
    let seeds = from..from + number("SIM_SEEDS").unwrap_or(SEEDS);
    let troubles: Vec<_> = seeds.filter_map(trouble).take(SHOWN).collect();
    assert!(troubles.is_empty(), "\n{}", troubles.join("\n"));
}

/// One story again: `SIM_SEED=…`.
#[test]
fn replay() {
    if let Some(trouble) = trouble(number("SIM_SEED").unwrap_or(1)) {
        panic!("{trouble}");
    }
}
