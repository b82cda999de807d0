//! An ensemble of plain processes on this machine's loopback, from a static list of servers: of
//! `quorate-node`, or of the real ZooKeeper, which reads the same `zoo.cfg`.
//!
//! `member` one process and its files · `ports` that nobody listens on · `zookeeper` the real one.

mod member;
pub(crate) mod ports;
pub(crate) mod zookeeper;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};

use crate::common::programs;
use crate::common::settings::Settings;
use crate::common::until::until;
use member::Member;

/// How long members may take to form, to elect, and to serve again after a restart, in seconds.
const PATIENCE: u64 = 60;

/// Stands for a member's own secure port in the lines that are common to all.
pub(crate) const SECURE_PORT: &str = "{secure}";

/// What members are started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Many of them beside each other, to see what they do: little memory, small files.
    Small,
    /// To see how fast they are: their own defaults.
    Full,
}

/// What a member is a process of.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// The program `quorate-node`.
    Quorate(PathBuf),
    /// A real ZooKeeper of this Java class path.
    ZooKeeper(OsString),
}

impl Server {
    /// The program that `QUORATE_NODE` names, or else the one that goes into the image.
    pub(crate) async fn quorate(settings: &Settings) -> Result<Self> {
        if let Some(program) = env::var_os("QUORATE_NODE").filter(|it| !it.is_empty()) {
            let program = PathBuf::from(program);
            ensure!(program.is_file(), "QUORATE_NODE names no file: {}", program.display());
            return Ok(Server::Quorate(program));
        }
        let folder = programs::compile(settings).await?;
        Ok(Server::Quorate(folder.join("quorate-node")))
    }
}

/// A folder below the system's for temporary files that goes with its content.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (pid, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(format!("quorate-local-{pid}-{number}"));
        // Left by a process of the same number that was killed.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(Folder(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Whatever is left lies among temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Members of one ensemble. Dropped, it kills its processes and removes their folder.
#[derive(Debug)]
pub(crate) struct LocalEnsemble {
    members: Vec<Member>,
    // After the members: they write into it until they are gone.
    _folder: Folder,
}

impl LocalEnsemble {
    /// Starts `count` members and waits until each of them serves. `more` are further lines of
    /// everybody's `zoo.cfg`; one of a key that is written anyway takes its place.
    ///
    /// # Errors
    /// If a program does not start, or a member does not serve in time; with the members' logs.
    pub(crate) async fn start(server: &Server, count: u8, more: &str) -> Result<Self> {
        LocalEnsemble::start_of(server, count, more, Size::Small).await
    }

    /// The same of this size.
    ///
    /// # Errors
    /// As [`LocalEnsemble::start`].
    pub(crate) async fn start_of(
        server: &Server,
        count: u8,
        more: &str,
        size: Size,
    ) -> Result<Self> {
        Self::set_up(server, (count, count), more, size).await
    }

    /// Starts members and, beside them, servers up to `all` in number that are to join: each lists
    /// itself and the members. A real ZooKeeper takes in only those that are in step already, hence
    /// its ones serve as well.
    ///
    /// # Errors
    /// As [`LocalEnsemble::start`].
    pub(crate) async fn growing(server: &Server, count: u8, all: u8, more: &str) -> Result<Self> {
        Self::set_up(server, (count, all), more, Size::Small).await
    }

    /// Starts a member for each of these, on ZooKeeper's files of that folder, if there is one.
    ///
    /// # Errors
    /// As [`LocalEnsemble::start`].
    pub(crate) async fn importing(
        server: &Server,
        folders: &[Option<&Path>],
        more: &str,
    ) -> Result<Self> {
        let folder = Folder::new()?;
        let mut members = Vec::new();
        for (id, from) in (1..).zip(folders) {
            let mut member = Member::new(server, Size::Small, folder.path(), id)?;
            from.map_or(Ok(()), |from| member.import(from))?;
            members.push(member);
        }
        let all = members.len();
        Self::begin(server, folder, members, all, more).await
    }

    async fn set_up(
        server: &Server,
        (count, all): (u8, u8),
        more: &str,
        size: Size,
    ) -> Result<Self> {
        let folder = Folder::new()?;
        let members = (1..=all)
            .map(|id| Member::new(server, size, folder.path(), id))
            .collect::<Result<Vec<_>>>()?;
        Self::begin(server, folder, members, usize::from(count), more).await
    }

