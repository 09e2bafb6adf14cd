//! Path regexes of one priority, in their order, as automata that try all of them in one pass over the path.
//!
//! Theory: with leftmost-first semantics and both ends anchored, an automaton over many patterns names the first of them
//! that fits: ten thousand regexes cost one pass. If that one's other conditions fail, a second automaton names all that
//! fit, and the rest are visited in order. Both are linear in the path times, at worst, the size of the patterns; there
//! is no backtracking.
//!
//! Rules: patterns are cut into groups of bounded size, tried in order, since the memory of an automaton is bounded.

use super::condition::{REGEX_BYTES, whole};
use super::error::{BuildError, Place};
use super::node::Node;
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, PatternSet};

/// Compiled size of one group, bytes. 10,000 patterns such as `/v[0-9]+/name/.*` need about 3 MiB.
const GROUP_BYTES: usize = 32 << 20;
/// Lazily built states per thread and group, bytes; the regex crate's default is 2 MiB for any one regex.
const STATES_BYTES: usize = 4 << 20;
/// Patterns per group at first; halved while a group is too big.
const GROUP: usize = 16_384;

/// See the file's head.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns {
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    first: Regex,
    all: Regex,
    nodes: Vec<Node>,
    texts: Vec<String>,
}

impl Patterns {
    /// `patterns` in order, each already known to compile alone.
    pub fn build(mut patterns: Vec<(String, Node)>, place: &Place) -> Result<Self, BuildError> {
        let mut groups = Vec::new();
        let mut size = GROUP;
        while !patterns.is_empty() {
            let texts: Vec<String> = patterns.iter().take(size).map(|(text, _)| whole(text)).collect();
            match (compile(&texts, MatchKind::LeftmostFirst), compile(&texts, MatchKind::All)) {
                (Ok(first), Ok(all)) => {
                    let (texts, nodes) = patterns.drain(..texts.len()).unzip();
                    groups.push(Group { first, all, nodes, texts });
                }
                (Err(error), _) | (_, Err(error)) if texts.len() == 1 => {
                    return Err(place.error(format!("a path regex does not compile: {error}")));
                }
                _ => size = texts.len().div_ceil(2),
            }
        }
        Ok(Self { groups })
    }

    /// The nodes of patterns that fit `path`, in order; `visit` returns true to stop.
    #[inline]
    pub fn each<'a>(&'a self, path: &[u8], mut visit: impl FnMut(&'a Node) -> bool) {
        for group in &self.groups {
            let input = Input::new(path).anchored(Anchored::Yes);
            let Some(found) = group.first.search_half(&input) else { continue };
            let first = found.pattern().as_usize();
            if group.nodes.get(first).is_some_and(&mut visit) {
                return;
            }
            if first + 1 < group.nodes.len() && group.rest(&input, first, &mut visit) {
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
    fn rest<'a>(&'a self, input: &Input<'_>, first: usize, visit: &mut impl FnMut(&'a Node) -> bool) -> bool {
        let mut fitting = PatternSet::new(self.nodes.len());
        self.all.which_overlapping_matches(input, &mut fitting);
        let rest = fitting.iter().map(|pattern| pattern.as_usize()).filter(|&at| at > first);
        rest.filter_map(|at| self.nodes.get(at)).any(visit)
    }
}

fn compile(texts: &[String], kind: MatchKind) -> Result<Regex, String> {
    let config = Config::new()
        .match_kind(kind)
        .utf8_empty(false)
        .nfa_size_limit(Some(if texts.len() == 1 { 2 * REGEX_BYTES } else { GROUP_BYTES }))
        .hybrid_cache_capacity(STATES_BYTES);
    let built =
        Regex::builder().configure(config).syntax(syntax::Config::new().utf8(false)).build_many(texts);
    built.map_err(|error| error.to_string())
}
