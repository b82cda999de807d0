//! A real ZooKeeper's data, taken in: many clients write, it is killed in the middle of it, and what its
//! files hold is compared znode by znode with what it shows itself after its next start.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use quorate_zk::{
    Acl, Code, Connection, Failure, Handshake, Jute, OPEN, Reader, Request, Session, Stat, data,
    flags, op, raw,
};
use tokio::task::spawn_blocking;

use super::stand::{MORE, Stand};
use crate::common::progress::say;
use crate::local::{Folder, LocalEnsemble, zookeeper};

/// Clients that write beside each other, and how much they write before ZooKeeper is killed.
const CLIENTS: u64 = 4;
const WRITES: u64 = 4_000;
/// Snapshots are so frequent that each is written while much changes.
const OFTEN: &str = "snapCount=300\nforceSync=no\n";
const TIMEOUT_MS: i32 = 40_000;

type Client = Connection<TcpStream>;

/// What a server shows of a znode.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    data: Vec<u8>,
    stat: Stat,
    /// Its access list, as it is on the wire.
    acl: Vec<u8>,
}

/// Data of a ZooKeeper that was killed under load: what it stored, and what it makes of that.
struct Left {
    /// Its dataDir, as it was when it was killed.
    folder: Folder,
    /// The same from before the load.
    earlier: Folder,
    shown: BTreeMap<String, Shown>,
    /// Sessions with ephemerals.
    sessions: Vec<Session>,
}

/// With each way in which ZooKeeper packs its snapshots.
pub(super) async fn zookeeper_data(stand: &mut Stand) -> Result<()> {
    for (seed, packed) in [(1, "CHECKED"), (2, "gz"), (3, "snappy")] {
        let left = left(stand, seed, packed).await.with_context(|| packed.to_owned())?;
        say(format!("ZooKeeper ({packed}) left {} znodes", left.shown.len()));
        // The newest wins, wherever it lies; who has none, and who has older data, follow.
        let folders = [Some(left.earlier.path()), Some(left.folder.path()), None];
        let ensemble = LocalEnsemble::importing(&stand.server, &folders, MORE).await?;
        for at in 0..folders.len() {
            let shown = dump(&ensemble.address(at)?).await?;
            compare(&left.shown, &shown).with_context(|| format!("{packed}, member {at}"))?;
        }
        go_on(&ensemble.address(0)?, left).await?;
    }
    Ok(())
}

/// Clients of before go on with their sessions, and whatever is written is newer than all before.
async fn go_on(address: &str, left: Left) -> Result<()> {
    let address = address.to_owned();
    spawn_blocking(move || {
        for session in &left.sessions {
            let client = connect(&address, session)?;
            ensure!(client.session.id == session.id, "session {:#x} is gone", session.id);
        }
        let mut client = connect(&address, &Session::default())?;
        let create =
            Request::Create { path: "/after", data: None, acl: OPEN, flags: flags::PERSISTENT };
        client.call(&create)?;
        let newest = left.shown.values().map(|it| it.stat.mzxid.max(it.stat.pzxid)).max();
        let (_, stat) = data_of(&mut client, "/after")?.context("it was created")?;
        ensure!(Some(stat.czxid) > newest, "a zxid comes twice: {:#x}", stat.czxid);
        Ok(())
    })
    .await?
}

/// Lets clients write to a real ZooKeeper, and kills it.
async fn left(stand: &Stand, seed: u64, packed: &str) -> Result<Left> {
    let zookeeper = zookeeper::server(&stand.settings).await?;
    let more = format!("{MORE}{OFTEN}snapshot.compression.method={packed}\n");
    let mut ensemble = LocalEnsemble::start(&zookeeper, 1, &more).await?;
    let address = ensemble.address(0)?;
    let written = Arc::new(AtomicU64::new(0));
    let first = address.clone();
    spawn_blocking(move || prepare(&first)).await?.context("what is there before the load")?;
    let earlier = copy_of(&ensemble)?;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (address, written) = (address.clone(), Arc::clone(&written));
            spawn_blocking(move || write(&address, seed * 100 + number, &written))
        })
        .collect();
    while written.load(Ordering::Relaxed) < WRITES {
        ensure!(!clients.iter().any(|it| it.is_finished()), "a client ended by itself");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ensemble.kill(0)?;
    let mut sessions = Vec::new();
    for client in clients {
        sessions.push(client.await??);
    }
    let folder = copy_of(&ensemble)?;
    ensemble.resume(0).await?;
    let shown = dump(&address).await?;
    let has = |session: &Session| shown.values().any(|it| it.stat.ephemeral_owner == session.id);
    sessions.retain(has);
    ensure!(!sessions.is_empty(), "no session has an ephemeral");
    Ok(Left { folder, earlier, shown, sessions })
}

fn copy_of(ensemble: &LocalEnsemble) -> Result<Folder> {
    let (copy, own) = (Folder::new()?, ensemble.folders().next().context("no member")?);
    zookeeper::copy_data(own, copy.path())?;
    Ok(copy)
}

fn connect(address: &str, session: &Session) -> Result<Client> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(Connection::open(stream, &Handshake::of(session, TIMEOUT_MS))?)
}

fn prepare(address: &str) -> Result<()> {
    let mut client = connect(address, &Session::default())?;
    for number in 0..8 {
        let path = format!("/d{number}");
        client.call(&Request::Create {
            path: &path,
            data: Some(b"x"),
            acl: OPEN,
            flags: flags::PERSISTENT,
        })?;
    }
    // Characters beyond ASCII, a long name, and nothing at all for data.
    for path in ["/d0/größe-✓", &format!("/d1/{}", "n".repeat(900))] {
        client.call(&Request::Create { path, data: None, acl: OPEN, flags: flags::PERSISTENT })?;
    }
    client.call(&Request::Close)?;
    Ok(())
}

