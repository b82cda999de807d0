//! An ensemble whose membership clients change: five servers of which the first three are members.
//!
//! After each reconfig the leader is waited for to have everybody in step, as the configuration
//! says: ZooKeeper looks who is in step when it judges the next one, and a server that changes its
//! part is away for a moment. The leader is never the third: histories take that one out.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::Mutex;
use zookeeper_client::{Acl, AuthId, Client, EnsembleUpdate, Permission};

use super::places::{Place, Places};
use crate::clients::session;
use crate::local::{LocalEnsemble, Server};

const CONFIG: &str = "/zookeeper/config";
/// How many are members at the beginning and at the end of a history.
const MEMBERS: u8 = 3;
/// How many servers there are.
pub(super) const ALL: u8 = 5;
/// How long an ensemble may take to be in step, and how long it is waited between two looks.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(20));

/// Five servers, and who puts the first three back.
#[derive(Debug)]
pub(super) struct Changing {
    pub(super) places: Places,
    ensemble: LocalEnsemble,
    /// Whether servers that are no members follow the leader all the same, as in ZooKeeper.
    outsiders: bool,
    leader: usize,
    client: Mutex<Client>,
}

impl Changing {
    /// Starts them.
    ///
    /// # Errors
    /// If one does not start or serve.
    pub(super) async fn start(server: &Server, more: &str) -> Result<Self> {
        let mut ensemble = LocalEnsemble::growing(server, MEMBERS, ALL, more).await?;
        let last = usize::from(MEMBERS) - 1;
        let mut leader = ensemble.leader().await?;
        while leader == last {
            ensemble.stop(last).await?;
            ensemble.resume(last).await?;
            leader = ensemble.leader().await?;
        }
        let outsiders = matches!(server, Server::ZooKeeper(_));
        let election = match server {
            Server::ZooKeeper(_) => |_, given| given,
            Server::Quorate(_) => |peer, _| peer + 1000,
        };
        let places = (0..ensemble.len()).map(|at| {
            let (line, other) = (ensemble.line(at)?, ensemble.secure_address(at)?);
            Place::of(&line, &other, election)
        });
        let places = Places(places.collect::<Result<_>>()?);
        let client = session::client(&ensemble.address(leader)?).await?;
        client.auth("digest", b"super:test").await?;
        Ok(Changing { places, ensemble, outsiders, leader, client: Mutex::new(client) })
    }

    /// The members' last words.
    pub(super) fn print_logs(&self, lines: usize) {
        self.ensemble.print_logs(lines);
    }

    pub(super) fn address(&self, at: usize) -> Result<String> {
        self.ensemble.address(at)
    }

    /// The first three are members, and only the super user may change that. Gives the version of
    /// this configuration.
    ///
    /// # Errors
    /// If it cannot be had.
    pub(super) async fn restore(&self) -> Result<i64> {
        let list = self.places.list(usize::from(MEMBERS));
        let client = self.client.lock().await;
        let readable = [Acl::new(Permission::READ, AuthId::anyone())];
        let (present, _) = client.get_acl(CONFIG).await?;
        if present != readable {
            client.set_acl(CONFIG, &readable, None).await?;
        }
        let update = EnsembleUpdate::New { ensemble: list.lines() };
        let (_, stat) = client.update_ensemble(update, None).await?;
        self.in_step(&client).await?;
        let (text, now) = client.get_config().await?;
        let text = String::from_utf8(text)?;
        ensure!(
            text.starts_with(&format!("{list}\nversion=")) && now.mzxid == stat.mzxid,
            "the first three are not the members again: {text}"
        );
        Ok(now.mzxid)
    }

    /// Waits until everybody is in step.
    ///
    /// # Errors
    /// If that takes too long.
    pub(super) async fn settle(&self) -> Result<()> {
        let client = self.client.lock().await;
        self.in_step(&client).await
    }

    async fn in_step(&self, client: &Client) -> Result<()> {
        let end = Instant::now() + PATIENCE.0;
        loop {
            let missing = match self.out_of_step(client).await {
                Ok(None) => return Ok(()),
                Ok(Some(missing)) => missing,
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() > end {
                bail!("a reconfig does not come to rest: {missing}");
            }
            tokio::time::sleep(PATIENCE.1).await;
        }
    }

    /// What is not yet as the configuration says.
    async fn out_of_step(&self, client: &Client) -> Result<Option<String>> {
        let (text, _) = client.get_config().await?;
        let members = members(&String::from_utf8(text)?);
        let observers = members.iter().filter(|it| it.observes).count();
        let followers = (members.len() - observers).checked_sub(1);
        let followers = followers.context("the configuration has no voters")?;
        let outside = match self.outsiders {
            true => usize::from(ALL) - members.len(),
            false => 0,
        };
        let told = self.ensemble.word(self.leader, "mntr").await?;
        let counts = [
            // Those that do not vote included.
            ("zk_synced_followers", followers + outside),
            ("zk_synced_non_voting_followers", outside),
            ("zk_synced_observers", observers),
        ];
        for (key, wanted) in counts {
            let found = number(&told, key)?;
            if found != wanted {
                return Ok(Some(format!("{key} is {found}, not {wanted}")));
            }
        }
        for member in members {
            let place = self.places.0.get(member.at).context("no such member")?;
            // At another port than its own it may not be found.
            if member.client != Some(place.client) {
                continue;
            }
            let said = self.ensemble.word(member.at, "srvr").await?;
            let (serves, observes) = (said.contains("Mode: "), said.contains("Mode: observer"));
            if !serves || observes != member.observes {
                return Ok(Some(format!("{member:?} says {said:?}")));
            }
        }
        Ok(None)
    }
}

/// A member as the configuration tells of it.
#[derive(Debug)]
struct Member {
    at: usize,
    observes: bool,
    client: Option<u16>,
}

fn members(text: &str) -> Vec<Member> {
    let member = |line: &str| {
        let (number, value) = line.strip_prefix("server.")?.split_once('=')?;
        let (server, client) = value.split_once(';').unwrap_or((value, ""));
        Some(Member {
            at: number.parse::<usize>().ok()?.checked_sub(1)?,
            observes: server.ends_with(":observer"),
            client: client.rsplit(':').next()?.parse().ok(),
        })
    };
    text.lines().filter_map(member).collect()
}

/// What `mntr` says of a key.
fn number(told: &str, key: &str) -> Result<usize> {
    let mut lines = told.lines().filter_map(|line| line.split_once('\t'));
    let (_, value) = lines
        .find(|(known, _)| *known == key)
        .with_context(|| format!("mntr does not know {key}"))?;
    let whole = value.split('.').next().unwrap_or_default();
    whole.parse().with_context(|| format!("{key} is {value:?}"))
}
