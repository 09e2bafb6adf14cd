#![allow(clippy::unwrap_used)] // a test fails loudly

use super::*;
use proptest::prelude::*;

const SAFE: PathPolicy = PathPolicy {
    dot_segments: DotSegments::Resolve,
    double_slash: DoubleSlash::Merge,
    encoded_slash: EncodedSlash::Refuse,
};

fn normal_with(raw: &[u8], policy: &PathPolicy) -> Result<Vec<u8>, PathFault> {
    let mut out = b"stale".to_vec();
    Ok(match normalise(raw, policy, &mut out)? {
        Normal::Unchanged => raw.to_vec(),
        Normal::Changed => out,
    })
}

fn normal(raw: &str) -> Result<String, PathFault> {
    normal_with(raw.as_bytes(), &SAFE).map(|path| String::from_utf8(path).unwrap())
}

fn same(raw: &str, wanted: &str) {
    assert_eq!(normal(raw).as_deref(), Ok(wanted), "{raw}");
}

#[test]
fn a_clean_path_is_not_copied() {
    for raw in ["/", "/a", "/a/b.c/", "/a-b_c~d", "/a;v=1/b,c:d@e", "*", "/.well-known/x", "/a/...", "/%20"] {
        assert_eq!(normalise(raw.as_bytes(), &SAFE, &mut Vec::new()), Ok(Normal::Unchanged), "{raw}");
    }
}

#[test]
fn escapes_are_decoded_where_rfc_3986_allows_and_upper_cased_elsewhere() {
    same("/%61%2Db%7e", "/a-b~");
    same("/a%3fb%e2%82%ac", "/a%3Fb%E2%82%AC");
    same("/%252f", "/%252f");
    same("/%25%32%46", "/%252F");
}

#[test]
fn dot_segments_are_resolved_as_rfc_3986_says() {
    same("/a/b/c/./../../g", "/a/g");
    same("/mid/content=5/../6", "/mid/6");
    same("/a/..", "/");
    same("/a/.", "/a/");
    same("/a/%2e%2E/b", "/b");
    same("/a/.b/..c", "/a/.b/..c");
    same("/a//../b", "/b");
    same("", "/");
}

#[test]
fn climbing_above_the_root_is_refused() {
    for raw in ["/..", "/../a", "/a/../..", "/%2e%2e/a", "/a/../../b"] {
        assert_eq!(normal(raw), Err(PathFault::AboveRoot), "{raw}");
    }
}

#[test]
fn cve_2025_66490_and_2021_29492_encoded_slashes_do_not_walk_around_a_prefix() {
    for raw in ["/admin%2fx", "/admin%2Fx", "/a%5c..%5cadmin", "/a\\admin", "/public/..%2fadmin"] {
        assert_eq!(normal(raw), Err(PathFault::EncodedSlash), "{raw}");
    }
    for raw in ["/a%00", "/%00/admin", "/a%0d%0ab", "/a%7f", "/a\0", "/a\tb"] {
        assert_eq!(normal(raw), Err(PathFault::Control), "{raw}");
    }
}

#[test]
fn dot_segments_with_parameters_are_refused() {
    for raw in ["/a/..;/b", "/a/.;x/b", "/a/..;", "/%2e%2e;v=1/a"] {
        assert_eq!(normal(raw), Err(PathFault::DotSegment), "{raw}");
    }
}

#[test]
fn broken_paths_are_refused() {
    for (raw, fault) in [
        ("a", PathFault::NotAbsolute),
        ("**", PathFault::NotAbsolute),
        ("%2fa", PathFault::EncodedSlash),
        ("/%", PathFault::BadEscape),
        ("/%4", PathFault::BadEscape),
        ("/%4g", PathFault::BadEscape),
        ("/%+1", PathFault::BadEscape),
        ("/a b", PathFault::BadByte),
        ("/a#b", PathFault::BadByte),
        ("/é", PathFault::BadByte),
    ] {
        assert_eq!(normal(raw), Err(fault), "{raw}");
    }
}

#[test]
fn every_policy_does_what_it_says() {
    let with = |raw: &str, policy: PathPolicy| {
        normal_with(raw.as_bytes(), &policy).map(|path| String::from_utf8(path).unwrap())
    };
    let keep = PathPolicy { encoded_slash: EncodedSlash::Keep, ..SAFE };
    assert_eq!(with("/a%2fb\\c%5c", keep).as_deref(), Ok("/a%2Fb%5Cc%5C"));
    let decode = PathPolicy { encoded_slash: EncodedSlash::Decode, ..SAFE };
    assert_eq!(with("/a%2f..%5cb\\c", decode).as_deref(), Ok("/b/c"));
    let double = PathPolicy { double_slash: DoubleSlash::Keep, ..SAFE };
    assert_eq!(with("/a//b/", double).as_deref(), Ok("/a//b/"));
    assert_eq!(with("/a//../b", double).as_deref(), Ok("/a/b"));
    let single = PathPolicy { double_slash: DoubleSlash::Refuse, ..SAFE };
    assert_eq!(with("/a//b", single), Err(PathFault::DoubleSlash));
    let dotless = PathPolicy { dot_segments: DotSegments::Refuse, ..SAFE };
    for raw in ["/a/./b", "/a/..", "/%2e"] {
        assert_eq!(with(raw, dotless), Err(PathFault::DotSegment), "{raw}");
    }
}

