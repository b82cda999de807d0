//! Servers as processes of the built program, each with a zoo.cfg, a myid and ports on loopback.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::client::Client;
use super::{http, wait_for, wait_until};

/// A folder that is removed with its content.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (pid, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("quorate-process-{pid}-{number}"));
        std::fs::create_dir_all(&path).expect("make a folder");
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Whatever is left lies in the system's folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port for which, at each of these distances, all are free. Below the range from which the
/// system takes ports for outgoing connections, and never the same twice in a process.
pub(crate) fn free_ports(distances: &[u16]) -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(8, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(97).wrapping_add(number) % 12_000;
        let port = 11_000 + offset as u16;
        if distances.iter().all(|distance| is_free(port + distance)) {
            return port;
        }
    }
}

/// The built program.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate-node"));
    command.stdin(Stdio::null());
    command
}

/// The same, run by another program with these arguments.
fn wrapped(by: &[String]) -> Command {
    let Some((first, rest)) = by.split_first() else {
        return program();
    };
    let mut command = Command::new(first);
    command.args(rest).arg(program().get_program());
    command.stdin(Stdio::null());
    command
}

/// A process that does not outlive its test.
#[derive(Debug)]
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("send SIGTERM");
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("look at a process")
    }

    /// Waits for its end.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        wait_for("the process ends", || self.ended())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for one that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) number: u8,
    /// The client port.
    pub(crate) client: u16,
    pub(crate) peer: u16,
    pub(crate) admin: u16,
    pub(crate) data: PathBuf,
    /// What it wrote to its log, over all its lives.
    log: PathBuf,
    config: PathBuf,
    /// More arguments.
    pub(crate) arguments: Vec<String>,
    /// Another program than the built one.
    pub(crate) program: Option<PathBuf>,
    /// A program with arguments that is to run it; empty: none.
    pub(crate) wrapper: Vec<String>,
    process: Option<Process>,
}

impl Member {
    fn new(folder: &Path, number: u8) -> Member {
        let port = free_ports(&[0, 1, 2]);
        let data = folder.join(format!("data-{number}"));
        std::fs::create_dir_all(&data).expect("make a data folder");
        Member {
            number,
            client: port,
            peer: port + 1,
            admin: port + 2,
            log: folder.join(format!("log-{number}")),
            config: folder.join(format!("zoo-{number}.cfg")),
            data,
            arguments: Vec::new(),
            program: None,
            wrapper: Vec::new(),
            process: None,
        }
    }

    /// Starts it. It may be on its way for a while.
    pub(crate) fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(&self.log);
        let other = self.program.as_ref().map(Command::new);
        let mut command = other.unwrap_or_else(|| wrapped(&self.wrapper));
        command.arg("run").arg("--config").arg(&self.config);
        for (flag, port) in [("--peer-addr", self.peer), ("--admin-addr", self.admin)] {
            command.arg(flag).arg(format!("127.0.0.1:{port}"));
        }
        command.args(["--wal-segment-bytes", "65536"]);
        // How full the machine's disk is must not matter, unless a test says so.
        command.env("QUORATE_DISK_RESERVE_BYTES", "0");
        command.args(&self.arguments).stdout(Stdio::null());
        command.stderr(log.expect("open the log"));
        self.process = Some(Process(command.spawn().expect("start a server")));
    }

    /// SIGKILL, and the process is gone when this returns.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }

    /// Whether the process lives; a crash shows as a signal here.
    pub(crate) fn alive(&mut self) -> bool {
        let ended = self.process().ended();
        let signal = ended.and_then(|status| status.signal());
        assert_eq!(signal, None, "{}", self.log());
        ended.is_none()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `/status`, once the admin port answers.
    pub(crate) fn status(&self) -> Option<Value> {
        let (code, text) = http::get(self.admin, "/status").ok()?;
        assert_eq!(code, 200, "{text}");
        serde_json::from_str(&text).ok()
    }

    /// One field of `/status`, empty while the admin port does not answer.
    pub(crate) fn says(&self, field: &str) -> String {
        let status = self.status().unwrap_or_default();
        status[field].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn ready(&self) -> bool {
        matches!(http::get(self.admin, "/readyz"), Ok((200, _)))
    }

    /// A client of this server, as soon as it takes one.
    pub(crate) fn connect(&self) -> Client {
        wait_for("a server takes a client", || Client::connect(self.client).ok())
    }

    /// Leaves only these of the `server.N` lines in its zoo.cfg.
    pub(crate) fn list(&self, numbers: &[u8]) {
        let text = std::fs::read_to_string(&self.config).expect("read zoo.cfg");
        let named = |line: &&str| {
            let number = line.strip_prefix("server.")?.split_once('=')?.0;
            number.parse::<u8>().ok()
        };
        let kept =
            text.lines().filter(|line| named(line).is_none_or(|number| numbers.contains(&number)));
        let kept: String = kept.map(|line| format!("{line}\n")).collect();
        std::fs::write(&self.config, kept).expect("write zoo.cfg");
    }

    /// Changes text in its zoo.cfg.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.config).expect("read zoo.cfg");
        assert!(text.contains(from), "{text}");
        std::fs::write(&self.config, text.replace(from, to)).expect("write zoo.cfg");
    }

    /// Its line as a reconfig names it.
    pub(crate) fn line(&self, role: &str) -> String {
        let (number, peer, election, client) =
            (self.number, self.peer, self.peer + 1_000, self.client);
        format!("server.{number}=127.0.0.1:{peer}:{election}:{role};127.0.0.1:{client}")
    }

    /// Wipes the disk, but for myid.
    pub(crate) fn wipe(&self) {
        std::fs::remove_dir_all(&self.data).expect("wipe a disk");
        std::fs::create_dir_all(&self.data).expect("make a data folder");
        std::fs::write(self.data.join("myid"), self.number.to_string()).expect("write myid");
    }
}

