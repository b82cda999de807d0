//! The text of `/zookeeper/config`, and what a client's reconfig makes of it.
//! Rules: ZooKeeper's `PrepRequestProcessor`, `QuorumPeerConfig.parseDynamicConfig` and
//! `QuorumPeer.QuorumServer`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::core::op::{ErrorCode, Reconfig};
use crate::core::options::StaticServer;
use crate::core::raft::config::{Config, Role};
use crate::core::types::ServerId;

/// What a reconfig that was accepted asks for: the servers there are to be.
pub(crate) type Target = Arc<[StaticServer]>;

/// Something to show as the election port, which does not exist here. It must not be the peer port:
/// ZooKeeper's own classes, by which Curator reads this text, refuse that.
pub(crate) fn election_port(peer: &str) -> u16 {
    let port = peer.rsplit(':').next().and_then(|it| it.parse().ok());
    let port: u16 = port.unwrap_or(2888);
    // As 3888 stands beside 2888.
    port.checked_add(1000).unwrap_or_else(|| port.saturating_sub(1000))
}

/// Who is shown: a learner on its way to becoming a voter is not.
pub(super) fn members(config: &Config) -> Vec<StaticServer> {
    let shown = config.members.iter().filter(|it| it.role != Role::Learner);
    let mut servers: Vec<StaticServer> = shown
        .map(|member| StaticServer {
            server: member.server,
            peer: member.peer.clone(),
            client: member.client.clone(),
            role: member.role,
        })
        .collect();
    servers.sort_by_key(|it| it.server);
    servers
}

/// The text, but for the version in its last line.
pub(crate) fn lines(servers: &[StaticServer]) -> String {
    let mut text = String::new();
    for it in servers {
        let role = match it.role {
            Role::Voter => "participant",
            Role::Learner | Role::Observer => "observer",
        };
        let election = election_port(&it.peer);
        text += &format!("server.{}={}:{election}:{role}", it.server, it.peer);
        if !it.client.is_empty() {
            text += &format!(";{}", it.client);
        }
        text += "\n";
    }
    text
}

/// The servers of a text that [`lines`] wrote.
pub(super) fn read(text: &str) -> Vec<StaticServer> {
    let line = |line: &str| {
        let (id, value) = line.strip_prefix("server.")?.split_once('=')?;
        server(id, value).ok()
    };
    text.lines().filter_map(line).collect()
}

/// The servers that a reconfig asks for, sorted.
///
/// # Errors
/// ZooKeeper's code for what is wrong with it. What is an exception there that nobody expects, as
/// for a number that is none, is a `MarshallingError`.
pub(super) fn next(
    present: &[StaticServer],
    request: &Reconfig,
) -> Result<Vec<StaticServer>, ErrorCode> {
    let mut servers = match &request.members {
        Some(list) => whole(list)?,
        None => changed(present, request)?,
    };
    servers.sort_by_key(|it| it.server);
    let least = usize::from(request.least_voters);
    let voters = servers.iter().filter(|it| it.role == Role::Voter).count();
    if voters < least {
        // Observers of too few are not expected in a whole list.
        return Err(match &request.members {
            Some(_) if !servers.is_empty() && voters < servers.len() => ErrorCode::MarshallingError,
            _ => ErrorCode::BadArguments,
        });
    }
    Ok(servers)
}

/// `newMembers`: the whole list, as a Java properties file with commas for line ends. Addresses may
/// be shared in it, but that two servers have one for their peers cannot be.
fn whole(list: &str) -> Result<Vec<StaticServer>, ErrorCode> {
    let mut properties = BTreeMap::new();
    for line in list.split([',', '\n', '\r']) {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let (key, value) = property(line);
        properties.insert(key, value);
    }
    let known = |key: &str| key == "version" || key.starts_with("server.");
    if !properties.keys().all(|key| known(key)) {
        return Err(ErrorCode::BadArguments);
    }
    let mut servers: Vec<StaticServer> = Vec::new();
    for (key, value) in properties {
        let Some(id) = key.strip_prefix("server.") else {
            i64::from_str_radix(value, 16).map_err(|_| ErrorCode::MarshallingError)?;
            continue;
        };
        let new = server(id, value)?;
        servers.retain(|it| it.server != new.server);
        servers.push(new);
    }
    for (at, one) in servers.iter().enumerate() {
        let mut others = servers.iter().skip(at + 1);
        if others.any(|other| same_place(one, other)) {
            return Err(ErrorCode::BadArguments);
        }
    }
    Ok(servers)
}

