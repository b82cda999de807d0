//! Frames of a server as lines that can be compared and read.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result, ensure};
use quorate_zk::{Code, Granted, Reader, Reply, xid};

use super::line::{Kind, Line, Token};
use super::ops::{self, Shape};
use super::sasl;

/// Where clients read the configuration.
pub(super) const CONFIG: &[u8] = b"/zookeeper/config";
/// Longer texts are held against each other by their hashes.
const SHOWN: usize = 1_000;

/// What a request asked, as far as its answer depends on it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) op: i32,
    /// Whether it is about a znode that other histories use, too.
    pub(super) shared: bool,
    /// How the server has to prove that it knows the password, too.
    pub(super) proof: Option<String>,
    /// Whether it is about the configuration of an ensemble whose membership changes.
    pub(super) config: bool,
}

/// Whether a frame is a notification.
pub(super) fn is_event(frame: &[u8]) -> bool {
    number(frame) == Some(xid::EVENT)
}

/// The number of the request that a frame answers.
pub(super) fn number(frame: &[u8]) -> Option<i32> {
    Reader::new(frame).int().ok()
}

/// Whether a reply says that the request succeeded, if it can be read.
pub(super) fn succeeded(frame: &[u8]) -> bool {
    Reply::parse(frame).is_ok_and(|reply| reply.error.is_none())
}

/// Whether a server closes a connection behind this.
pub(super) fn is_last(line: &Line) -> bool {
    // It does not know the op.
    matches!(line.kind, Kind::Reply { err, .. } if Code::of(err) == Some(Code::Unimplemented))
}

pub(super) fn event(frame: &[u8]) -> Line {
    let mut tokens = vec![Token::Text("event".to_owned())];
    let parsed = event_tokens(&mut Reader::new(frame), &mut tokens);
    finish(Kind::Event, tokens, frame, parsed)
}

fn event_tokens(reader: &mut Reader<'_>, out: &mut Vec<Token>) -> Result<()> {
    reader.int()?;
    out.push(Token::Zxid(reader.long()?));
    let (err, kind, state) = (reader.int()?, reader.int()?, reader.int()?);
    let path = text(reader)?;
    out.push(Token::Text(format!("err={err} type={kind} state={state} {path}")));
    rest(reader)
}

fn rest(reader: &Reader<'_>) -> Result<()> {
    ensure!(reader.rest().is_empty(), "{} bytes too many", reader.rest().len());
    Ok(())
}

fn finish(kind: Kind, mut tokens: Vec<Token>, frame: &[u8], parsed: Result<()>) -> Line {
    if let Err(error) = parsed {
        tokens.push(Token::Text(format!("malformed ({error}): {}", frame.escape_ascii())));
    }
    Line { kind, tokens }
}

pub(super) fn reply(frame: &[u8], asked: &Asked) -> Line {
    let name = ops::name(asked.op);
    let mut tokens = vec![Token::Text(format!("{name}:"))];
    let mut err = 0;
    let parsed = reply_tokens(&mut Reader::new(frame), asked, &mut err, &mut tokens);
    if asked.config {
        judge_length(&mut tokens);
    }
    finish(Kind::Reply { op: asked.op, err }, tokens, frame, parsed)
}

fn reply_tokens(
    reader: &mut Reader<'_>,
    asked: &Asked,
    err: &mut i32,
    out: &mut Vec<Token>,
) -> Result<()> {
    let (xid, zxid) = (reader.int()?, reader.long()?);
    *err = reader.int()?;
    out.push(Token::Text(format!("xid={xid} err={err}")));
    out.push(if *err == 0 && is_change(asked.op) && !asked.shared {
        Token::Zxid(zxid)
    } else {
        Token::Last(zxid)
    });
    // A failed step of SASL has a token, too: none.
    if *err == 0 || asked.op == ops::SASL {
        match ops::reply(asked.op) {
            Shape::Token => sasl::token(reader.buffer()?, asked.proof.as_deref(), out),
            shape => body(shape, reader, asked.shared, out)?,
        }
    }
    rest(reader)
}

/// A text, as it is printed.
fn text(reader: &mut Reader<'_>) -> Result<String> {
    Ok(match reader.buffer()? {
        None => "null".to_owned(),
        Some(bytes) if bytes.len() > SHOWN => {
            let mut hash = DefaultHasher::new();
            bytes.hash(&mut hash);
            format!("{} bytes of hash {:x}", bytes.len(), hash.finish())
        }
        Some(bytes) => format!("\"{}\"", bytes.escape_ascii()),
    })
}

fn texts(reader: &mut Reader<'_>) -> Result<Vec<String>> {
    (0..reader.int()?).map(|_| text(reader)).collect()
}

/// The configuration is as long as its ports and its version are: its Stat is right if it says how
/// long the text beside it is.
fn judge_length(tokens: &mut [Token]) {
    let text = tokens.iter().find_map(|token| match token {
        Token::Text(text) => text.strip_prefix("data=\"")?.strip_suffix('"'),
        _ => None,
    });
    let known = text.map(|text| text.replace("\\n", "\n").len().to_string());
    for token in tokens {
        let Token::Text(text) = token else { continue };
        let Some((length, rest)) = text.strip_prefix("length=").and_then(|it| it.split_once(' '))
        else {
            continue;
        };
        let right = known.as_deref().is_none_or(|known| known == length);
        let length = if right { "right" } else { length };
        *text = format!("length={length} {rest}");
    }
}

