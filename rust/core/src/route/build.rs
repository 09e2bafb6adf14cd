//! From the document to the snapshot, or a refusal that names the place.
//!
//! Theory: Python has validated the document and written the good messages; here every assumption that the tables rely
//! on is checked again, since a snapshot that was built never fails.
//!
//! Rules: nothing is repaired; the first thing wrong refuses the whole.

use super::attach::Tables;
use super::condition::{Condition, Subject};
use super::edits::{self, Edits};
use super::error::{BuildError, Place};
use super::hosts::HostTable;
use super::passthrough::Passthrough;
use super::patterns;
use super::snapshot::{
    Action, Listener, Match, PathTest, Redirect, Respond, Rewrite, RouteInfo, Rule, Snapshot, Upstream,
};
use super::split::Split;
use super::table::Parts;
use crate::document::{self, Document, FORMAT};
use crate::preamble::networks::Networks;
use crate::tls::{ClientTls, ServerTls, SystemRoots};
use std::sync::Arc;

/// Conditions of one match. Each costs a look at the head per request; the Gateway API allows 16 headers and 16 query
/// parameters, we add as many cookies again and round up.
const CONDITIONS: usize = 64;

impl Snapshot {
    /// Reads the MessagePack form of a [`Document`] and builds it.
    ///
    /// # Errors
    /// If the bytes are not such a document, or as [`Snapshot::build`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BuildError> {
        let document = rmp_serde::from_slice(bytes)
            .map_err(|error| Place::default().error(format!("the document cannot be read: {error}")))?;
        Self::build(document)
    }

    /// Builds the tables.
    ///
    /// # Errors
    /// If anything in the document does not hold: an index that leads nowhere, a regex that does not compile, a header
    /// that could not be sent.
    pub fn build(document: Document) -> Result<Self, BuildError> {
        let root = Place::default();
        if document.format != FORMAT {
            return Err(root.at("format").error(format!("format {} is not {FORMAT}", document.format)));
        }
        let system_roots = SystemRoots::read(&document.system_roots);
        let upstreams = upstreams(document.upstreams, &system_roots, &root)?;
        let rules = Rules::build(&document.routes, upstreams.len(), document.handlers.len(), &root)?;
        let Rules { rules, matches, ids_by_route, .. } = rules;
        let routes: Vec<RouteInfo> = document.routes.iter().map(info).collect();
        let parts = Parts { routes: &routes, rules: &rules, matches: &matches };
        let mut tables = Tables::new(parts, ids_by_route);
        let hosts = tables.hosts(&document.routes, document.listeners.len(), &root)?;
        let tables = tables.built;
        let listeners = document.listeners.into_iter().zip(hosts);
        let listeners = listeners
            .map(|(from, hosts)| listener(from, hosts, upstreams.len(), &root))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            generation: document.generation,
            name: document.name,
            access_log: document.access_log,
            listeners,
            routes,
            rules,
            matches,
            upstreams,
            handlers: document.handlers,
            unread_roots: system_roots.unread,
            tables,
        })
    }
}

fn info(route: &document::Route) -> RouteInfo {
    RouteInfo { name: route.name.clone(), source: route.source.clone() }
}

fn upstreams(
    from: Vec<document::Upstream>,
    system_roots: &SystemRoots,
    root: &Place,
) -> Result<Vec<Upstream>, BuildError> {
    for upstream in &from {
        let place = root.item("upstreams", &upstream.name);
        if let Some(endpoint) = upstream.endpoints.iter().find(|endpoint| endpoint.weight == 0) {
            return Err(place.item("endpoints", &endpoint.address).error("the weight must be at least 1"));
        }
    }
    let compiled = |from: document::Upstream| {
        let build =
            |tls: &document::UpstreamTls| ClientTls::build(tls, from.protocol, system_roots).map(Arc::new);
        let place = root.item("upstreams", &from.name).at("tls");
        let tls = from.tls.as_ref().map(build).transpose().map_err(|text| place.error(text))?;
        Ok(Upstream {
            name: from.name,
            source: from.source,
            balance: from.balance,
            endpoints: from.endpoints,
            max_idle: from.max_idle,
            idle_timeout: from.idle_timeout,
            protocol: from.protocol,
            http2: from.http2,
            tls,
        })
    };
    from.into_iter().map(compiled).collect()
}

