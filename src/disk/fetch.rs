//! The feeds of a place: a folder, a file, or an address on the web.
//!
//! A folder is searched for files that are feeds. An address may be that of a feed, or of a page that names its feeds;
//! from each feed the way goes on to the older entries that it leads to (RFC 5005, `next_url`). Everything is bounded:
//! the size of a document, their number, the time for each. Nothing is skipped in silence, nothing is run or kept.

use super::http::{Document, Http, shown};
use crate::diagnostic::{Diagnostic, Severity};
use crate::feed::read::{self, Kind, Published};
use crate::feed::{discover, mend};
use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;
use url::Url;
use walkdir::{DirEntry, WalkDir};

/// How much is read, and how long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest document, after decompression.
    pub document_bytes: u64,
    /// The largest number of documents from the web.
    pub documents: usize,
    /// For a connection to be made.
    pub connect: Duration,
    /// For one document, from the request to its last byte. A server that falls silent is given the same time once more.
    pub document: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            document_bytes: 32 * 1024 * 1024,
            documents: 1_000,
            connect: Duration::from_secs(10),
            document: Duration::from_secs(30),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The feeds, by path, or in the order in which they were come upon; each knows its `source`.
    pub feeds: Vec<Published>,
    /// Warnings, one for each feed that could not be read although others could.
    pub findings: Vec<Diagnostic>,
}

/// Reads all feeds of a place: `http://` or `https://` and an address, or the path of a folder or a file.
///
/// A folder is searched for `.xml`, `.atom`, `.rss`, `.rdf` and `.json` files, of which those are taken that are feeds (so
/// no sitemaps, no OPML); folders and files whose names start with a dot are left out.
///
/// # Errors
///
/// One finding when there is no feed at all, or the one document that was asked for cannot be had.
pub fn feeds(source: &str, limits: &Limits) -> Result<Fetched, Diagnostic> {
    if let Ok(url) = Url::parse(source)
        && matches!(url.scheme(), "http" | "https")
    {
        return web(url, limits);
    }
    let path = Path::new(source);
    match path.metadata() {
        Ok(about) if about.is_dir() => folder(path, limits),
        Ok(_) => Ok(Fetched { feeds: vec![read::parse(&file(path, limits)?, source)?], findings: Vec::new() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Diagnostic::error(format!("`{source}` is neither a folder nor a file"))
                .hint("an address on the web starts with https://"))
        }
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn folder(root: &Path, limits: &Limits) -> Result<Fetched, Diagnostic> {
    let mut fetched = Fetched::default();
    let hidden = |entry: &DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
    let walk = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !hidden(entry)) {
        let parsed = match entry {
            Ok(entry) if may_be_feed(&entry) => match file(entry.path(), limits) {
                Ok(bytes) if matches!(read::kind(&bytes), Kind::Feed(_) | Kind::OldAtom) => {
                    read::parse(&bytes, &entry.path().to_string_lossy().replace('\\', "/"))
                }
                Ok(_) => continue,
                Err(finding) => Err(finding),
            },
            Ok(_) => continue,
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                let loops = || io::Error::other("it leads back to a folder that it lies in");
                Err(unreadable(&path, &error.into_io_error().unwrap_or_else(loops)))
            }
        };
        fetched.add(parsed);
    }
    fetched.or_else(|| {
        Diagnostic::error(format!("there is no feed in the folder `{}`", root.display()))
            .hint("feeds are looked for in .xml, .atom, .rss, .rdf and .json files")
    })
}

fn may_be_feed(entry: &DirEntry) -> bool {
    let ending = entry.path().extension().map(|ending| ending.to_ascii_lowercase());
    let known = |ending: &std::ffi::OsString| ["xml", "atom", "rss", "rdf", "json"].iter().any(|known| ending == known);
    entry.file_type().is_file() && ending.as_ref().is_some_and(known)
}

