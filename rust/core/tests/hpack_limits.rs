//! What a header block may cost, and when the connection must end: the tables stay in step or everything stops.

mod hpack_wire;

use gateway_core::hpack::{Block, Corrupt, Decoder, Fault};
use gateway_core::http1::head::{Cause, Limits};
use gateway_core::limits::{HPACK_ALLOWANCE, HPACK_EXPANSION, HPACK_TABLE_BYTES};
use hpack_wire::{decode, integer, literal, size_update, text, unhex};
use proptest::prelude::*;

/// Memory held per byte received that we promise at most.
const HELD_PER_BYTE: usize = 20;

/// Bytes of memory that a full table of the smallest entries takes: its ring, and eight bytes for each entry.
const FULL_TABLE: usize = HPACK_TABLE_BYTES as usize + HPACK_TABLE_BYTES as usize / 32 * 8;

fn corrupt(wire: &[u8]) -> Option<Corrupt> {
    match decode(wire) {
        Err(Fault::Connection(corrupt)) => Some(corrupt),
        _ => None,
    }
}

#[test]
fn a_block_that_refers_to_nothing_ends_the_connection() {
    assert_eq!(corrupt(&[0x80]), Some(Corrupt::IndexUnknown));
    assert_eq!(corrupt(&[0x80 | 62]), Some(Corrupt::IndexUnknown));
    assert_eq!(corrupt(&[0x40 | 62, 0]), Some(Corrupt::IndexUnknown));
    assert_eq!(corrupt(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), Some(Corrupt::IntegerTooLarge));
    assert_eq!(corrupt(&[0xff, 0x80, 0xff, 0xff, 0xff, 0x0f]), Some(Corrupt::IndexUnknown));
}

#[test]
fn strings_are_padded_with_fewer_than_eight_ones() {
    let value = |coded: &[u8]| corrupt(&[&[0x0f, 0x00, 0x80 | coded.len() as u8], coded].concat());
    // `a` is 00011.
    assert_eq!(value(&[0b0001_1111]), None);
    assert_eq!(value(&[0b0001_1110]), Some(Corrupt::HuffmanPadding));
    assert_eq!(value(&[0b0001_1000]), Some(Corrupt::HuffmanPadding));
    assert_eq!(value(&[0b0001_1111, 0xff]), Some(Corrupt::HuffmanPadding));
    assert_eq!(value(&[0xff]), Some(Corrupt::HuffmanPadding));
    assert_eq!(value(&[0xff; 3]), Some(Corrupt::HuffmanPadding));
    assert_eq!(value(&[0xff; 4]), Some(Corrupt::HuffmanEos));
    assert_eq!(value(&[0xff, 0xff, 0xff, 0xfc]), Some(Corrupt::HuffmanEos));
}

#[test]
fn a_fault_in_a_string_counts_even_where_nobody_needs_the_string_but_the_table() {
    let wire = [&literal(0, b"UPPER", b"x")[..], &[0x40, 1, b'a', 0x80 | 1, 0xff]].concat();
    assert_eq!(corrupt(&wire), Some(Corrupt::HuffmanPadding));
}

#[test]
fn table_size_updates_come_first_are_few_and_within_the_limit() {
    assert!(decode(&[size_update(0), size_update(4096), vec![0x82]].concat()).is_ok());
    assert_eq!(corrupt(&[vec![0x82], size_update(0)].concat()), Some(Corrupt::SizeLate));
    assert_eq!(corrupt(&size_update(4097)), Some(Corrupt::SizeTooLarge));
    assert_eq!(corrupt(&size_update(u32::MAX as usize)), Some(Corrupt::SizeTooLarge));
    assert_eq!(
        corrupt(&[size_update(0), size_update(9), size_update(0)].concat()),
        Some(Corrupt::SizeRepeated)
    );
}