fn any_policy() -> impl Strategy<Value = PathPolicy> {
    let dots = prop::sample::select(vec![DotSegments::Resolve, DotSegments::Refuse]);
    let double = prop::sample::select(vec![DoubleSlash::Merge, DoubleSlash::Keep, DoubleSlash::Refuse]);
    let encoded = prop::sample::select(vec![EncodedSlash::Refuse, EncodedSlash::Keep, EncodedSlash::Decode]);
    (dots, double, encoded).prop_map(|(dot_segments, double_slash, encoded_slash)| PathPolicy {
        dot_segments,
        double_slash,
        encoded_slash,
    })
}

/// Paths made of the parts that matter.
fn any_path() -> impl Strategy<Value = Vec<u8>> {
    let parts: &[&str] = &[
        "/", "/", "//", ".", "..", "%2e", "%2E%2e", "a", "bc", "%41", "%2f", "%5C", "\\", ";", "%25", "%c3",
        "~",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..12)
        .prop_map(|parts| [b"/".as_slice(), parts.concat().as_bytes()].concat())
}

/// Step by step on whole lists of segments, as the file's head says it.
fn oracle(raw: &[u8], policy: &PathPolicy) -> Option<Vec<u8>> {
    let text = String::from_utf8(raw.to_vec()).ok()?;
    let mut decoded = text.replace("%2e", ".").replace("%2E", ".").replace("%41", "A").replace("%c3", "%C3");
    for slash in ["%2f", "%5C", "\\"] {
        let kept = if slash == "%2f" { "%2F" } else { "%5C" };
        decoded = match policy.encoded_slash {
            EncodedSlash::Refuse if decoded.contains(slash) => return None,
            EncodedSlash::Refuse | EncodedSlash::Keep => decoded.replace(slash, kept),
            EncodedSlash::Decode => decoded.replace(slash, "/"),
        };
    }
    let mut segments: Vec<&str> = decoded.split('/').skip(1).collect();
    let last = segments.len() - 1;
    let inner = |at: usize, segment: &str| at < last && segment.is_empty();
    let empty = segments.iter().enumerate().any(|(at, segment)| inner(at, segment));
    match policy.double_slash {
        DoubleSlash::Refuse if decoded.contains("//") => return None,
        DoubleSlash::Merge if empty => {
            let kept = segments.iter().enumerate().filter(|(at, segment)| !inner(*at, segment));
            segments = kept.map(|(_, segment)| *segment).collect();
        }
        _ => {}
    }
    let mut out: Vec<&str> = Vec::new();
    let count = segments.len();
    for (at, segment) in segments.into_iter().enumerate() {
        if segment.starts_with(".;") || segment.starts_with("..;") {
            return None;
        }
        if !matches!(segment, "." | "..") {
            out.push(segment);
            continue;
        }
        if policy.dot_segments == DotSegments::Refuse || (segment == ".." && out.pop().is_none()) {
            return None;
        }
        if at + 1 == count {
            out.push("");
        }
    }
    Some(format!("/{}", out.join("/")).into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn agrees_with_the_oracle(raw in any_path(), policy in any_policy()) {
        // A refused double slash may be one that dot segments only appear to make; both refuse, for either reason.
        prop_assert_eq!(normal_with(&raw, &policy).ok(), oracle(&raw, &policy));
    }

    #[test]
    fn normalising_twice_changes_nothing(raw in any_path(), policy in any_policy()) {
        if let Ok(once) = normal_with(&raw, &policy) {
            prop_assert_eq!(normalise(&once, &policy, &mut Vec::new()), Ok(Normal::Unchanged));
        }
    }

    #[test]
    fn any_bytes_are_answered_within_bounds(raw in prop::collection::vec(any::<u8>(), 0..64), policy in any_policy()) {
        if let Ok(path) = normal_with(&raw, &policy) {
            prop_assert!(path == b"*" || path.starts_with(b"/"));
            prop_assert!(path.len() <= 3 * raw.len().max(1));
            prop_assert!(path.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#'));
        }
    }
}