/// Key and value of a line of a Java properties file.
fn property(line: &str) -> (&str, &str) {
    let end = line.find(|c: char| c == '=' || c == ':' || c.is_whitespace());
    let (key, value) = line.split_at(end.unwrap_or(line.len()));
    let value = value.trim_start();
    let value = value.strip_prefix(['=', ':']).unwrap_or(value);
    (key, value.trim_start())
}

/// `joiningServers` and `leavingServers`: what leaves goes first; a leaving one that is not there
/// is no error.
fn changed(present: &[StaticServer], request: &Reconfig) -> Result<Vec<StaticServer>, ErrorCode> {
    let mut servers = present.to_vec();
    for id in items(request.leaving.as_deref().unwrap_or_default(), ',') {
        let id: i64 = id.parse().map_err(|_| ErrorCode::MarshallingError)?;
        servers.retain(|it| i64::from(it.server.0) != id);
    }
    for joiner in items(request.joining.as_deref().unwrap_or_default(), ',') {
        let [key, value] = items(joiner, '=')[..] else {
            return Err(ErrorCode::BadArguments);
        };
        let new = server(key.rsplit('.').next().unwrap_or_default(), value)?;
        if new.client.is_empty() {
            return Err(ErrorCode::BadArguments);
        }
        let mut others = servers.iter().filter(|it| it.server != new.server);
        if others.any(|other| clash(&new, other)) {
            return Err(ErrorCode::BadArguments);
        }
        servers.retain(|it| it.server != new.server);
        servers.push(new);
    }
    Ok(servers)
}

/// What stands between separators, but for what is blank.
fn items(text: &str, separator: char) -> Vec<&str> {
    let items = text.split(separator).map(str::trim);
    items.filter(|it| !it.is_empty()).collect()
}

/// Whether two servers name an address that only one can have. A loopback address is another one on
/// each machine, as far as clients go.
fn clash(one: &StaticServer, other: &StaticServer) -> bool {
    let theirs = [&other.peer, &other.client];
    let shared = [&one.peer, &one.client]
        .into_iter()
        .any(|address| theirs.contains(&address) && !is_anybodys(address, true));
    shared || same_place(one, other)
}

/// Whether two servers would be one.
fn same_place(one: &StaticServer, other: &StaticServer) -> bool {
    one.peer == other.peer && !is_anybodys(&one.peer, false)
}

/// Whether an address is none in particular.
fn is_anybodys(address: &str, loopback: bool) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let number = host.trim_start_matches('[').trim_end_matches(']');
    match number.parse::<IpAddr>() {
        Ok(ip) => ip.is_unspecified() || (loopback && ip.is_loopback()),
        Err(_) => host.is_empty() || (loopback && host == "localhost"),
    }
}

