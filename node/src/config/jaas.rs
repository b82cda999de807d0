//! JAAS login configuration files, as far as ZooKeeper's servers use them for DIGEST-MD5: the
//! `user_NAME="password"` options of one section. Grammar: Java's
//! `javax.security.auth.login.Configuration`.

use std::collections::BTreeMap;

use anyhow::{bail, ensure};

/// What a user's option begins with.
const USER: &str = "user_";

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Mark(char),
}

/// Words, quoted texts and marks, each with its line; comments are left out.
fn tokens(text: &str) -> anyhow::Result<Vec<(usize, Token)>> {
    let (mut found, mut line) = (Vec::new(), 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\n', _) => line += 1,
            ('/', Some('/')) => while chars.next_if(|c| *c != '\n').is_some() {},
            ('/', Some('*')) => {
                let (began, mut last) = (line, ' ');
                chars.next();
                loop {
                    match chars.next() {
                        Some('/') if last == '*' => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            last = c;
                        }
                        None => bail!("line {began}: the comment is not closed"),
                    }
                }
            }
            ('"' | '\'', _) => {
                let mut word = String::new();
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        Some('\n') | None => bail!("line {line}: the quote is not closed"),
                        Some('\\') => match chars.next() {
                            Some('n') => word.push('\n'),
                            Some('t') => word.push('\t'),
                            Some(escaped) => word.push(escaped),
                            None => bail!("line {line}: the quote is not closed"),
                        },
                        Some(c) => word.push(c),
                    }
                }
                found.push((line, Token::Word(word)));
            }
            ('{' | '}' | ';' | '=', _) => found.push((line, Token::Mark(c))),
            _ if c.is_whitespace() => {}
            _ => {
                let mut word = String::from(c);
                let ends = |c: &char| c.is_whitespace() || "{};=\"'".contains(*c);
                while let Some(c) = chars.next_if(|c| !ends(c)) {
                    word.push(c);
                }
                found.push((line, Token::Word(word)));
            }
        }
    }
    Ok(found)
}

/// The users of a section and their passwords; `None`: there is no such section.
///
/// # Errors
/// Names the line where the file is not one, or a module that cannot run here.
pub(crate) fn users(text: &str, section: &str) -> anyhow::Result<Option<BTreeMap<String, String>>> {
    let mut tokens = tokens(text)?.into_iter().peekable();
    let mut found = None;
    while let Some((line, token)) = tokens.next() {
        let Token::Word(name) = token else {
            bail!("line {line}: a section's name is expected");
        };
        let opened = tokens.next();
        ensure!(
            matches!(opened, Some((_, Token::Mark('{')))),
            "line {line}: {{ is expected after {name}"
        );
        let users = modules(&mut tokens, line, name == section)?;
        if name == section && found.is_none() {
            found = Some(users);
        }
        if let Some((line, token)) = tokens.next() {
            ensure!(token == Token::Mark(';'), "line {line}: ; is expected after }}");
        }
    }
    Ok(found)
}

/// The users of a section's modules, up to its closing brace.
fn modules(
    tokens: &mut impl Iterator<Item = (usize, Token)>,
    began: usize,
    wanted: bool,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut users = BTreeMap::new();
    loop {
        let module = match tokens.next() {
            Some((_, Token::Mark('}'))) => return Ok(users),
            Some((_, Token::Word(module))) => module,
            Some((line, _)) => bail!("line {line}: a login module's class is expected"),
            None => bail!("line {began}: the section is not closed"),
        };
        if wanted && module.ends_with("Krb5LoginModule") {
            bail!(
                "{module}: Kerberos (GSSAPI) is not supported. Use \
                 org.apache.zookeeper.server.auth.DigestLoginModule with user_NAME=\"password\""
            );
        }
        // The module's flag (`required`), then its options.
        let mut key: Option<String> = None;
        loop {
            match tokens.next() {
                Some((_, Token::Mark(';'))) => break,
                Some((_, Token::Word(word))) => key = Some(word),
                Some((line, Token::Mark('='))) => {
                    let value = tokens.next();
                    let (Some(name), Some((_, Token::Word(value)))) = (key.take(), value) else {
                        bail!("line {line}: an option is written name=\"value\"");
                    };
                    if let Some(user) = name.strip_prefix(USER) {
                        users.insert(user.to_owned(), value);
                    }
                }
                Some((line, _)) => bail!("line {line}: ; is expected at the module's end"),
                None => bail!("line {began}: the section is not closed"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "// of a client
Client { org.apache.zookeeper.server.auth.DigestLoginModule required
    username=\"bob\" password=\"x\"; };
/* users
   of the server */
Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_super=\"adminsecret\"
    user_bob='it\\'s; {me}' // not here
    user_eve=plain;
};
";

    #[test]
    fn the_users_of_a_section_are_found() {
        let users = users(FILE, "Server").unwrap().unwrap();
        let expected = [("bob", "it's; {me}"), ("eve", "plain"), ("super", "adminsecret")];
        let found: Vec<_> = users.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_section_may_be_missing_or_name_nobody() {
        assert_eq!(users(FILE, "Other").unwrap(), None);
        assert_eq!(users(FILE, "Client").unwrap(), Some(BTreeMap::new()));
        assert_eq!(users("", "Server").unwrap(), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = [
            ("Server {\n a.B required\n user_a=\"x", "line 3: the quote is not closed"),
            ("Server {\n a.B required user_a=\"x\"; ", "line 1: the section is not closed"),
            ("\nServer a.B", "line 2: { is expected after Server"),
            ("Server { a.B required user_a=; };", "an option is written"),
            ("Server { a.B required; }\nOther { };", "line 2: ; is expected"),
            ("/*\n", "line 1: the comment"),
            ("Server { com.sun.security.auth.module.Krb5LoginModule required; };", "Kerberos"),
        ];
        for (text, expected) in wrong {
            let error = format!("{:#}", users(text, "Server").unwrap_err());
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[Sa.{};=\"'\\\\/* \nuser_]{0,80}") {
            let _ = users(&text, "S");
        }
    }
}
