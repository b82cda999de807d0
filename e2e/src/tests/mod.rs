//! The tests, in the order in which they run.
//!
//! `install` the chart · `create` the beginning and the end of an ensemble · `specs` what may be written
//! into it · `scale` · `rollouts` restarts and changes · `upgrade` from the server before · `crashes` what nobody
//! planned · `operator_killed` in the middle · `clients` stock ones · `monitoring` what Prometheus knows, `asked` what the chart asks it ·
//! `container` the image by itself.
//!
//! `runner` runs them · `faults` done to what they made · `report` what there is to see after a failure.

mod asked;
mod clients;
mod container;
mod crashes;
mod create;
pub(crate) mod faults;
mod install;
mod monitoring;
mod operator_killed;
pub(crate) mod report;
mod rollouts;
pub(crate) mod runner;
mod scale;
mod specs;
mod upgrade;

use crate::tests::runner::Test;

/// Registers async functions under their own names.
macro_rules! tests {
    ($($module:ident :: $name:ident: $about:literal,)*) => {
        /// Every test.
        pub(crate) fn all() -> Vec<Test> {
            vec![$(Test {
                name: stringify!($name),
                about: $about,
                run: |ctx| Box::pin($module::$name(ctx)),
            },)*]
        }
    };
}

tests! {
    install::chart_installs: "the operator leads, restricted, and `helm test` passes",
    specs::bad_specs_are_refused: "every bad spec is refused with its message, every example is accepted",
    specs::paused_ensembles_are_left_alone: "nothing is changed while spec.paused, and all of it afterwards",
    create::an_ensemble_is_created: "three voters, restricted, with budget, events and conditions",
    create::what_kubernetes_refuses_is_told: "a quota, within half a minute, and it goes on by itself when it is lifted",
    create::deletion_keeps_volumes: "a deleted ensemble leaves its volumes and nothing else",
    clients::stock_clients_work: "kazoo, zkCli and zookeeper-client through Service and members' names",
    container::the_image_takes_zookeepers_variables: "three servers without the operator, and one pod deleted",
    scale::scales_3_5_3_twice: "kubectl scale, twice, on the same volumes, under load",
    rollouts::restart_moves_the_leader_once: "spec.rollout.restartAt, under load",
    rollouts::changes_roll: "a change of the configuration, then of the image, under load",
    rollouts::a_bad_image_halts_after_one: "and heals when it is taken back, under load",
    upgrade::an_upgrade_is_taken_back_until_its_version_is_raised: "to this server from the one before, back, and again, under load",
    crashes::a_killed_leader_is_replaced: "its process is killed under load",
    crashes::all_pods_at_once: "all pods are deleted, then all processes killed, under load",
    crashes::what_is_deleted_beside_the_ensemble_takes_no_data: "its StatefulSet under Delete, then its resource without the rest, under load",
    crashes::a_lost_disk_is_replaced: "by a new member, under load",
    operator_killed::while_it_scales: "it is killed in the middle of 3→5→3, under load",
    operator_killed::while_it_restarts: "its pod is removed in the middle of a restart, under load",
    monitoring::prometheus_answers: "who leads and follows, the quorum, what is under way",
    monitoring::panels_and_alerts_find_what_they_ask_for: "every series that the chart's dashboards and alerts name",
    install::an_upgrade_of_the_operator_restarts_only_who_follows_it: "with another default image, and a template that nobody noted",
    install::uninstalling_keeps_ensembles: "and a new installation takes over where the last one was",
}