impl Drop for Member {
    #[allow(clippy::print_stderr)] // A failed test shows what its servers said.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let readiness = http::get(self.admin, "/readyz");
            let status = http::get(self.admin, "/status");
            let log = self.log();
            eprintln!("--- server {}\n{readiness:?}\n{status:?}\n{log}", self.number);
        }
        self.kill();
    }
}

/// A static list of servers.
#[derive(Debug)]
pub(crate) struct Ensemble {
    pub(crate) members: Vec<Member>,
    pub(crate) folder: Folder,
    /// Of files that the servers read; they go with the ensemble.
    pub(crate) more_folders: Vec<Folder>,
}

impl Ensemble {
    /// Writes the files; starts nothing. `more` are further lines of zoo.cfg.
    pub(crate) fn new(count: u8, more: &str) -> Ensemble {
        let folder = Folder::new();
        let members: Vec<Member> =
            (1..=count).map(|number| Member::new(folder.path(), number)).collect();
        let lines = members.iter().map(|member| {
            let Member { number, peer, client, .. } = member;
            format!("server.{number}=127.0.0.1:{peer}:{peer};127.0.0.1:{client}\n")
        });
        let list: String = lines.collect();
        for member in &members {
            let config = format!(
                "tickTime=200\nclientPortAddress=127.0.0.1\nclientPort={}\ndataDir={}\n{more}{list}",
                member.client,
                member.data.display(),
            );
            std::fs::write(&member.config, config).expect("write zoo.cfg");
            let myid = member.number.to_string();
            std::fs::write(member.data.join("myid"), myid).expect("write myid");
        }
        Ensemble { members, folder, more_folders: Vec::new() }
    }

    /// An ensemble that serves.
    pub(crate) fn serving(count: u8, more: &str) -> Ensemble {
        let mut ensemble = Ensemble::new(count, more);
        ensemble.start_all();
        ensemble.wait_ready();
        ensemble
    }

    pub(crate) fn start_all(&mut self) {
        self.members.iter_mut().for_each(Member::start);
    }

    pub(crate) fn kill_all(&mut self) {
        // All at once: no member may see the others go.
        for process in self.members.iter_mut().filter_map(|it| it.process.as_mut()) {
            process.0.kill().expect("kill a server");
        }
        self.members.iter_mut().for_each(Member::kill);
    }

    /// Waits until every member is ready.
    pub(crate) fn wait_ready(&self) {
        for member in &self.members {
            wait_until("a member is ready", || member.ready());
        }
    }

    /// Where in the list the leader is, once there is one.
    pub(crate) fn leader(&self) -> usize {
        wait_for("there is a leader", || {
            self.members.iter().position(|member| member.says("role") == "Leader")
        })
    }
}
