//! The misbehaving mail server of the judges, started for a test and gone with it; and certificates for it.

use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A running `tests/judges/fault_smtpd.py`.
pub struct Smtpd {
    pub port: u16,
    child: Child,
    output: BufReader<ChildStdout>,
    folder: TempDir,
}

impl Smtpd {
    /// Starts it with these options, on a free port.
    pub fn start(options: &[&str]) -> Smtpd {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/fault_smtpd.py");
        let mut child = Command::new("python3")
            .arg(script)
            .arg("--log")
            .arg(folder.path().join("log"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is there");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("PORT ").and_then(|port| port.parse().ok());
        Smtpd { port: port.expect("it says its port"), child, output, folder }
    }

    /// Every mail that it has taken, in order.
    pub fn mails(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Whom those were for.
    pub fn recipients(&self) -> Vec<String> {
        self.mails().iter().map(|mail| mail["to"].as_str().unwrap().to_owned()).collect()
    }

    /// Ends it: what it counted.
    pub fn stop(mut self) -> Value {
        drop(self.child.stdin.take());
        let mut summary = String::new();
        self.output.read_to_string(&mut summary).unwrap();
        self.child.wait().unwrap();
        serde_json::from_str(&summary).expect("a line of JSON")
    }
}

impl Drop for Smtpd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Certificates made by openssl, once for all tests of a program.
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    pub fn get() -> &'static Certificates {
        static MADE: OnceLock<Certificates> = OnceLock::new();
        MADE.get_or_init(|| {
            let made = Certificates { folder: tempfile::tempdir().unwrap() };
            let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
            let request = |name: &str, subject: &str, more: &[&str]| {
                let (key, out) = (made.path(&format!("{name}.key")), made.path(&format!("{name}.pem")));
                let files = ["-keyout", key.to_str().unwrap(), "-out", out.to_str().unwrap(), "-days", "2"];
                openssl(&[&["req", "-x509"][..], &ec, &files, &["-subj", subject], more].concat());
            };
            let ca = ["-addext", "basicConstraints=critical,CA:TRUE"];
            request("ca", "/CN=Test CA", &ca);
            let (ca, ca_key) = (made.path("ca.pem"), made.path("ca.key"));
            let signed = ["-CA", ca.to_str().unwrap(), "-CAkey", ca_key.to_str().unwrap()];
            let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
            for (name, names) in [("good", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:elsewhere.example")] {
                let names = format!("subjectAltName={names}");
                request(name, "/CN=x", &[&signed[..], &leaf, &["-addext", &names]].concat());
            }
            request("unsigned", "/CN=x", &[&leaf[..], &["-addext", "subjectAltName=DNS:localhost"]].concat());
            made
        })
    }

    /// A file of them: `ca.pem`, and `.pem` and `.key` of `good`, `other` (for another name) and `unsigned`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The options of the server for one of them.
    pub fn options(&self, tls: &str, name: &str) -> Vec<String> {
        let file = |ending: &str| self.path(&format!("{name}.{ending}")).to_str().unwrap().to_owned();
        ["--tls", tls, "--cert", &file("pem"), "--key", &file("key")].map(str::to_owned).into()
    }
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
