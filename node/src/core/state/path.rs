//! What a path may be. Source: ZooKeeper's `PathUtils.validatePath`.

/// Whether the full rule holds.
pub(crate) fn is_valid(path: &str) -> bool {
    if path == "/" {
        return true;
    }
    if !path.starts_with('/') || path.ends_with('/') {
        return false;
    }
    path[1..].split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.chars().any(is_forbidden)
}

/// Characters that no path may hold. ZooKeeper looks at UTF-16 and forbids surrogates, so nothing
/// beyond the basic plane either.
fn is_forbidden(c: char) -> bool {
    matches!(c as u32, 0..=0x1F | 0x7F..=0x9F | 0xE000..=0xF8FF | 0xFFF0..)
}

/// The empty path is an old name of the root.
pub(crate) fn normal(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// The parent and the last name; `None` for the root and for what is no absolute path.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    let at = path.rfind('/')?;
    if path == "/" {
        return None;
    }
    Some((if at == 0 { "/" } else { &path[..at] }, &path[at + 1..]))
}

/// The same for a znode to be made: numbered, "/" makes a child of the root without a name of its own.
pub(crate) fn split_new(path: &str) -> Option<(&str, &str)> {
    if path == "/" {
        return Some(("/", ""));
    }
    split(path)
}

/// Znodes that ZooKeeper reserves: they cannot be deleted.
pub(crate) fn is_special(path: &str) -> bool {
    matches!(path, "/" | "/zookeeper" | "/zookeeper/quota" | "/zookeeper/config")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_zookeepers_rules() {
        for good in ["/", "/a", "/a/b", "/a.b", "/...", "/ä/語", "/ "] {
            assert!(is_valid(good), "{good:?}");
        }
        let bad = [
            "",
            "a",
            "/a/",
            "//",
            "/a//b",
            "/.",
            "/a/..",
            "/a\0b",
            "/\u{1}",
            "/\u{7f}",
            "/\u{f8ff}",
            "/\u{fff0}",
            "/\u{1f600}",
        ];
        for bad in bad {
            assert!(!is_valid(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_path_splits_into_parent_and_name() {
        assert_eq!(split("/a"), Some(("/", "a")));
        assert_eq!(split("/a/b"), Some(("/a", "b")));
        assert_eq!(split("/"), None);
        assert_eq!(split("a"), None);
    }
}
