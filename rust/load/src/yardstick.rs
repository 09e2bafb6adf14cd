//! A yardstick for the machine: always the same work, and the CPU time it took.
//!
//! Theory: what a relay does, without anybody else in it. One thread sends a request to itself over each of so many TCP
//! connections in turn, takes it, and answers with 1 KiB. That is the kernel's work on both ends, on one core: it takes
//! longer when the core is slower (somebody has the other thread of it, which a virtual machine can neither see nor
//! prevent), when others use up its caches, or when the host is busy with our memory. A loop of arithmetic sees the first
//! of these alone.

use crate::sys;
use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// As many as in most scenarios, so that their state fills the same caches.
const CONNECTIONS: usize = 64;
/// Of each connection: together about 90 ms, many scheduler's ticks and a twentieth of a measured window.
const EXCHANGES: usize = 150;
const REQUEST_BYTES: usize = 100;
const ANSWER_BYTES: usize = 1024;

/// Prints the microseconds of CPU time that the work took.
pub fn main(mut arguments: impl Iterator<Item = String>) -> std::result::Result<bool, String> {
    if arguments.next().is_some() {
        return Err("usage: gateway-load yardstick".into());
    }
    println!("{}", work().map_err(|e| e.to_string())?);
    Ok(true)
}

fn work() -> Result<u64> {
    let mut pairs = (0..CONNECTIONS).map(|_| pair()).collect::<Result<Vec<_>>>()?;
    round(&mut pairs)?; // what is allocated once
    let before = sys::thread_time();
    for _ in 0..EXCHANGES {
        round(&mut pairs)?;
    }
    Ok((sys::thread_time() - before) / 1000)
}

fn pair() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((client, server))
}

/// One exchange on each connection.
fn round(pairs: &mut [(TcpStream, TcpStream)]) -> Result<()> {
    for (client, server) in pairs {
        pass::<REQUEST_BYTES>(client, server)?;
        pass::<ANSWER_BYTES>(server, client)?;
    }
    Ok(())
}

fn pass<const BYTES: usize>(from: &mut TcpStream, to: &mut TcpStream) -> Result<()> {
    let mut bytes = [0; BYTES];
    from.write_all(&bytes)?;
    to.read_exact(&mut bytes)
}
