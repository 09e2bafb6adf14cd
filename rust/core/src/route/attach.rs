//! Which routes stand under which host pattern of which listener, and the tables that follow.
//!
//! Theory: routes that apply together always share one table, whatever the pattern and the listener: a route with a
//! thousand hosts costs one table.

use super::error::{BuildError, Place};
use super::hosts::{HOST_BYTES, HostTable};
use super::table::{Parts, Table};
use crate::document;
use std::collections::{BTreeMap, HashMap};

/// Tables while they grow; routes that apply together share one.
pub(super) struct Tables<'a> {
    parts: Parts<'a>,
    ids_by_route: Vec<Vec<u32>>,
    /// The index is what host tables hold.
    pub built: Vec<Table>,
    known: HashMap<Vec<usize>, u32>,
}

impl<'a> Tables<'a> {
    pub fn new(parts: Parts<'a>, ids_by_route: Vec<Vec<u32>>) -> Self {
        Self { parts, ids_by_route, built: Vec::new(), known: HashMap::new() }
    }

    /// The host table of each listener.
    pub fn hosts(
        &mut self,
        routes: &[document::Route],
        listeners: usize,
        root: &Place,
    ) -> Result<Vec<HostTable>, BuildError> {
        let mut patterns: Vec<BTreeMap<Option<&str>, Vec<usize>>> = vec![BTreeMap::new(); listeners];
        for (index, route) in routes.iter().enumerate() {
            let place = root.item("routes", &route.name);
            for &listener in &route.listeners {
                let Some(patterns) = patterns.get_mut(listener as usize) else {
                    return Err(place.at("listeners").error(format!("there is no listener {listener}")));
                };
                add_hosts(patterns, index, &route.hosts, &place)?;
            }
        }
        patterns.into_iter().map(|patterns| self.host_table(patterns)).collect()
    }

    fn host_table(&mut self, patterns: BTreeMap<Option<&str>, Vec<usize>>) -> Result<HostTable, BuildError> {
        let mut hosts = HostTable::default();
        for (pattern, routes) in patterns {
            hosts.insert(pattern, self.table(routes)?);
        }
        Ok(hosts)
    }

    fn table(&mut self, routes: Vec<usize>) -> Result<u32, BuildError> {
        if let Some(&known) = self.known.get(&routes) {
            return Ok(known);
        }
        let ids =
            routes.iter().filter_map(|&route| self.ids_by_route.get(route)).flatten().copied().collect();
        let at = self.built.len() as u32;
        self.built.push(Table::build(ids, &self.parts)?);
        self.known.insert(routes, at);
        Ok(at)
    }
}

fn add_hosts<'a>(
    patterns: &mut BTreeMap<Option<&'a str>, Vec<usize>>,
    route: usize,
    hosts: &'a [String],
    place: &Place,
) -> Result<(), BuildError> {
    let mut add = |pattern| {
        let routes: &mut Vec<usize> = patterns.entry(pattern).or_default();
        if routes.last() != Some(&route) {
            routes.push(route);
        }
    };
    if hosts.is_empty() {
        add(None);
    }
    for host in hosts {
        check_host(host, place)?;
        add(Some(host));
    }
    Ok(())
}

fn check_host(host: &str, place: &Place) -> Result<(), BuildError> {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let known =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'[' | b']' | b':');
    let port = !name.starts_with('[') && name.contains(':');
    if name.is_empty() || name.ends_with('.') || host.len() > HOST_BYTES || port || !name.bytes().all(known) {
        let text = format!("`{}` is not a lower-case host name without port", host.escape_debug());
        return Err(place.at("hosts").error(text));
    }
    Ok(())
}
