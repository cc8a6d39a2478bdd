//! Text as HTML: escaped as a serialiser does it, and without what no page should hold.

/// Writes text for HTML, without the characters that HTML parsers call an error, as a serialiser would (HTML standard,
/// section 13.3). `special` are the bytes that may have to be replaced: [`IN_TEXT`] or [`IN_VALUES`].
pub(super) fn escape(text: &str, special: &[bool; 256], out: &mut String) {
    let bytes = text.as_bytes();
    let (mut written, mut at) = (0, 0);
    while let Some(found) = bytes[at..].iter().position(|&byte| special[usize::from(byte)]) {
        at += found;
        let replacement = match bytes[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => "",
            b'\r' => "\n",
            0xC2 if bytes[at + 1] == 0xA0 => "&nbsp;",
            _ if text[at..].starts_with(is_never_meant) => "",
            _ => {
                at += 1;
                continue;
            }
        };
        out.push_str(&text[written..at]);
        out.push_str(replacement);
        at += text[at..].chars().next().map_or(1, char::len_utf8);
        written = at;
    }
    out.push_str(&text[written..]);
}

/// The bytes of a text that [`escape`] has to look at: markup, control characters, and the first bytes of what may be one or
/// a space that must not break (0xC2, as in U+0080) or no character at all (U+FDD0 to U+FDEF, and the last two of each plane).
pub(super) const IN_TEXT: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        special[byte] = byte < 0x20 && byte != 0x09 && byte != 0x0A || byte == 0x7F || byte == 0xC2 || byte >= 0xEF;
        byte += 1;
    }
    special[b'&' as usize] = true;
    special[b'<' as usize] = true;
    special[b'>' as usize] = true;
    special
};

/// The same of an attribute's value, which ends with a quote.
pub(super) const IN_VALUES: [bool; 256] = {
    let mut special = IN_TEXT;
    special[b'"' as usize] = true;
    special
};

/// Control characters and noncharacters (HTML standard, section 13.2.3.5).
fn is_never_meant(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n')
        || matches!(c, '\u{FDD0}'..='\u{FDEF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}
