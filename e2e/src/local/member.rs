//! One member: its files, its ports, its process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{SECURE_PORT, Server, Size, ports, zookeeper};

const HOST: &str = "127.0.0.1";
/// Where Java finds users and passwords.
const JAAS: &str = "java.security.auth.login.config";
/// One word and its answer.
const WORD: Duration = Duration::from_secs(5);

/// One member. Dropped, it kills its process.
#[derive(Debug)]
pub(super) struct Member {
    /// ZooKeeper's myid.
    pub(super) id: u8,
    server: Server,
    size: Size,
    client: u16,
    peer: u16,
    election: u16,
    admin: u16,
    secure: u16,
    data: PathBuf,
    config: PathBuf,
    log: PathBuf,
    process: Option<Child>,
    /// What a ZooKeeper left in its folder is taken in.
    imports: bool,
}

impl Member {
    pub(super) fn new(server: &Server, size: Size, folder: &Path, id: u8) -> Result<Self> {
        let port = ports::free(5)?;
        let data = folder.join(format!("data-{id}"));
        fs::create_dir_all(&data)?;
        fs::write(data.join("myid"), id.to_string())?;
        Ok(Member {
            id,
            server: server.clone(),
            size,
            client: port,
            peer: port + 1,
            election: port + 2,
            admin: port + 3,
            secure: port + 4,
            data,
            config: folder.join(format!("zoo-{id}.cfg")),
            log: folder.join(format!("log-{id}")),
            process: None,
            imports: false,
        })
    }

    /// Copies ZooKeeper's files into its folder, to be taken in at its first start.
    pub(super) fn import(&mut self, from: &Path) -> Result<()> {
        zookeeper::copy_data(from, &self.data)?;
        self.imports = true;
        Ok(())
    }

    /// What everybody's `zoo.cfg` says of it.
    pub(super) fn line(&self) -> String {
        let Member { id, client, peer, election, .. } = self;
        format!("server.{id}={HOST}:{peer}:{election}:participant;{HOST}:{client}\n")
    }

    /// Writes its `zoo.cfg`. Half a second a tick lets sessions of a second be tried.
    pub(super) fn configure(&self, more: &str, list: &str) -> Result<()> {
        let own = format!(
            "tickTime=500\ninitLimit=20\nsyncLimit=10\ndataDir={}\n\
             admin.serverAddress={HOST}\nadmin.serverPort={}\n",
            self.data.display(),
            self.admin,
        );
        let more = more.replace(SECURE_PORT, &self.secure.to_string());
        let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        let replaced: Vec<String> = more.lines().map(key).collect();
        let kept = own.lines().filter(|line| !replaced.contains(&key(line)));
        let kept: String = kept.map(|line| format!("{line}\n")).collect();
        // A line that is not ended must not run into the next.
        fs::write(&self.config, format!("{kept}{}\n{list}", more.trim_end()))
            .with_context(|| format!("write {}", self.config.display()))
    }

    pub(super) fn address(&self) -> String {
        format!("{HOST}:{}", self.client)
    }

    /// Where clients with TLS connect, under the name of its certificate.
    pub(super) fn secure_address(&self) -> String {
        format!("localhost:{}", self.secure)
    }

    /// Starts its process; it may be on its way for a while.
    pub(super) fn start(&mut self) -> Result<()> {
        ensure!(!self.runs(), "member {} runs already", self.id);
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = self.command()?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn();
        let program = command.get_program().to_owned();
        self.process = Some(process.with_context(|| format!("cannot start {program:?}"))?);
        Ok(())
    }

    /// What its zoo.cfg says of a key.
    fn value(&self, key: &str) -> Result<Option<String>> {
        let config = fs::read_to_string(&self.config)?;
        let mut lines = config.lines().filter_map(|line| line.split_once('='));
        Ok(lines.find(|(known, _)| *known == key).map(|(_, value)| value.to_owned()))
    }

    fn command(&self) -> Result<Command> {
        Ok(match &self.server {
            Server::Quorate(program) => {
                let mut command = Command::new(program);
                command.arg("run").arg("--config").arg(&self.config);
                // zoo.cfg has no key for these addresses: without, it listens on all there are.
                command.args(["--peer-addr", &format!("{HOST}:{}", self.peer)]);
                command.args(["--admin-addr", &format!("{HOST}:{}", self.admin)]);
                if self.imports {
                    command.arg("--import-zookeeper");
                }
                if self.size == Size::Small {
                    command.args(["--wal-segment-bytes", "4194304"]);
                }
                command
            }
            Server::ZooKeeper(classpath) => {
                let mut command = Command::new("java");
                command
                    .args(match self.size {
                        Size::Small => {
                            ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"].as_slice()
                        }
                        // The heap that it has in most deployments.
                        Size::Full => &["-Xmx1g"],
                    })
                    // Its own admin server needs more libraries.
                    .args(["-Dzookeeper.admin.enableServer=false"])
                    // What it reaps in the middle of a comparison would look like a difference.
                    .args(["-Dznode.container.checkIntervalMs=86400000"])
                    // A system property of Java's own, which ZooKeeper does not take from its file.
                    .args(self.value(JAAS)?.map(|file| format!("-D{JAAS}={file}")))
                    .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"])
                    .arg(classpath)
                    .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
                    .arg(&self.config);
                command
            }
        })
    }

    /// Whether its process was started and is not known to have ended.
    pub(super) fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// Its process's number.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Where its data lies.
    pub(super) fn folder(&self) -> &Path {
        &self.data
    }

    /// How its process ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let process = self.process.as_mut().context("the member is down")?;
        let status = process.try_wait()?;
        if status.is_some() {
            self.process = None;
        }
        Ok(status)
    }

    /// SIGKILL, and waits for the end.
    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Both fail only for one that is gone already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// SIGTERM.
    pub(super) fn terminate(&self) -> Result<()> {
        let process = self.process.as_ref().context("the member is down")?;
        kill_process(Pid::from_child(process), Signal::TERM)?;
        Ok(())
    }

    /// A four-letter word's answer.
    pub(super) fn word(&self, word: &'static str) -> impl Future<Output = Result<String>> + use<> {
        let port = self.client;
        async move {
            let asked = async {
                let mut stream = TcpStream::connect((HOST, port)).await?;
                stream.write_all(word.as_bytes()).await?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await?;
                Ok::<_, std::io::Error>(answer)
            };
            let answer = tokio::time::timeout(WORD, asked).await;
            Ok(answer.with_context(|| format!("no answer to {word}"))??)
        }
    }

    /// Whether a process ends so that was told to.
    pub(super) fn is_clean(&self, status: ExitStatus) -> bool {
        // Java's answer to SIGTERM.
        let java = matches!(self.server, Server::ZooKeeper(_)) && status.code() == Some(143);
        status.success() || java
    }

    /// What the word `srvr` says that it is: `leader`, `follower`, `observer` or `standalone`.
    /// One that does not serve is none of them.
    pub(super) fn mode(&self) -> impl Future<Output = Result<String>> + use<> {
        let answer = self.word("srvr");
        async move {
            let answer = answer.await?;
            let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "));
            let mode = mode.with_context(|| format!("srvr says {:?}", answer.trim()))?;
            Ok(mode.to_owned())
        }
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}
