//! What a build has found out and can be found out again: `.tidings/cache/`. Nothing in it is needed: what is missing, damaged,
//! of another version, of other settings or of somebody else is not used and not spoken of, and what cannot be written is left.
//!
//! A file is a head that names the format and the key, a checksum, and the value. The key is the program, as its file
//! lies on the disk, and the settings, byte for byte: whatever depends on these two is never taken over when they change.

use super::replace;
use super::stamp::Stamp;
use super::written::STATE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The first bytes of each file; the number is that of the format.
const MAGIC: &[u8] = b"tidings cache 1\n";
/// The largest file that is read, in bytes.
const LARGEST: u64 = 512 * 1024 * 1024;
/// What stands before the value: [`MAGIC`], the key and the checksum.
const HEAD: usize = MAGIC.len() + 16 + 8;

/// The cache of a site.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    key: u128,
}

impl Cache {
    /// The cache of a site, for these settings, byte for byte.
    pub fn of(root: &Path, settings: &[u8]) -> Cache {
        let mut key = Xxh3::new();
        key.update(env!("CARGO_PKG_VERSION").as_bytes());
        let program = std::env::current_exe().ok().and_then(|path| Stamp::of(&path));
        key.update(&postcard::to_stdvec(&program).unwrap_or_default());
        key.update(settings);
        Cache { folder: root.join(STATE).join("cache"), key: key.digest128() }
    }

    /// A value, where it is there and of this key.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.folder.join(name);
        // A pipe would be waited for, for ever.
        fs::symlink_metadata(&path).ok().filter(|found| found.is_file() && found.len() <= LARGEST)?;
        let bytes = fs::read(path).ok()?;
        let (head, value) = bytes.split_at_checked(HEAD)?;
        if head != self.head(value) {
            return None;
        }
        postcard::from_bytes(value).ok()
    }

    /// Writes a value, or leaves it.
    pub fn write<T: Serialize>(&self, name: &str, value: &T) {
        let Ok(mut bytes) = postcard::to_extend(value, vec![0; HEAD]) else { return };
        let head = self.head(&bytes[HEAD..]);
        bytes[..HEAD].copy_from_slice(&head);
        let write = || {
            fs::create_dir_all(&self.folder)?;
            replace::whole(&self.folder.join(name), &bytes)
        };
        drop(write());
    }

    /// Removes the files whose names start so and that are not to stay.
    pub fn sweep(&self, start: &str, stays: impl Fn(&str) -> bool) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        for file in files.filter_map(Result::ok) {
            let name = file.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(start) && !stays(name)) {
                drop(fs::remove_file(file.path()));
            }
        }
    }

    fn head(&self, value: &[u8]) -> Vec<u8> {
        [MAGIC, &self.key.to_le_bytes(), &xxh3_64(value).to_le_bytes()].concat()
    }
}

/// What bytes are known by in the cache.
pub fn print(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}
