//! How the system knows a file without its being read: size, times, number. Two equal stamps mean the same bytes, unless the file
//! was changed again within the ticks of one clock; so a stamp counts only once its times lie well behind.

use serde::{Deserialize, Serialize};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// How far the times of a file must lie before a look at it, in whole seconds: some disks know no finer time than two.
const SETTLING: i64 = 2;

/// How the system knows a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    size_bytes: u64,
    /// When its bytes were changed, as seconds and nanoseconds.
    modified: (i64, i64),
    /// When anything of it was changed; no program can set that.
    changed: (i64, i64),
    inode: u64,
}

impl Stamp {
    /// The stamp of a file, of the one that a link leads to; none where there is none.
    pub fn of(path: &Path) -> Option<Stamp> {
        fs::metadata(path).ok().map(|found| Stamp::from(&found))
    }

    /// The stamp of a file that is no link; none where there is none.
    pub fn of_plain(path: &Path) -> Option<Stamp> {
        fs::symlink_metadata(path).ok().filter(Metadata::is_file).map(|found| Stamp::from(&found))
    }

    /// Whether a file with this stamp, taken at that time, has the bytes that it had then for as long as its stamp is the same.
    pub fn is_settled(&self, looked_at: Moment) -> bool {
        self.modified.0.max(self.changed.0).saturating_add(SETTLING) < looked_at.0
    }
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Stamp {
        Stamp {
            size_bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            inode: found.ino(),
        }
    }
}

/// A time of the system's clock, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment(i64);

impl Moment {
    /// Now: the clock that files get their times from, whatever time the work is done for.
    pub fn now() -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_changed_within_two_seconds_is_not_settled() {
        #[track_caller]
        fn case(modified: i64, changed: i64, looked_at: i64, want: bool) {
            let stamp = Stamp { size_bytes: 1, modified: (modified, 0), changed: (changed, 0), inode: 1 };
            assert_eq!(stamp.is_settled(Moment(looked_at)), want, "{modified} {changed} {looked_at}");
        }
        case(100, 100, 103, true);
        case(100, 100, 102, false);
        case(100, 101, 103, false);
        case(50, 101, 102, false);
        case(101, 50, 102, false);
        case(i64::MAX, 50, 102, false);
        // A clock that went back.
        case(200, 200, 102, false);
    }
}
