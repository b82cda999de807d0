//! The primitives of ZooKeeper's record format: big-endian numbers, strings and buffers behind an
//! int length (-1 is null), vectors behind an int count (-1 is null).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::versions::OtherVersion;

/// Why bytes do not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The record ends too early.
    #[error("the record ends too early")]
    Short,
    /// A length below -1, or beyond what is there.
    #[error("a length is out of range")]
    Length,
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// A value outside its set.
    #[error("a value is out of range")]
    Value,
    /// A version of our own formats that this program does not read.
    #[error(transparent)]
    Version(#[from] OtherVersion),
}

impl Malformed {
    /// Sound, but written by another version of Quorate.
    pub fn other_version(self) -> Option<OtherVersion> {
        match self {
            Malformed::Version(other) => Some(other),
            Malformed::Short | Malformed::Length | Malformed::Utf8 | Malformed::Value => None,
        }
    }
}

/// Reads one record from a frame; buffers share the frame's memory.
#[derive(Debug)]
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// Reads from the start of `frame`.
    pub fn new(frame: Bytes) -> Reader {
        Reader { rest: frame }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes exactly `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<Bytes, Malformed> {
        if n > self.rest.len() {
            return Err(Malformed::Short);
        }
        Ok(self.rest.split_to(n))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        // Not by a slice: that counts a reference to the frame, and another one back.
        let head = *self.rest.first_chunk().ok_or(Malformed::Short)?;
        self.rest.advance(N);
        Ok(head)
    }

    /// A single byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// Any non-zero byte is true, as in ZooKeeper.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.u8()? != 0)
    }

    /// Four bytes.
    pub fn int(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn long(&mut self) -> Result<i64, Malformed> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// Eight bytes, unsigned (our own records).
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A length; `None` for null.
    fn length(&mut self) -> Result<Option<usize>, Malformed> {
        match self.int()? {
            -1 => Ok(None),
            n => {
                let n = usize::try_from(n).map_err(|_| Malformed::Length)?;
                if n > self.rest.len() { Err(Malformed::Length) } else { Ok(Some(n)) }
            }
        }
    }

    /// A buffer; `None` for null.
    pub fn buffer(&mut self) -> Result<Option<Bytes>, Malformed> {
        self.length()?.map(|n| self.take(n)).transpose()
    }

    /// What `make` makes of a string's bytes; `None` for null.
    fn string<T>(&mut self, make: impl Fn(&[u8]) -> T) -> Result<Option<T>, Malformed> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let made = make(self.rest.get(..length).ok_or(Malformed::Length)?);
        self.rest.advance(length);
        Ok(Some(made))
    }

    /// A string; `None` for null.
    pub fn ustring(&mut self) -> Result<Option<String>, Malformed> {
        let text = self.string(|bytes| std::str::from_utf8(bytes).map(str::to_owned))?;
        text.transpose().map_err(|_| Malformed::Utf8)
    }

    /// A string as Java reads it: what is not UTF-8 becomes U+FFFD.
    pub fn lossy_string(&mut self) -> Result<Option<String>, Malformed> {
        self.string(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A vector; `None` for null. Every element takes at least one byte, so a count beyond the
    /// rest of the record is refused before anything is allocated.
    pub fn vector<T>(
        &mut self,
        element: impl FnMut(&mut Reader) -> Result<T, Malformed>,
    ) -> Result<Option<Vec<T>>, Malformed> {
        match self.length()? {
            None => Ok(None),
            Some(count) => self.elements(count, element).map(Some),
        }
    }

    /// A client's vector: other counts below zero than that of null make an empty one, as in
    /// ZooKeeper (`BinaryInputArchive.BinaryIndex`).
    pub fn client_vector<T>(
        &mut self,
        element: impl FnMut(&mut Reader) -> Result<T, Malformed>,
    ) -> Result<Option<Vec<T>>, Malformed> {
        match self.int()? {
            -1 => Ok(None),
            count => match usize::try_from(count) {
                Ok(count) if count > self.rest.len() => Err(Malformed::Length),
                count => self.elements(count.unwrap_or(0), element).map(Some),
            },
        }
    }

    fn elements<T>(
        &mut self,
        count: usize,
        mut element: impl FnMut(&mut Reader) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        (0..count).map(|_| element(self)).collect()
    }
}

/// Appends records to a growing buffer.
#[derive(Debug, Default)]
pub struct Writer {
    out: BytesMut,
}

impl Writer {
    /// An empty one.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Continues `out`.
    pub fn over(out: BytesMut) -> Writer {
        Writer { out }
    }

    /// What was written.
    pub fn into_inner(self) -> BytesMut {
        self.out
    }

    /// How much was written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// A single byte.
    pub fn u8(&mut self, value: u8) {
        self.out.put_u8(value);
    }

    /// One byte, 0 or 1.
    pub fn bool(&mut self, value: bool) {
        self.out.put_u8(u8::from(value));
    }

    /// Four bytes.
    pub fn int(&mut self, value: i32) {
        self.out.put_i32(value);
    }

    /// Eight bytes.
    pub fn long(&mut self, value: i64) {
        self.out.put_i64(value);
    }

    /// Eight bytes, unsigned (our own records).
    pub fn u64(&mut self, value: u64) {
        self.out.put_u64(value);
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// A buffer; `None` is null.
    pub fn buffer(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.int(-1),
            Some(bytes) => {
                self.count(bytes.len());
                self.out.put_slice(bytes);
            }
        }
    }

    /// A string.
    pub fn ustring(&mut self, text: &str) {
        self.buffer(Some(text.as_bytes()));
    }

    /// The count of a vector whose elements follow.
    pub fn count(&mut self, n: usize) {
        self.int(i32::try_from(n).expect("records are far smaller than 2 GiB: limits.rs"));
    }

    /// Puts the length of all that follows `at` into the four bytes reserved there.
    pub fn patch_length(&mut self, at: usize) {
        let length = u32::try_from(self.out.len() - at - 4).expect("frames are far below 4 GiB");
        self.out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_vector_of_fewer_than_no_elements_is_empty_and_of_minus_one_null() {
        let read = |count: i32| {
            let mut writer = Writer::new();
            writer.int(count);
            writer.int(7);
            let mut reader = Reader::new(writer.into_inner().freeze());
            let vector = reader.client_vector(Reader::u8);
            (vector, reader.int())
        };
        assert_eq!(read(-1), (Ok(None), Ok(7)));
        assert_eq!(read(-2), (Ok(Some(Vec::new())), Ok(7)));
        assert_eq!(read(i32::MIN), (Ok(Some(Vec::new())), Ok(7)));
        assert_eq!(read(5).0, Err(Malformed::Length), "more than is there");
    }
}
