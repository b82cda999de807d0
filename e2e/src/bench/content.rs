//! What znodes hold: a number at both ends, so that a wrong, old or torn value is seen.

use anyhow::{Result, ensure};

/// What lies between the numbers.
const FILL: [u8; 4096] = [b'q'; 4096];

/// Makes `out` the content for a number, of at least 16 bytes.
pub(super) fn make(number: u64, bytes: usize, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&number.to_be_bytes());
    out.resize(bytes.saturating_sub(8).max(8), b'q');
    out.extend_from_slice(&number.to_be_bytes());
}

/// # Errors
/// If it is not what was made for this number.
pub(super) fn check(content: &[u8], number: u64, bytes: usize) -> Result<()> {
    ensure!(content.len() == bytes, "{} bytes of data", content.len());
    let (head, rest) = content.split_at(8);
    let (middle, tail) = rest.split_at(rest.len() - 8);
    let whole = head == tail && FILL.get(..middle.len()) == Some(middle);
    ensure!(whole, "torn data");
    let seen = u64::from_be_bytes(head.try_into()?);
    ensure!(seen == number, "data {seen}, but {number} was written");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_torn_and_short_contents_are_told_from_good_ones() {
        let mut content = Vec::new();
        make(7, 100, &mut content);
        assert!(check(&content, 7, 100).is_ok());
        assert!(check(&content, 8, 100).is_err());
        assert!(check(&content, 7, 99).is_err());
        let mut torn = content.clone();
        torn[50] = 0;
        assert!(check(&torn, 7, 100).is_err());
        content[99] = 8;
        assert!(check(&content, 7, 100).is_err());
    }
}
