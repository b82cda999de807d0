//! An encoded X.500 name as the text by which ZooKeeper knows a certificate's holder: RFC 2253, in
//! the way of Java's `X500Principal.getName()`.

use std::fmt::Write;

use super::jute::Malformed;

/// Attribute types that have a name in RFC 2253; others are written as numbers.
const NAMES: [(&[u8], &str); 9] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "STREET"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 25], "DC"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 1], "UID"),
];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// UTF8, Printable, Teletex, IA5, General and BMP strings: what Java writes as text. It takes the
/// bytes of all of them for UTF-8.
const TEXTS: [u8; 6] = [0x0C, 0x13, 0x14, 0x16, 0x1B, 0x1E];

/// One value of DER.
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    /// With tag and length.
    whole: &'a [u8],
}

/// Cuts the first value off.
fn next<'a>(bytes: &mut &'a [u8]) -> Result<Value<'a>, Malformed> {
    let whole = *bytes;
    let (tag, rest) = whole.split_first().ok_or(Malformed::Value)?;
    let (first, mut rest) = rest.split_first().ok_or(Malformed::Value)?;
    let mut length = usize::from(*first);
    if *first >= 0x80 {
        length = 0;
        // Four bytes of length are more than any certificate has.
        for _ in 0..(*first & 0x7F).clamp(1, 5) {
            let (byte, more) = rest.split_first().ok_or(Malformed::Value)?;
            length = (length << 8) | usize::from(*byte);
            rest = more;
        }
    }
    let content = rest.get(..length).ok_or(Malformed::Value)?;
    let rest = rest.get(length..).unwrap_or_default();
    *bytes = rest;
    Ok(Value {
        tag: *tag,
        content,
        whole: whole.get(..whole.len() - rest.len()).unwrap_or_default(),
    })
}

fn next_of<'a>(bytes: &mut &'a [u8], tag: u8) -> Result<&'a [u8], Malformed> {
    let value = next(bytes)?;
    if value.tag == tag { Ok(value.content) } else { Err(Malformed::Value) }
}

/// The name in a `SEQUENCE` of which these are the contents, as certificates have it.
///
/// # Errors
/// When the bytes are no encoded name.
pub fn name(mut contents: &[u8]) -> Result<String, Malformed> {
    let mut parts = Vec::new();
    while !contents.is_empty() {
        let mut set = next_of(&mut contents, SET)?;
        let mut assertions = Vec::new();
        while !set.is_empty() {
            let mut pair = next_of(&mut set, SEQUENCE)?;
            let kind = next_of(&mut pair, OBJECT_IDENTIFIER)?;
            assertions.push(assertion(kind, &next(&mut pair)?)?);
        }
        parts.push(assertions.join("+"));
    }
    // The text begins with what is encoded last.
    parts.reverse();
    Ok(parts.join(","))
}

fn assertion(kind: &[u8], value: &Value<'_>) -> Result<String, Malformed> {
    let known = NAMES.iter().find(|(encoded, _)| *encoded == kind);
    let Some((_, name)) = known.filter(|_| TEXTS.contains(&value.tag)) else {
        let named = known.map(|(_, name)| (*name).to_owned());
        let mut text = named.map_or_else(|| numbers(kind), Ok)? + "=#";
        for byte in value.whole {
            let _ = write!(text, "{byte:02x}");
        }
        return Ok(text);
    };
    Ok(format!("{name}={}", escaped(value.content)))
}

/// An object identifier with its dots.
fn numbers(encoded: &[u8]) -> Result<String, Malformed> {
    let (mut all, mut number) = (Vec::new(), 0_u64);
    for byte in encoded {
        number = number.checked_mul(128).ok_or(Malformed::Value)? + u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            all.push(number);
            number = 0;
        }
    }
    let first = *all.first().ok_or(Malformed::Value)?;
    let top = (first / 40).min(2);
    let mut text = format!("{top}.{}", first - top * 40);
    for number in all.iter().skip(1) {
        let _ = write!(text, ".{number}");
    }
    Ok(text)
}

fn escaped(bytes: &[u8]) -> String {
    let value = String::from_utf8_lossy(bytes);
    let is_space = |c: char| matches!(c, ' ' | '\r');
    let inner = value.trim_matches(is_space);
    let before = value.len() - value.trim_start_matches(is_space).len();
    let mut text = String::with_capacity(value.len());
    for (at, c) in value.char_indices() {
        let outside = at < before || at >= before + inner.len();
        match c {
            '\0' => text.push_str("\\00"),
            ',' | '=' | '+' | '<' | '>' | '#' | ';' | '"' | '\\' => {
                text.push('\\');
                text.push(c);
            }
            _ if outside => {
                text.push('\\');
                text.push(c);
            }
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::name;

    /// Encoded names, and what Java 17 makes of them.
    const NAMES: [(&str, &str); 27] = [
        ("", ""),
        ("310b300906035504030c026162", "CN=ab"),
        ("310b3009060355040313026162", "CN=ab"),
        ("310b3009060355040314026162", "CN=ab"),
        ("310b3009060355040316026162", "CN=ab"),
        ("310b3009060355040312026162", "CN=#12026162"),
        ("310b300906035504031a026162", "CN=#1a026162"),
        ("310b300906035504031b026162", "CN=ab"),
        ("310b300906035504031c026162", "CN=#1c026162"),
        ("310d300b06035504031e0400610062", "CN=\\00a\\00b"),
        ("310b3009060355040304026162", "CN=#04026162"),
        ("310b3009060355040302026162", "CN=#02026162"),
        ("310a3008060355040a0c0178310a300806035504030c0179", "CN=y,O=x"),
        ("3114300806035504030c01793008060355040a0c0178", "CN=y+O=x"),
        ("31143008060355040a0c0178300806035504030c0179", "O=x+CN=y"),
        ("3112301006092a864886f70d0109011603614062", "1.2.840.113549.1.9.1=#1603614062"),
        ("31133011060a0992268993f22c6401191603636f6d", "DC=com"),
        ("310e300c06035504030c052061206220", "CN=\\ a b\\ "),
        (
            "311c301a06035504030c13612c622b6322645c653c663e673b683d69236a",
            "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h\\=i\\#j",
        ),
        ("310b300906035504030c022361", "CN=\\#a"),
        ("3109300706035504030c00", "CN="),
        ("310d300b06035504030c040d20780d", "CN=\\\r\\ x\\\r"),
        ("310c300a06035504030c03610062", "CN=a\\00b"),
        ("3112301006035504030c09c3a9e282acf09f9880", "CN=\u{e9}\u{20ac}\u{1f600}"),
        ("310b300906035504030c022020", "CN=\\ \\ "),
        ("310c300a06035504030c03610962", "CN=a\tb"),
        ("310c300a06035504030c0361ff62", "CN=a\u{fffd}b"),
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        let pairs = digits.map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    #[test]
    fn a_name_is_written_as_java_writes_it() {
        for (hex, expected) in NAMES {
            assert_eq!(name(&bytes(hex)).as_deref(), Ok(expected), "{hex}");
        }
    }

    #[test]
    fn what_is_cut_short_is_no_name() {
        for (hex, _) in &NAMES[1..] {
            let whole = bytes(hex);
            assert!(name(&whole[..whole.len() - 1]).is_err(), "{hex}");
        }
        assert!(name(&bytes("3080")).is_err());
    }
}
