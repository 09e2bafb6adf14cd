//! Invariant: whatever a connection begins with, a PROXY header and the name in a ClientHello are found without panic, the
//! same from every cut; a header is no longer than what has come and than its limit, and is not changed by what follows
//! it; a name is one that DNS could have.

#![no_main]

use gateway_core::preamble::hello::{self, Seen};
use gateway_core::preamble::limits::{NAME_BYTES, V2_BYTES};
use gateway_core::preamble::proxy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let front = &bytes[..usize::from(cut) % (bytes.len() + 1)];
    let whole = proxy::read(bytes);
    let early = proxy::read(front);
    assert!(early == Ok(None) || early == whole);
    if let Ok(Some(header)) = whole {
        assert!(header.length <= bytes.len() && header.length <= V2_BYTES);
        assert_eq!(proxy::read(&bytes[..header.length]), whole);
        assert_eq!(proxy::read(&bytes[..header.length - 1]), Ok(None));
    }
    let whole = hello::read(bytes);
    let early = hello::read(front);
    assert!(early == Seen::Partial || early == whole);
    if let Seen::Name(name) = whole {
        assert!((1..=NAME_BYTES).contains(&name.len()));
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()));
    }
});