fn is_change(op: i32) -> bool {
    matches!(
        op,
        ops::CREATE
            | ops::CREATE2
            | ops::CREATE_CONTAINER
            | ops::CREATE_TTL
            | ops::DELETE
            | ops::SET_DATA
            | ops::SET_ACL
            | ops::RECONFIG
    )
}

fn body(shape: Shape, reader: &mut Reader<'_>, shared: bool, out: &mut Vec<Token>) -> Result<()> {
    match shape {
        Shape::Nothing => {}
        Shape::Path => out.push(Token::Text(text(reader)?)),
        Shape::PathStat => {
            out.push(Token::Text(text(reader)?));
            stat(reader, shared, out)?;
        }
        Shape::Stat => stat(reader, shared, out)?,
        Shape::DataStat => {
            out.push(Token::Text(format!("data={}", text(reader)?)));
            stat(reader, shared, out)?;
        }
        Shape::AclStat => {
            acl(reader, out)?;
            stat(reader, shared, out)?;
        }
        Shape::Names => names(reader, shared, out)?,
        Shape::NamesStat => {
            names(reader, shared, out)?;
            stat(reader, shared, out)?;
        }
        Shape::Int => {
            let value = reader.int()?;
            let shown = if shared { "?".to_owned() } else { value.to_string() };
            out.push(Token::Text(shown));
        }
        Shape::Ids => {
            let mut ids = Vec::new();
            for _ in 0..reader.int()? {
                ids.push(format!("{}:{}", text(reader)?, text(reader)?));
            }
            out.push(Token::Names(ids));
        }
        // The second is none of a multi's.
        Shape::Buffer | Shape::Token => out.push(Token::Text(text(reader)?)),
        Shape::Multi => multi(reader, out)?,
    }
    Ok(())
}

fn acl(reader: &mut Reader<'_>, out: &mut Vec<Token>) -> Result<()> {
    for _ in 0..reader.int()? {
        let (perms, scheme, id) = (reader.int()?, text(reader)?, text(reader)?);
        out.push(Token::Text(format!("{perms}:{scheme}:{id}")));
    }
    Ok(())
}

fn names(reader: &mut Reader<'_>, shared: bool, out: &mut Vec<Token>) -> Result<()> {
    let names = texts(reader)?;
    if !shared {
        out.push(Token::Names(names));
    }
    Ok(())
}

/// The 68 bytes that describe a znode.
fn stat(reader: &mut Reader<'_>, shared: bool, out: &mut Vec<Token>) -> Result<()> {
    if shared {
        reader.take(68)?;
        return Ok(());
    }
    let text = |text: &str| Token::Text(text.to_owned());
    out.push(text("czxid"));
    out.push(Token::Zxid(reader.long()?));
    out.push(text("mzxid"));
    out.push(Token::Zxid(reader.long()?));
    out.push(text("times"));
    out.push(Token::Time(reader.long()?));
    out.push(Token::Time(reader.long()?));
    let (version, cversion, aversion) = (reader.int()?, reader.int()?, reader.int()?);
    out.push(Token::Text(format!(
        "version={version} cversion={cversion} aversion={aversion} owner"
    )));
    out.push(Token::Session(reader.long()?));
    let (length, children) = (reader.int()?, reader.int()?);
    out.push(Token::Text(format!("length={length} children={children} pzxid")));
    out.push(Token::Zxid(reader.long()?));
    Ok(())
}

fn multi(reader: &mut Reader<'_>, out: &mut Vec<Token>) -> Result<()> {
    loop {
        let (op, done, err) = (reader.int()?, reader.byte()?, reader.int()?);
        out.push(Token::Text(format!("| {op} {done} {err}")));
        if done != 0 {
            return Ok(());
        }
        match op {
            -1 => out.push(Token::Text(format!("code={}", reader.int()?))),
            op => body(ops::reply(op), reader, false, out)?,
        }
    }
}

/// What an accepted or refused handshake says.
pub(super) struct Welcome {
    pub(super) line: Line,
    pub(super) session: i64,
    pub(super) password: Vec<u8>,
}

/// Reads a handshake's answer. `known` is the password that the session had before.
pub(super) fn welcome(frame: &[u8], known: Option<&[u8]>) -> Result<Welcome> {
    let granted = Granted::parse(frame)?;
    let Granted { protocol, timeout_ms, session, rest, .. } = granted;
    let password = granted.password.context("no password")?;
    let kept = match known {
        _ if session == 0 => password.escape_ascii().to_string(),
        Some(known) if known == password => "kept".to_owned(),
        Some(_) => "another".to_owned(),
        None => format!("{} bytes", password.len()),
    };
    let tokens = vec![
        Token::Text(format!("handshake: protocol={protocol} timeout={timeout_ms}")),
        Token::Session(session),
        Token::Text(format!("password={kept} rest={rest:?}")),
    ];
    Ok(Welcome {
        line: Line { kind: Kind::Handshake, tokens },
        session,
        password: password.to_vec(),
    })
}
