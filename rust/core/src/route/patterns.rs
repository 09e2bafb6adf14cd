//! Path regexes of one priority, in their order, as automata that try all of them in one pass over the path.
//!
//! Theory: with leftmost-first semantics and both ends anchored, an automaton over many patterns names the first of them
//! that fits: ten thousand regexes cost one pass. If that one's other conditions fail, a second automaton over the same
//! states names all that fit, and the rest are visited in order. Both are lazily built DFAs: a state is made when a path
//! first leads to it and kept in a cache per thread. A path costs at worst its length times the size of the patterns;
//! there is no backtracking.
//!
//! Rules: patterns are cut into groups of bounded size, tried in order; a group's cache is bounded and cleared when
//! full, never given up. Paths in normal form are ASCII (`normal.rs`), so patterns are compiled without Unicode tables
//! wherever their syntax allows, and word boundaries are the ASCII ones.

use super::condition::{REGEX_BYTES, whole};
use super::error::{BuildError, Place};
use super::node::Node;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::{pool::Pool, syntax};
use regex_automata::{Anchored, HalfMatch, Input, MatchKind, PatternSet};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Compiled size of one group, bytes. 10,000 patterns such as `/v[0-9]+/name/[a-z]+` need about 10 MiB.
const GROUP_BYTES: usize = 32 << 20;
/// Cached states per thread and group, bytes, unless the patterns need more for a handful of states. The regex crate's
/// default for one regex is 2 MiB.
const STATES_BYTES: usize = 2 << 20;
/// Patterns per group at first; halved while a group is too big.
const GROUP: usize = 16_384;

/// See the file's head.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    first: Automaton,
    all: Automaton,
    nodes: Vec<Node>,
    texts: Vec<String>,
}

impl Patterns {
    /// `patterns` in order, each already [checked](check).
    pub fn build(mut patterns: Vec<(String, Node)>, place: &Place) -> Result<Self, BuildError> {
        let mut groups = Vec::new();
        let mut size = GROUP;
        while !patterns.is_empty() {
            let texts: Vec<String> =
                patterns.iter().take(size).map(|(text, _)| ascii_or_whole(text)).collect();
            match automata(&texts) {
                Ok((first, all)) => {
                    let (texts, nodes) = patterns.drain(..texts.len()).unzip();
                    groups.push(Group { first, all, nodes, texts });
                }
                Err(error) if texts.len() == 1 => {
                    let text = patterns.first().map_or("", |(text, _)| text);
                    return Err(place.error(format!("the regex `{text}` does not compile: {error}")));
                }
                Err(_) => size = texts.len().div_ceil(2),
            }
        }
        Ok(Self { groups })
    }

    /// The nodes of patterns that fit `path`, in order; `visit` returns true to stop.
    #[inline]
    pub fn each<'a>(&'a self, path: &[u8], mut visit: impl FnMut(&'a Node) -> bool) {
        for group in &self.groups {
            let Some(found) = group.first.first(path) else { continue };
            let first = found.pattern().as_usize();
            if group.nodes.get(first).is_some_and(&mut visit) {
                return;
            }
            if first + 1 < group.nodes.len() && group.rest(path, first, &mut visit) {
                return;
            }
        }
    }

    /// The nodes of the pattern `text`, as written.
    pub fn with_text<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Node> {
        let pairs = self.groups.iter().flat_map(|group| group.texts.iter().zip(&group.nodes));
        pairs.filter(move |(known, _)| *known == text).map(|(_, node)| node)
    }
}

impl Group {
    #[cold]
    fn rest<'a>(&'a self, path: &[u8], first: usize, visit: &mut impl FnMut(&'a Node) -> bool) -> bool {
        let fitting = self.all.every(path, self.nodes.len());
        let rest = fitting.iter().map(|pattern| pattern.as_usize()).filter(|&at| at > first);
        rest.filter_map(|at| self.nodes.get(at)).any(visit)
    }
}

/// A lazily built DFA and one cache of its states per thread that uses it.
struct Automaton {
    dfa: DFA,
    caches: Pool<Cache, Maker>,
}

/// The bounds let a worker survive a panic of one connection with the snapshot in hand.
type Maker = Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;

impl fmt::Debug for Automaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Automaton").field("patterns", &self.dfa.pattern_len()).finish_non_exhaustive()
    }
}

impl Automaton {
    fn build(nfa: &NFA, kind: MatchKind) -> Result<Self, String> {
        let config = Config::new().match_kind(kind).unicode_word_boundary(true);
        let least = config.get_minimum_cache_capacity(nfa).map_err(|error| error.to_string())?;
        let config = config.cache_capacity(STATES_BYTES.max(least.saturating_mul(2)));
        let dfa = DFA::builder()
            .configure(config)
            .build_from_nfa(nfa.clone())
            .map_err(|error| error.to_string())?;
        let maker = dfa.clone();
        Ok(Self { dfa, caches: Pool::new(Box::new(move || maker.create_cache())) })
    }

    /// The first pattern that fits the whole of `path`. The automaton can only refuse to answer for bytes that are not
    /// ASCII, which no path in normal form has.
    #[inline]
    fn first(&self, path: &[u8]) -> Option<HalfMatch> {
        let input = Input::new(path).anchored(Anchored::Yes);
        self.dfa.try_search_fwd(&mut self.caches.get(), &input).ok().flatten()
    }

    /// All patterns that fit the whole of `path`.
    fn every(&self, path: &[u8], patterns: usize) -> PatternSet {
        let input = Input::new(path).anchored(Anchored::Yes);
        let mut fitting = PatternSet::new(patterns);
        if self.dfa.try_which_overlapping_matches(&mut self.caches.get(), &input, &mut fitting).is_err() {
            fitting.clear();
        }
        fitting
    }
}

/// Whether `pattern` is a regex by itself; `a)(b` is none, though it would be one between our brackets.
pub(super) fn check(pattern: &str, place: &Place) -> Result<(), BuildError> {
    for text in [pattern, &whole(pattern)] {
        syntax::parse_with(text, &bytes())
            .map_err(|error| place.error(format!("the regex `{pattern}` does not compile: {error}")))?;
    }
    Ok(())
}

/// `pattern` with both ends anchored, without Unicode if it can do without.
fn ascii_or_whole(pattern: &str) -> String {
    let ascii = format!(r"\A(?-u:{pattern})\z");
    if syntax::parse_with(&ascii, &bytes()).is_ok() { ascii } else { whole(pattern) }
}

fn bytes() -> syntax::Config {
    syntax::Config::new().utf8(false)
}

fn automata(texts: &[String]) -> Result<(Automaton, Automaton), String> {
    let limit = if texts.len() == 1 { REGEX_BYTES } else { GROUP_BYTES };
    let config =
        thompson::Config::new().utf8(false).which_captures(WhichCaptures::None).nfa_size_limit(Some(limit));
    let built = thompson::Compiler::new().syntax(bytes()).configure(config).build_many(texts);
    let nfa = built.map_err(|error| error.to_string())?;
    Ok((Automaton::build(&nfa, MatchKind::LeftmostFirst)?, Automaton::build(&nfa, MatchKind::All)?))
}

#[cfg(test)]
mod tests;
