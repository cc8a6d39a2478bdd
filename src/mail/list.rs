//! What a mailing list says of itself in headers: who it is, and the ways out of it.
//!
//! RFC 2369 (List-Unsubscribe and its kind), RFC 2919 (List-Id), RFC 8058 (one click), and Google's Feedback-ID. The
//! addresses in these headers are never encoded words and are folded between each other only: other ways have broken
//! unsubscribing, and signatures.

use super::address::{Address, is_domain};
use super::header::{self, HeaderText};
use std::fmt;
use url::Url;

/// The longest URL, so that its line stays below 998 with the name of its header.
const LONGEST_URL: usize = 900;

/// A URL for a header: ASCII, without what ends one there (`<`, `>`, `,`, white space), at most 900 characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderUrl(String);

/// Why a text cannot be the URL of a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderUrlError {
    /// It does not parse as an absolute URL.
    #[error("`{0}` is not an absolute URL")]
    NotAbsolute(String),
    /// Mail programs want https, or mailto.
    #[error("`{0}` is not https")]
    NotHttps(String),
    /// It is longer than 900 characters.
    #[error("`{0}…` is longer than {LONGEST_URL} characters")]
    TooLong(String),
}

impl HeaderUrl {
    /// An https address.
    ///
    /// # Errors
    ///
    /// [`HeaderUrlError`] where it is none, or too long.
    pub fn https(raw: &str) -> Result<HeaderUrl, HeaderUrlError> {
        let shown = || raw.chars().take(60).flat_map(char::escape_debug).collect::<String>();
        let url = Url::parse(raw).map_err(|_| HeaderUrlError::NotAbsolute(shown()))?;
        if url.scheme() != "https" {
            return Err(HeaderUrlError::NotHttps(shown()));
        }
        let mut ascii = String::with_capacity(raw.len());
        for c in url.as_str().chars() {
            match c {
                '!'..='~' if !matches!(c, ',' | '<' | '>' | '"' | '\\') => ascii.push(c),
                c => ascii.extend(percent_encoding::utf8_percent_encode(
                    c.encode_utf8(&mut [0; 4]),
                    percent_encoding::NON_ALPHANUMERIC,
                )),
            }
        }
        match ascii.len() > LONGEST_URL {
            true => Err(HeaderUrlError::TooLong(shown())),
            false => Ok(HeaderUrl(ascii)),
        }
    }

    /// A mail to an address, with a subject where there is one.
    ///
    /// # Errors
    ///
    /// [`HeaderUrlError::TooLong`] where the subject is too long.
    pub fn mailto(to: &Address, subject: Option<&str>) -> Result<HeaderUrl, HeaderUrlError> {
        let encoded = |text| percent_encoding::utf8_percent_encode(text, UNRESERVED).to_string();
        let (local, domain) = to.as_str().rsplit_once('@').unwrap_or_default();
        let mut url = format!("mailto:{}@{domain}", encoded(local));
        if let Some(subject) = subject {
            url.push_str("?subject=");
            url.push_str(&encoded(subject));
        }
        match url.len() > LONGEST_URL {
            true => Err(HeaderUrlError::TooLong(url[..60].to_string())),
            false => Ok(HeaderUrl(url)),
        }
    }

    /// The URL itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is not percent-encoded in a mailto URL: the unreserved characters of RFC 3986, and `+`, which RFC 6068 takes as it
/// is.
const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'+');

impl fmt::Display for HeaderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HeaderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// `Name <digest.example.org>`: what mail programs sort by. The part in `<` and `>` must never change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListId {
    name: HeaderText,
    id: String,
}

/// A list's id that is no domain name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an id of a list: write letters, digits and hyphens with dots between, as in `weekly.example.org`"
)]
pub struct ListIdError(String);

impl ListId {
    /// An id with the name that people read beside it.
    ///
    /// # Errors
    ///
    /// [`ListIdError`] where the id does not look like a domain.
    pub fn new(name: HeaderText, id: &str) -> Result<ListId, ListIdError> {
        match is_domain(id) {
            true => Ok(ListId { name, id: id.to_ascii_lowercase() }),
            false => Err(ListIdError(id.escape_debug().to_string())),
        }
    }

    /// The id of a digest by its name in the settings: `weekly` at `example.org` is `weekly.example.org`. What may not
    /// stand in a domain becomes a hyphen.
    ///
    /// # Errors
    ///
    /// [`ListIdError`] where the domain is none.
    pub fn of(title: HeaderText, name: &str, domain: &str) -> Result<ListId, ListIdError> {
        let label: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
        let label = label.trim_matches('-');
        match label.is_empty() {
            true => ListId::new(title, &format!("digest.{domain}")),
            false => ListId::new(title, &format!("{label}.{domain}")),
        }
    }

    /// The part in `<` and `>`.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What Google counts complaints by: up to three words of one's own, and a sender of 5 to 15 characters that stays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeedbackId(String);

/// A word that cannot stand in a Feedback-ID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedbackIdError {
    /// Letters, digits and `-._` only, at most 64.
    #[error("`{0}` cannot stand in a Feedback-ID: write at most 64 letters, digits, `-`, `.` and `_`")]
    Word(String),
    /// The sender must have 5 to 15 characters.
    #[error("`{0}` cannot be the sender of a Feedback-ID: it must have 5 to 15 characters")]
    Sender(String),
}