fn file(path: &Path, limits: &Limits) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(limits.document_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > limits.document_bytes {
        return Err(Diagnostic::error(format!("`{}` is larger than {}", path.display(), limits.size()))
            .hint("that is more than feed readers take; if it is no feed, give the folder of the feeds alone"));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot read `{}`: {error}", path.display())).hint("check that it exists and may be read")
}

fn web(start: Url, limits: &Limits) -> Result<Fetched, Diagnostic> {
    let http = Http::new(&start, limits)?;
    let mut fetched = Fetched::default();
    let mut seen = BTreeSet::from([address(&start)]);
    let mut ahead = VecDeque::new();
    let first = http.get(&start)?;
    if read::kind(&first.bytes) == Kind::Page {
        ahead.extend(discover::feeds(&mend::decode(&first.bytes), &first.url));
        if ahead.is_empty() {
            return Err(Diagnostic::error(format!("`{}` is a web page that names no feed", shown(&first.url)))
                .hint("give the address of the feed itself"));
        }
    } else {
        seen.insert(address(&first.url));
        let feed = parse(&first)?;
        ahead.extend(next(&feed));
        fetched.feeds.push(feed);
    }
    let mut documents = 1;
    while let Some(mut url) = ahead.pop_front() {
        if !seen.insert(address(&url)) {
            continue;
        }
        if documents >= limits.documents {
            let message = format!("stopped after {documents} documents; the next is `{}`", shown(&url));
            fetched.findings.push(Diagnostic::warning(message).hint("give the addresses of single feeds"));
            break;
        }
        documents += 1;
        keep_login(&start, &mut url);
        let parsed = match http.get(&url) {
            // Some servers redirect what does not exist to what does.
            Ok(document) if address(&document.url) != address(&url) && !seen.insert(address(&document.url)) => continue,
            Ok(document) => parse(&document),
            Err(finding) => Err(finding),
        };
        if let Some(older) = parsed.as_ref().ok().and_then(next) {
            ahead.push_front(older);
        }
        fetched.add(parsed);
    }
    fetched.or_else(|| Diagnostic::error(format!("`{}` leads to no feed", shown(&start))))
}

fn parse(document: &Document) -> Result<Published, Diagnostic> {
    read::parse(&document.bytes, &shown(&document.url))
}

/// The document with older entries.
fn next(feed: &Published) -> Option<Url> {
    let url = Url::parse(feed.next.as_deref()?).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// What a document is known by: its address without login and fragment.
fn address(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    shown(&url)
}

/// Name and password of the first address hold for its whole host.
fn keep_login(start: &Url, url: &mut Url) {
    if start.origin() == url.origin() && url.username().is_empty() {
        // Both are addresses of the web, which can have a login.
        let _ = url.set_username(start.username());
        let _ = url.set_password(start.password());
    }
}

impl Fetched {
    /// Keeps a feed, or says as a warning why there is none.
    fn add(&mut self, parsed: Result<Published, Diagnostic>) {
        match parsed {
            Ok(feed) => self.feeds.push(feed),
            Err(finding) => self.findings.push(Diagnostic { severity: Severity::Warning, ..finding }),
        }
    }

    /// What was found, or why nothing was.
    fn or_else(mut self, nothing: impl FnOnce() -> Diagnostic) -> Result<Fetched, Diagnostic> {
        if !self.feeds.is_empty() {
            return Ok(self);
        }
        Err(match self.findings.is_empty() {
            true => nothing(),
            false => Diagnostic { severity: Severity::Error, ..self.findings.swap_remove(0) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    /// A feed with one entry, and the address of the next document.
    fn atom(id: &str, next: &str) -> String {
        let next = if next.is_empty() { String::new() } else { format!("<link rel='prev-archive' href='{next}'/>") };
        format!("<feed xmlns='http://www.w3.org/2005/Atom'><id>f</id>{next}<entry><id>{id}</id></entry></feed>")
    }

    fn ok(body: &str) -> Vec<u8> {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into_bytes()
    }

    fn redirect(to: &str) -> Vec<u8> {
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
    }

    /// A server on this machine: the request's head and the stream to answer on. Returns its address without a `/`.
    fn server(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = String::new();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).unwrap_or(0) > 0 {}
                answer(&head, &mut stream);
            }
        });
        address
    }

    /// A server with fixed answers; everything else is 404.
    fn site(pages: &'static [(&'static str, &'static str)]) -> String {
        server(|head, stream| {
            let path = head.split(' ').nth(1).unwrap_or_default();
            let not_found = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let answer = match pages.iter().find(|page| page.0 == path).map(|page| page.1.split_once(' ')) {
                Some(Some(("to", place))) => redirect(place),
                Some(Some(("atom", ids))) => {
                    let (id, next) = ids.split_once(' ').unwrap_or((ids, ""));
                    ok(&atom(id, next))
                }
                Some(Some((_, body))) => ok(body),
                _ => not_found.as_bytes().to_vec(),
            };
            let _ = stream.write_all(&answer);
        })
    }

    /// The sources and the first ids of what was found, without the server's address.
    fn found(fetched: &Fetched, server: &str) -> Vec<String> {
        let feeds = fetched.feeds.iter();
        feeds.map(|feed| format!("{} {}", feed.source.replace(server, ""), feed.entries[0].id)).collect()
    }

    fn rendered(finding: &Diagnostic, server: &str) -> String {
        finding.render(None).replace(server.trim_start_matches("http://"), "HOST")
    }

    #[test]
    fn an_address_leads_to_a_feed_and_its_archives() {
        let server = site(&[
            ("/", "to /atom.xml"),
            ("/atom.xml", "atom one /2026.xml"),
            ("/2026.xml", "atom two 2025.xml#x"),
            ("/2025.xml", "atom three /atom.xml"),
        ]);
        let fetched = feeds(&format!("{server}/#top"), &Limits::default()).unwrap();
        assert_eq!(found(&fetched, &server), ["/atom.xml one", "/2026.xml two", "/2025.xml three"]);
        assert_eq!(fetched.findings, []);
        let fetched = feeds(&format!("{server}/"), &Limits { documents: 2, ..Limits::default() }).unwrap();
        assert_eq!(found(&fetched, &server), ["/atom.xml one", "/2026.xml two"]);
        assert_eq!(
            rendered(&fetched.findings[0], &server),
            "warning: stopped after 2 documents; the next is `http://HOST/2025.xml#x`\nhint: give the addresses of single feeds\n"
        );
    }

    #[test]
    fn a_page_leads_to_the_feeds_that_it_names() {
        let server = site(&[
            (
                "/blog/",
                "page <!doctype html><title>x</title><link rel=alternate type=application/atom+xml href=a.xml>
                 <link rel=alternate type=application/rss+xml href=/lost.xml>
                 <link rel=alternate type=application/rss+xml href=/blog/>
                 <link rel=alternate type=application/rss+xml href=/page>
                 <link rel=alternate type=application/atom+xml href=/b.xml>",
            ),
            ("/blog/a.xml", "atom a /old.xml"),
            ("/old.xml", "to /b.xml"),
            ("/b.xml", "atom b"),
            ("/page", "page <html>"),
        ]);
        let fetched = feeds(&format!("{server}/blog/"), &Limits::default()).unwrap();
        assert_eq!(found(&fetched, &server), ["/blog/a.xml a", "/b.xml b"]);
        let findings: Vec<String> = fetched.findings.iter().map(|finding| rendered(finding, &server)).collect();
        assert_eq!(
            findings,
            [
                "warning: `http://HOST/lost.xml` answered 404 Not Found\nhint: open it in a browser to see whether it has moved\n",
                "warning: `http://HOST/page` is a web page, not a feed\nhint: give the address of the feed itself\n",
            ]
        );
    }

    #[test]
    fn what_goes_wrong_on_the_web_is_one_line_and_a_hint() {
        let server = site(&[
            ("/page", "page <html><p>no feed"),
            ("/lost", "page <html><link rel=alternate type=application/rss+xml href=/none.xml>"),
            ("/round", "to /round"),
            ("/image", "page GIF89a"),
        ]);
        #[track_caller]
        fn case(server: &str, path: &str, want: &str) {
            let finding = feeds(&format!("{server}{path}"), &Limits::default()).expect_err(path);
            assert_eq!(rendered(&finding, server), want, "{path}");
        }
        case(
            &server,
            "/none",
            "error: `http://HOST/none` answered 404 Not Found\nhint: open it in a browser to see whether it has moved\n",
        );
        case(
            &server.replace("http://", "http://ann:secret@"),
            "/page",
            &format!(
                "error: `{server}/page` is a web page that names no feed\nhint: give the address of the feed itself\n"
            ),
        );
        case(
            &server,
            "/lost",
            "error: `http://HOST/none.xml` answered 404 Not Found\nhint: open it in a browser to see whether it has moved\n",
        );
        case(
            &server,
            "/round",
            "error: `http://HOST/round` redirects without end\nhint: give the address that a browser ends at\n",
        );
        case(
            &server,
            "/image",
            "error: `http://HOST/image` is not a feed\nhint: a feed is Atom 1.0, RSS 2.0 or JSON Feed\n",
        );
        case(
            "http://nowhere.invalid",
            "/",
            "error: the host `HOST` cannot be found\nhint: check the address and your connection\n",
        );
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        case(
            &format!("http://{closed}"),
            "/",
            "error: `HOST` refused the connection\nhint: check the address, and that its server runs\n",
        );
        let plain = server.replace("http://", "https://");
        let finding = feeds(&plain, &Limits::default()).unwrap_err();
        let text = finding.render(None).replace(&plain["https://".len()..], "HOST");
        assert_eq!(
            text,
            "error: no secure connection to `HOST`: received corrupt message of type InvalidContentType\n\
             hint: open it in a browser to see what is wrong with it\n"
        );
    }

    #[test]
    fn a_document_over_the_limit_is_not_read_to_its_end() {
        let server = server(|_, stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            // Endless, until the other side has had enough.
            while stream.write_all(&[b' '; 4096]).is_ok() {}
        });
        let limits = Limits { document_bytes: 1024 * 1024, ..Limits::default() };
        let finding = feeds(&server, &limits).unwrap_err();
        assert_eq!(
            rendered(&finding, &server),
            "error: `http://HOST/` is larger than 1 MiB\n\
             hint: that is more than feed readers take; give the address of a smaller feed\n"
        );
    }

    #[test]
    fn a_slow_server_is_not_waited_for() {
        #[track_caller]
        fn case(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) {
            let server = server(answer);
            let limits = Limits { document: Duration::from_millis(300), ..Limits::default() };
            let finding = feeds(&server, &limits).unwrap_err();
            assert_eq!(
                rendered(&finding, &server),
                "error: `http://HOST/` did not answer within 0.3 seconds\nhint: try again later\n"
            );
        }
        case(|_, _| thread::sleep(Duration::from_secs(2)));
        case(|_, stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<feed>");
            thread::sleep(Duration::from_secs(2));
        });
        case(|_, stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            for _ in 0..100 {
                if stream.write_all(b" ").is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
    }

    #[test]
    fn a_request_names_the_program_and_carries_the_login_on() {
        let server = server(|head, stream| {
            let head = head.to_ascii_lowercase();
            let agent = concat!("user-agent: tidings/", env!("CARGO_PKG_VERSION"), "\r\n");
            // "ann:secret"
            let known = head.contains(agent) && head.contains("authorization: basic yw5uonnly3jlda==\r\n");
            let next = if head.starts_with("get /2 ") { "" } else { "/2" };
            let _ = stream.write_all(&ok(&atom(if known { "known" } else { "unknown" }, next)));
        });
        let fetched = feeds(&server.replace("http://", "http://ann:secret@"), &Limits::default()).unwrap();
        assert_eq!(found(&fetched, &server), ["/ known", "/2 known"]);
    }

    #[test]
    fn a_compressed_feed_is_read() {
        let server = server(|_, stream| {
            // atom("zipped", "") as made by gzip -9n
            let body: &[u8] = &GZIP;
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(body);
        });
        let fetched = feeds(&server, &Limits::default()).unwrap();
        assert_eq!(found(&fetched, &server), ["/ zipped"]);
    }

    #[test]
    fn a_folder_is_searched_for_feeds() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["b", ".cache", "odd.xml"] {
            fs::create_dir(at(folder)).unwrap();
        }
        fs::write(at("z.atom"), atom("z", "")).unwrap();
        fs::write(at("b/INDEX.XML"), atom("index", "")).unwrap();
        fs::write(at("b/page.html"), atom("page", "")).unwrap();
        fs::write(at(".cache/a.xml"), atom("hidden", "")).unwrap();
        fs::write(at("sitemap.xml"), "<urlset/>").unwrap();
        fs::write(at("feeds.xml"), "<opml/>").unwrap();
        fs::write(at("manifest.json"), "{\"name\": \"x\"}").unwrap();
        fs::write(at("binary.json"), [0xff, 0, 1, 2]).unwrap();
        fs::write(at("broken.rss"), "<rss><channel>").unwrap();
        fs::write(at("large.xml"), " ".repeat(1001)).unwrap();
        let root = dir.path().to_str().unwrap();
        let limits = Limits { document_bytes: 1000, ..Limits::default() };
        let fetched = feeds(root, &limits).unwrap();
        assert_eq!(found(&fetched, root), ["/b/INDEX.XML index", "/z.atom z"]);
        let findings: Vec<String> =
            fetched.findings.iter().map(|finding| finding.render(None).replace(root, "DIR")).collect();
        assert_eq!(
            findings,
            [
                "warning: the feed `DIR/broken.rss` cannot be read: the end is missing
 --> DIR/broken.rss:1:15
hint: a validator such as https://validator.w3.org/feed/ shows what its tool has to mend
",
                "warning: `DIR/large.xml` is larger than 1000 bytes
hint: that is more than feed readers take; if it is no feed, give the folder of the feeds alone
",
            ]
        );
        let fetched = feeds(at("b/page.html").to_str().unwrap(), &limits).unwrap();
        assert_eq!(found(&fetched, root), ["/b/page.html page"]);
    }

    #[test]
    fn a_place_without_feeds_is_an_error() {
        #[track_caller]
        fn case(source: &str, root: &str, want: &str) {
            let finding = feeds(source, &Limits::default()).expect_err(source);
            assert_eq!(finding.render(None).replace(root, "DIR"), want);
        }
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap();
        case(
            root,
            root,
            "error: there is no feed in the folder `DIR`\nhint: feeds are looked for in .xml, .atom, .rss, .rdf and .json files\n",
        );
        case(
            "example.org/feed.xml",
            root,
            "error: `example.org/feed.xml` is neither a folder nor a file\nhint: an address on the web starts with https://\n",
        );
        case(
            "ftp://example.org/",
            root,
            "error: `ftp://example.org/` is neither a folder nor a file\nhint: an address on the web starts with https://\n",
        );
        fs::write(dir.path().join("a.xml"), "<html>").unwrap();
        case(
            &format!("{root}/a.xml"),
            root,
            "error: `DIR/a.xml` is a web page, not a feed\nhint: give the address of the feed itself\n",
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_in_a_circle_or_nowhere_is_said() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.xml"), atom("a", "")).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("b")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("c.xml")).unwrap();
        let root = dir.path().to_str().unwrap();
        let fetched = feeds(root, &Limits::default()).unwrap();
        assert_eq!(found(&fetched, root), ["/a.xml a"]);
        let findings: Vec<String> =
            fetched.findings.iter().map(|finding| finding.message.replace(root, "DIR")).collect();
        assert_eq!(
            findings,
            [
                "cannot read `DIR/b`: it leads back to a folder that it lies in",
                "cannot read `DIR/c.xml`: No such file or directory (os error 2)",
            ]
        );
    }

    const GZIP: [u8; 93] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 179, 73, 75, 77, 77, 81, 168, 200, 205, 201, 43, 182, 85, 207, 40, 41, 41,
        176, 210, 215, 47, 47, 47, 215, 43, 55, 214, 203, 47, 74, 215, 55, 50, 48, 48, 213, 119, 44, 201, 207, 85, 183,
        179, 201, 76, 177, 75, 179, 209, 7, 146, 54, 169, 121, 37, 69, 149, 96, 129, 170, 204, 130, 130, 212, 20, 136,
        168, 62, 84, 88, 31, 100, 164, 29, 0, 250, 230, 206, 126, 89, 0, 0, 0,
    ];
}
