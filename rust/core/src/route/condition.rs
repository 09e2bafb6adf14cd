//! One condition on a request beyond its path: a subject and a test.
//!
//! Theory: a header condition holds if any field line of that name passes, since a field may be sent in several lines
//! (RFC 9110 §5.3), and so does one on the alternative names of a client's certificate; a query or cookie condition
//! looks at the first value of its name. `present: false` holds if there
//! is none. What a subject's values are is said once, in [`Subject::any`], and used by tests, indexes and explain.

use super::error::{BuildError, Place};
use super::{Fields, Input, cookie, edits, query};
use crate::document::{ClientCertMatch, ClientCertPart, ValueMatch, ValueTest};
use crate::tls::Identity;
use regex::bytes::{Regex, RegexBuilder};

/// Compiled size of one regex, bytes; bounds the memory and time that a small pattern such as `(a{999}){999}` asks
/// for. The regex crate's default is 10 MiB; no pattern that people write by hand for a path comes near 1 MiB.
pub(super) const REGEX_BYTES: usize = 1 << 20;

/// Where a value is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The method; its one value is always there.
    Method,
    /// Field lines of this lower-case name.
    Header(Box<str>),
    /// The query parameter of this decoded name.
    Query(Box<str>),
    /// The cookie of this name.
    Cookie(Box<str>),
    /// This part of the client's certificate.
    Client(ClientCertPart),
}

impl Subject {
    /// Whether `test` says yes to any of the subject's values in `input`, in order; stops at the first yes.
    #[inline]
    pub fn any<F: Fields>(&self, input: &Input<'_, F>, mut test: impl FnMut(&[u8]) -> bool) -> bool {
        match self {
            Self::Method => test(input.method),
            Self::Header(name) => input.fields.values(name).any(test),
            Self::Query(name) => input
                .query
                .and_then(|text| query::value(text, name.as_bytes()))
                .is_some_and(|value| test(&value)),
            Self::Cookie(name) => input
                .fields
                .values("cookie")
                .find_map(|line| cookie::value(line, name.as_bytes()))
                .is_some_and(test),
            Self::Client(part) => input.client.is_some_and(|client| part_of(client, *part, test)),
        }
    }

    /// All values, for explain.
    pub fn seen<F: Fields>(&self, input: &Input<'_, F>) -> Vec<Vec<u8>> {
        let mut seen = Vec::new();
        self.any(input, |value| {
            seen.push(value.to_vec());
            false
        });
        seen
    }
}

/// Whether `test` says yes to any value of a part.
fn part_of(client: &Identity, part: ClientCertPart, mut test: impl FnMut(&[u8]) -> bool) -> bool {
    match part {
        ClientCertPart::Subject => test(client.subject.as_bytes()),
        ClientCertPart::San => client.alternative_names.iter().any(|name| test(name.as_str().as_bytes())),
        ClientCertPart::SpiffeId => client.spiffe_id.as_ref().is_some_and(|id| test(id.as_bytes())),
        ClientCertPart::Fingerprint => test(client.fingerprint.as_bytes()),
    }
}

/// What must hold of a value.
#[derive(Debug, Clone)]
pub enum Test {
    /// Equal, byte for byte.
    Exact(Box<[u8]>),
    /// The whole value fits.
    Regex(Regex, Box<str>),
    /// There is a value.
    Present,
    /// There is none.
    Absent,
}

impl Test {
    fn build(from: &ValueTest, place: &Place) -> Result<Self, BuildError> {
        Ok(match from {
            ValueTest::Exact { value } => Self::Exact(value.as_bytes().into()),
            ValueTest::Regex { value } => Self::Regex(anchored(value, place)?, value.as_str().into()),
            ValueTest::Present { value: true } => Self::Present,
            ValueTest::Present { value: false } => Self::Absent,
        })
    }
}

impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Regex(_, a), Self::Regex(_, b)) => a == b,
            (Self::Present, Self::Present) | (Self::Absent, Self::Absent) => true,
            _ => false,
        }
    }
}

/// See the file's head.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Where to look.
    pub subject: Subject,
    /// What must hold there.
    pub test: Test,
}

impl Condition {
    pub(super) fn build(
        subject: fn(Box<str>) -> Subject,
        value: &ValueMatch,
        place: &Place,
    ) -> Result<Self, BuildError> {
        let subject = subject(value.name.as_str().into());
        if let Subject::Header(name) = &subject {
            edits::check_name(name, place)?;
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Err(place.error(format!("the header name `{name}` is not in lower case")));
            }
        }
        Ok(Self { subject, test: Test::build(&value.test, place)? })
    }

    pub(super) fn of_client(from: &ClientCertMatch, place: &Place) -> Result<Self, BuildError> {
        Ok(Self { subject: Subject::Client(from.part), test: Test::build(&from.test, place)? })
    }

    /// Whether it holds for `input`.
    #[inline]
    pub fn holds<F: Fields>(&self, input: &Input<'_, F>) -> bool {
        match &self.test {
            Test::Exact(wanted) => self.subject.any(input, |value| value == &**wanted),
            Test::Regex(regex, _) => self.subject.any(input, |value| regex.is_match(value)),
            Test::Present => self.subject.any(input, |_| true),
            Test::Absent => !self.subject.any(input, |_| true),
        }
    }

    /// The value that it wants to be equal, if that is what it wants.
    pub(super) fn exact(&self) -> Option<&[u8]> {
        match &self.test {
            Test::Exact(value) => Some(value),
            _ => None,
        }
    }
}

/// `pattern` with both ends anchored.
pub(super) fn whole(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

/// Compiles `pattern` to fit whole values only.
fn anchored(pattern: &str, place: &Place) -> Result<Regex, BuildError> {
    let bad = |error: regex::Error| place.error(format!("the regex `{pattern}` does not compile: {error}"));
    // Alone first: `a)(b` is not a pattern, though it would be one between our brackets.
    RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build().map_err(bad)?;
    RegexBuilder::new(&whole(pattern)).size_limit(REGEX_BYTES).build().map_err(bad)
}
