//! `walk DIR`: looks at every file below a folder, and prints how many there are and how large they are together.
//!
//! The least that a build without changes can do: each name is read and each file is asked for its size and time, on one
//! thread, and none is opened. For `benches/rebuilds.py`.

use std::process::ExitCode;
use std::time::SystemTime;
use walkdir::WalkDir;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: walk DIR");
        return ExitCode::from(2);
    };
    let (mut files, mut bytes, mut newest) = (0_u64, 0_u64, SystemTime::UNIX_EPOCH);
    for entry in WalkDir::new(folder) {
        let looked_at = entry.and_then(|entry| entry.metadata());
        match looked_at {
            Ok(file) if file.is_file() => {
                files += 1;
                bytes += file.len();
                newest = newest.max(file.modified().unwrap_or(newest));
            }
            Ok(_) => {}
            Err(err) => {
                eprintln!("error: {err}");
                return ExitCode::FAILURE;
            }
        }
    }
    let age = SystemTime::now().duration_since(newest).unwrap_or_default();
    println!("{files} files, {bytes} bytes, the newest of {} s ago", age.as_secs());
    ExitCode::SUCCESS
}
