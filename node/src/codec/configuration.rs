//! Configurations as bytes: in entries of every version, and in snapshots.

use super::jute::{Malformed, Reader, Writer};
use super::versions::Format;
use crate::core::raft::config::{Config, Member, Role};
use crate::core::types::{Index, MemberId, ServerId};

/// Appends a configuration.
pub(super) fn encode_config(config: &Config, writer: &mut Writer) {
    writer.u64(config.index.0);
    writer.count(config.members.len());
    for member in &config.members {
        encode_member(member, writer);
    }
    for list in [&config.outgoing, &config.leaving] {
        writer.count(list.len());
        for id in list {
            writer.u64(id.0);
        }
    }
}

/// Reads a configuration.
pub(super) fn decode_config(reader: &mut Reader) -> Result<Config, Malformed> {
    let index = Index(reader.u64()?);
    let members = reader.vector(decode_member)?.unwrap_or_default();
    let mut ids = || {
        let ids = reader.vector(|reader| Ok(MemberId(reader.u64()?)))?;
        Ok::<_, Malformed>(ids.unwrap_or_default())
    };
    let (outgoing, leaving) = (ids()?, ids()?);
    Ok(Config { index, members, outgoing, leaving })
}

fn encode_member(member: &Member, writer: &mut Writer) {
    writer.u64(member.id.0);
    writer.u8(member.server.0);
    writer.u8(match member.role {
        Role::Voter => 0,
        Role::Learner => 1,
        Role::Observer => 2,
    });
    writer.ustring(&member.peer);
    writer.ustring(&member.client);
}

fn decode_member(reader: &mut Reader) -> Result<Member, Malformed> {
    let id = MemberId(reader.u64()?);
    let server = ServerId(reader.u8()?);
    let role = match reader.u8()? {
        0 => Role::Voter,
        1 => Role::Learner,
        2 => Role::Observer,
        kind => return Err(Format::Entry.unknown_kind(kind).into()),
    };
    let peer = reader.ustring()?.unwrap_or_default();
    let client = reader.ustring()?.unwrap_or_default();
    Ok(Member { id, server, role, peer, client })
}
