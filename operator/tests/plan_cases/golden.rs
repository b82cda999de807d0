//! Every object, as it is applied. Whoever changes one of these files changes what is there of every
//! ensemble of everybody, from the next version of the operator on. On purpose: with GOLDEN=write, and
//! a look at what differs then.

use std::fs;
use std::path::Path;

use quorate_operator::plan::plan;

use super::{diff, folder, read, yaml};

/// The StatefulSet remembers its template, which is there to read already.
const REMEMBERED: &str = "quorate.dev/template";

#[test]
fn every_object_is_as_it_was() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut failures = Vec::new();
    for name in ["new", "full"] {
        let observed = super::observed(&read(&folder().join(format!("base/{name}.yaml"))));
        for object in plan(&observed).objects {
            let mut manifest = object.manifest();
            let annotations = manifest["metadata"]["annotations"].as_object_mut();
            annotations.map(|all| all.remove(REMEMBERED));
            let kind = object.key.to_string().replace('/', "-").to_lowercase();
            let path = files.join(name).join(format!("{kind}.yaml"));
            let expected = fs::read_to_string(&path).unwrap_or_default();
            let came = yaml(&manifest);
            if came != expected && std::env::var("GOLDEN").is_ok_and(|it| it == "write") {
                fs::create_dir_all(files.join(name)).expect("a folder");
                fs::write(&path, came).expect("a file");
            } else if came != expected {
                failures.push(format!("{}\n{}", path.display(), diff(&expected, &came)));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
