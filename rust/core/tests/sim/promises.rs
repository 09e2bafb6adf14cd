//! What must hold after every turn, and what must be left when everything is over. Each promise has a name.

use gateway_core::limits::HEAD_BYTES;
use gateway_core::worker::census::Census;
use gateway_core::worker::limits;

use super::house::House;

/// Head and framing that may come on top of one read.
const EXTRA: usize = HEAD_BYTES as usize + 16 * 1024;
/// Bytes that may wait for one client: one read, or what an asked exchange may have under way.
const UNSENT_DOWN: usize = limits::ASK_WINDOW as usize + EXTRA;
/// Bytes that may wait for one upstream: one read and a head, written anew.
const UNSENT_UP: usize = limits::SCRATCH + EXTRA;
/// Bytes that one connection may carry: a partial head and a read on top of it, a request for replay.
const CARRIED: usize = HEAD_BYTES as usize + limits::SCRATCH + limits::REPLAY_BYTES;

macro_rules! promise {
    ($name:literal, $holds:expr, $($facts:tt)+) => {
        if !$holds {
            return Err(format!("promise broken: {}: {}", $name, format_args!($($facts)+)));
        }
    };
}

/// After every turn.
pub fn always(house: &House) -> Result<Census, String> {
    always_but(house, 0)
}

/// The same where so many panics are part of the play.
pub fn always_but(house: &House, panics: u64) -> Result<Census, String> {
    let census = house.worker.census();
    let ledger = &house.ledger;
    promise!("no panic", ledger.panics.get() == panics, "{:?}", house.events.last());
    promise!("no event is lost", ledger.events_lost.get() == 0, "{}", ledger.events_lost.get());
    let owners = census.downs + census.streams_down + census.ups + census.listeners;
    promise!("one timer per connection, client's stream and listener", census.timers == owners, "{census:?}");
    promise!("every deadline is kept", census.overdue == 0, "{census:?}");
    promise!(
        "memory for clients is bounded",
        census.unsent_down <= (census.downs + census.streams_down) * UNSENT_DOWN,
        "{census:?}"
    );
    promise!(
        "memory for upstreams is bounded",
        census.unsent_up <= (census.ups + census.streams_up) * UNSENT_UP,
        "{census:?}"
    );
    let connections = census.downs + census.ups + census.streams_down + census.streams_up;
    promise!("carried bytes are bounded", census.carried <= connections * CARRIED, "{census:?}");
    counts(house, &census)?;
    Ok(census)
}

/// What is counted is what is there.
fn counts(house: &House, census: &Census) -> Result<(), String> {
    let ledger = &house.ledger;
    let sum = |cell: fn(&gateway_core::account::ledger::EndpointCells) -> u64| {
        ledger.endpoints.iter().map(cell).fold(0u64, u64::wrapping_add)
    };
    let (open, idle, in_flight) =
        (sum(|it| it.open.get()), sum(|it| it.idle.get()), sum(|it| it.in_flight.get()));
    promise!("open upstream connections", open == census.ups as u64, "{open}, {census:?}");
    promise!("pooled upstream connections", idle == census.idle as u64, "{idle}, {census:?}");
    let exchanges = census.exchanges as u64;
    promise!("requests in flight", in_flight <= exchanges, "{in_flight}, {census:?}");
    let balanced = census.in_flight as u64;
    promise!("requests in flight at endpoints", balanced <= in_flight, "{in_flight}, {census:?}");
    promise!("upstream gauge", ledger.upstreams.get() == census.ups as u64, "{census:?}");
    promise!("client gauge", house.open() == census.downs, "{}, {census:?}", house.open());
    promise!("asks gauge", ledger.asks.get() == census.asks as u64, "{census:?}");
    Ok(())
}

/// When all clients have gone and all pools have idled out.
pub fn nothing_left(house: &House) -> Result<(), String> {
    let census = always_but(house, house.ledger.panics.get())?;
    let empty = Census { timers: census.listeners, listeners: census.listeners, ..Census::default() };
    promise!("nothing is left", census == empty, "{census:?}");
    let cells = house.ledger.endpoints.iter();
    let busy: u64 = cells.map(|cells| cells.in_flight.get()).fold(0, u64::wrapping_add);
    let ledger = &house.ledger;
    let ends: u64 = ledger.reasons.iter().map(|cell| cell.get()).sum();
    let counted: u64 = ledger.series.iter().map(|series| series.duration.counts().iter().sum::<u64>()).sum();
    promise!("each exchange has one reason and one series", ends == counted, "{ends} and {counted}");
    promise!("no endpoint is busy", busy == 0, "{busy}");
    Ok(())
}