/// `host:peer:election[:role][;[address:]client]`. What is empty at the end of a part is not there,
/// as Java splits.
fn server(id: &str, value: &str) -> Result<StaticServer, ErrorCode> {
    const WRONG: ErrorCode = ErrorCode::BadArguments;
    let id: i64 = id.parse().map_err(|_| ErrorCode::MarshallingError)?;
    // Session ids have room for one byte of it.
    let id = u8::try_from(id).ok().filter(|it| (1..=254).contains(it));
    let server = ServerId(id.ok_or(WRONG)?);
    let mut halves = value.trim_end_matches(';').split(';');
    let quorum = halves.next().unwrap_or_default();
    let client = match halves.next() {
        None => String::new(),
        Some(client) => match parts(client).ok_or(WRONG)?[..] {
            [alone] => format!("0.0.0.0:{}", port(alone)?),
            [host, last] => format!("{host}:{}", port(last)?),
            _ => return Err(WRONG),
        },
    };
    let parts = parts(quorum).ok_or(WRONG)?;
    let (host, peer, election, role) = match parts[..] {
        [host, peer, election] => (host, peer, election, "participant"),
        [host, peer, election, role] => (host, peer, election, role),
        _ => return Err(WRONG),
    };
    let (peer, election) = (port(peer)?, port(election)?);
    let role = match role.trim().to_ascii_lowercase().as_str() {
        "participant" => Role::Voter,
        "observer" => Role::Observer,
        _ => return Err(WRONG),
    };
    if halves.next().is_some() || host.is_empty() || peer == election {
        return Err(WRONG);
    }
    Ok(StaticServer { server, peer: format!("{host}:{peer}"), client, role })
}

/// A host and what follows its colons. One with colons of its own stands in brackets.
fn parts(text: &str) -> Option<Vec<&str>> {
    let text = text.trim_end_matches(':');
    if !text.starts_with('[') {
        return Some(text.split(':').collect());
    }
    let (host, rest) = text.split_at(text.find(']')? + 1);
    let mut parts = vec![host];
    parts.extend(rest.strip_prefix(':')?.split(':'));
    Some(parts)
}

