//! The four create ops. What is made follows from the op and the flags together, and not in the
//! same way inside a multi. Source: `PrepRequestProcessor.pRequest2TxnCreate`,
//! `MultiOperationRecord.deserialize` and `Op.Create`.

use super::fields::{acl_list, path};
use super::op;
use crate::codec::jute::Reader;
use crate::core::op::{Create, ErrorCode, flags};

/// The request of a create op as it stands in a frame.
fn read(number: i32, path: String, reader: &mut Reader) -> Result<Create, ErrorCode> {
    Ok(Create {
        path,
        data: reader.buffer()?,
        acl: acl_list(reader)?,
        flags: reader.int()?,
        ttl: if number == op::CREATE_TTL { Some(reader.long()?) } else { None },
        with_stat: number != op::CREATE,
    })
}

/// A create op that is a request of its own.
pub(super) fn alone(number: i32, reader: &mut Reader) -> Result<Create, ErrorCode> {
    let path = reader.lossy_string()?;
    let mut create = read(number, path.clone().unwrap_or_default(), reader)?;
    create.flags = match (number, create.flags) {
        // The container of this op's flags is known to the client only; what it makes is persistent.
        (op::CREATE | op::CREATE2, 4) => flags::PERSISTENT,
        (op::CREATE_CONTAINER, flags) => contained(flags),
        (_, flags @ 0..=6) => flags,
        _ => flags::INVALID,
    };
    // ZooKeeper looks at flags and TTL before it trips over a null path.
    let bad_ttl = matches!(create.flags, 5 | 6)
        && !create.ttl.is_some_and(|ttl| (1..=flags::TTL_MAX).contains(&ttl));
    match path {
        None if create.flags == flags::INVALID || bad_ttl => Err(ErrorCode::BadArguments),
        None => Err(ErrorCode::MarshallingError),
        Some(_) => Ok(create),
    }
}

/// A create op inside a multi. Bad flags and a null access list make the whole multi unreadable.
pub(super) fn in_multi(number: i32, reader: &mut Reader) -> Result<Create, ErrorCode> {
    let mut create = read(number, path(reader)?, reader)?;
    if number == op::CREATE_TTL {
        // With flags of another kind it is a plain create, and answered as one.
        if !matches!(create.flags, 5 | 6) {
            create.ttl = None;
            create.with_stat = create.flags == flags::CONTAINER;
        }
        if !(0..=6).contains(&create.flags) {
            create.flags = flags::INVALID;
        }
        return Ok(create);
    }
    if !(0..=4).contains(&create.flags) || create.acl.is_none() {
        return Err(ErrorCode::MarshallingError);
    }
    if number == op::CREATE_CONTAINER {
        create.flags = contained(create.flags);
    }
    create.with_stat |= create.flags == flags::CONTAINER;
    Ok(create)
}

/// createContainer makes a container whatever the flags; they only say whether it is numbered.
fn contained(flags: i32) -> i32 {
    match flags {
        0 | 1 | 4 => flags::CONTAINER,
        2 | 3 => flags::CONTAINER_SEQUENTIAL,
        // These need a TTL, which the op does not have.
        _ => flags::INVALID,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jute::Writer;

    fn body(number: i32, flags: i32, null_acl: bool) -> Reader {
        let mut writer = Writer::new();
        writer.ustring("/a");
        writer.buffer(None);
        if null_acl {
            writer.int(-1);
        } else {
            writer.int(1);
            writer.int(31);
            writer.ustring("world");
            writer.ustring("anyone");
        }
        writer.int(flags);
        if number == op::CREATE_TTL {
            writer.long(1);
        }
        Reader::new(writer.into_inner().freeze())
    }

    /// What is made by each op with flags 0 to 7, alone.
    #[test]
    fn the_op_decides_with_the_flags_what_is_made() {
        let made = |number: i32| -> Vec<i32> {
            let flags = |flags| alone(number, &mut body(number, flags, false)).unwrap().flags;
            (0..8).map(flags).collect()
        };
        let (none, numbered) = (flags::INVALID, flags::CONTAINER_SEQUENTIAL);
        assert_eq!(made(op::CREATE), [0, 1, 2, 3, 0, 5, 6, none]);
        assert_eq!(made(op::CREATE2), made(op::CREATE));
        let container = [4, 4, numbered, numbered, 4, none, none, none];
        assert_eq!(made(op::CREATE_CONTAINER), container);
        assert_eq!(made(op::CREATE_TTL), [0, 1, 2, 3, 4, 5, 6, none]);
    }

    /// The same in a multi: flags, and whether the answer has a Stat.
    #[test]
    fn inside_a_multi_they_decide_otherwise() {
        let made = |number: i32, flags: i32| {
            let create = in_multi(number, &mut body(number, flags, false)).ok()?;
            assert_eq!(create.ttl.is_some(), number == op::CREATE_TTL && matches!(flags, 5 | 6));
            Some((create.flags, create.with_stat))
        };
        let all = |number| (0..8).map(|flags| made(number, flags)).collect::<Vec<_>>();
        let plain = [(0, false), (1, false), (2, false), (3, false), (4, true)];
        let create: Vec<_> = plain.map(Some).into_iter().chain([None; 3]).collect();
        assert_eq!(all(op::CREATE), create);
        let numbered = flags::CONTAINER_SEQUENTIAL;
        let container = [4, 4, numbered, numbered, 4].map(|flags| Some((flags, true)));
        assert_eq!(all(op::CREATE_CONTAINER)[..5], container);
        let ttl = [(5, true), (6, true), (flags::INVALID, false)];
        let ttl: Vec<_> = plain.into_iter().chain(ttl).map(Some).collect();
        assert_eq!(all(op::CREATE_TTL), ttl);
        assert!(in_multi(op::CREATE, &mut body(op::CREATE, 0, true)).is_err());
        assert!(in_multi(op::CREATE_TTL, &mut body(op::CREATE_TTL, 5, true)).is_ok());
    }
}
