//! Invariant: whatever a client sends as a text body and an upstream as an answer is translated without panic, to at most
//! twice its size and one trailer piece; cutting the bytes anywhere changes neither output nor outcome; and an answer in
//! text is the answer in binary, written in base64.

#![no_main]

use gateway_core::grpc::web::Translation;
use gateway_core::grpc::{Form, base64, timeout};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, u16, bool, &[u8])| {
    let (first, second, trailers, bytes) = input;
    let place = |cut: u16| usize::from(cut) % (bytes.len() + 1);
    let mut cuts = [place(first), place(second)];
    cuts.sort_unstable();
    let whole = asked(bytes, &[]);
    assert_eq!(asked(bytes, &cuts), whole, "cut at {cuts:?}");
    assert!(whole.0.len() <= bytes.len() / 4 * 3);
    let trailers: &[u8] = if trailers { b"grpc-status: 0\r\n" } else { b"" };
    let text = answered(Form::Text, bytes, &cuts, trailers);
    assert_eq!(text, answered(Form::Text, bytes, &[], trailers), "cut at {cuts:?}");
    assert!(text.len() <= 2 * bytes.len() + 64);
    let (mut decoder, mut back) = (base64::Decoder::new(), Vec::new());
    assert!(decoder.decode(&text, &mut back).is_ok() && decoder.finish().is_ok());
    assert_eq!(back, answered(Form::Binary, bytes, &cuts, trailers));
    read_timeout(bytes);
});

fn pieces<'a>(bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let ends = cuts.iter().copied().chain([bytes.len()]);
    ends.scan(0, move |from, end| Some(&bytes[std::mem::replace(from, end)..end]))
}

fn asked(bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, bool) {
    let mut web = Translation::new(Form::Text, Form::Text);
    let mut out = Vec::new();
    let sound = pieces(bytes, cuts).all(|piece| web.request(piece, false, &mut out).is_ok());
    let sound = sound && web.request(b"", true, &mut Vec::new()).is_ok();
    (out, sound)
}

fn answered(form: Form, bytes: &[u8], cuts: &[usize], trailers: &[u8]) -> Vec<u8> {
    let mut web = Translation::new(form, form);
    let mut out = Vec::new();
    pieces(bytes, cuts).for_each(|piece| web.answer(piece, &mut out));
    web.answer_end(trailers, &mut out);
    out
}

fn read_timeout(bytes: &[u8]) {
    if let Ok(left) = timeout::parse(bytes) {
        let mut out = Vec::new();
        timeout::write(left, &mut out);
        assert!(timeout::parse(&out).is_ok_and(|read| read <= left.max(1)));
    }
}
