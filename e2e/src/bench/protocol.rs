//! The few requests of the client protocol that the workloads are made of, as bytes.

use anyhow::{Context, Result};

/// The number of an event's frame.
pub(super) const EVENT: i32 = -1;
/// The error of a znode that is there already.
pub(super) const NODE_EXISTS: i32 = -110;

const CREATE: i32 = 1;
const DELETE: i32 = 2;
const GET_DATA: i32 = 4;
const SET_DATA: i32 = 5;
const SYNC: i32 = 9;
const CHECK: i32 = 13;
const MULTI: i32 = 14;
const CLOSE: i32 = -11;

/// A session, as the server granted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: i64,
    pub(super) password: Vec<u8>,
}

/// What a server answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<'a> {
    pub(super) xid: i32,
    pub(super) zxid: i64,
    pub(super) error: i32,
    pub(super) body: &'a [u8],
}

fn int(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    int(out, i32::try_from(value.len()).unwrap_or(i32::MAX));
    out.extend_from_slice(value);
}

/// Appends a frame, whose length is known once its body is there.
fn frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    int(out, 0);
    body(out);
    let length = i32::try_from(out.len() - at - 4).unwrap_or(i32::MAX);
    if let Some(head) = out.get_mut(at..at + 4) {
        head.copy_from_slice(&length.to_be_bytes());
    }
}

fn request(out: &mut Vec<u8>, xid: i32, op: i32, body: impl FnOnce(&mut Vec<u8>)) {
    frame(out, |out| {
        int(out, xid);
        int(out, op);
        body(out);
    });
}

/// A handshake: for a new session, or for one that is to go on.
pub(super) fn connect(out: &mut Vec<u8>, session: &Session, timeout_ms: i32) {
    frame(out, |out| {
        int(out, 0);
        out.extend_from_slice(&0_i64.to_be_bytes());
        int(out, timeout_ms);
        out.extend_from_slice(&session.id.to_be_bytes());
        if session.password.is_empty() {
            bytes(out, &[0; 16]);
        } else {
            bytes(out, &session.password);
        }
        out.push(0);
    });
}

pub(super) fn create(out: &mut Vec<u8>, xid: i32, path: &str, data: &[u8]) {
    request(out, xid, CREATE, |out| {
        bytes(out, path.as_bytes());
        bytes(out, data);
        // One entry: everybody may do everything.
        int(out, 1);
        int(out, 31);
        bytes(out, b"world");
        bytes(out, b"anyone");
        int(out, 0);
    });
}

pub(super) fn delete(out: &mut Vec<u8>, xid: i32, path: &str) {
    request(out, xid, DELETE, |out| {
        bytes(out, path.as_bytes());
        int(out, -1);
    });
}

pub(super) fn get_data(out: &mut Vec<u8>, xid: i32, path: &str, watch: bool) {
    request(out, xid, GET_DATA, |out| {
        bytes(out, path.as_bytes());
        out.push(u8::from(watch));
    });
}

pub(super) fn set_data(out: &mut Vec<u8>, xid: i32, path: &str, data: &[u8]) {
    request(out, xid, SET_DATA, |out| set_body(out, path, data));
}

fn set_body(out: &mut Vec<u8>, path: &str, data: &[u8]) {
    bytes(out, path.as_bytes());
    bytes(out, data);
    int(out, -1);
}

pub(super) fn sync(out: &mut Vec<u8>, xid: i32, path: &str) {
    request(out, xid, SYNC, |out| bytes(out, path.as_bytes()));
}

/// A check of one znode's version, then the same data for several.
pub(super) fn multi(
    out: &mut Vec<u8>,
    xid: i32,
    check: (&str, i32),
    paths: &[String],
    data: &[u8],
) {
    let head = |out: &mut Vec<u8>, op: i32, done: bool| {
        int(out, op);
        out.push(u8::from(done));
        int(out, -1);
    };
    request(out, xid, MULTI, |out| {
        head(out, CHECK, false);
        bytes(out, check.0.as_bytes());
        int(out, check.1);
        for path in paths {
            head(out, SET_DATA, false);
            set_body(out, path, data);
        }
        head(out, -1, true);
    });
}

pub(super) fn close(out: &mut Vec<u8>, xid: i32) {
    request(out, xid, CLOSE, |_| {});
}

/// The first whole frame, and what follows it.
pub(super) fn split(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = input.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(i32::from_be_bytes(*head)).ok()?)
}

/// Takes a number off the front.
fn take<const N: usize>(body: &mut &[u8]) -> Result<[u8; N]> {
    let (head, rest) = body.split_first_chunk().context("an answer is too short")?;
    *body = rest;
    Ok(*head)
}

fn take_int(body: &mut &[u8]) -> Result<i32> {
    Ok(i32::from_be_bytes(take(body)?))
}

fn take_bytes<'a>(body: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = usize::try_from(take_int(body)?.max(0))?;
    let parts = body.split_at_checked(length);
    let (head, rest) = parts.context("an answer is too short")?;
    *body = rest;
    Ok(head)
}

/// The session that a handshake's answer grants.
///
/// # Errors
/// If it grants none.
pub(super) fn connected(mut body: &[u8]) -> Result<Session> {
    let _version = take_int(&mut body)?;
    let _timeout = take_int(&mut body)?;
    let id = i64::from_be_bytes(take(&mut body)?);
    anyhow::ensure!(id != 0, "the server refuses the session");
    let password = take_bytes(&mut body)?.to_vec();
    Ok(Session { id, password })
}

pub(super) fn reply(mut frame: &[u8]) -> Result<Reply<'_>> {
    Ok(Reply {
        xid: take_int(&mut frame)?,
        zxid: i64::from_be_bytes(take(&mut frame)?),
        error: take_int(&mut frame)?,
        body: frame,
    })
}

/// What the workloads look at in a znode's `Stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// Of its last change.
    pub(super) mzxid: i64,
    pub(super) version: i32,
}

fn take_stat(body: &mut &[u8]) -> Result<Stat> {
    let all: [u8; 68] = take(body)?;
    let mut body = &all[8..];
    let mzxid = i64::from_be_bytes(take(&mut body)?);
    let _times: [u8; 16] = take(&mut body)?;
    let version = take_int(&mut body)?;
    Ok(Stat { mzxid, version })
}

/// The answer to `setData`.
pub(super) fn stat(mut body: &[u8]) -> Result<Stat> {
    take_stat(&mut body)
}

/// The answer to `getData`.
pub(super) fn data(mut body: &[u8]) -> Result<(&[u8], Stat)> {
    Ok((take_bytes(&mut body)?, take_stat(&mut body)?))
}

/// The answer to `create`.
pub(super) fn path(mut body: &[u8]) -> Result<&[u8]> {
    take_bytes(&mut body)
}

/// The answer to [`multi`]: what became of each znode that was set.
///
/// # Errors
/// If it failed.
pub(super) fn multi_stats(mut body: &[u8]) -> Result<Vec<Stat>> {
    let mut stats = Vec::new();
    loop {
        let op = take_int(&mut body)?;
        let [done] = take(&mut body)?;
        let error = take_int(&mut body)?;
        match op {
            _ if done != 0 => return Ok(stats),
            CHECK => {}
            SET_DATA => stats.push(take_stat(&mut body)?),
            _ => anyhow::bail!("a part of a multi failed: {error}"),
        }
    }
}
