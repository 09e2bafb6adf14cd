//! From what was recorded to words.

use super::answer::{
    Candidate, Condition, Edits, Explanation, Grpc, Host, Listener, Passed, PassedOver, Request, Respond,
    Share, Taken, Upstream,
};
use super::recorder::{Candidate as Seen, Recorder};
use super::{CANDIDATES, Decision, Input, Rule, Snapshot, Verdict};
use crate::grpc::call::Call;
use crate::http1::authority;
use crate::http1::request::Request as Head;
use crate::reason::Reason;
use crate::route::{self, Fields, Match, Split, Subject, Test};

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn texts<B: AsRef<[u8]>>(values: impl IntoIterator<Item = B>) -> Vec<String> {
    values.into_iter().map(|value| text(value.as_ref())).collect()
}

pub(super) fn listener(snapshot: &Snapshot, at: usize, chosen: &str) -> Option<Listener> {
    let listener = snapshot.listeners.get(at)?;
    let (name, address) = (listener.name.clone(), listener.address.clone());
    Some(Listener { name, address, chosen: chosen.into() })
}

pub(super) fn passed(name: &str, (pattern, source): (String, String), passed: route::Passed) -> Passed {
    let name = text(authority::split(name.as_bytes()).0);
    Passed { name, pattern, source, connect: passed.connect, idle: passed.idle }
}

pub(super) fn request(head: &Head, buf: &[u8], scheme: &str) -> Request {
    Request {
        method: text(head.method_text.of(buf)),
        scheme: scheme.into(),
        host: text(head.host.of(buf)),
        path: text(head.path.of(buf)),
        query: head.query.map(|query| text(query.of(buf))),
    }
}

/// What a call says of itself.
pub(super) fn call(call: &Call) -> Grpc {
    let timeout_ns = call.timeout.unwrap_or_default();
    Grpc { kind: call.kind.word().into(), timeout_ns, translated: false }
}

/// Fills in the verdict, and status and reason if no rule's answer follows.
pub(super) fn verdict(verdict: Verdict, out: &mut Explanation) {
    let mut fail = |verdict, reason: Reason, text| out.fail(verdict, reason.status(), reason, text);
    match verdict {
        Verdict::Forward { .. } => out.verdict = "forward".into(),
        Verdict::Respond => out.verdict = "respond".into(),
        Verdict::Redirect => out.verdict = "redirect".into(),
        Verdict::Ask { .. } => out.verdict = "ask".into(),
        Verdict::NoHost => fail("no_host", Reason::NoHost, "no route of this listener has the host"),
        Verdict::NoRule => fail("no_rule", Reason::NoRule, "no rule for this host fits the request"),
        Verdict::NoTarget => fail("no_target", Reason::NoEndpoint, "every target of the rule has weight 0"),
    }
}

/// Fills in hosts and candidates.
pub(super) fn steps<F: Fields>(
    snapshot: &Snapshot,
    input: &Input<'_, F>,
    decision: &Decision,
    mut recorder: Recorder,
    out: &mut Explanation,
) {
    recorder.sort();
    let is_taken = |seen: &&Seen| {
        let found = snapshot.matches.get(seen.id as usize);
        found.is_some_and(|found| Some(found.rule) == decision.rule && found.matched == decision.matched)
    };
    let taken = recorder.candidates.iter().find(is_taken).map(|seen| (seen.host, seen.id));
    let all: usize = recorder.hosts.iter().map(|host| host.count).sum();
    let passed_over: usize = recorder.passed_over.iter().map(|(_, count)| count).sum();
    out.other_paths = all.saturating_sub(recorder.candidates.len() + passed_over);
    out.hosts = hosts(&recorder, taken);
    // What fits comes first when the list must be cut, so that the one taken is never missing.
    let room = CANDIDATES.saturating_sub(recorder.candidates.iter().filter(|seen| seen.fits).count());
    let mut fails = 0;
    for seen in &recorder.candidates {
        fails += usize::from(!seen.fits);
        if out.candidates.len() < CANDIDATES && (seen.fits || fails <= room) {
            out.candidates.extend(candidate(snapshot, input, seen, taken, &recorder));
        }
    }
    out.omitted = recorder.candidates.len().saturating_sub(out.candidates.len());
    let left_out = recorder.passed_over.iter().map(|(subject, count)| {
        let (kind, name) = subject_words(subject);
        PassedOver {
            subject: kind.into(),
            name: name.into(),
            seen: texts(subject.seen(input)),
            count: *count,
        }
    });
    out.passed_over = left_out.collect();
}

fn hosts(recorder: &Recorder, taken: Option<(usize, u32)>) -> Vec<Host> {
    let host = |(at, host): (usize, &super::recorder::Host)| Host {
        pattern: host.pattern.clone(),
        taken: taken.is_some_and(|(taken, _)| taken == at),
        matches: host.count,
    };
    recorder.hosts.iter().enumerate().map(host).collect()
}

