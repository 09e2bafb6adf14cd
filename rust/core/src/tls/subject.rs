//! A distinguished name as text (RFC 4514): most specific part first, and escaped, so that one value cannot pretend to
//! be two.

use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

use super::identity::Unfit;

/// RFC 4514 §3; others are written by their numbers.
const KEYWORDS: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// The text of a name.
pub(super) fn text(name: &X509Name<'_>) -> Result<String, Unfit> {
    let parts: Vec<_> = name.iter_rdn().collect();
    let written: Result<Vec<_>, _> = parts.into_iter().rev().map(part).collect();
    Ok(written?.join(","))
}

fn part(from: &RelativeDistinguishedName<'_>) -> Result<String, Unfit> {
    let written: Result<Vec<_>, _> = from.iter().map(attribute).collect();
    Ok(written?.join("+"))
}

fn attribute(from: &AttributeTypeAndValue<'_>) -> Result<String, Unfit> {
    let number = from.attr_type().to_id_string();
    let keyword = KEYWORDS.iter().find(|(known, _)| *known == number).map(|(_, keyword)| *keyword);
    let value = from.attr_value();
    // BMPString, UniversalString and TeletexString are not made any more (RFC 5280 §4.1.2.6).
    let plain =
        matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString);
    let value = std::str::from_utf8(value.data).ok().filter(|_| plain).ok_or(Unfit::BadName)?;
    let mut out = format!("{}=", keyword.unwrap_or(&number));
    escape(value, &mut out)?;
    Ok(out)
}

/// RFC 4514 §2.4. What is outside ASCII is written as bytes in hex: a field value cannot carry it otherwise.
fn escape(value: &str, out: &mut String) -> Result<(), Unfit> {
    let last = value.len().saturating_sub(1);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => out.extend(['\\', char::from(byte)]),
            b'#' if at == 0 => out.push_str("\\#"),
            b' ' if at == 0 || at == last => out.push_str("\\ "),
            0x20..=0x7e => out.push(char::from(byte)),
            0x80.. => out.push_str(&format!("\\{byte:02X}")),
            _ => return Err(Unfit::BadName),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails loudly

    use super::*;

    #[test]
    fn what_could_be_taken_for_another_part_is_escaped() {
        for (value, escaped) in [
            ("plain name", "plain name"),
            ("a,O=b", "a\\,O=b"),
            ("a+b;c<d>e\"f\\g", "a\\+b\\;c\\<d\\>e\\\"f\\\\g"),
            ("#1 # ", "\\#1 #\\ "),
            (" ", "\\ "),
            ("ü", "\\C3\\BC"),
            ("", ""),
        ] {
            let mut out = String::new();
            escape(value, &mut out).unwrap();
            assert_eq!(out, escaped);
        }
    }

    #[test]
    fn a_nul_refuses_the_name() {
        for value in ["admin\0.evil.example", "\0", "a\nb", "\x7f"] {
            assert_eq!(escape(value, &mut String::new()), Err(Unfit::BadName), "{value:?}");
        }
    }
}
