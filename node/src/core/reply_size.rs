//! How large what is sent to clients is: bounds on replies and queues are in these bytes. Close to
//! the encoded size, and never far below it.

use super::op::{Acl, Body, Id, MultiResult, ServerFrame};

/// Length, header and what the queue itself takes.
const FRAME: usize = 64;
/// A Stat, and the place of a body in a list.
const STAT: usize = 80;

impl ServerFrame {
    /// How large it is.
    pub(crate) fn weight(&self) -> usize {
        match self {
            ServerFrame::Reply(reply) => FRAME + reply.body.weight(),
            ServerFrame::Event(event) => FRAME + event.path.len(),
            ServerFrame::Connect(_) => FRAME,
        }
    }
}

impl Body {
    /// How large it is.
    pub fn weight(&self) -> usize {
        match self {
            Body::Empty | Body::Zero | Body::Count(_) => 4,
            Body::Path(path) => 4 + path.len(),
            Body::Created { path, .. } => STAT + path.len(),
            Body::Stat(_) => STAT,
            Body::Data { data, .. } => STAT + data.as_ref().map_or(0, |data| data.len()),
            Body::Acl { acl, .. } => STAT + acl.iter().map(line).sum::<usize>(),
            Body::Children(names) => 4 + names.bytes(),
            Body::ChildrenStat { children, .. } => STAT + children.bytes(),
            Body::Paths(paths) => paths.iter().map(|path| 4 + path.len()).sum(),
            Body::Ids(ids) => ids.iter().map(id).sum(),
            Body::Token(token) => 4 + token.as_ref().map_or(0, |token| token.len()),
            Body::Multi(results) => results.iter().map(MultiResult::weight).sum(),
        }
    }
}

impl MultiResult {
    /// How large it is.
    pub fn weight(&self) -> usize {
        match self {
            MultiResult::Done { body, .. } => 9 + body.weight(),
            MultiResult::Failed(_) => 13,
        }
    }
}

fn id(id: &Id) -> usize {
    8 + id.scheme.len() + id.id.len()
}

fn line(line: &Acl) -> usize {
    4 + id(&line.id)
}
