//! Things from elsewhere, shown inside a page, as links.
//!
//! Feed readers drop frames, plug-ins and scripts, most of them without a word. What such an element shows has an
//! address of its own nearly always; for the sites that posts use most, this file knows the address of the page that a
//! person would open, and what to call it.

use crate::content::links::web;
use url::Url;

/// What stands in place of an embed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Embed {
    /// Where it is seen, absolute.
    pub(super) url: String,
    /// What the link says.
    pub(super) label: String,
}

/// A frame or plug-in that shows what is at `url`; `title` is what the element says of itself.
///
/// `None` where the address cannot be one.
pub(super) fn frame(url: &Url, title: Option<&str>) -> Option<Embed> {
    let (kind, site, page) = known(url).unwrap_or((Kind::Other, "", None));
    let address = match page.and_then(|page| Url::parse(&page).ok()) {
        Some(page) => web(&page)?,
        None => web(url)?,
    };
    let host = url.host_str()?;
    let site = if site.is_empty() { host.strip_prefix("www.").unwrap_or(host) } else { site };
    let title = title.map(|t| t.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|t| !t.is_empty());
    let label = match (kind, title) {
        (Kind::Video, Some(title)) => format!("Video on {site}: {title}"),
        (Kind::Video, None) => format!("Watch on {site}"),
        (Kind::Audio, Some(title)) => format!("Audio on {site}: {title}"),
        (Kind::Audio, None) => format!("Listen on {site}"),
        (Kind::Code, Some(title)) => format!("Code on {site}: {title}"),
        (Kind::Code, None) => format!("Code on {site}"),
        (Kind::Slides, Some(title)) => format!("Slides on {site}: {title}"),
        (Kind::Slides, None) => format!("Slides on {site}"),
        (Kind::Other, Some(title)) => format!("Embedded content on {site}: {title}"),
        (Kind::Other, None) => format!("Embedded content on {site}"),
    };
    Some(Embed { url: address, label })
}

/// A script that writes something into the page, when it is one of those that are known; all others only work unseen.
pub(super) fn script(url: &Url) -> Option<Embed> {
    let host = url.host_str()?;
    let path = url.path();
    let page = match host {
        "gist.github.com" | "asciinema.org" => format!("https://{host}{}", path.strip_suffix(".js")?),
        "fast.wistia.com" | "fast.wistia.net" => {
            let id = path.strip_prefix("/embed/medias/")?.split('.').next()?;
            format!("https://fast.wistia.net/embed/iframe/{id}")
        }
        _ => return None,
    };
    frame(&Url::parse(&page).ok()?, None)
}

/// A Wistia player, which is an element with the id of the film in a class: `wistia_async_08ebxufc4q`.
pub(super) fn wistia(class: &str) -> Option<Embed> {
    let id = class.split_ascii_whitespace().find_map(|class| class.strip_prefix("wistia_async_"))?;
    frame(&Url::parse(&format!("https://fast.wistia.net/embed/iframe/{id}")).ok()?, None)
}

/// Whether a picture only fills the place of a player until that is loaded.
pub(super) fn is_placeholder(image_url: &str) -> bool {
    image_url.starts_with("https://fast.wistia.") && image_url.ends_with("/swatch")
}

#[derive(Clone, Copy)]
enum Kind {
    Video,
    Audio,
    Code,
    Slides,
    Other,
}

