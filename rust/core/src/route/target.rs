//! What is sent upstream as the request target, and downstream as `Location`.
//!
//! Theory: the path is already in normal form, the rewrite is the configuration's own text, so the result is as clean as
//! its parts. Replacing a prefix works on whole segments: with `/a` replaced by `/b`, `/a` becomes `/b`, `/a/` becomes
//! `/b/` and `/a/x` becomes `/b/x`; replaced by `/`, they become `/`, `/` and `/x` (Gateway API, ReplacePrefixMatch).

use super::snapshot::{Redirect, Rule};

/// Appends the request target (RFC 9112 §3.2.1) for a request that match number `matched` of `rule` took. `*` stays.
#[inline]
pub fn forward_target(rule: &Rule, matched: u32, path: &[u8], query: Option<&[u8]>, out: &mut Vec<u8>) {
    let rewrite = &rule.rewrite;
    match (&rewrite.path, &rewrite.path_prefix) {
        _ if !path.starts_with(b"/") => out.extend_from_slice(path),
        (Some(whole), _) => out.extend_from_slice(whole.as_bytes()),
        (None, Some(prefix)) => {
            let length = rule.prefix_bytes.get(matched as usize).copied().flatten();
            let rest = length.and_then(|length| path.get(length as usize..)).unwrap_or_default();
            replace_prefix(prefix.as_bytes(), rest, out);
        }
        (None, None) => out.extend_from_slice(path),
    }
    push_query(query, out);
}

fn replace_prefix(prefix: &[u8], rest: &[u8], out: &mut Vec<u8>) {
    if rest.is_empty() {
        out.extend_from_slice(prefix);
    } else {
        out.extend_from_slice(prefix.strip_suffix(b"/").unwrap_or(prefix));
        out.extend_from_slice(rest);
    }
}

fn push_query(query: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(query) = query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
}

/// Appends the value of `Location` (RFC 9110 §10.2.2): `to` as written, with the request's query before any fragment if
/// it is to be kept and `to` has none of its own.
pub fn location(redirect: &Redirect, query: Option<&[u8]>, out: &mut Vec<u8>) {
    let to = redirect.to.as_str();
    let (target, fragment) = to.split_at(to.find('#').unwrap_or(to.len()));
    out.extend_from_slice(target.as_bytes());
    if redirect.keep_query && !target.contains('?') {
        push_query(query, out);
    }
    out.extend_from_slice(fragment.as_bytes());
}

#[cfg(test)]
mod tests;
