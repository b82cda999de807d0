//! Numbers that take as many bytes as they need: seven bits in each, the lowest first, and the
//! highest bit of a byte says that another one follows.

use bytes::Bytes;

use super::jute::{Malformed, Reader, Writer};

/// Appends a number.
pub(super) fn put(mut number: u64, writer: &mut Writer) {
    while number >= 0x80 {
        writer.u8(number as u8 | 0x80);
        number >>= 7;
    }
    writer.u8(number as u8);
}

/// Reads a number.
pub(super) fn get(reader: &mut Reader) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = reader.u8()?;
        let bits = u64::from(byte & 0x7F);
        if bits << shift >> shift != bits {
            return Err(Malformed::Value);
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Malformed::Value)
}

/// Appends a number that may be negative; those near zero are short.
pub(super) fn put_signed(number: i64, writer: &mut Writer) {
    put((number << 1 ^ number >> 63) as u64, writer);
}

/// Reads a number that may be negative.
pub(super) fn get_signed(reader: &mut Reader) -> Result<i64, Malformed> {
    let number = get(reader)?;
    Ok((number >> 1) as i64 ^ -((number & 1) as i64))
}

/// The same, of 32 bits.
pub(super) fn get_int(reader: &mut Reader) -> Result<i32, Malformed> {
    i32::try_from(get_signed(reader)?).map_err(|_| Malformed::Value)
}

/// Appends bytes behind their length.
pub(super) fn put_bytes(bytes: &[u8], writer: &mut Writer) {
    put(bytes.len() as u64, writer);
    writer.raw(bytes);
}

/// Reads bytes behind their length, which allocates nothing.
pub(super) fn get_bytes(reader: &mut Reader) -> Result<Bytes, Malformed> {
    let length = usize::try_from(get(reader)?).map_err(|_| Malformed::Length)?;
    reader.take(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signed_back(number: i64) -> (usize, i64) {
        let mut writer = Writer::new();
        put_signed(number, &mut writer);
        let length = writer.len();
        let mut reader = Reader::new(writer.into_inner().freeze());
        let back = get_signed(&mut reader).unwrap();
        assert_eq!(reader.remaining(), 0);
        (length, back)
    }

    #[test]
    fn small_numbers_are_short_and_the_largest_come_back() {
        for (number, length) in [(0, 1), (-1, 1), (63, 1), (64, 2), (i64::MAX, 10), (i64::MIN, 10)]
        {
            assert_eq!(signed_back(number), (length, number));
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        let mut bytes = vec![0xFF; 9];
        bytes.push(2);
        assert_eq!(get(&mut Reader::new(bytes.into())), Err(Malformed::Value));
        assert_eq!(get(&mut Reader::new(vec![0x80; 11].into())), Err(Malformed::Value));
        assert_eq!(get(&mut Reader::new(vec![0x80; 3].into())), Err(Malformed::Short));
    }

    proptest! {
        #[test]
        fn every_number_comes_back(number in any::<i64>(), shift in 0..64) {
            let number = number >> shift;
            prop_assert_eq!(signed_back(number).1, number);
        }
    }
}
