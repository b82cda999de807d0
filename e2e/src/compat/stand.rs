//! What a scenario has: three members of its own, and where things are.

use anyhow::Result;
use tokio::process::Command;

use super::dialog;
use crate::common::progress::say;
use crate::common::settings::Settings;
use crate::local::{LocalEnsemble, Server};

/// Words that say who is connected where, and znodes that expire, are off in ZooKeeper by default.
/// Sessions are to outlast restarts on a machine that has much to do; so long clients ask for.
pub(super) const MORE: &str =
    "4lw.commands.whitelist=*\nextendedTypesEnabled=true\nmaxSessionTimeout=40000\n";

/// What a scenario has.
pub(super) struct Stand {
    pub(super) settings: Settings,
    /// What the members are processes of, for those who want some of their own.
    pub(super) server: Server,
    pub(super) ensemble: LocalEnsemble,
    name: &'static str,
}

impl Stand {
    pub(super) async fn set(
        settings: &Settings,
        server: &Server,
        name: &'static str,
    ) -> Result<Self> {
        Ok(Stand {
            settings: settings.clone(),
            server: server.clone(),
            ensemble: LocalEnsemble::start(server, 3, MORE).await?,
            name,
        })
    }

    /// Runs a client's program once for each member, which is then all that it knows, and once with
    /// all of them. It is given its connect string, that of all members, and a znode to work below,
    /// and it has to end with `all is well`.
    pub(super) async fn everywhere(&mut self, program: impl Fn() -> Command) -> Result<()> {
        let all = self.ensemble.connect();
        let mut connects = Vec::new();
        for at in 0..self.ensemble.len() {
            connects.push(self.ensemble.address(at)?);
        }
        connects.push(all.clone());
        for (number, connect) in connects.iter().enumerate() {
            let mut command = program();
            let root = format!("/{}-{number}", self.name);
            command.args([connect, &all, &root]);
            dialog::hold(command, &mut self.ensemble).await?;
            say(format!("{}: content with {connect}", self.name));
        }
        Ok(())
    }
}