fn candidate<F: Fields>(
    snapshot: &Snapshot,
    input: &Input<'_, F>,
    seen: &Seen,
    taken: Option<(usize, u32)>,
    recorder: &Recorder,
) -> Option<Candidate> {
    let found = snapshot.matches.get(seen.id as usize)?;
    let words = self::taken(snapshot, snapshot.rules.get(found.rule as usize)?, found.matched);
    let is_taken = taken == Some((seen.host, seen.id));
    let state = match (is_taken, seen.fits) {
        (true, _) => "taken",
        (false, true) => "fits",
        (false, false) => "fails",
    };
    let winner = taken.filter(|_| state == "fits");
    Some(Candidate {
        host: seen.host,
        route: words.route,
        route_source: words.route_source,
        rule: words.rule,
        rule_source: words.rule_source,
        matched: words.matched,
        state: state.into(),
        conditions: conditions(input, found, seen),
        loses: winner.map(|winner| loses(snapshot, winner, seen, recorder)),
    })
}

fn loses(snapshot: &Snapshot, (host, winner): (usize, u32), seen: &Seen, recorder: &Recorder) -> String {
    if host == seen.host {
        return snapshot.loses(winner, seen.id);
    }
    let pattern = |at: usize| recorder.hosts.get(at).map_or("", |host| host.pattern.as_str());
    format!("host {} against {}", pattern(seen.host), pattern(host))
}

fn conditions<F: Fields>(input: &Input<'_, F>, found: &Match, seen: &Seen) -> Vec<Condition> {
    let mut out = vec![Condition {
        subject: "path".into(),
        name: String::new(),
        test: found.path.kind().into(),
        wanted: found.path.to_string(),
        held: true,
        seen: texts([input.path]),
    }];
    out.extend(seen.method.map(|held| Condition {
        subject: "method".into(),
        name: String::new(),
        test: "any_of".into(),
        wanted: texts(&found.methods).join(", "),
        held,
        seen: texts([input.method]),
    }));
    let both = found.conditions.iter().zip(&seen.conditions);
    out.extend(both.map(|(condition, (held, values))| {
        let (subject, name) = subject_words(&condition.subject);
        let (test, wanted) = test_words(&condition.test);
        let (subject, name, test) = (subject.into(), name.into(), test.into());
        Condition { subject, name, test, wanted, held: *held, seen: texts(values) }
    }));
    out
}

fn subject_words(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::Method => ("method", ""),
        Subject::Header(name) => ("header", name),
        Subject::Query(name) => ("query", name),
        Subject::Cookie(name) => ("cookie", name),
        Subject::Client(part) => ("client_cert", part.word()),
    }
}

fn test_words(test: &Test) -> (&'static str, String) {
    match test {
        Test::Exact(value) => ("exact", text(value)),
        Test::Regex(_, pattern) => ("regex", pattern.to_string()),
        Test::Present => ("present", String::new()),
        Test::Absent => ("absent", String::new()),
    }
}

pub(super) fn taken(snapshot: &Snapshot, rule: &Rule, matched: u32) -> Taken {
    let route = snapshot.routes.get(rule.route as usize);
    Taken {
        route: route.map_or_else(String::new, |route| route.name.clone()),
        route_source: route.map_or_else(String::new, |route| route.source.clone()),
        rule: rule.name.clone(),
        rule_source: rule.source.clone(),
        matched,
    }
}

pub(super) fn shares(snapshot: &Snapshot, split: &Split, drawn: Option<u32>) -> Vec<Share> {
    let total: f64 = split.targets().iter().map(|&(_, weight)| f64::from(weight)).sum();
    let share = |&(upstream, weight): &(u32, u32)| Share {
        upstream: snapshot
            .upstreams
            .get(upstream as usize)
            .map_or_else(String::new, |found| found.name.clone()),
        weight,
        percent: if total > 0.0 { 100.0 * f64::from(weight) / total } else { 0.0 },
        drawn: drawn == Some(upstream) && weight > 0,
    };
    split.targets().iter().map(share).collect()
}

pub(super) fn upstream(snapshot: &Snapshot, at: u32) -> Option<Upstream> {
    let found = snapshot.upstreams.get(at as usize)?;
    Some(Upstream {
        name: found.name.clone(),
        source: found.source.clone(),
        balance: found.balance,
        endpoints: found.endpoints.clone(),
    })
}

pub(super) fn edits(edits: &route::Edits) -> Edits {
    Edits { dropped: texts(edits.dropped()), appended: lines(edits.lines()) }
}

pub(super) fn respond(respond: &route::Respond) -> Respond {
    Respond { status: respond.status, headers: lines(&respond.lines), body_bytes: respond.body.len() }
}

fn lines(lines: &[u8]) -> Vec<String> {
    text(lines).lines().map(str::to_owned).collect()
}
