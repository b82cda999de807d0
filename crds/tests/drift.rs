//! The committed definition is the generated one.

#[test]
fn the_committed_definition_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/coordinationensembles.yaml");
    let chart =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/quorate/files/coordinationensembles.yaml");
    let generated = quorate_crds::crd_yaml().expect("it can be written");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &generated).expect("write the definition");
        std::fs::write(chart, &generated).expect("write the chart's copy");
    }
    for path in [path, chart] {
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == generated,
            "{path} is out of date: UPDATE=1 cargo test -p quorate-crds writes it anew"
        );
    }
}
