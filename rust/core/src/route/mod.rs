//! Decide: which rule a request takes, and what follows from it. Pure; the configuration answers, nothing else.
//!
//! Theory. A [`Snapshot`] is one configuration, compiled. A request meets it in three steps.
//!
//! *Host.* Patterns that fit the request's host are visited from the most exact: the name itself, then wildcards from
//! the longest (`*.a.b` fits `x.a.b` and `y.x.a.b`, not `a.b`), then the routes without hosts. Routes with the same
//! pattern on the same listener are one set of rules. If no rule under a pattern fits, the next pattern is tried: the
//! Gateway API gives rules of the more exact host *precedence* over others (HTTPRouteSpec.hostnames); it does not let a
//! host hide them. Who wants a host closed ends it with a rule `match: /` that answers 404.
//!
//! *Match.* Under one pattern all matches are in one total order, made when the snapshot is built (`order.rs`):
//! priority, exact path, longest prefix, regex by name, then method, number of header, query, cookie and client
//! certificate conditions, then names. The first that fits is taken. Tables (`table.rs`) find it without looking at the others: the path leads
//! to a few nodes by hash, and in a node with many entries the values that they want lead to the few that may fit.
//!
//! *Action.* A forward draws an upstream by weight; all else is fixed in the rule.
//!
//! Rules: no I/O, no clock, no random source, no allocation on the way (but for query values with escapes). Whoever
//! asks why passes a [`Trace`]; there is no second implementation to tell people why.
//!
//! Draws: the upper 32 bits of `draw` choose the upstream here, the lower 32 the endpoint in `crate::balance`.

mod attach;
mod build;
mod bytemap;
mod condition;
mod cookie;
mod edits;
mod error;
mod head;
mod hosts;
mod node;
mod normal;
mod order;
mod passthrough;
mod patterns;
mod prefixes;
mod query;
mod search;
mod shadow;
mod snapshot;
mod split;
mod table;
mod target;
mod trace;

pub use condition::{Condition, Subject, Test};
pub use edits::Edits;
pub use error::BuildError;
pub use head::HeadFields;
pub use hosts::Pattern;
pub use normal::{Normal, PathFault, normalise};
pub use passthrough::{Passed, Passthrough};
pub use shadow::{Shadowed, shadowed, shadowed_rules};
pub use snapshot::{
    Action, Endpoint, Listener, Match, PathTest, Redirect, Respond, Rewrite, RouteInfo, Rule, Snapshot,
    Upstream,
};
pub use split::Split;
pub use target::{forward_target, location};
pub use trace::{NoTrace, Trace};

use crate::tls::Identity;

/// Case-insensitive look-up in a head's fields.
pub trait Fields {
    /// The values of all field lines called `name` (lower case), in order.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a;
}

/// What a decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a, F: Fields> {
    /// Index into [`Snapshot::listeners`].
    pub listener: usize,
    /// As sent.
    pub method: &'a [u8],
    /// The authority as sent: any case, perhaps with a port or a trailing dot; empty if there is none.
    pub host: &'a [u8],
    /// The path as [`normalise`] left it.
    pub path: &'a [u8],
    /// What follows `?`, without it.
    pub query: Option<&'a [u8]>,
    /// The head's fields.
    pub fields: &'a F,
    /// Who the client is, if it has shown a certificate.
    pub client: Option<&'a Identity>,
}

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Index into [`Snapshot::rules`].
    pub rule: Option<u32>,
    /// Which of the rule's matches fitted; 0 without a rule.
    pub matched: u32,
    /// What follows.
    pub verdict: Verdict,
}

/// What follows from the rule, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Forward to this upstream.
    Forward {
        /// Index into [`Snapshot::upstreams`].
        upstream: u32,
    },
    /// Answer with the rule's [`Action::Respond`].
    Respond,
    /// Answer with the rule's [`Action::Redirect`]; see [`location`].
    Redirect,
    /// Ask Python.
    Ask {
        /// Index into [`Snapshot::handlers`].
        handler: u32,
    },
    /// No route of this listener knows the host.
    NoHost,
    /// Routes know the host, but none of their rules fits.
    NoRule,
    /// The rule forwards, but every weight is 0.
    NoTarget,
}

/// Decides one request. Reads the upper 32 bits of `draw`.
#[inline]
pub fn decide<F: Fields, T: Trace>(
    snapshot: &Snapshot,
    input: &Input<'_, F>,
    draw: u64,
    trace: &mut T,
) -> Decision {
    let (known, taken) = search::first(snapshot, input, trace);
    let Some((fitting, rule)) = taken.and_then(|id| {
        let fitting = snapshot.matches.get(id as usize)?;
        Some((fitting, snapshot.rules.get(fitting.rule as usize)?))
    }) else {
        let verdict = if known { Verdict::NoRule } else { Verdict::NoHost };
        return Decision { rule: None, matched: 0, verdict };
    };
    let verdict = match &rule.action {
        Action::Forward(split) => match split.draw(draw) {
            Some(upstream) => Verdict::Forward { upstream },
            None => Verdict::NoTarget,
        },
        Action::Respond(_) => Verdict::Respond,
        Action::Redirect(_) => Verdict::Redirect,
        Action::Ask { handler } => Verdict::Ask { handler: *handler },
    };
    Decision { rule: Some(fitting.rule), matched: fitting.matched, verdict }
}