fn listener(
    from: document::Listener,
    hosts: HostTable,
    upstreams: usize,
    root: &Place,
) -> Result<Listener, BuildError> {
    if !matches!(from.scheme.as_str(), "http" | "https") {
        let place = root.item("listeners", &from.name).at("scheme");
        return Err(place.error(format!("`{}` is neither http nor https", from.scheme)));
    }
    let place = root.item("listeners", &from.name).at("tls");
    let (tls, passed, handshake_timeout) = match &from.tls {
        None => (None, &[][..], 0),
        Some(tls) => (Some(tls), tls.passthrough.as_slice(), tls.handshake_timeout),
    };
    let passthrough = Passthrough::build(passed, upstreams, &place.at("passthrough"))?;
    // Where everything is passed on, nothing is opened.
    let tls = tls.filter(|tls| !tls.certificates.is_empty() || passthrough.is_empty());
    let build = |tls| ServerTls::build(tls, &from.protocols).map(Arc::new).map_err(|text| place.error(text));
    let tls = tls.map(build).transpose()?;
    let proxies = Networks::parse(from.proxy_protocol.iter().map(String::as_str)).map_err(|text| {
        let place = root.item("listeners", &from.name).at("proxy_protocol");
        place.error(format!("`{text}` is not a network"))
    })?;
    Ok(Listener {
        name: from.name,
        key: from.key,
        address: from.address,
        scheme: from.scheme,
        max_connections: from.max_connections,
        header_bytes: from.header_bytes,
        headers: from.headers,
        header_timeout: from.header_timeout,
        idle_timeout: from.idle_timeout,
        trust_forwarded: from.trust_forwarded,
        path: from.path,
        protocols: from.protocols,
        http2: from.http2,
        proxies,
        tls,
        passthrough,
        handshake_timeout,
        hosts,
    })
}

/// Flat lists of rules and matches while they grow.
struct Rules {
    rules: Vec<Rule>,
    matches: Vec<Match>,
    /// Ids of the matches of each route.
    ids_by_route: Vec<Vec<u32>>,
    upstreams: usize,
    handlers: usize,
}

impl Rules {
    fn build(
        routes: &[document::Route],
        upstreams: usize,
        handlers: usize,
        root: &Place,
    ) -> Result<Self, BuildError> {
        let (rules, matches, ids_by_route) = (Vec::new(), Vec::new(), Vec::new());
        let mut built = Self { rules, matches, ids_by_route, upstreams, handlers };
        for (index, route) in (0..).zip(routes) {
            built.route(index, route, &root.item("routes", &route.name))?;
        }
        Ok(built)
    }

    fn route(&mut self, index: u32, route: &document::Route, place: &Place) -> Result<(), BuildError> {
        if route.rules.is_empty() {
            return Err(place.error("a route needs at least one rule"));
        }
        let first = self.matches.len() as u32;
        for rule in &route.rules {
            self.rule(index, rule, &place.item("rules", &rule.name))?;
        }
        self.ids_by_route.push((first..self.matches.len() as u32).collect());
        Ok(())
    }

    fn rule(&mut self, route: u32, rule: &document::Rule, place: &Place) -> Result<(), BuildError> {
        if rule.matches.is_empty() {
            return Err(place.error("a rule needs at least one match"));
        }
        let id = self.rules.len() as u32;
        let first_match = self.matches.len() as u32;
        let mut prefix_bytes = Vec::new();
        for (matched, from) in (0..).zip(&rule.matches) {
            let built = build_match(id, matched, from, &place.item("matches", matched))?;
            prefix_bytes.push(prefix_length(&built.path));
            self.matches.push(built);
        }
        self.rules.push(Rule {
            name: rule.name.clone(),
            source: rule.source.clone(),
            route,
            priority: rule.priority,
            first_match,
            match_count: rule.matches.len() as u32,
            action: self.action(&rule.action, &place.at("action"))?,
            timeouts: rule.timeouts,
            request_edits: Edits::build(&rule.request_headers, &place.at("request_headers"))?,
            response_edits: Edits::build(&rule.response_headers, &place.at("response_headers"))?,
            rewrite: rewrite(&rule.rewrite, &place.at("rewrite"))?,
            grpc_web: rule.grpc_web,
            prefix_bytes,
        });
        Ok(())
    }

    fn action(&self, from: &document::Action, place: &Place) -> Result<Action, BuildError> {
        match from {
            document::Action::Forward { targets } => {
                Ok(Action::Forward(Split::build(targets, self.upstreams, place)?))
            }
            document::Action::Respond { status, headers, body } => respond(*status, headers, body, place),
            document::Action::Redirect { status, to, keep_query } => {
                redirect(*status, to, *keep_query, place)
            }
            document::Action::Ask { handler } if (*handler as usize) < self.handlers => {
                Ok(Action::Ask { handler: *handler })
            }
            document::Action::Ask { handler } => Err(place.error(format!("there is no handler {handler}"))),
        }
    }
}

