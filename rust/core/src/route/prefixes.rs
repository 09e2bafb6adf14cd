//! Path prefixes by whole segments: a trie with one hash per segment of the path that the configuration knows.
//!
//! Theory: the way down follows the path's segments until none is known; every prefix that fits lies on that way, so
//! the way back up visits them longest first. A path with a thousand segments costs what the trie is deep.

use super::bytemap::ByteMap;
use super::node::Node;

const NONE: u32 = u32::MAX;

/// See the file's head.
#[derive(Debug, Clone)]
pub(super) struct Prefixes {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    children: ByteMap<u32>,
    /// The nearest step with a node, this one included.
    nearest: u32,
    /// The step above.
    parent: u32,
    node: Option<Node>,
}

impl Step {
    fn new(parent: u32) -> Self {
        Self { children: ByteMap::default(), nearest: NONE, parent, node: None }
    }
}

impl Default for Prefixes {
    fn default() -> Self {
        Self { steps: vec![Step::new(NONE)] }
    }
}

impl Prefixes {
    /// Adds the rules of one prefix: `/` or a path without trailing slash.
    pub fn insert(&mut self, prefix: &[u8], node: Node) {
        let mut at = 0;
        for segment in segments(prefix) {
            let next = self.steps.len() as u32;
            let Some(step) = self.steps.get_mut(at as usize) else { return };
            let child = *step.children.entry(segment, || next);
            if child == next {
                self.steps.push(Step::new(at));
            }
            at = child;
        }
        if let Some(step) = self.steps.get_mut(at as usize) {
            step.node = Some(node);
        }
    }

    /// Must follow the last insertion. Parents come before children, so one pass is enough.
    pub fn link(&mut self) {
        for at in 0..self.steps.len() {
            let Some(step) = self.steps.get(at) else { return };
            let above = self.steps.get(step.parent as usize).map_or(NONE, |parent| parent.nearest);
            let nearest = if step.node.is_some() { at as u32 } else { above };
            if let Some(step) = self.steps.get_mut(at) {
                step.nearest = nearest;
            }
        }
    }

    /// The nodes of all prefixes that `path` has, longest first.
    #[inline]
    pub fn fitting<'a>(&'a self, path: &[u8]) -> impl Iterator<Item = &'a Node> {
        let mut at = self.deepest(path);
        std::iter::from_fn(move || {
            let nearest = self.steps.get(at as usize)?.nearest;
            let step = self.steps.get(nearest as usize)?;
            at = step.parent;
            step.node.as_ref()
        })
    }

    #[inline]
    fn deepest(&self, path: &[u8]) -> u32 {
        let mut at = 0u32;
        if self.steps.len() == 1 {
            return at;
        }
        for segment in path.strip_prefix(b"/").unwrap_or_default().split(|&byte| byte == b'/') {
            match self.steps.get(at as usize).and_then(|step| step.children.get(segment)) {
                Some(&child) => at = child,
                None => break,
            }
        }
        at
    }
}

fn segments(prefix: &[u8]) -> impl Iterator<Item = &[u8]> {
    let below = prefix.strip_prefix(b"/").filter(|rest| !rest.is_empty());
    below.into_iter().flat_map(|rest| rest.split(|&byte| byte == b'/'))
}
