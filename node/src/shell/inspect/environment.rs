//! What `envi` and the admin port's `environment` tell of the process. There is no Java here, so
//! its keys are left out.

/// Keys and values, in ZooKeeper's order.
pub(crate) fn pairs(version: &str) -> Vec<(&'static str, String)> {
    let kernel = |name| {
        let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}"));
        text.unwrap_or_default().trim().to_owned()
    };
    let variable = |name| std::env::var(name).unwrap_or_default();
    let folder = std::env::current_dir().unwrap_or_default();
    // As Java names the processors that it also runs on.
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    };
    vec![
        ("zookeeper.version", version.to_owned()),
        ("host.name", kernel("hostname")),
        ("os.name", kernel("ostype")),
        ("os.arch", arch.to_owned()),
        ("os.version", kernel("osrelease")),
        ("user.name", variable("USER")),
        ("user.home", variable("HOME")),
        ("user.dir", folder.display().to_string()),
    ]
}
