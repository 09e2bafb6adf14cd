//! Why a request goes where it goes: the very same steps as a real one, told in full.
//!
//! Theory: a question is written out as the bytes of a request head, read by the same codec, normalised by the same
//! step and decided by the same [`decide`] with a [`Recorder`] in place of the sink that tells nobody. What follows
//! (target, location, edits) is asked of the rule as the relay asks it. Nothing here decides anything.
//!
//! Rules: pure; the answer is bounded ([`CANDIDATES`]); printing it is Python's business.

pub mod answer;
mod question;
mod recorder;
mod words;

pub use answer::Explanation;
pub use question::Question;

use crate::http1::head::{Limits, Progress};
use crate::http1::request::Request;
use crate::route::{
    Action, Decision, HeadFields, Input, Normal, Rule, Snapshot, Verdict, decide, forward_target, location,
    normalise,
};
use question::Asked;
use recorder::Recorder;
use words::text;

/// Candidates listed; the rest are counted. More than a person reads, few enough for one answer of the admin API.
pub const CANDIDATES: usize = 200;

/// Explains one request. `draw` is used as [`decide`] uses it.
#[must_use]
pub fn explain(snapshot: &Snapshot, question: &Question, draw: u64) -> Explanation {
    let asked = match Asked::new(question) {
        Ok(asked) => asked,
        Err(text) => return Explanation::refused(400, text),
    };
    let Some((at, chosen)) = asked.listener(snapshot, question.listener.as_deref()) else {
        let text = match &question.listener {
            Some(name) => format!("there is no listener {name}"),
            None => "there is no listener".to_owned(),
        };
        return Explanation::refused(404, text);
    };
    let mut out = Explanation { listener: words::listener(snapshot, at, chosen), ..Explanation::default() };
    if let Err(refused) = request(snapshot, at, &asked, draw, &mut out) {
        out.verdict = "refused".into();
        out.status = Some(refused.status);
        out.reason = Some(refused.text);
    }
    out
}

/// A request that is answered before it is decided.
struct Refused {
    status: u16,
    text: String,
}

fn request(
    snapshot: &Snapshot,
    at: usize,
    asked: &Asked,
    draw: u64,
    out: &mut Explanation,
) -> Result<(), Refused> {
    let Some(listener) = snapshot.listeners.get(at) else { return Ok(()) };
    let limits =
        Limits { header_bytes: listener.header_bytes, headers: listener.headers, ..Limits::default() };
    let buf = asked.head.as_slice();
    let mut head = Request::new();
    match head.parse(buf, &limits) {
        Ok(Progress::Complete) => {}
        Ok(Progress::Partial) => {
            return Err(Refused { status: 400, text: "the head is not complete".into() });
        }
        Err(refusal) => return Err(Refused { status: refusal.status, text: refusal.to_string() }),
    }
    let raw = head.path.of(buf);
    let query = head.query.map(|query| query.of(buf));
    out.request = Some(words::request(&head, buf, &listener.scheme));
    let mut normal = Vec::new();
    let path = match normalise(raw, &listener.path, &mut normal) {
        Ok(Normal::Unchanged) => raw,
        Ok(Normal::Changed) => normal.as_slice(),
        Err(fault) => return Err(Refused { status: 400, text: fault.text().into() }),
    };
    out.path = Some(answer::Path { raw: text(raw), normal: text(path), changed: raw != path });
    let fields = HeadFields { fields: &head.fields, buf };
    let method = head.method_text.of(buf);
    let input = Input { listener: at, method, host: head.host.of(buf), path, query, fields: &fields };
    let mut recorder = Recorder::default();
    let decision = decide(snapshot, &input, draw, &mut recorder);
    words::steps(snapshot, &input, &decision, recorder, out);
    follow(snapshot, &decision, path, query, out);
    Ok(())
}

/// What follows from the decision.
fn follow(
    snapshot: &Snapshot,
    decision: &Decision,
    path: &[u8],
    query: Option<&[u8]>,
    out: &mut Explanation,
) {
    let (verdict, status, reason) = words::verdict(decision.verdict);
    out.verdict = verdict.into();
    out.status = status;
    out.reason = reason.map(str::to_owned);
    let Some(rule) = decision.rule.and_then(|rule| snapshot.rules.get(rule as usize)) else { return };
    out.taken = Some(words::taken(snapshot, rule, decision.matched));
    match &rule.action {
        Action::Forward(split) => {
            let upstream = match decision.verdict {
                Verdict::Forward { upstream } => Some(upstream),
                _ => None,
            };
            out.split = words::shares(snapshot, split, upstream);
            out.upstream = upstream.and_then(|at| words::upstream(snapshot, at));
            forwarded(rule, decision.matched, path, query, out);
        }
        Action::Respond(respond) => {
            out.status = Some(respond.status);
            out.respond = Some(words::respond(respond));
        }
        Action::Redirect(redirect) => {
            let mut to = Vec::new();
            location(redirect, query, &mut to);
            out.status = Some(redirect.status);
            out.location = Some(text(&to));
        }
        Action::Ask { handler } => out.handler = snapshot.handlers.get(*handler as usize).cloned(),
    }
    out.response_headers = words::edits(&rule.response_edits);
}

fn forwarded(rule: &Rule, matched: u32, path: &[u8], query: Option<&[u8]>, out: &mut Explanation) {
    let mut target = Vec::new();
    forward_target(rule, matched, path, query, &mut target);
    out.target = Some(text(&target));
    out.host_rewrite.clone_from(&rule.rewrite.host);
    out.request_headers = words::edits(&rule.request_edits);
    out.timeouts = Some(rule.timeouts);
}