#[test]
fn a_smaller_limit_is_followed_or_the_connection_ends() {
    let block = |limits: &[u16], wire: &[u8]| {
        let (mut decoder, mut head) = (Decoder::new(), Block::new());
        limits.iter().for_each(|limit| decoder.set_limit(*limit));
        decoder.decode(wire, &Limits::default(), &mut head)
    };
    let missing = Err(Fault::Connection(Corrupt::SizeMissing));
    assert_eq!(block(&[100], &[0x82]), missing);
    assert_eq!(block(&[100], &[size_update(100), vec![0x82]].concat()), Ok(()));
    assert_eq!(block(&[100], &size_update(101)), Err(Fault::Connection(Corrupt::SizeTooLarge)));
    // The smallest size in between must be said too.
    assert_eq!(block(&[100, 4096], &size_update(4096)), missing);
    assert_eq!(block(&[100, 4096], &[size_update(0), size_update(4096)].concat()), Ok(()));
    assert_eq!(block(&[8192], &size_update(8192)), Ok(()));
}

#[test]
fn entries_go_as_the_table_shrinks_and_come_back_as_they_are_inserted() {
    let (mut decoder, mut head) = (Decoder::new(), Block::new());
    let insert = [literal(0x40, b"a", b"1"), literal(0x40, b"b", b"2")].concat();
    assert_eq!(decoder.decode(&insert, &Limits::default(), &mut head), Ok(()));
    assert_eq!((decoder.table_size(), decoder.churn().inserted), (68, 2));
    let shrunk = [size_update(34), vec![0x80 | 62]].concat();
    assert_eq!(decoder.decode(&shrunk, &Limits::default(), &mut head), Ok(()));
    assert_eq!((text(&head).as_str(), decoder.churn().evicted), ("b: 2\n", 1));
    let large = literal(0x40, b"c", &[b'x'; 40]);
    assert_eq!(decoder.decode(&large, &Limits::default(), &mut head), Ok(()));
    assert_eq!((decoder.table_size(), decoder.churn().evicted), (0, 2));
}

#[test]
fn every_cut_of_a_block_is_a_shorter_block_or_refused() {
    let whole = unhex(
        "4101 6882 8785 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf be0f 0d01 3110 0870 6173 7377 6f72 6406 \
         7365 6372 6574",
    );
    let lines = text(&decode(&whole).unwrap_or_default());
    assert!(!lines.is_empty());
    for cut in 0..whole.len() {
        match decode(&whole[..cut]) {
            Ok(head) => assert!(lines.starts_with(&text(&head)), "cut at {cut}"),
            Err(fault) => assert_eq!(fault, Fault::Connection(Corrupt::Truncated), "cut at {cut}"),
        }
    }
}

#[test]
fn one_small_entry_referenced_thousands_of_times_costs_bounded_memory() {
    let (mut decoder, mut head) = (Decoder::new(), Block::new());
    let limits = Limits { headers: u16::MAX, header_bytes: u32::MAX, ..Limits::default() };
    let bomb = [literal(0x40, b"a", &[b'x'; 4000]), vec![0x80 | 62; 16_000]].concat();
    let fault = decoder.decode(&bomb, &limits, &mut head);
    assert_eq!(fault, Err(Fault::Stream(Cause::HeadTooLarge)));
    assert!(head.text.len() <= HPACK_ALLOWANCE + HPACK_EXPANSION * bomb.len());
    let small = vec![0x80 | 62; 64];
    assert_eq!(decoder.decode(&small, &limits, &mut head), Err(Fault::Stream(Cause::HeadTooLarge)));
    assert!(head.text.len() <= HPACK_ALLOWANCE + HPACK_EXPANSION * small.len());
    assert_eq!(decoder.decode(&[0x80 | 62], &limits, &mut head), Ok(()));
}

