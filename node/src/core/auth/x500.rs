//! Whether a text is an X.500 name. Source: what Java's `X500Principal(String)` takes, for that is
//! ZooKeeper's rule for ids of the x509 scheme: RFC 2253 and RFC 1779, and a few keywords more.

use std::str::Chars;

/// Attribute types by name; any other is written as an object identifier.
const KEYWORDS: [&str; 20] = [
    "CN",
    "C",
    "L",
    "S",
    "ST",
    "O",
    "OU",
    "T",
    "IP",
    "STREET",
    "DC",
    "DNQUALIFIER",
    "DNQ",
    "SURNAME",
    "GIVENNAME",
    "INITIALS",
    "GENERATION",
    "EMAIL",
    "EMAILADDRESS",
    "UID",
];
/// Stands apart only for its length.
const SERIAL_NUMBER: &str = "SERIALNUMBER";

/// What may follow a backslash, besides two hexadecimal digits.
const ESCAPABLE: &str = ",=\n+<>#;\\\" ";
/// The same inside quotes.
const ESCAPABLE_IN_QUOTES: &str = ",=\n+<>#;\\\"";
/// What needs a backslash before it.
const TO_BE_ESCAPED: &str = ",+<>;\"";

/// Whether the text is a distinguished name; the empty one is.
pub(crate) fn is_name(text: &str) -> bool {
    text.is_empty() || parts(text, &[',', ';']).into_iter().all(is_relative_name)
}

/// One or more assertions, as in `CN=a+O=b`.
fn is_relative_name(text: &str) -> bool {
    parts(text, &['+']).into_iter().all(is_assertion)
}

/// Cuts at separators that are neither escaped nor between quotes.
fn parts<'a>(text: &'a str, separators: &[char]) -> Vec<&'a str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut escaped, mut quoted) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if separators.contains(&c) && !quoted => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

fn is_assertion(text: &str) -> bool {
    let Some((kind, value)) = text.split_once('=') else {
        return false;
    };
    let value = value.trim_start_matches([' ', '\n']);
    is_attribute_type(kind)
        && match value.chars().next() {
            None => true,
            Some('#') => is_encoded(value.get(1..).unwrap_or_default()),
            Some('"') => is_quoted(value.get(1..).unwrap_or_default()),
            Some(_) => is_plain(value),
        }
}

fn is_attribute_type(text: &str) -> bool {
    let upper = text.trim().to_ascii_uppercase();
    if KEYWORDS.contains(&upper.as_str()) || upper == SERIAL_NUMBER {
        return true;
    }
    is_object_identifier(upper.strip_prefix("OID.").unwrap_or(&upper))
}

/// Two numbers or more; the first is 0 to 2, and below 0 and 1 the second is 0 to 39.
fn is_object_identifier(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split('.').collect();
    let [first, second, ..] = parts.as_slice() else {
        return false;
    };
    let in_range = match first.parse::<u32>() {
        Ok(0 | 1) => second.parse::<u32>().is_ok_and(|second| second < 40),
        Ok(2) => true,
        _ => false,
    };
    in_range && parts.iter().all(|part| number(part))
}

/// Hexadecimal digits of exactly one encoded value.
fn is_encoded(text: &str) -> bool {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let digits: Option<Vec<u32>> = text.as_bytes().iter().map(digit).collect();
    let Some(digits) = digits.filter(|digits| digits.len() % 2 == 0) else {
        return false;
    };
    let bytes: Vec<usize> = digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |sum, digit| sum * 16 + *digit as usize))
        .collect();
    match bytes.as_slice() {
        [_, length, content @ ..] if *length < 0x80 => content.len() == *length,
        [_, 0x81, length, content @ ..] => content.len() == *length,
        [_, 0x82, high, low, content @ ..] => content.len() == high * 256 + low,
        _ => false,
    }
}

/// What follows a backslash: two hexadecimal digits, or one of these characters.
fn is_escape(chars: &mut Chars<'_>, escapable: &str) -> bool {
    match chars.next() {
        Some(c) if c.is_ascii_hexdigit() => chars.next().is_some_and(|c| c.is_ascii_hexdigit()),
        Some(c) => escapable.contains(c),
        None => false,
    }
}

