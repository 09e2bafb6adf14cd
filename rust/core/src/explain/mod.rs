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
pub use question::{ClientCert, Question};

use crate::grpc::Kind;
use crate::grpc::call::Call;
use crate::grpc::timeout::Malformed;
use crate::http1::head::{Limits, Progress, Refusal};
use crate::http1::request::Request;
use crate::reason::Reason;
use crate::route::{
    Action, Decision, HeadFields, Input, Listener, Normal, Rule, Snapshot, Verdict, decide, forward_target,
    location, normalise,
};
use crate::tls::Identity;
use question::Asked;
use recorder::Recorder;
use words::text;

/// Candidates listed; the rest are counted. More than a person reads, few enough for one answer of the admin API.
pub const CANDIDATES: usize = 200;

/// Said of a name that is not passed on where nothing is opened.
const NOBODY: &str = "TLS is only passed on here, and not for this name";

/// Explains one request. `draw` is used as [`decide`] uses it.
#[must_use]
pub fn explain(snapshot: &Snapshot, question: &Question, draw: u64) -> Explanation {
    let mut out = Explanation::default();
    let refused = match Asked::new(question) {
        Ok(asked) => arrive(snapshot, question, &asked, draw, &mut out),
        Err(text) => Err(Refused { status: 400, reason: Reason::RequestInvalid, text }),
    };
    if let Err(refused) = refused {
        out.fail("refused", refused.status, refused.reason, refused.text);
    }
    out
}

/// A request that is answered before it is decided.
struct Refused {
    status: u16,
    reason: Reason,
    text: String,
}

impl Refused {
    fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { status: reason.status(), reason, text: text.into() }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let reason = match refusal.status {
            414 | 431 => Reason::RequestHeadTooLarge,
            _ => Reason::RequestInvalid,
        };
        Self { status: refusal.status, reason, text: refusal.to_string() }
    }
}

/// At its listener, through the codec.
fn arrive(
    snapshot: &Snapshot,
    question: &Question,
    asked: &Asked,
    draw: u64,
    out: &mut Explanation,
) -> Result<(), Refused> {
    let Some((at, chosen)) = asked.listener(snapshot, question.listener.as_deref()) else {
        let name = question.listener.as_deref().unwrap_or("at all");
        return Err(Refused::new(Reason::RequestInvalid, format!("there is no listener {name}")));
    };
    let Some(listener) = snapshot.listeners.get(at) else { return Ok(()) };
    out.listener = words::listener(snapshot, at, chosen);
    if pass_on(snapshot, listener, asked.name(), out) {
        return Ok(());
    }
    let limits =
        Limits { header_bytes: listener.header_bytes, headers: listener.headers, ..Limits::default() };
    let mut head = Request::new();
    if head.parse(&asked.head, &limits)? == Progress::Partial {
        return Err(Refused::new(Reason::RequestInvalid, "the head is not complete"));
    }
    out.request = Some(words::request(&head, &asked.head, &listener.scheme));
    if let Some(call) = Call::of(&head, &asked.head) {
        out.grpc = Some(words::call(&call));
        call.timeout.map_err(|_| Refused::new(Reason::RequestInvalid, Malformed::TEXT))?;
    }
    request(snapshot, at, (&head, &asked.head), asked.client.as_ref(), draw, out)
}

/// Where TLS is passed on by its name, nothing else is looked at. Whether that was all.
fn pass_on(snapshot: &Snapshot, listener: &Listener, name: &str, out: &mut Explanation) -> bool {
    if listener.passthrough.is_empty() {
        return false;
    }
    let mut seen = (String::new(), String::new());
    let passed = listener.passthrough.trace(name, |pattern, source| {
        seen = (pattern.to_string(), source.to_owned());
    });
    let Some(passed) = passed else {
        let opened = listener.tls.is_some();
        if !opened {
            out.fail("no_host", Reason::NoHost.status(), Reason::NoHost, NOBODY);
        }
        return !opened;
    };
    out.verdict = "pass_through".into();
    out.passed = Some(words::passed(name, seen, passed));
    upstream(snapshot, passed.upstream, out);
    true
}

/// What the codec has read, normalised and decided.
fn request(
    snapshot: &Snapshot,
    at: usize,
    (head, buf): (&Request, &[u8]),
    client: Option<&Identity>,
    draw: u64,
    out: &mut Explanation,
) -> Result<(), Refused> {
    let Some(listener) = snapshot.listeners.get(at) else { return Ok(()) };
    let raw = head.path.of(buf);
    let query = head.query.map(|query| query.of(buf));
    let mut normal = Vec::new();
    let path = match normalise(raw, &listener.path, &mut normal) {
        Ok(Normal::Unchanged) => raw,
        Ok(Normal::Changed) => normal.as_slice(),
        Err(fault) => return Err(Refused::new(Reason::PathRefused, fault.text())),
    };
    out.path = Some(answer::Path { raw: text(raw), normal: text(path), changed: raw != path });
    let fields = HeadFields { fields: &head.fields, buf };
    let method = head.method_text.of(buf);
    let host = head.host.of(buf);
    let input = Input { listener: at, method, host, path, query, fields: &fields, client };
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
    words::verdict(decision.verdict, out);
    let Some(rule) = decision.rule.and_then(|rule| snapshot.rules.get(rule as usize)) else { return };
    out.taken = Some(words::taken(snapshot, rule, decision.matched));
    match &rule.action {
        Action::Forward(split) => {
            let upstream = match decision.verdict {
                Verdict::Forward { upstream } => Some(upstream),
                _ => None,
            };
            out.split = words::shares(snapshot, split, upstream);
            if let Some(at) = upstream {
                self::upstream(snapshot, at, out);
            }
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

/// Where it goes, if there is somebody.
fn upstream(snapshot: &Snapshot, at: u32, out: &mut Explanation) {
    out.upstream = words::upstream(snapshot, at);
    if out.upstream.as_ref().is_some_and(|upstream| upstream.endpoints.is_empty()) {
        let (verdict, reason) = (out.verdict.clone(), Reason::NoEndpoint);
        out.fail(&verdict, reason.status(), reason, "the upstream has no endpoint");
    }
}

fn forwarded(rule: &Rule, matched: u32, path: &[u8], query: Option<&[u8]>, out: &mut Explanation) {
    let mut target = Vec::new();
    forward_target(rule, matched, path, query, &mut target);
    out.target = Some(text(&target));
    out.host_rewrite.clone_from(&rule.rewrite.host);
    out.request_headers = words::edits(&rule.request_edits);
    if let Some(grpc) = &mut out.grpc {
        grpc.translated = rule.grpc_web && grpc.kind != Kind::Grpc.word();
    }
    out.timeouts = Some(rule.timeouts);
}
