//! The operator's own program, against the server of the tests: what it says over its port, and
//! what it takes of the machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The running program; dropped, it ends.
pub(crate) struct Operator {
    child: Child,
    http: SocketAddr,
    folder: PathBuf,
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.end();
        // It may be gone.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Operator {
    /// Starts it against this server, with this image for members.
    pub(crate) async fn start(url: &str, image: &str) -> Operator {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("quorate-fleet-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = folder.join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
             clusters: [{{ name: a, cluster: {{ server: '{url}' }} }}]\n\
             users: [{{ name: a, user: {{}} }}]\n\
             contexts: [{{ name: a, context: {{ cluster: a, user: a }} }}]\n"
        );
        std::fs::write(&config, text).expect("a kubeconfig");
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let http = free.local_addr().expect("an address");
        drop(free);
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        // Another one, to compare with.
        let other = std::env::var_os("QUORATE_OPERATOR");
        let program = other.unwrap_or_else(|| env!("CARGO_BIN_EXE_quorate-operator").into());
        let child = Command::new(program)
            .args(["run", &format!("--node-image={image}"), &format!("--http-addr={http}")])
            .arg("--follow-soak-seconds=0")
            .env("KUBECONFIG", &config)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        Operator { child, http, folder }
    }

    /// Ends it without a word.
    pub(crate) fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The code and the text that a path of its port answers with; nothing before it listens.
    pub(crate) async fn ask(&self, path: &str) -> (u16, String) {
        let Ok(mut stream) = TcpStream::connect(self.http).await else {
            return (0, String::new());
        };
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        let code = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
        (code, answer)
    }

    /// All that it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Processor time so far, in hundredths of a second, as Linux counts it.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default();
        let field = |at: usize| after.split_whitespace().nth(at).and_then(|it| it.parse().ok());
        field(11).unwrap_or(0) + field(12).unwrap_or(0_u64)
    }

    /// Memory in use, in kB.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).unwrap_or(0)
    }
}
