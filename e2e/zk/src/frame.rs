//! Frames: a length of four bytes, and so many bytes behind it.

use std::io::{self, Read};

use crate::jute::Jute;

/// Longer ones than this are not expected: a million names are shorter.
const LONGEST: usize = 128 << 20;

/// Appends a frame, whose length is known once its body is there.
pub fn put(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.int(0);
    body(out);
    let length = i32::try_from(out.len() - at - 4).unwrap_or(i32::MAX);
    if let Some(head) = out.get_mut(at..at + 4) {
        head.copy_from_slice(&length.to_be_bytes());
    }
}

/// The first whole frame's body, and what follows it; nothing if it is not whole yet.
pub fn split(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = input.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(i32::from_be_bytes(*head)).ok()?)
}

/// The length that a frame's first four bytes tell.
///
/// # Errors
/// If no answer is so long.
pub fn length(head: [u8; 4]) -> io::Result<usize> {
    let claimed = i32::from_be_bytes(head);
    let length = usize::try_from(claimed).ok().filter(|it| *it <= LONGEST);
    length.ok_or_else(|| io::Error::other(format!("a frame of {claimed} bytes")))
}

/// Waits for the next frame's body.
///
/// # Errors
/// If the stream ends or fails before it is whole.
pub fn read(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let mut body = vec![0; length(head)?];
    stream.read_exact(&mut body)?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_one_after_the_other_and_only_when_they_are_whole() {
        let mut bytes = Vec::new();
        put(&mut bytes, |body| body.extend_from_slice(b"one"));
        put(&mut bytes, |_| {});
        put(&mut bytes, |body| body.extend_from_slice(b"three"));
        let (one, rest) = split(&bytes).expect("a frame");
        let (two, rest) = split(rest).expect("a frame");
        assert_eq!((one, two), (b"one".as_slice(), b"".as_slice()));
        for end in 0..rest.len() {
            assert_eq!(split(&rest[..end]), None, "{end}");
        }
        assert_eq!(split(rest), Some((b"three".as_slice(), b"".as_slice())));
        let mut stream = bytes.as_slice();
        let read: Vec<Vec<u8>> = std::iter::from_fn(|| read(&mut stream).ok()).collect();
        assert_eq!(read, [b"one".to_vec(), Vec::new(), b"three".to_vec()]);
    }

    #[test]
    fn a_length_that_no_answer_has_is_refused() {
        for length in [-1, i32::MIN, i32::MAX] {
            let refused = read(&mut length.to_be_bytes().as_slice()).expect_err("no frame");
            assert_eq!(refused.to_string(), format!("a frame of {length} bytes"));
        }
    }
}
