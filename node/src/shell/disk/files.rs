//! File operations that a power cut cannot leave half done.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{DiskError, io};

/// Makes a folder, durably.
pub fn make_dir(dir: &Path) -> Result<(), DiskError> {
    std::fs::create_dir_all(dir).map_err(io("create", dir))?;
    if let Some(parent) = dir.parent() {
        sync_dir(parent)?;
    }
    Ok(())
}

/// Makes names in a folder durable.
pub fn sync_dir(dir: &Path) -> Result<(), DiskError> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir).and_then(|file| file.sync_all()).map_err(io("sync", dir))
}

/// Writes a small file so that either the old or the new content is there.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), DiskError> {
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary).map_err(io("create", &temporary))?;
    file.write_all(content).map_err(io("write", &temporary))?;
    file.sync_all().map_err(io("sync", &temporary))?;
    rename(&temporary, path)
}

/// Gives a small text a last line that tells whether it is whole.
pub fn seal(body: String) -> String {
    format!("{body}crc {:08x}\n", crc32c::crc32c(body.as_bytes()))
}

/// The text that was sealed; `None` if that is not what is there.
pub fn unseal(text: &str) -> Option<&str> {
    let (body, crc) = text.split_at(text.rfind("crc ")?);
    let crc = u32::from_str_radix(crc.strip_prefix("crc ")?.trim(), 16).ok()?;
    (crc32c::crc32c(body.as_bytes()) == crc).then_some(body)
}

/// The version in the title of a sealed text, which is its first line; `None` for another title.
pub fn version(body: &str, title: &str) -> Option<u32> {
    body.lines().next()?.strip_prefix(title)?.trim().parse().ok()
}

/// Renames, durably.
pub fn rename(from: &Path, to: &Path) -> Result<(), DiskError> {
    std::fs::rename(from, to).map_err(io("rename", from))?;
    to.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file; gone already is fine.
pub fn remove(path: &Path) -> Result<(), DiskError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Random bytes from the operating system.
pub fn entropy<const N: usize>() -> Result<[u8; N], DiskError> {
    use std::io::Read;
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    let mut file = File::open(path).map_err(io("open", path))?;
    file.read_exact(&mut bytes).map_err(io("read", path))?;
    Ok(bytes)
}
