//! Why a snapshot was refused, and where in the document.

use std::fmt;

/// A document that no snapshot can be built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// Path into the document, such as `routes[shop].rules[beta].matches[0]`.
    pub place: String,
    /// What is wrong there.
    pub text: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.text)
        } else {
            write!(f, "{}: {}", self.place, self.text)
        }
    }
}

impl std::error::Error for BuildError {}

/// Where in the document the builder is.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(String);

impl Place {
    /// One step down: `.part` or, below nothing, `part`.
    pub(super) fn at(&self, part: impl fmt::Display) -> Self {
        if self.0.is_empty() { Self(part.to_string()) } else { Self(format!("{}.{part}", self.0)) }
    }

    /// An element of the list `part`, by name or number.
    pub(super) fn item(&self, part: &str, which: impl fmt::Display) -> Self {
        self.at(format_args!("{part}[{which}]"))
    }

    /// The error `text` here.
    pub(super) fn error(&self, text: impl Into<String>) -> BuildError {
        BuildError { place: self.0.clone(), text: text.into() }
    }
}