/// Writes all kinds of things until the connection breaks; gives the session that it had then.
fn write(address: &str, seed: u64, written: &AtomicU64) -> Result<Session> {
    let mut client = connect(address, &Session::default())?;
    let mut word = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    loop {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        let place = format!("/d{}/n{}", word % 8, (word >> 8) % 40);
        // Now and then a session ends, and what it had goes with it.
        if (word >> 52).is_multiple_of(400) {
            let own = client.session.clone();
            let next = client
                .call(&Request::Close)
                .map_err(Into::into)
                .and_then(|_| connect(address, &Session::default()));
            let Ok(next) = next else { return Ok(own) };
            client = next;
        }
        match one(&mut client, &place, word) {
            Ok(()) | Err(Failure::Code(_)) => written.fetch_add(1, Ordering::Relaxed),
            Err(Failure::Broken(_)) => return Ok(client.session),
        };
    }
}

fn one(client: &mut Client, place: &str, word: u64) -> Result<(), Failure> {
    let bytes = vec![b'a' + (word % 26) as u8; (word >> 16) as usize % 300];
    let data = Some(bytes.as_slice());
    let create = |flags| Request::Create { path: place, data, acl: OPEN, flags };
    let sub = format!("{place}/c{}", (word >> 24) % 5);
    let request = match (word >> 40) % 12 {
        0..=2 => create(flags::PERSISTENT),
        3 => create(flags::EPHEMERAL),
        4 => create(flags::PERSISTENT_SEQUENTIAL),
        5 => Request::CreateContainer { path: place, data, acl: OPEN },
        6 => Request::CreateTtl { path: place, data: None, acl: OPEN, ttl_ms: 86_400_000 },
        7 => Request::Create { path: &sub, data, acl: OPEN, flags: flags::PERSISTENT },
        8 => Request::SetData { path: place, data, version: -1 },
        9 => Request::Delete { path: if word & 64 == 0 { place } else { &sub }, version: -1 },
        10 => return access(client, place, word),
        _ => return together(client, place, &sub, data),
    };
    client.call(&request).map(drop)
}

/// Another access list.
fn access(client: &mut Client, place: &str, word: u64) -> Result<(), Failure> {
    let id = format!("user{}:hash", word % 3);
    let list = [
        Acl { perms: 31, scheme: "world", id: "anyone" },
        Acl { perms: 1, scheme: "digest", id: &id },
    ];
    let body = |out: &mut Vec<u8>| {
        out.text(place);
        out.int(list.len() as i32);
        for acl in list {
            out.int(acl.perms);
            out.text(acl.scheme);
            out.text(acl.id);
        }
        out.int(-1);
    };
    client.call_raw(|xid, out| raw(out, xid, op::SET_ACL, body)).map(drop)
}

/// All of it or nothing.
fn together(
    client: &mut Client,
    place: &str,
    sub: &str,
    data: Option<&[u8]>,
) -> Result<(), Failure> {
    let parts = [
        Request::Create { path: place, data, acl: OPEN, flags: flags::PERSISTENT },
        Request::Create { path: sub, data, acl: OPEN, flags: flags::PERSISTENT },
        Request::SetData { path: place, data: None, version: 0 },
    ];
    client.call_raw(|xid, out| quorate_zk::multi(out, xid, parts)).map(drop)
}

/// All that a server shows, but for its own `/zookeeper`.
async fn dump(address: &str) -> Result<BTreeMap<String, Shown>> {
    let address = address.to_owned();
    spawn_blocking(move || {
        let mut client = connect(&address, &Session::default())?;
        client.call(&Request::Sync { path: "/" })?;
        let (mut shown, mut rest) = (BTreeMap::new(), vec!["/".to_owned()]);
        while let Some(path) = rest.pop() {
            let (data, stat) = data_of(&mut client, &path)?.context("it goes while it is read")?;
            let acl =
                client.call_raw(|xid, out| raw(out, xid, op::GET_ACL, |out| out.text(&path)))?;
            let children = client.call(&Request::GetChildren { path: &path, watch: false })?;
            for name in Reader::new(&children).texts()? {
                let child = format!("{}/{name}", path.trim_end_matches('/'));
                if child != "/zookeeper" {
                    rest.push(child);
                }
            }
            shown.insert(path, Shown { data, stat, acl });
        }
        Ok(shown)
    })
    .await?
}

fn data_of(client: &mut Client, path: &str) -> Result<Option<(Vec<u8>, Stat)>> {
    match client.call(&Request::GetData { path, watch: false }) {
        Ok(body) => {
            let (bytes, stat) = data(&body)?;
            Ok(Some((bytes.to_vec(), stat)))
        }
        Err(Failure::Code(Code::NoNode)) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

fn compare(theirs: &BTreeMap<String, Shown>, ours: &BTreeMap<String, Shown>) -> Result<()> {
    for (path, shown) in theirs {
        match ours.get(path) {
            None => bail!("{path} is missing: {shown:?}"),
            Some(own) if own != shown => bail!("{path} is {own:?}, and {shown:?} in ZooKeeper"),
            Some(_) => {}
        }
    }
    let more = ours.keys().find(|path| !theirs.contains_key(*path));
    more.map_or(Ok(()), |path| bail!("{path} is not there in ZooKeeper: {:?}", ours.get(path)))
}
