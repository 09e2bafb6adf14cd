//! Which TLS connections of a listener are passed on unopened, by the name that the client asks for.
//!
//! Theory: names and wildcards as the hosts of routes: the most exact one that fits, and `*.` stands for any number of
//! labels.

use super::error::{BuildError, Place};
use super::hosts::{HostTable, Pattern};
use crate::document;

/// Where the connections for some names go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Index into [`super::Snapshot::upstreams`].
    pub upstream: u32,
    /// Deadline of the connection to an endpoint, ms; 0: none.
    pub connect: u32,
    /// Time without a byte in either direction, ms; 0: any.
    pub idle: u32,
}

/// All of one listener.
#[derive(Debug, Clone, Default)]
pub struct Passthrough {
    names: HostTable,
    targets: Vec<Passed>,
    /// `file:line` of each target, for explain.
    sources: Vec<String>,
}

impl Passthrough {
    pub(super) fn build(
        from: &[document::Passthrough],
        upstreams: usize,
        place: &Place,
    ) -> Result<Self, BuildError> {
        let mut built = Self::default();
        for (number, each) in (0u32..).zip(from) {
            if each.upstream as usize >= upstreams {
                return Err(place.error(format!("there is no upstream {}", each.upstream)));
            }
            for name in &each.names {
                built.names.insert(Some(name), number);
            }
            let &document::Passthrough { upstream, connect, idle, .. } = each;
            built.targets.push(Passed { upstream, connect, idle });
            built.sources.push(each.source.clone());
        }
        Ok(built)
    }

    /// Whether nothing is passed through.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Where a connection for this name goes.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Passed> {
        self.trace(name, |_, _| ())
    }

    /// The same, telling `seen` the pattern that fits and where it was written.
    pub fn trace(&self, name: &str, mut seen: impl FnMut(Pattern<'_>, &str)) -> Option<Passed> {
        let mut found = None;
        self.names.each(name.as_bytes(), |pattern, number| {
            found = self.targets.get(number as usize).copied();
            seen(pattern, self.sources.get(number as usize).map_or("", String::as_str));
            true
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(names: &[&str], upstream: u32) -> document::Passthrough {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        document::Passthrough { source: format!("f:{upstream}"), names, upstream, connect: 1, idle: 2 }
    }

    #[test]
    fn the_most_exact_name_decides() {
        let entries = [passed(&["*.example"], 0), passed(&["db.example", "*.db.example"], 1)];
        let built = Passthrough::build(&entries, 2, &Place::default()).unwrap();
        let upstream = |name| built.find(name).map(|passed| passed.upstream);
        assert_eq!(upstream("db.example"), Some(1));
        assert_eq!(upstream("a.b.db.example"), Some(1));
        assert_eq!(upstream("a.b.example"), Some(0));
        assert_eq!(upstream("example"), None);
        assert_eq!(upstream("other"), None);
        let mut seen = None;
        built.trace("a.db.example", |pattern, source| seen = Some((pattern.to_string(), source.to_owned())));
        assert_eq!(seen, Some(("*.db.example".into(), "f:1".into())));
        assert!(!built.is_empty() && Passthrough::default().is_empty());
    }

    #[test]
    fn an_upstream_that_is_not_there_refuses_the_document() {
        assert!(Passthrough::build(&[passed(&["a"], 1)], 1, &Place::default()).is_err());
    }
}