fn port(text: &str) -> Result<u16, ErrorCode> {
    let port: i32 = text.parse().map_err(|_| ErrorCode::BadArguments)?;
    u16::try_from(port).map_err(|_| ErrorCode::MarshallingError)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &str = "server.1=a:2888:3888:participant;0.0.0.0:2181\n\
                         server.2=b:2888:3888:participant;0.0.0.0:2181\n\
                         server.3=c:2888:3888:observer;0.0.0.0:2181\n";

    fn request(joining: Option<&str>, leaving: Option<&str>, members: Option<&str>) -> Reconfig {
        Reconfig {
            joining: joining.map(str::to_owned),
            leaving: leaving.map(str::to_owned),
            members: members.map(str::to_owned),
            version: -1,
            least_voters: 2,
        }
    }

    fn made(request: &Reconfig) -> Result<String, ErrorCode> {
        next(&read(THREE), request).map(|servers| lines(&servers))
    }

    #[test]
    fn the_election_port_of_the_configuration_is_never_the_peer_port() {
        assert_eq!(election_port("zk-0.zk:2888"), 3888);
        assert_eq!(election_port("[::1]:65000"), 64000);
        assert_eq!(election_port("nonsense"), 3888);
    }

    #[test]
    fn the_text_is_read_as_it_was_written() {
        assert_eq!(lines(&read(THREE)), THREE);
        let other = "server.7=[fd00::1]:2888:3888:participant;[fd00::1]:2181\n";
        assert_eq!(lines(&read(other)), other);
    }

    #[test]
    fn servers_leave_and_join_and_change_their_part() {
        let four = "server.4=d:2888:3888;2181, server.3=c:2888:3888;2181";
        let text = made(&request(Some(four), Some("1, 9"), None)).unwrap();
        assert_eq!(
            text,
            "server.2=b:2888:3888:participant;0.0.0.0:2181\n\
             server.3=c:2888:3888:participant;0.0.0.0:2181\n\
             server.4=d:2888:3888:participant;0.0.0.0:2181\n"
        );
    }

    #[test]
    fn a_whole_list_replaces_all() {
        let list = "server.2=b:2888:3888:participant;x:2181,\nversion=1f\nserver.5=e:1:2\n";
        let text = made(&request(Some("junk"), Some("junk"), Some(list))).unwrap();
        assert_eq!(
            text,
            "server.2=b:2888:3888:participant;x:2181\nserver.5=e:1:1001:participant\n"
        );
    }

    #[test]
    fn what_is_wrong_gets_zookeepers_code() {
        let (bad, odd) = (ErrorCode::BadArguments, ErrorCode::MarshallingError);
        for (joining, expected) in [
            ("server.4", bad),
            ("server.4=d:2888:3888", bad),
            ("server.4=d:2888:3888;", bad),
            ("server.4=d:2888;2181", bad),
            ("server.4=d:2888:2888;2181", bad),
            ("server.4=d:2888:3888:leader;2181", bad),
            ("server.4=d:2888:3888:observer:x;2181", bad),
            ("server.4=d:2888:3888;x:2181:1", bad),
            ("server.4=d:2888:3888;1;2", bad),
            ("server.4=d:2888:3888;2181=1", bad),
            ("server.4=d:x:3888;2181", bad),
            ("server.4=d:2888: 3888;2181", bad),
            ("server.4=d:70000:3888;2181", odd),
            ("server.4=d:-1:3888;2181", odd),
            ("server.4=d:3000000000:3888;2181", bad),
            ("server.x=d:2888:3888;2181", odd),
            ("server.255=d:2888:3888;2181", bad),
            ("server.4=a:2888:3888;2181", bad),
            ("server.4=[::1:2888:3888;2181", bad),
        ] {
            let request = request(Some(joining), None, None);
            assert_eq!(made(&request), Err(expected), "{joining}");
        }
        assert_eq!(made(&request(None, Some("x"), None)), Err(odd));
        assert_eq!(made(&request(None, Some("1"), None)), Err(bad), "one voter");
        for (list, expected) in [
            ("clientPort=1", bad),
            ("clientPort=1,server.x=a:1:2", bad),
            ("group.1=1", bad),
            ("server.1=a:1:2,server.2=a:1:3", bad),
            ("server.1=a:1:2,server.2=b:1:3;4 ,", bad),
            ("server.1=a:1:2", bad),
            ("server.1=a:1:2,server.2=b:1:2:observer", odd),
            ("server.2=b:1:2:observer", odd),
            ("server.1=a:1:2,server.2=b:1:2,version=", odd),
            ("", bad),
        ] {
            assert_eq!(made(&request(None, None, Some(list))), Err(expected), "{list}");
        }
    }

    #[test]
    fn what_javas_way_of_splitting_forgives_is_forgiven() {
        let shown = "server.3=c:2888:3888:participant;0.0.0.0:2181";
        for joining in [
            "server.3=c:2888:3888;2181;",
            "server.3=c:2888:3888:;2181",
            "server.3==c:2888:3888;2181=",
            " server.3 = c:2888:3888:Participant;0.0.0.0:2181: ",
            "3=c:2888:3888;2181",
        ] {
            let text = made(&request(Some(joining), None, None)).unwrap();
            assert!(text.contains(shown), "{joining}: {text}");
        }
        let list = "server.1=junk,server.2: b:1:2;3\n server.1 = a:1:2:participant \n";
        let text = made(&request(None, None, Some(list))).unwrap();
        assert_eq!(
            text,
            "server.1=a:1:1001:participant\nserver.2=b:1:1001:participant;0.0.0.0:3\n"
        );
    }

    /// A loopback address is another one on each machine, and a whole list is taken as it is. Two
    /// servers behind one peer address cannot be.
    #[test]
    fn addresses_are_shared_where_zookeeper_lets_them() {
        let bad = Err(ErrorCode::BadArguments);
        let joined = |line: &str| made(&request(Some(line), None, None));
        let three = "server.3=c:2888:3888;x:2181";
        assert_eq!(joined(&format!("{three},server.4=d:1:2;x:2181")), bad);
        for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"] {
            let both = format!("server.3=c:1:2;{host}:5,server.4=d:1:2;{host}:5");
            assert!(joined(&both).is_ok(), "{host}");
            let peers = format!("server.3={host}:1:2;6,server.4={host}:1:2;7");
            assert_eq!(joined(&peers).is_ok(), host == "0.0.0.0", "{host}");
        }
        let list = "server.1=a:1:2;x:5,server.2=b:1:2;x:5";
        assert!(made(&request(None, None, Some(list))).is_ok());
    }
}
