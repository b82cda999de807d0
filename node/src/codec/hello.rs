//! Who a member says it is, as bytes: the fields that every program knows, and behind them what was
//! added later.

use bytes::Bytes;

use super::jute::{Malformed, Reader, Writer};
use crate::core::message::{Capabilities, FormatRange, Hello};
use crate::core::types::{EnsembleId, EnsembleVersion, MemberId, ServerId, Zxid};

pub(super) fn encode(hello: &Hello, writer: &mut Writer) {
    writer.bool(hello.ensemble.is_some());
    let ensemble = hello.ensemble.map_or(0, |it| it.0);
    writer.raw(&ensemble.to_be_bytes());
    writer.u64(hello.from.0);
    writer.u8(hello.server.0);
    writer.ustring(&hello.address);
    writer.u64(hello.to.map_or(0, |it| it.0));
}

pub(super) fn decode(reader: &mut Reader) -> Result<Hello, Malformed> {
    let some = reader.bool()?;
    let bytes = reader.take(16)?;
    let ensemble = bytes.as_ref().try_into().map_err(|_| Malformed::Short)?;
    let ensemble = some.then_some(EnsembleId(u128::from_be_bytes(ensemble)));
    let from = MemberId(reader.u64()?);
    let server = ServerId(reader.u8()?);
    let address = reader.ustring()?.unwrap_or_default();
    let to = Some(MemberId(reader.u64()?)).filter(|to| to.0 != 0);
    let can = Capabilities::default();
    let (version, proof) = (EnsembleVersion(1), Bytes::new());
    Ok(Hello { ensemble, from, server, address, to, can, version, proof, imported: None })
}

/// What a hello says beyond what the first ones said: tag, length, content, in any order. It stands
/// at the end of its frame, where programs that know nothing of it do not look, and a tag that is
/// not known is passed over: so what is added here breaks no link, in neither direction.
mod tag {
    pub(super) const NEWEST: u8 = 1;
    pub(super) const FORMATS: u8 = 2;
    pub(super) const PROGRAM: u8 = 3;
    pub(super) const VERSION: u8 = 4;
    pub(super) const PROOF: u8 = 5;
    pub(super) const IMPORTED: u8 = 6;
}

pub(super) fn encode_more(hello: &Hello, writer: &mut Writer) {
    let mut field = |tag: u8, content: &[u8]| {
        writer.u8(tag);
        writer.buffer(Some(content));
    };
    // What is as if it had not been said is not said.
    let unsaid = Capabilities::default();
    if hello.can.newest != unsaid.newest {
        field(tag::NEWEST, &hello.can.newest.0.to_be_bytes());
    }
    if !hello.can.formats.is_empty() {
        let mut content = Vec::new();
        for it in &hello.can.formats {
            content.push(it.format);
            content.extend(it.oldest.to_be_bytes());
            content.extend(it.newest.to_be_bytes());
        }
        field(tag::FORMATS, &content);
    }
    if !hello.can.program.is_empty() {
        field(tag::PROGRAM, hello.can.program.as_bytes());
    }
    if hello.version != EnsembleVersion(1) {
        field(tag::VERSION, &hello.version.0.to_be_bytes());
    }
    if !hello.proof.is_empty() {
        field(tag::PROOF, &hello.proof);
    }
    if let Some(zxid) = hello.imported {
        field(tag::IMPORTED, &zxid.0.to_be_bytes());
    }
}

pub(super) fn decode_more(hello: &mut Hello, reader: &mut Reader) -> Result<(), Malformed> {
    while reader.remaining() > 0 {
        let tag = reader.u8()?;
        let content = reader.buffer()?.ok_or(Malformed::Value)?;
        let mut content = Reader::new(content);
        let number = |content: &mut Reader| Ok::<_, Malformed>(content.int()? as u32);
        match tag {
            tag::NEWEST => hello.can.newest = EnsembleVersion(number(&mut content)?),
            tag::FORMATS => {
                while content.remaining() > 0 {
                    let format = content.u8()?;
                    let (oldest, newest) = (number(&mut content)?, number(&mut content)?);
                    hello.can.formats.push(FormatRange { format, oldest, newest });
                }
            }
            tag::PROGRAM => {
                let text = content.take(content.remaining())?;
                hello.can.program = String::from_utf8_lossy(&text).into_owned();
            }
            tag::VERSION => hello.version = EnsembleVersion(number(&mut content)?),
            tag::IMPORTED => hello.imported = Some(Zxid(content.long()?)),
            tag::PROOF => hello.proof = content.take(content.remaining())?,
            // Of a program that says more than this one understands.
            _ => {}
        }
    }
    Ok(())
}
