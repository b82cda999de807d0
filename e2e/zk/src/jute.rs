//! Jute, in which ZooKeeper writes all that it sends: big-endian numbers, and lengths before what
//! they count; -1 is the length of what is null.

use std::fmt;

/// Appends values to bytes. Nothing else is allocated, so a buffer can serve many requests.
pub trait Jute {
    /// Four bytes.
    fn int(&mut self, value: i32);
    /// Eight bytes.
    fn long(&mut self, value: i64);
    /// One byte.
    fn bool(&mut self, value: bool);
    /// How many elements a list has.
    fn count(&mut self, count: usize);
    /// Bytes behind their length, or null.
    fn buffer(&mut self, bytes: Option<&[u8]>);
    /// A text: a buffer in UTF-8.
    fn text(&mut self, text: &str) {
        self.buffer(Some(text.as_bytes()));
    }
}

impl Jute for Vec<u8> {
    fn int(&mut self, value: i32) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn long(&mut self, value: i64) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn bool(&mut self, value: bool) {
        self.push(u8::from(value));
    }

    fn count(&mut self, count: usize) {
        self.int(i32::try_from(count).unwrap_or(i32::MAX));
    }

    fn buffer(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.int(-1),
            Some(bytes) => {
                self.count(bytes.len());
                self.extend_from_slice(bytes);
            }
        }
    }
}

/// What is wrong with bytes that claim to be an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They end before what is in them.
    Short,
    /// A length that is none.
    Length(i32),
    /// A text that is no UTF-8.
    Text,
    /// A part of a multi that is of no known kind.
    Part(i32),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Short => f.write_str("an answer ends too early"),
            Malformed::Length(length) => write!(f, "an answer holds the length {length}"),
            Malformed::Text => f.write_str("an answer holds a text that is no UTF-8"),
            Malformed::Part(op) => write!(f, "an answer holds a part of kind {op}"),
        }
    }
}

impl std::error::Error for Malformed {}

/// Takes values off the front of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of these bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    /// What is left.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// So many bytes.
    ///
    /// # Errors
    /// If there are fewer.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    /// One byte.
    ///
    /// # Errors
    /// If there is none.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// One byte, of which all but 0 is true.
    ///
    /// # Errors
    /// If there is none.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.byte()? != 0)
    }

    /// Four bytes.
    ///
    /// # Errors
    /// If there are fewer.
    #[inline]
    pub fn int(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// If there are fewer.
    #[inline]
    pub fn long(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    /// Bytes behind their length, or null.
    ///
    /// # Errors
    /// If there are fewer, or the length is none.
    #[inline]
    pub fn buffer(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.int()? {
            -1 => Ok(None),
            length => {
                let count = usize::try_from(length).map_err(|_| Malformed::Length(length))?;
                self.take(count).map(Some)
            }
        }
    }

    /// A text; null is empty.
    ///
    /// # Errors
    /// If it is none.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.buffer()?.unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| Malformed::Text)
    }

    /// Texts behind their number; null is none.
    ///
    /// # Errors
    /// If one is none.
    pub fn texts(&mut self) -> Result<Vec<&'a str>, Malformed> {
        // Not with room for as many as are claimed.
        (0..self.int()?).map(|_| self.text()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut bytes = Vec::new();
        bytes.int(-7);
        bytes.long(i64::MIN);
        bytes.bool(true);
        bytes.buffer(None);
        bytes.buffer(Some(b"x"));
        bytes.count(2);
        bytes.text("");
        bytes.text("ü");
        let mut reader = Reader::new(&bytes);
        assert_eq!((reader.int(), reader.long()), (Ok(-7), Ok(i64::MIN)));
        assert_eq!((reader.bool(), reader.buffer()), (Ok(true), Ok(None)));
        assert_eq!(reader.buffer(), Ok(Some(b"x".as_slice())));
        assert_eq!(reader.texts(), Ok(vec!["", "ü"]));
        assert!(reader.rest().is_empty());
    }

    #[test]
    fn what_is_cut_off_or_claims_too_much_is_refused() {
        let mut bytes = Vec::new();
        bytes.text("four");
        for end in 0..bytes.len() {
            assert_eq!(Reader::new(&bytes[..end]).text(), Err(Malformed::Short), "{end}");
        }
        let of = |length: i32| Reader(&length.to_be_bytes()).buffer().map(|it| it.map(<[u8]>::len));
        assert_eq!(of(-2), Err(Malformed::Length(-2)));
        assert_eq!(of(i32::MAX), Err(Malformed::Short));
        assert_eq!(Reader(&i32::MAX.to_be_bytes()).texts(), Err(Malformed::Short));
        assert_eq!(Reader(&[0, 0, 0, 1, 0xFF]).text(), Err(Malformed::Text));
    }
}