/// Up to the closing quote; only white space may follow it.
fn is_quoted(text: &str) -> bool {
    let mut chars = text.chars();
    loop {
        match chars.next() {
            None => return false,
            Some('"') => return chars.all(|c| matches!(c, ' ' | '\n')),
            Some('\\') if !is_escape(&mut chars, ESCAPABLE_IN_QUOTES) => return false,
            Some(_) => {}
        }
    }
}

fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    loop {
        match chars.next() {
            None => return true,
            Some('\\') if !is_escape(&mut chars, ESCAPABLE) => return false,
            Some('\\') => {}
            Some(c) if TO_BE_ESCAPED.contains(c) => return false,
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::is_name;

    /// Each was given to Java 17's `X500Principal`.
    const GOOD: [&str; 63] = [
        "",
        "CN=a",
        "cn=a",
        "CN=a,O=b",
        "CN=a, O=b ",
        "CN=a;O=b",
        "CN=",
        "CN=,O=b",
        "1.2.3=a",
        "OID.1.2.3=a",
        "oid.1.2.3=a",
        "1.2=a",
        "EMAILADDRESS=a@b",
        "EMAIL=a@b",
        "DC=com",
        "UID=u",
        "ST=x",
        "S=x",
        "STREET=x",
        "L=x",
        "C=DE",
        "T=x",
        "IP=1",
        "DNQ=x",
        "DNQUALIFIER=x",
        "SURNAME=x",
        "GIVENNAME=x",
        "INITIALS=x",
        "GENERATION=x",
        "SERIALNUMBER=1",
        "CN=a+O=b",
        "CN=\"a,b\"",
        "CN=\"a\" ,O=b",
        "CN=a\\,b",
        "CN=a\\41b",
        "CN=a\\ b",
        "CN=#0c0161",
        "CN=#1603636f6d",
        "CN=a=b",
        "CN=a#b",
        "CN= a",
        "CN=a\nb",
        "CN =a",
        " CN=a",
        "CN=a\u{e9}",
        "OU=x\\+y",
        "CN=a\\;b;O=c",
        "CN=\"a\\\"b\"",
        "CN=\"a+b\"+O=c",
        "CN=\"a;b\";O=c",
        "CN=#0C0161",
        "CN=a\\\\,O=b",
        "CN=a\\\\\\,O",
        "2.5.4.3=x",
        "2.5.4.3 =x",
        "CN=#0c026162,O=x",
        "CN=\\ a\\ ",
        "2.999=a",
        "CN==a",
        "CN=\"\"",
        "CN=a\\\nb",
        "CN=\"a\\,b\"",
        "CN=\"a\\41\"",
    ];
    const BAD: [&str; 46] = [
        "CN",
        "=a",
        "X=a",
        "1=a",
        "3.1=a",
        "1.50.1=a",
        "1.2.=a",
        "E=a",
        "TITLE=x",
        "SN=x",
        "DN=x",
        "CN=a+",
        "CN=a,",
        "CN=a,,O=b",
        ",CN=a",
        "CN=\"a",
        "CN=\"a\"b",
        "CN=a\\",
        "CN=a\\4",
        "CN=a\\xb",
        "CN=a\\zb",
        "CN=#0c",
        "CN=#",
        "CN=#0",
        "CN=#zz",
        "CN=a<b",
        "CN=a\"b",
        "C N=a",
        "CN=a+b",
        "anyone",
        "CN=#0c0161 ",
        "CN=#0c036162",
        "0.40=a",
        "-1.2=a",
        "1.2.-3=a",
        "\\,CN=a",
        "CN=\"a\\qb\"",
        "OID.=a",
        "CN=a+;O=b",
        "OID.CN=a",
        "C\\N=a",
        "CN=a>b",
        "CN=a;",
        "+CN=a",
        " ",
        "bob",
    ];

    #[test]
    fn a_name_is_what_java_takes_for_one() {
        for text in GOOD {
            assert!(is_name(text), "{text:?}");
        }
        for text in BAD {
            assert!(!is_name(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[CN=,;+#\\\\\" a1.é\n]{0,40}") {
            let _ = is_name(&text);
        }
    }
}
