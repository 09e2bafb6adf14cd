//! For which hosts a certificate speaks (RFC 9525 §6.3).

/// Names of a certificate: exact ones, and wildcards that stand for exactly one label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Box<[Box<str>]>);

impl Names {
    /// As the document has them: lower case, `*.suffix` for wildcards.
    #[must_use]
    pub fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.as_str().into()).collect())
    }

    /// As given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// Whether one of them fits a host, written in any case, without port and trailing dot.
    #[must_use]
    pub fn cover(&self, host: &[u8]) -> bool {
        self.0.iter().any(|name| fits(name.as_bytes(), host))
    }
}

fn fits(name: &[u8], host: &[u8]) -> bool {
    let Some(suffix) = name.strip_prefix(b"*.") else { return name.eq_ignore_ascii_case(host) };
    let mut parts = host.splitn(2, |byte| *byte == b'.');
    match (parts.next(), parts.next()) {
        (Some(label), Some(rest)) => !label.is_empty() && suffix.eq_ignore_ascii_case(rest),
        _ => false,
    }
}

/// The host of an authority: without port and trailing dot; an IP literal without its brackets.
pub(super) fn host_of(authority: &[u8]) -> &[u8] {
    if let Some(rest) = authority.strip_prefix(b"[") {
        return rest.split(|byte| *byte == b']').next().unwrap_or(rest);
    }
    let host = authority.split(|byte| *byte == b':').next().unwrap_or(authority);
    host.strip_suffix(b".").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(names: &[&str], host: &str) -> bool {
        Names::new(&names.iter().map(|&name| name.into()).collect::<Vec<_>>()).cover(host.as_bytes())
    }

    #[test]
    fn a_wildcard_stands_for_one_whole_label() {
        assert!(cover(&["*.shop.example"], "a.shop.example"));
        assert!(cover(&["*.shop.example"], "A.Shop.EXAMPLE"));
        for host in ["shop.example", ".shop.example", "a.b.shop.example", "ashop.example", "", "example"] {
            assert!(!cover(&["*.shop.example"], host), "{host}");
        }
    }

    #[test]
    fn an_exact_name_is_compared_without_case() {
        assert!(cover(&["other", "shop.example"], "SHOP.example"));
        assert!(!cover(&["shop.example"], "shop.example.org"));
        assert!(!cover(&[], "shop.example"));
    }

    #[test]
    fn the_host_of_an_authority_has_neither_port_nor_dot() {
        for (authority, host) in [
            ("shop.example", "shop.example"),
            ("shop.example:8443", "shop.example"),
            ("shop.example.:8443", "shop.example"),
            ("[::1]:8443", "::1"),
            ("[::1]", "::1"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("", ""),
        ] {
            assert_eq!(host_of(authority.as_bytes()), host.as_bytes(), "{authority}");
        }
    }
}