#[test]
fn fields_count_32_bytes_more_than_they_have() {
    let mut head = Block::new();
    let limits = |header_bytes, headers| Limits { header_bytes, headers, ..Limits::default() };
    let wire = [literal(0, b"a", b"b"), literal(0, b"c", b"")].concat();
    let mut decode = |limits: &Limits| Decoder::new().decode(&wire, limits, &mut head);
    assert_eq!(decode(&limits(34 + 33, 2)), Ok(()));
    assert_eq!(decode(&limits(34 + 32, 2)), Err(Fault::Stream(Cause::HeadTooLarge)));
    assert_eq!(decode(&limits(1000, 1)), Err(Fault::Stream(Cause::TooManyFields)));
    let name = vec![b'n'; 256];
    let long = Decoder::new().decode(&literal(0, &name, b""), &Limits::default(), &mut Block::new());
    assert_eq!(long, Err(Fault::Stream(Cause::NameTooLong)));
}

#[test]
fn after_a_refused_message_the_tables_are_still_in_step() {
    let (mut decoder, mut head) = (Decoder::new(), Block::new());
    let small = Limits { header_bytes: 40, ..Limits::default() };
    let block = [
        literal(0x40, b"first", b"1"),
        literal(0x00, b"passed-over", b"2"),
        literal(0x40, b"second", b"3"),
        vec![0x80 | 63, 0x0f, 0x2f, 0x00],
        literal(0x40, b"third", b"4"),
    ];
    let fault = decoder.decode(&block.concat(), &small, &mut head);
    assert_eq!(fault, Err(Fault::Stream(Cause::HeadTooLarge)));
    let all = [0x80 | 64, 0x80 | 63, 0x80 | 62];
    assert_eq!(decoder.decode(&all, &Limits::default(), &mut head), Ok(()));
    assert_eq!(text(&head), "first: 1\nsecond: 3\nthird: 4\n");
}

#[test]
fn the_table_holds_at_most_twenty_bytes_per_byte_received() {
    let fields: [(&[u8], &[u8]); 4] =
        [(b"", b""), (b"a", b""), (b"name-of-some-length", b"value"), (b"x", &[b'v'; 500])];
    for (name, value) in fields {
        let (mut decoder, mut head, mut received) = (Decoder::new(), Block::new(), 0);
        let one = literal(0x40, name, value);
        for _ in 0..1000 {
            let _ = decoder.decode(&one, &Limits::default(), &mut head);
            received += one.len();
            // A first allocation, as small as it is, cannot be in proportion to a first byte.
            assert!(decoder.held() <= 512 + HELD_PER_BYTE * received, "{} of {received}", decoder.held());
        }
        assert!(decoder.held() <= FULL_TABLE, "{} held", decoder.held());
    }
}

#[test]
fn names_taken_from_the_tables_hold_no_more_than_a_full_table() {
    let (mut decoder, mut head) = (Decoder::new(), Block::new());
    let long = literal(0x40, &[b'n'; 250], b"");
    assert_eq!(decoder.decode(&long, &Limits::default(), &mut head), Ok(()));
    // Two bytes each: the longest name of the static table, and the one before.
    let mut from_static = Vec::new();
    integer(20, 0x3f, 0x40, &mut from_static);
    from_static.push(0);
    for one in [from_static, vec![0x40 | 62, 0]] {
        for _ in 0..1000 {
            assert_eq!(decoder.decode(&one, &Limits::default(), &mut head), Ok(()));
            assert!(decoder.held() <= FULL_TABLE, "{} held", decoder.held());
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered_in_bounded_memory(
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..6),
    ) {
        let (mut decoder, mut head) = (Decoder::new(), Block::new());
        for block in &blocks {
            let answer = decoder.decode(block, &Limits::default(), &mut head);
            prop_assert!(head.text.len() <= HPACK_ALLOWANCE + HPACK_EXPANSION * block.len());
            prop_assert!(decoder.table_size() <= usize::from(HPACK_TABLE_BYTES));
            if matches!(answer, Err(Fault::Connection(_))) {
                break;
            }
        }
    }
}