/// What a player's address shows, whose it is, and the page for people where that is another address.
fn known(url: &Url) -> Option<(Kind, &'static str, Option<String>)> {
    let host = url.host_str()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    let path = url.path().trim_end_matches('/');
    let query = |key: &str| url.query_pairs().find(|(k, v)| k == key && !v.is_empty()).map(|(_, v)| v.into_owned());
    // Ids go into the path or query of another address: nothing that could end them is let in.
    let plain = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    Some(match host {
        "youtube.com" | "youtube-nocookie.com" | "m.youtube.com" => {
            let id = path.strip_prefix("/embed/").or_else(|| path.strip_prefix("/v/"))?.split('&').next()?;
            let page = match (id, query("list").filter(|list| plain(list))) {
                ("videoseries", list) => format!("https://www.youtube.com/playlist?list={}", list?),
                (id, _) if plain(id) => {
                    let start = query("start").filter(|s| plain(s)).map(|s| format!("&t={s}")).unwrap_or_default();
                    format!("https://www.youtube.com/watch?v={id}{start}")
                }
                _ => return None,
            };
            (Kind::Video, "YouTube", Some(page))
        }
        "player.vimeo.com" => {
            let id = path.strip_prefix("/video/").filter(|id| plain(id))?;
            let secret = query("h").filter(|h| plain(h)).map(|h| format!("/{h}")).unwrap_or_default();
            (Kind::Video, "Vimeo", Some(format!("https://vimeo.com/{id}{secret}")))
        }
        "fast.wistia.net" | "fast.wistia.com" => (Kind::Video, "Wistia", None),
        "dailymotion.com" | "geo.dailymotion.com" => {
            let id = path.strip_prefix("/embed/video/").map(str::to_owned).or_else(|| query("video"))?;
            let page = plain(&id).then(|| format!("https://www.dailymotion.com/video/{id}"));
            (Kind::Video, "Dailymotion", page)
        }
        "loom.com" => {
            (Kind::Video, "Loom", path.strip_prefix("/embed/").map(|id| format!("https://www.loom.com/share/{id}")))
        }
        "embed.ted.com" => (Kind::Video, "TED", Some(format!("https://www.ted.com{path}"))),
        "asciinema.org" => {
            (Kind::Video, "asciinema", path.strip_suffix("/iframe").map(|p| format!("https://asciinema.org{p}")))
        }
        "w.soundcloud.com" => {
            let page = query("url").filter(|page| page.starts_with("https://soundcloud.com/"));
            (Kind::Audio, "SoundCloud", page)
        }
        "open.spotify.com" => (
            Kind::Audio,
            "Spotify",
            path.strip_prefix("/embed/").map(|rest| format!("https://open.spotify.com/{rest}")),
        ),
        "slideshare.net" => (Kind::Slides, "SlideShare", None),
        "speakerdeck.com" => (Kind::Slides, "Speaker Deck", None),
        "gist.github.com" => (Kind::Code, "GitHub Gist", None),
        "codepen.io" => {
            (Kind::Code, "CodePen", Some(format!("https://codepen.io{}", path.replacen("/embed/", "/pen/", 1))))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(embed: Option<Embed>, want: Option<(&str, &str)>, of: &str) {
        assert_eq!(embed.as_ref().map(|e| (e.url.as_str(), e.label.as_str())), want, "{of}");
    }

    #[test]
    fn a_frame_becomes_a_link_to_the_page_for_people() {
        #[track_caller]
        fn case(url: &str, title: &str, page: &str, label: &str) {
            same(frame(&Url::parse(url).unwrap(), Some(title)), Some((page, label)), url);
        }
        let watch = "https://www.youtube.com/watch?v=oju3cVT5YBo";
        case("https://www.youtube.com/embed/oju3cVT5YBo?rel=0&showinfo=0", "", watch, "Watch on YouTube");
        case("https://www.youtube-nocookie.com/embed/oju3cVT5YBo", " A\n talk ", watch, "Video on YouTube: A talk");
        case("https://www.youtube.com/v/oju3cVT5YBo&hl=en", "", watch, "Watch on YouTube");
        case(
            "https://www.youtube.com/embed/a-_1?start=90",
            "",
            "https://www.youtube.com/watch?v=a-_1&t=90",
            "Watch on YouTube",
        );
        case(
            "https://www.youtube.com/embed/videoseries?list=PL1",
            "",
            "https://www.youtube.com/playlist?list=PL1",
            "Watch on YouTube",
        );
        case("https://www.youtube.com/embed/", "", "https://www.youtube.com/embed/", "Embedded content on youtube.com");
        case(
            "https://player.vimeo.com/video/76979871?h=8272103f6e",
            "",
            "https://vimeo.com/76979871/8272103f6e",
            "Watch on Vimeo",
        );
        case(
            "https://fast.wistia.net/embed/iframe/x1",
            "",
            "https://fast.wistia.net/embed/iframe/x1",
            "Watch on Wistia",
        );
        case(
            "https://www.dailymotion.com/embed/video/x1",
            "",
            "https://www.dailymotion.com/video/x1",
            "Watch on Dailymotion",
        );
        case(
            "https://w.soundcloud.com/player/?url=https%3A//soundcloud.com/a/b&color=red",
            "B",
            "https://soundcloud.com/a/b",
            "Audio on SoundCloud: B",
        );
        case("https://open.spotify.com/embed/episode/1", "", "https://open.spotify.com/episode/1", "Listen on Spotify");
        case(
            "https://www.slideshare.net/slideshow/embed_code/key/K",
            "",
            "https://www.slideshare.net/slideshow/embed_code/key/K",
            "Slides on SlideShare",
        );
        case("https://codepen.io/ann/embed/abc", "", "https://codepen.io/ann/pen/abc", "Code on CodePen");
        case(
            "https://maps.example/x?q=1",
            "Our office",
            "https://maps.example/x?q=1",
            "Embedded content on maps.example: Our office",
        );
        case(
            "http://www.viddler.com/embed/9e/?f=1",
            "",
            "http://www.viddler.com/embed/9e/?f=1",
            "Embedded content on viddler.com",
        );
    }

    #[test]
    fn only_scripts_that_show_something_become_links() {
        #[track_caller]
        fn case(url: &str, want: Option<(&str, &str)>) {
            same(script(&Url::parse(url).unwrap()), want, url);
        }
        case("https://gist.github.com/ann/12ab.js", Some(("https://gist.github.com/ann/12ab", "Code on GitHub Gist")));
        case(
            "https://gist.github.com/ann/12ab.js?file=a.rs",
            Some(("https://gist.github.com/ann/12ab", "Code on GitHub Gist")),
        );
        case("https://asciinema.org/a/14.js", Some(("https://asciinema.org/a/14", "Watch on asciinema")));
        let film = Some(("https://fast.wistia.net/embed/iframe/08ebxufc4q", "Watch on Wistia"));
        case("https://fast.wistia.com/embed/medias/08ebxufc4q.jsonp", film);
        case("https://fast.wistia.com/assets/external/E-v1.js", None);
        case("https://platform.twitter.com/widgets.js", None);
        same(wistia("wistia_embed wistia_async_08ebxufc4q videoFoam=true"), film, "class");
        same(wistia("wistia_embed"), None, "class");
    }
}
