//! What is known to break a rule: its name, the file and the item that the test names. An entry
//! may only go: what is new is to be built right, and what is settled must be taken off.

#[rustfmt::skip] // One a line.
pub(crate) const DEBTS: &[(&str, &str, &str)] = &[
    ("circle", "e2e/src/differential/answer.rs", "e2e/src/differential/sasl.rs"),
    ("circle", "e2e/src/differential/answer.rs", "e2e/src/differential/wire.rs"),
    ("circle", "e2e/src/differential/generate/membership.rs", "e2e/src/differential/generate/mod.rs"),
    ("circle", "e2e/src/differential/generate/mod.rs", "e2e/src/differential/generate/membership.rs"),
    ("circle", "e2e/src/differential/history.rs", "e2e/src/differential/sasl.rs"),
    ("circle", "e2e/src/differential/sasl.rs", "e2e/src/differential/answer.rs"),
    ("circle", "e2e/src/differential/wire.rs", "e2e/src/differential/history.rs"),
    ("circle", "e2e/src/differential/wire.rs", "e2e/src/differential/sasl.rs"),
    ("circle", "node/src/sim/client/reconfig.rs", "node/src/sim/oracle.rs"),
    ("circle", "node/src/sim/mod.rs", "node/src/sim/world/mod.rs"),
    ("circle", "node/src/sim/oracle.rs", "node/src/sim/client/reconfig.rs"),
    ("circle", "node/src/sim/world/mod.rs", "node/src/sim/mod.rs"),
    ("length", "e2e/src/tests/container.rs", "objects"),
];
