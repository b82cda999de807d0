//! The program's log, as whoever collects it sees it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Ends the program, whatever the test says.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_log_that_no_terminal_shows_has_no_colours() {
    let folder = std::env::temp_dir().join(format!("quorate-operator-log-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let config = folder.join("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
                clusters: [{ name: a, cluster: { server: 'http://127.0.0.1:1' } }]\n\
                users: [{ name: a, user: {} }]\n\
                contexts: [{ name: a, context: { cluster: a, user: a } }]\n";
    std::fs::write(&config, text).expect("a kubeconfig");
    let child = Command::new(env!("CARGO_BIN_EXE_quorate-operator"))
        .args(["run", "--node-image=none", "--http-addr=127.0.0.1:0"])
        .env("KUBECONFIG", &config)
        .env_remove("NO_COLOR")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut program = Ended(child);
    let stderr = program.0.stderr.take().expect("a pipe");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let waits = lines.find(|line| line.contains("waiting for the lease")).expect("it is logged");
    let fails = lines.find(|line| line.contains("cannot get the lease")).expect("it is logged");
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    for line in [&waits, &fails] {
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
    assert!(fails.contains("lease=\"quorate-operator\""), "what failed is a field: {fails}");
}
