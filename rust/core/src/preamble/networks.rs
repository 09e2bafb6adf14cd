//! Networks that a configuration lists (CIDR, RFC 4632), and whether an address is in one of them.
//!
//! Rule: an IPv4 address that came by an IPv6 socket (RFC 4291 §2.5.5.2) is the IPv4 address.

use std::net::IpAddr;

/// How the clients of a socket file are listed: they have no address.
pub const UNIX: &str = "unix";

/// Some networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks {
    prefixes: Vec<Prefix>,
    unix: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Prefix {
    v6: bool,
    /// Left-aligned, nothing set after the prefix.
    bits: u128,
    mask: u128,
}

impl Networks {
    /// Read `address/length` or an address alone; [`UNIX`] for the clients of socket files.
    ///
    /// # Errors
    /// The text that is none of these.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut networks = Self::default();
        for text in texts {
            if text == UNIX {
                networks.unix = true;
            } else {
                networks.prefixes.push(Prefix::parse(text).ok_or(text)?);
            }
        }
        Ok(networks)
    }

    /// Whether nobody is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && !self.unix
    }

    /// Whether an address is listed; `None`: the client of a socket file.
    #[must_use]
    pub fn contain(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = address else { return self.unix };
        let (v6, bits) = bits_of(address);
        self.prefixes.iter().any(|prefix| prefix.v6 == v6 && bits & prefix.mask == prefix.bits)
    }
}

impl Prefix {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            None => (text, None),
            Some((address, length)) => (address, Some(decimal(length)?)),
        };
        let (v6, bits) = bits_of(address.parse().ok()?);
        let width = if v6 { 128 } else { 32 };
        let length = length.unwrap_or(width);
        if length > width {
            return None;
        }
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        (bits & !mask == 0).then_some(Self { v6, bits, mask })
    }
}

/// Digits only: `parse` of the standard library takes a sign.
fn decimal(text: &str) -> Option<u32> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn bits_of(address: IpAddr) -> (bool, u128) {
    match address.to_canonical() {
        IpAddr::V4(address) => (false, u128::from(u32::from(address)) << 96),
        IpAddr::V6(address) => (true, u128::from(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contain(networks: &[&str], address: &str) -> bool {
        Networks::parse(networks.iter().copied()).unwrap().contain(Some(address.parse().unwrap()))
    }

    #[test]
    fn an_address_is_in_its_network_and_in_no_other() {
        assert!(contain(&["10.0.0.0/8", "2001:db8::/32"], "10.255.0.1"));
        assert!(contain(&["10.0.0.0/8", "2001:db8::/32"], "2001:db8:ffff::1"));
        assert!(!contain(&["10.0.0.0/8", "2001:db8::/32"], "11.0.0.0"));
        assert!(!contain(&["10.0.0.0/8"], "a00::"));
        assert!(contain(&["127.0.0.1"], "127.0.0.1") && !contain(&["127.0.0.1"], "127.0.0.2"));
        assert!(contain(&["0.0.0.0/0"], "192.0.2.1") && !contain(&["0.0.0.0/0"], "::1"));
        assert!(contain(&["::/0"], "::1") && !contain(&["::/0"], "192.0.2.1"));
    }

    #[test]
    fn an_ipv4_address_of_an_ipv6_socket_is_the_ipv4_address() {
        assert!(contain(&["10.0.0.0/8"], "::ffff:10.1.2.3"));
        assert!(!contain(&["::/0"], "::ffff:10.1.2.3"));
    }

    #[test]
    fn the_clients_of_a_socket_file_are_listed_by_a_word() {
        assert!(Networks::parse(["unix"]).unwrap().contain(None));
        assert!(!Networks::parse(["0.0.0.0/0", "::/0"]).unwrap().contain(None));
        assert!(Networks::default().is_empty() && !Networks::parse(["unix"]).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_network_is_refused_and_named() {
        for text in
            ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "::/129", "localhost", "10.0.0/8"]
        {
            assert_eq!(Networks::parse(["::1", text]), Err(text));
        }
    }

    proptest! {
        #[test]
        fn a_prefix_contains_what_begins_with_its_bits(bits: u128, length in 0..=128u32, other: u128) {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            let network = IpAddr::V6((bits & mask).into());
            prop_assume!(network.to_canonical() == network);
            let text = format!("{network}/{length}");
            let networks = Networks::parse([text.as_str()]).unwrap();
            for address in [IpAddr::V6(other.into()), IpAddr::V6((bits & mask | other & !mask).into())] {
                prop_assume!(address.to_canonical() == address);
                let IpAddr::V6(six) = address else { continue };
                prop_assert_eq!(networks.contain(Some(address)), u128::from(six) & mask == bits & mask);
            }
        }
    }
}
