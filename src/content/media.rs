//! What kind of file an address names, as far as its ending tells.

/// The media type of a file, from the ending of the address's path; query and fragment are not looked at.
///
/// Pictures, sound, films and the usual documents are known. `None` for all else: an ending such as `.php` or `.html`
/// tells what makes the file, not what it is.
pub fn media_type(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => path,
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let (stem, ending) = name.rsplit_once('.')?;
    if stem.is_empty() {
        return None;
    }
    let known = mime_guess::from_ext(ending).first_raw()?;
    let plausible =
        matches!(known.split_once('/'), Some(("image" | "audio" | "video", _))) || DOCUMENTS.contains(&known);
    plausible.then_some(known)
}

/// Types besides pictures, sound and films that people attach to a post.
const DOCUMENTS: &[&str] = &[
    "application/epub+zip",
    "application/gzip",
    "application/json",
    "application/msword",
    "application/pdf",
    "application/rtf",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/x-7z-compressed",
    "application/x-bittorrent",
    "application/x-mobipocket-ebook",
    "application/x-tar",
    "application/zip",
    "text/calendar",
    "text/csv",
    "text/plain",
    "text/vtt",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_type() {
        #[track_caller]
        fn case(url: &str, want: Option<&str>) {
            assert_eq!(media_type(url), want, "{url}");
        }
        case("https://example.org/a/b.png", Some("image/png"));
        case("https://example.org/b.JPG?w=1200#x", Some("image/jpeg"));
        case("/b.005.jpeg", Some("image/jpeg"));
        case("b.webp", Some("image/webp"));
        case("b.avif", Some("image/avif"));
        case("b.svg", Some("image/svg+xml"));
        case("https://example.org/episode.mp3", Some("audio/mpeg"));
        case("episode.m4a", Some("audio/m4a"));
        case("film.mp4", Some("video/mp4"));
        case("paper.pdf", Some("application/pdf"));
        case("https://example.com", None);
        case("https://example.zip", None);
        case("https://example.org/?f=a.png", None);
        case("https://example.org/image.php", None);
        case("https://example.org/page.html", None);
        case("https://example.org/v1.2", None);
        case("https://example.org/a.png/", None);
        case(".png", None);
        case("", None);
    }
}
