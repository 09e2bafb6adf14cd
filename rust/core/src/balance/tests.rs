#![allow(clippy::unwrap_used)] // a test fails loudly

use super::*;
use proptest::prelude::*;

fn states(weights: &[u32]) -> Vec<EndpointState> {
    weights.iter().map(|&weight| EndpointState::new(weight)).collect()
}

#[test]
fn round_robin_is_smooth() {
    let mut states = states(&[5, 1, 1]);
    let turns: Vec<_> = (0..7).map(|_| pick(Balance::RoundRobin, &mut states, 0).unwrap()).collect();
    assert_eq!(turns, [0, 0, 1, 0, 2, 0, 0]);
    assert!(states.iter().all(|state| state.current == 0));
}

#[test]
fn least_request_prefers_fewer_in_flight_per_weight() {
    let mut states = states(&[1, 4]);
    states[0].in_flight = 1;
    states[1].in_flight = 3;
    for draw in 0..100 {
        assert_eq!(pick(Balance::LeastRequest, &mut states, draw), Some(1));
    }
}

#[test]
fn nothing_usable_is_nobody() {
    for balance in [Balance::RoundRobin, Balance::LeastRequest, Balance::Random] {
        assert_eq!(pick(balance, &mut [], 7), None);
        let mut states = states(&[3, 0]);
        states[0].usable = false;
        assert_eq!(pick(balance, &mut states, 7), None);
    }
}

#[test]
fn a_single_endpoint_is_always_taken() {
    for balance in [Balance::RoundRobin, Balance::LeastRequest, Balance::Random] {
        assert_eq!(pick(balance, &mut states(&[9]), u64::MAX), Some(0));
    }
}

#[test]
fn random_shares_follow_the_weights() {
    let mut states = states(&[1, 3]);
    let second = (0..10_000).filter(|&draw| pick(Balance::Random, &mut states, draw) == Some(1)).count();
    assert!((7_300..7_700).contains(&second), "{second}");
}

#[test]
fn the_upper_half_of_the_draw_is_not_read() {
    let mut states = states(&[1, 2, 3, 4]);
    for balance in [Balance::LeastRequest, Balance::Random] {
        for draw in 0..100u64 {
            let upper = draw | 0xdead_beef_0000_0000;
            assert_eq!(pick(balance, &mut states, draw), pick(balance, &mut states, upper));
        }
    }
}

fn any_state() -> impl Strategy<Value = EndpointState> {
    let numbers = (prop_oneof![0u32..5, any::<u32>()], any::<i64>(), any::<u32>(), any::<bool>());
    numbers.prop_map(|(weight, current, in_flight, usable)| EndpointState {
        weight,
        current,
        in_flight,
        usable,
    })
}

proptest! {
    #[test]
    fn whoever_is_picked_is_usable(mut states in prop::collection::vec(any_state(), 0..9), draw: u64) {
        for balance in [Balance::RoundRobin, Balance::LeastRequest, Balance::Random] {
            let any = states.iter().any(|state| state.usable && state.weight > 0);
            let picked = pick(balance, &mut states, draw);
            prop_assert_eq!(picked.is_some(), any);
            prop_assert!(picked.is_none_or(|at| states[at].usable && states[at].weight > 0));
        }
    }

    #[test]
    fn round_robin_shares_are_exact_over_a_cycle(weights in prop::collection::vec(1u32..9, 1..6)) {
        let mut states = states(&weights);
        let mut turns = vec![0u32; weights.len()];
        for _ in 0..weights.iter().sum::<u32>() {
            turns[pick(Balance::RoundRobin, &mut states, 0).unwrap()] += 1;
        }
        prop_assert_eq!(turns, weights);
    }

    #[test]
    fn least_request_never_takes_the_worse_of_two(a in 0u32..50, b in 0u32..50, v in 1u32..9, w in 1u32..9, draw: u64) {
        let mut states = states(&[v, w]);
        (states[0].in_flight, states[1].in_flight) = (a, b);
        let taken = pick(Balance::LeastRequest, &mut states, draw).unwrap();
        let load = |at: usize| f64::from(states[at].in_flight) / f64::from(states[at].weight);
        prop_assert!(load(taken) <= load(1 - taken));
    }
}
