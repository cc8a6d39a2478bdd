//! A message as it goes over the wire: lines that end in CR LF, dots at their start doubled, a dot alone at the end (RFC
//! 5321, sections 2.3.8 and 4.5.2).
//!
//! Pure. A bare CR or LF is refused, never mended: servers disagree on where such a line ends, and a mail could be
//! smuggled in behind it.

use memchr::memchr_iter;

/// A line that may not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// A line feed without its carriage return.
    #[error("the message has a bare line feed at byte {0}")]
    BareLineFeed(usize),
    /// A carriage return without its line feed.
    #[error("the message has a bare carriage return at byte {0}")]
    BareCarriageReturn(usize),
    /// A line of more than 998 bytes before its CR LF (RFC 5322, section 2.1.1).
    #[error("the message has a line of more than 998 bytes at byte {0}")]
    TooLong(usize),
    /// The message does not end with CR LF.
    #[error("the last line of the message has no end")]
    Unended,
}

/// Whether a message may be sent as it is. Whoever asks before the envelope is offered loses no connection over it.
///
/// # Errors
///
/// The first line that may not.
pub fn check_lines(message: &[u8]) -> Result<(), LineFault> {
    let mut start = 0;
    for end in memchr_iter(b'\n', message) {
        let line = &message[start..end];
        let Some(line) = line.strip_suffix(b"\r") else { return Err(LineFault::BareLineFeed(end)) };
        if line.len() > 998 {
            return Err(LineFault::TooLong(start));
        }
        if let Some(at) = memchr::memchr(b'\r', line) {
            return Err(LineFault::BareCarriageReturn(start + at));
        }
        start = end + 1;
    }
    if let Some(at) = memchr::memchr(b'\r', &message[start..]) {
        return Err(LineFault::BareCarriageReturn(start + at));
    }
    if start < message.len() || message.is_empty() { Err(LineFault::Unended) } else { Ok(()) }
}

/// Adds a message, or the first lines of one, with its dots doubled. It must have passed [`check_lines`].
pub(in crate::mail) fn stuff(message: &[u8], out: &mut Vec<u8>) {
    out.reserve(message.len() + message.len() / 64 + 16);
    let mut start = 0;
    if message.starts_with(b".") {
        out.push(b'.');
    }
    for at in memchr::memmem::find_iter(message, b"\r\n.") {
        out.extend_from_slice(&message[start..at + 2]);
        out.push(b'.');
        start = at + 2;
    }
    out.extend_from_slice(&message[start..]);
}

/// Adds the dot that ends a message.
pub(in crate::mail) fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b".\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dots_at_the_start_of_a_line_are_doubled() {
        #[track_caller]
        fn case(message: &str, want: &str) {
            let mut out = Vec::new();
            stuff(message.as_bytes(), &mut out);
            end(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
        case("a\r\n", "a\r\n.\r\n");
        case(".\r\n", "..\r\n.\r\n");
        case("a\r\n.\r\n.\r\n..b\r\nc.\r\n", "a\r\n..\r\n..\r\n...b\r\nc.\r\n.\r\n");
    }

    #[test]
    fn a_line_that_may_not_be_sent_is_named() {
        #[track_caller]
        fn case(message: &[u8], want: Result<(), LineFault>) {
            assert_eq!(check_lines(message), want, "{}", message.escape_ascii());
        }
        let long = |n: usize| [&b"a\r\n"[..], &vec![b'x'; n][..], b"\r\n"].concat();
        case(b"a\r\n\r\nb\r\n", Ok(()));
        case(&long(998), Ok(()));
        case(&long(999), Err(LineFault::TooLong(3)));
        case(b"a\nb\r\n", Err(LineFault::BareLineFeed(1)));
        case(b"\n", Err(LineFault::BareLineFeed(0)));
        case(b"a\r\n.\n.\r\n", Err(LineFault::BareLineFeed(4)));
        case(b"a\rb\r\n", Err(LineFault::BareCarriageReturn(1)));
        case(b"a\r\r\n", Err(LineFault::BareCarriageReturn(1)));
        case(b"a\r\nb\r", Err(LineFault::BareCarriageReturn(4)));
        case(b"a\r\nb", Err(LineFault::Unended));
        case(b"", Err(LineFault::Unended));
    }

    proptest! {
        #[test]
        fn what_is_sent_ends_once_and_reads_back(lines in proptest::collection::vec("[.a]{0,4}", 1..20)) {
            let message = lines.join("\r\n") + "\r\n";
            prop_assert_eq!(check_lines(message.as_bytes()), Ok(()));
            let mut sent = Vec::new();
            stuff(message.as_bytes(), &mut sent);
            end(&mut sent);
            let sent = String::from_utf8(sent).unwrap();
            let whole = format!("\r\n{sent}");
            prop_assert_eq!(whole.find("\r\n.\r\n"), Some(whole.len() - 5));
            let body = &whole[..whole.len() - 3];
            prop_assert_eq!(&body.replace("\r\n.", "\r\n")[2..], message);
        }
    }
}
