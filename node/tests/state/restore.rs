//! A restored image is the state it was taken of.

use quorate_node::model::Write;

use crate::support::{EPHEMERAL, SEQUENTIAL, World, create, delete, set};

#[test]
fn a_restored_image_has_the_digest_of_the_state() {
    let mut world = World::new();
    world.assert_whole("empty");
    let steps = [
        create("/a", "x", 0),
        create("/a/b", "x", 0),
        create("/a/s-", "x", SEQUENTIAL),
        create("/e", "x", EPHEMERAL),
        Write::SetData { path: "/a".into(), data: None, version: -1 },
        delete("/a/b"),
        Write::Multi(vec![
            create("/a/m", "x", 0),
            create("/a/m/n", "xyz", 0),
            set("/a", "long"),
            set("/a/m", ""),
            delete("/e"),
            delete("/none"),
        ]),
        create("/a/b", "x", 0),
    ];
    for write in steps {
        let text = format!("after {write:?}");
        // Also what fails must leave a whole state.
        let _ = world.write(write);
        world.assert_whole(&text);
    }
    world.close();
    world.assert_whole("after closing");
}