/// A prefix's bytes without its last slash, so that what follows begins with one.
fn prefix_length(path: &PathTest) -> Option<u32> {
    match path {
        PathTest::Prefix(prefix) if **prefix == *b"/" => Some(0),
        PathTest::Prefix(prefix) => Some(prefix.len() as u32),
        PathTest::Exact(_) | PathTest::Regex(_) => None,
    }
}

fn respond(
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
    place: &Place,
) -> Result<Action, BuildError> {
    if !(200..=599).contains(&status) {
        return Err(place.error(format!("{status} is not a final status")));
    }
    if matches!(status, 204 | 205 | 304) && !body.is_empty() {
        return Err(place.error(format!("an answer with status {status} has no body")));
    }
    Ok(Action::Respond(Respond { status, lines: edits::lines(headers, place)?, body: body.to_vec() }))
}

fn redirect(status: u16, to: &str, keep_query: bool, place: &Place) -> Result<Action, BuildError> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Err(place.error(format!("{status} is not a redirect")));
    }
    let known = to.starts_with('/') || to.starts_with("http://") || to.starts_with("https://");
    if !known || !to.bytes().all(|byte| byte.is_ascii_graphic()) {
        let text = format!("`{}` is neither an absolute URI nor an absolute path", to.escape_debug());
        return Err(place.error(text));
    }
    Ok(Action::Redirect(Redirect { status, to: to.to_owned(), keep_query }))
}

fn rewrite(from: &document::Rewrite, place: &Place) -> Result<Rewrite, BuildError> {
    if from.path.is_some() && from.path_prefix.is_some() {
        return Err(place.error("`path` and `path_prefix` exclude each other"));
    }
    for path in from.path.iter().chain(&from.path_prefix) {
        check_path(path, place)?;
    }
    if let Some(host) = &from.host {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte);
        if host.is_empty() || !host.bytes().all(known) {
            return Err(place.at("host").error(format!("`{}` is not a host", host.escape_debug())));
        }
    }
    Ok(Rewrite { path_prefix: from.path_prefix.clone(), path: from.path.clone(), host: from.host.clone() })
}

fn check_path(path: &str, place: &Place) -> Result<(), BuildError> {
    let sound = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\');
    if path.starts_with('/') && path.bytes().all(sound) {
        return Ok(());
    }
    Err(place.error(format!("`{}` is not an absolute path", path.escape_debug())))
}

fn build_match(rule: u32, matched: u32, from: &document::Match, place: &Place) -> Result<Match, BuildError> {
    let mut conditions = Vec::new();
    let mut add = |kind: &str, subject: fn(Box<str>) -> Subject, values: &[document::ValueMatch]| {
        values.iter().try_for_each(|value| {
            conditions.push(Condition::build(subject, value, &place.item(kind, &value.name))?);
            Ok(())
        })
    };
    add("headers", Subject::Header, &from.headers)?;
    add("query", Subject::Query, &from.query)?;
    add("cookies", Subject::Cookie, &from.cookies)?;
    for condition in &from.client_cert {
        conditions.push(Condition::of_client(condition, &place.at("client_cert"))?);
    }
    if conditions.len() > CONDITIONS {
        return Err(place.error(format!("{} conditions are more than {CONDITIONS}", conditions.len())));
    }
    for method in &from.methods {
        edits::check_name(method, &place.at("methods"))
            .map_err(|_| place.error(format!("`{}` is not a method", method.escape_debug())))?;
    }
    let methods = from.methods.iter().map(|method| method.as_bytes().into()).collect();
    Ok(Match { rule, matched, path: path_test(&from.path, &place.at("path"))?, methods, conditions })
}

fn path_test(from: &document::PathMatch, place: &Place) -> Result<PathTest, BuildError> {
    match from {
        document::PathMatch::Exact { value } => {
            check_path(value, place)?;
            Ok(PathTest::Exact(value.as_bytes().into()))
        }
        document::PathMatch::Prefix { value } => {
            check_path(value, place)?;
            if value.len() > 1 && value.ends_with('/') {
                return Err(place.error(format!("the prefix `{value}` ends with a slash")));
            }
            Ok(PathTest::Prefix(value.as_bytes().into()))
        }
        document::PathMatch::Regex { value } => {
            patterns::check(value, place)?;
            Ok(PathTest::Regex(value.as_str().into()))
        }
    }
}
