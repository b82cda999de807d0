//! Bodies of good requests, to be tampered with.

use quorate_zk::{Jute, op};

fn acl(body: &mut Vec<u8>) {
    body.count(2);
    for (scheme, id) in [("world", "anyone"), ("digest", "u:h")] {
        body.int(31);
        body.text(scheme);
        body.text(id);
    }
}

pub(crate) fn create(body: &mut Vec<u8>, path: &str, flags: i32) {
    body.text(path);
    body.buffer(Some(b"data"));
    acl(body);
    body.int(flags);
}

pub(crate) fn part(body: &mut Vec<u8>, op: i32) {
    body.int(op);
    body.bool(op == -1);
    body.int(-1);
}

/// A good body of any op but a multi. `own`: a znode that may go, or be closed to others.
pub(crate) fn body(number: i32, own: &str, body: &mut Vec<u8>) {
    match number {
        op::CREATE => create(body, "/h/n", 1),
        op::CREATE2 => create(body, "/h/n-", 3),
        op::CREATE_CONTAINER => create(body, "/h/c", 4),
        op::CREATE_TTL => {
            create(body, "/h/t", 5);
            body.long(60_000);
        }
        op::DELETE | op::CHECK => {
            body.text(own);
            body.int(-1);
        }
        op::SET_DATA => {
            body.text("/h");
            body.buffer(Some(b"more"));
            body.int(-1);
        }
        op::SET_ACL => {
            body.text(own);
            acl(body);
            body.int(-1);
        }
        op::MULTI_READ => {
            for read in [op::GET_DATA, op::GET_CHILDREN] {
                part(body, read);
                body.text("/h");
                body.bool(true);
            }
            part(body, -1);
        }
        op::SET_WATCHES | op::SET_WATCHES2 => {
            body.long(1);
            for path in ["/h", "/none", "/h/n", "/h", "/"] {
                body.count(2);
                body.text(path);
                body.text("/other");
            }
        }
        op::AUTH => {
            body.int(0);
            body.text("digest");
            body.buffer(Some(b"u:p"));
        }
        op::SASL => body.buffer(Some(b"token")),
        op::RECONFIG => {
            for text in ["server.9=h:1:2;3", "9", "server.1=h:1:2;3"] {
                body.text(text);
            }
            body.long(-1);
        }
        op::ADD_WATCH | op::REMOVE_WATCHES | op::CHECK_WATCHES => {
            body.text("/h");
            body.int(1);
        }
        op::PING | op::CLOSE | op::WHO_AM_I => {}
        _ => {
            body.text("/h");
            body.bool(true);
        }
    }
}