impl FeedbackId {
    /// `issue:list:kind:sender`. A word may be empty.
    ///
    /// # Errors
    ///
    /// [`FeedbackIdError`] where a word holds what it may not, or the sender is too short or too long.
    pub fn new(words: [&str; 3], sender: &str) -> Result<FeedbackId, FeedbackIdError> {
        let fits =
            |word: &str| word.len() <= 64 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if let Some(word) = words.iter().copied().chain([sender]).find(|word| !fits(word)) {
            return Err(FeedbackIdError::Word(word.escape_debug().to_string()));
        }
        match (5..=15).contains(&sender.len()) {
            true => Ok(FeedbackId(format!("{}:{}:{}:{sender}", words[0], words[1], words[2]))),
            false => Err(FeedbackIdError::Sender(sender.to_string())),
        }
    }
}

/// The headers of a mail to a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListHeaders {
    /// List-Id.
    pub id: ListId,
    /// List-Unsubscribe, first: where a POST unsubscribes at once (RFC 8058), so this must be [`HeaderUrl::https`].
    pub unsubscribe: HeaderUrl,
    /// List-Unsubscribe, second: where a mail does.
    pub unsubscribe_mailto: HeaderUrl,
    /// List-Help: where a person can ask or read.
    pub help: Option<HeaderUrl>,
    /// List-Archive: the page of earlier issues.
    pub archive: Option<HeaderUrl>,
    /// Feedback-ID.
    pub feedback_id: Option<FeedbackId>,
}

impl ListHeaders {
    /// Names and folded values, in the order they are written.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let id = format!("<{}>", self.id.id);
        let mut fields = vec![
            ("List-Id", format!("{}{id}", header::phrase("List-Id", &self.id.name, id.len()))),
            ("List-Unsubscribe", format!("<{}>,\r\n <{}>", self.unsubscribe, self.unsubscribe_mailto)),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_string()),
        ];
        fields.extend(self.help.iter().map(|url| ("List-Help", format!("<{url}>"))));
        fields.extend(self.archive.iter().map(|url| ("List-Archive", format!("<{url}>"))));
        fields.extend(self.feedback_id.iter().map(|id| ("Feedback-ID", id.0.clone())));
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_holds_nothing_that_ends_it() {
        #[track_caller]
        fn case(raw: &str, want: Result<&str, &str>) {
            let got = HeaderUrl::https(raw).map(|url| url.to_string()).map_err(|error| error.to_string());
            assert_eq!(got.as_deref().map_err(String::as_str), want);
        }
        case("https://example.org/u/abc", Ok("https://example.org/u/abc"));
        case("https://example.org/a,b?c=<d>#e,f>", Ok("https://example.org/a%2Cb?c=%3Cd%3E#e%2Cf%3E"));
        case("https://bücher.example/ä b", Ok("https://xn--bcher-kva.example/%C3%A4%20b"));
        case("https://example.org/\r\nBcc: a@example.com", Ok("https://example.org/Bcc:%20a@example.com"));
        case("http://example.org/", Err("`http://example.org/` is not https"));
        case("/u/abc", Err("`/u/abc` is not an absolute URL"));
        let long = format!("https://example.org/{}", "a".repeat(900));
        case(
            &long,
            Err("`https://example.org/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…` is longer than 900 characters"),
        );
    }

    #[test]
    fn a_mailto_is_encoded() {
        let to = "leave+a%b@example.org".parse().unwrap();
        assert_eq!(HeaderUrl::mailto(&to, None).unwrap().as_str(), "mailto:leave+a%25b@example.org");
        let url = HeaderUrl::mailto(&to, Some("leave ü\r\n&x=<y>,")).unwrap();
        assert_eq!(url.as_str(), "mailto:leave+a%25b@example.org?subject=leave%20%C3%BC%0D%0A%26x%3D%3Cy%3E%2C");
        assert!(HeaderUrl::mailto(&to, Some(&"ü".repeat(200))).is_err());
    }

    #[test]
    fn a_list_has_the_id_of_its_name_and_domain() {
        #[track_caller]
        fn case(name: &str, domain: &str, want: Result<&str, &str>) {
            let title = HeaderText::new("Weekly").unwrap();
            let got = ListId::of(title, name, domain).map(|id| id.id().to_string()).map_err(|error| error.to_string());
            assert_eq!(got.as_deref().map_err(String::as_str), want);
        }
        case("weekly", "example.org", Ok("weekly.example.org"));
        case("Our_News", "example.org", Ok("our-news.example.org"));
        case("週刊", "example.org", Ok("digest.example.org"));
        case(
            "weekly",
            "example org",
            Err(
                "`weekly.example org` is not an id of a list: write letters, digits and hyphens with dots between, as in \
                 `weekly.example.org`",
            ),
        );
    }

    #[test]
    fn a_feedback_id_has_four_words() {
        assert_eq!(FeedbackId::new(["2026-W48", "weekly", ""], "example").unwrap().0, "2026-W48:weekly::example");
        let told = |words, sender| FeedbackId::new(words, sender).unwrap_err().to_string();
        assert_eq!(
            told(["a:b", "", ""], "example"),
            "`a:b` cannot stand in a Feedback-ID: write at most 64 letters, digits, `-`, `.` and `_`"
        );
        assert_eq!(
            told(["", "", ""], "me"),
            "`me` cannot be the sender of a Feedback-ID: it must have 5 to 15 characters"
        );
    }
}
