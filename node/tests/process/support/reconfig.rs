//! Ensembles whose members clients may change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::client::Client;
use super::ensemble::{Ensemble, Member};
use super::wait_until;

/// Everybody may change the members.
pub(crate) const OPEN: &str = "reconfigEnabled=true\nskipACL=yes\nmaxSessionTimeout=60000\n";
/// Where clients read the members.
pub(crate) const CONFIG: &str = "/zookeeper/config";

/// Three members that serve, and more that are not started and list themselves and the three.
pub(crate) fn three_of(count: u8, more: &str) -> Ensemble {
    let mut ensemble = Ensemble::new(count, more);
    for member in &ensemble.members {
        member.list(&[1, 2, 3, member.number]);
    }
    for member in &mut ensemble.members[..3] {
        member.start();
    }
    for member in &ensemble.members[..3] {
        wait_until("a member is ready", || member.ready());
    }
    ensemble
}

/// Waits until a member shows its clients this text for the configuration.
pub(crate) fn wait_shown(member: &Member, text: &str) {
    wait_until("a member shows the configuration", || {
        let client = Client::connect(member.client);
        client.is_ok_and(|mut client| client.config().is_ok_and(|it| it.0 == text))
    });
}

/// A connection that reads one znode all the time.
#[derive(Debug)]
pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Reader {
    /// Reads on one server. A read that fails, or a lost connection, fails the test.
    pub(crate) fn start(member: &Member, path: &'static str) -> Reader {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, mut client) = (Arc::clone(&stop), member.connect());
        let thread = std::thread::spawn(move || {
            let mut reads = 0;
            while !told.load(Ordering::Relaxed) {
                client.get(path).expect("a read is answered");
                reads += 1;
            }
            reads
        });
        Reader { stop, thread }
    }

    /// Ends it.
    pub(crate) fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        let reads = self.thread.join().expect("every read was answered");
        assert!(reads > 0);
    }
}
