//! What an answer says: its directives, read as Java's parser reads them.

use super::Failure;

/// What the answer says that matters here.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) username: Option<Vec<u8>>,
    pub(super) realm: Option<Vec<u8>>,
    pub(super) nonce: Option<Vec<u8>>,
    pub(super) cnonce: Option<Vec<u8>>,
    pub(super) qop: Option<Vec<u8>>,
    pub(super) uri: Option<Vec<u8>>,
    pub(super) response: Option<Vec<u8>>,
    pub(super) charset: Option<Vec<u8>>,
    pub(super) authzid: Option<Vec<u8>>,
    pub(super) maxbuf: Option<Vec<u8>>,
    /// What RFC 2831 calls `nc` (which is not looked at) goes by this name in Java.
    pub(super) nonce_count: Option<Vec<u8>>,
    pub(super) cipher: Option<Vec<u8>>,
    pub(super) auth_param: Option<Vec<u8>>,
}

impl Answer {
    fn set(&mut self, key: &[u8], value: Vec<u8>) -> Result<(), &'static str> {
        let field = match key.to_ascii_lowercase().as_slice() {
            b"username" => &mut self.username,
            b"realm" => &mut self.realm,
            b"nonce" => &mut self.nonce,
            b"cnonce" => &mut self.cnonce,
            b"qop" => &mut self.qop,
            b"digest-uri" => &mut self.uri,
            b"response" => &mut self.response,
            b"charset" => &mut self.charset,
            b"authzid" => &mut self.authzid,
            b"maxbuf" => &mut self.maxbuf,
            b"nonce-count" => &mut self.nonce_count,
            b"cipher" => &mut self.cipher,
            b"auth-param" => &mut self.auth_param,
            _ => return Ok(()),
        };
        if field.replace(value).is_some() {
            return Err("a directive came twice");
        }
        Ok(())
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `key=value, key="quoted value", ...`. A key without a value is taken at the end only, as Java's
/// parser does.
pub(super) fn parse(token: &[u8]) -> Result<Answer, &'static str> {
    let mut answer = Answer::default();
    let mut bytes = token.iter().copied().peekable();
    loop {
        while bytes.next_if(|byte| is_space(*byte) || *byte == b',').is_some() {}
        let mut key = Vec::new();
        while let Some(byte) = bytes.next_if(|byte| !is_space(*byte) && !b"=,".contains(byte)) {
            key.push(byte);
        }
        if bytes.peek().is_none() {
            if !key.is_empty() {
                answer.set(&key, Vec::new())?;
            }
            return Ok(answer);
        }
        while bytes.next_if(|byte| is_space(*byte)).is_some() {}
        if key.is_empty() || bytes.next() != Some(b'=') {
            return Err("a directive has no name, or no value");
        }
        while bytes.next_if(|byte| is_space(*byte)).is_some() {}
        if bytes.peek().is_none() {
            return Err("a directive has no value");
        }
        let mut value = Vec::new();
        if bytes.next_if_eq(&b'"').is_some() {
            loop {
                match bytes.next() {
                    Some(b'"') => break,
                    Some(b'\\') => value.push(bytes.next().ok_or("a quote is not closed")?),
                    Some(byte) => value.push(byte),
                    None => return Err("a quote is not closed"),
                }
            }
            if bytes.peek().is_some_and(|byte| !is_space(*byte) && *byte != b',') {
                return Err("a quoted value goes on behind its quote");
            }
        } else {
            while let Some(byte) = bytes.next_if(|byte| !is_space(*byte) && *byte != b',') {
                value.push(byte);
            }
        }
        answer.set(&key, value)?;
    }
}

/// A number as Java reads it, where there is one.
pub(super) fn number(text: Option<&[u8]>, radix: u32) -> Result<Option<i32>, Failure> {
    let read = |text| i32::from_str_radix(std::str::from_utf8(text).ok()?, radix).ok();
    let number = text.map(|text| read(text).ok_or(Failure::Unreadable("a number is none")));
    number.transpose()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_directives_make_the_parser_panic(token in "[a-c=,\"\\\\ nonceuri]{0,60}") {
            let _ = parse(token.as_bytes());
        }
    }
}