    /// Starts these, of which the first `count` form the ensemble, and waits until they serve.
    async fn begin(
        server: &Server,
        folder: Folder,
        members: Vec<Member>,
        count: usize,
        more: &str,
    ) -> Result<Self> {
        // A single ZooKeeper with a list of one is no ensemble and warns; it serves all the same.
        let list: String = members.iter().take(count).map(Member::line).collect();
        for (at, member) in members.iter().enumerate() {
            let own = if at < count { String::new() } else { member.line() };
            member.configure(more, &format!("{list}{own}"))?;
        }
        let mut ensemble = LocalEnsemble { members, _folder: folder };
        for member in ensemble.members.iter_mut().take(count) {
            member.start()?;
        }
        let mut served = ensemble.serves().await;
        for member in ensemble.members.iter_mut().skip(count) {
            member.start()?;
        }
        if served.is_ok() && matches!(server, Server::ZooKeeper(_)) {
            served = ensemble.serves().await;
        }
        if let Err(error) = served {
            ensemble.print_logs(60);
            return Err(error);
        }
        Ok(ensemble)
    }

    /// What a reconfig says of one that joins.
    pub(crate) fn line(&self, at: usize) -> Result<String> {
        Ok(self.member(at)?.line().trim_end().to_owned())
    }

    /// How many members there are, those that are down included.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// `HOST:PORT[,HOST:PORT...]` of all members.
    pub(crate) fn connect(&self) -> String {
        let all: Vec<String> = self.members.iter().map(Member::address).collect();
        all.join(",")
    }

    /// `HOST:PORT` of one member's client port; members count from 0.
    pub(crate) fn address(&self, at: usize) -> Result<String> {
        Ok(self.member(at)?.address())
    }

    /// `HOST:PORT` of one member's secure port, if it was told to have one.
    pub(crate) fn secure_address(&self, at: usize) -> Result<String> {
        Ok(self.member(at)?.secure_address())
    }

    /// Which member has its client port at `HOST:PORT`.
    pub(crate) fn at(&self, address: &str) -> Result<usize> {
        let found = self.members.iter().position(|it| it.address() == address);
        found.with_context(|| format!("no member serves clients at {address}"))
    }

    /// Starts all members, none of which may run; they may be on their way for a while.
    pub(crate) fn start_all(&mut self) -> Result<()> {
        self.members.iter_mut().try_for_each(Member::start)
    }

    /// The numbers of the processes that were started and are not known to have ended.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.members.iter().filter_map(Member::pid).collect()
    }

    /// Where the members keep their data.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.members.iter().map(Member::folder)
    }

    /// Waits until every member that runs serves.
    pub(crate) async fn serves(&mut self) -> Result<()> {
        for member in &mut self.members {
            if member.runs() {
                serving(member).await?;
            }
        }
        Ok(())
    }

    /// The member that leads, once one does.
    pub(crate) async fn leader(&self) -> Result<usize> {
        until("there is a leader", PATIENCE, async || {
            for (at, member) in self.members.iter().enumerate() {
                if matches!(member.mode().await.as_deref(), Ok("leader" | "standalone")) {
                    return Ok(at);
                }
            }
            bail!("no member says that it leads")
        })
        .await
    }

    /// A four-letter word's answer from one member.
    pub(crate) async fn word(&self, at: usize, word: &'static str) -> Result<String> {
        self.member(at)?.word(word).await
    }

    /// SIGKILL: the process is gone when this returns.
    pub(crate) fn kill(&mut self, at: usize) -> Result<()> {
        self.member_mut(at)?.kill();
        Ok(())
    }

    /// SIGTERM: the process ends by itself, and as it should.
    pub(crate) async fn stop(&mut self, at: usize) -> Result<()> {
        let member = self.member_mut(at)?;
        member.terminate()?;
        let status = until("a member stops", PATIENCE, || {
            let ended = member.ended();
            std::future::ready(ended.and_then(|it| it.context("the process lives")))
        })
        .await?;
        ensure!(member.is_clean(status), "a stopped member ends with {status}");
        Ok(())
    }

    /// Starts a member that is down, and waits until it serves.
    pub(crate) async fn resume(&mut self, at: usize) -> Result<()> {
        let member = self.member_mut(at)?;
        member.start()?;
        serving(member).await
    }

    /// Prints the last lines that each member wrote, over all its lives.
    pub(crate) fn print_logs(&self, lines: usize) {
        for member in &self.members {
            println!("--- member {} at {}", member.id, member.address());
            let log = member.log();
            let all: Vec<&str> = log.lines().collect();
            for line in &all[all.len().saturating_sub(lines)..] {
                println!("    {line}");
            }
        }
    }

    fn member(&self, at: usize) -> Result<&Member> {
        self.members.get(at).context("there is no such member")
    }

    fn member_mut(&mut self, at: usize) -> Result<&mut Member> {
        self.members.get_mut(at).context("there is no such member")
    }
}

async fn serving(member: &mut Member) -> Result<()> {
    let what = format!("member {} serves", member.id);
    until(&what, PATIENCE, || {
        // One whose process has ended is found to be down, and not asked any more.
        let ended = member.ended();
        let asked = member.mode();
        async move {
            if let Some(status) = ended? {
                bail!("its process ended: {status}");
            }
            asked.await.map(drop)
        }
    })
    .await
}
