//! Values as ZooKeeper's files spell them.

use std::str::FromStr;

use anyhow::{anyhow, bail};

/// Anything that reads itself.
pub(super) fn number<T: FromStr>(key: &str, value: &str) -> anyhow::Result<T> {
    value.parse().map_err(|_| anyhow!("{key}: `{value}` is not a valid value"))
}

/// A number as Java reads it: decimal, or hexadecimal behind `0x`.
pub(super) fn bytes(key: &str, value: &str) -> anyhow::Result<usize> {
    match value.strip_prefix("0x").or(value.strip_prefix("0X")) {
        Some(digits) => usize::from_str_radix(digits, 16)
            .map_err(|_| anyhow!("{key}: `{value}` is not a valid value")),
        None => number(key, value),
    }
}

/// As ZooKeeper reads `reconfigEnabled` and `standaloneEnabled`: nothing else will do.
pub(super) fn yes_or_no(key: &str, value: &str) -> anyhow::Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => bail!("{key}: `{value}` is neither true nor false"),
    }
}
