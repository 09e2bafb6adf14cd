//! What may stand in the head of a handler's answer. The one place where that is judged.
//!
//! A handler's bytes reach clients as they are, so a line end in a value would be another field, and a framing field
//! would be a second opinion on where the body ends (RFC 9112 §11.1, §11.2: response splitting, request smuggling).

/// Fields that the gateway writes itself or that belong to a connection (RFC 9110 §7.6.1, RFC 9112 §6).
const OURS: [&[u8]; 9] = [
    b"connection",
    b"content-length",
    b"date",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

/// Refuse what may not stand there, in words.
pub fn check(status: u16, fields: &[(Vec<u8>, Vec<u8>)]) -> Result<(), String> {
    if !(200..=599).contains(&status) {
        return Err(format!("a handler answers with a status from 200 to 599, not {status}"));
    }
    fields.iter().try_for_each(|(name, value)| field(name, value))
}

fn field(name: &[u8], value: &[u8]) -> Result<(), String> {
    let shown = String::from_utf8_lossy(name);
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
        return Err(format!("`{}` is no field name (RFC 9110 §5.1)", shown.escape_debug()));
    }
    if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
        return Err(format!("the field `{shown}` is the gateway's to write"));
    }
    if !value.iter().all(|byte| is_value(*byte)) {
        return Err(format!("the value of `{shown}` has a control character (RFC 9110 §5.5)"));
    }
    Ok(())
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110 §5.5: visible characters, spaces, tabs, and what is not ASCII.
fn is_value(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::check;

    fn one(name: &str, value: &[u8]) -> Result<(), String> {
        check(200, &[(name.into(), value.into())])
    }

    #[test]
    fn ordinary_fields_pass() {
        assert_eq!(one("x-a", b"1, 2\t\xff"), Ok(()));
        assert_eq!(one("x-a", b""), Ok(()));
    }

    #[test]
    fn a_line_end_in_a_value_is_no_second_field() {
        for value in [b"a\r\nset-cookie: b".as_slice(), b"a\nb", b"a\0b", b"\x7f"] {
            assert!(one("x-a", value).is_err());
        }
    }

    #[test]
    fn a_name_is_a_token() {
        for name in ["", "a b", "a:", "a\r\n", "ä"] {
            assert!(one(name, b"1").is_err(), "{name:?}");
        }
    }

    #[test]
    fn framing_belongs_to_the_gateway() {
        for name in ["Content-Length", "transfer-encoding", "CONNECTION", "upgrade"] {
            assert!(one(name, b"1").is_err(), "{name}");
        }
    }

    #[test]
    fn a_status_is_final() {
        for status in [0, 100, 199, 600] {
            assert!(check(status, &[]).is_err());
        }
    }
}
