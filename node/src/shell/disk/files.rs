//! File operations that a power cut cannot leave half done.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use super::{DiskError, io};

/// How much of a file is read at once, in bytes.
const PIECE: usize = 256 << 10;

/// Gives a file's content in pieces, until there is no more or `take` wants no more.
pub fn stream(path: &Path, take: &mut dyn FnMut(&[u8]) -> bool) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) if take(&piece[..length]) => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

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
