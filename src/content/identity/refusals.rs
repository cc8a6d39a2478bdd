//! What is said where [`assign`](super::assign) refuses to choose: each finding shows what settles it.

use super::uri::id_of;
use super::{Known, line_of};
use crate::config;
use crate::content::lock::{FILE, Line};
use crate::diagnostic::{Diagnostic, Span, Spanned};

/// The finding about settings and a lock that disagree.
pub(super) fn prefix_changed(known: &[Known<'_>], configured: &Spanned<String>, locked: &str) -> Diagnostic {
    let example = known
        .iter()
        .filter_map(|post| post.own_id)
        .map(|own| (id_of(locked, &own.value), id_of(&configured.value, &own.value)))
        .filter(|(old, new)| old != new)
        .min();
    let (old, new) = example.unwrap_or_else(|| (locked.to_owned(), configured.value.clone()));
    Diagnostic::error(format!("`id_prefix` would change published ids: `{old}` would become `{new}`"))
        .at(config::FILE, configured.span)
        .hint(format!(
            "write `id_prefix = \"{locked}\"`, as in {FILE}, or leave the key out;\n\
             if nothing is published yet, delete `id_prefix` from {FILE} instead"
        ))
}

/// The finding about a post that looks like the one of a lost line, with the lines that settle it.
pub(super) fn looks_like(post: &Known<'_>, address: &str, line: &Line, holder: Option<&Known<'_>>) -> Diagnostic {
    let whose = match holder {
        None => format!("the post that was at `{address}`"),
        Some(holder) => format!("the post that was at `{address}`, where `{}` is now", holder.file),
    };
    let theirs = line_of(post, line.id.clone(), Span::default()).to_text(post.address);
    let otherwise = match holder {
        None => "if it is another post, delete that line".to_owned(),
        Some(holder) => format!(
            "if it is another post, put this one there instead:\n{}",
            line_of(holder, line.id.clone(), Span::default()).to_text(address)
        ),
    };
    let number = number(line);
    Diagnostic::error(format!("this looks like {whose}, and would get another id")).at(post.file, post.title_span).hint(
        format!(
            "if it is that post, put this line into {FILE} in place of the one of `{address}`{number}:\n\
             {theirs}\n{otherwise}"
        ),
    )
}

/// The finding about a post that has an `id` and stands at the address of a line that seems to be another's.
pub(super) fn took_address(post: &Known<'_>, address: &str, line: &Line) -> Diagnostic {
    let theirs = line_of(post, line.id.clone(), Span::default()).to_text(address);
    Diagnostic::error(format!("{FILE} keeps another id for the address of this post, `{address}`"))
        .at(post.file, post.own_id.map_or(post.title_span, |own| own.span))
        .hint(format!(
            "if that id is this post's, put this line into {FILE} in place of the one of `{address}`:\n\
             {theirs}\nif it was another post's, delete that line"
        ))
}

/// The finding about a post that has nothing in common with a line but the address, and came out on another day than the
/// line's id says.
pub(super) fn other_days_post(post: &Known<'_>, address: &str, line: &Line) -> Diagnostic {
    let theirs = line_of(post, line.id.clone(), Span::default()).to_text(address);
    let number = number(line);
    Diagnostic::error(format!("this post would take over the id of another one that was at `{address}`: `{}`", line.id))
        .at(post.file, post.title_span)
        .hint(format!(
            "its file, its text and its day are others; if it is that post all the same, put this line into {FILE} in \
             place of the one of `{address}`{number}:\n\
             {theirs}\nif it is another post, delete that line"
        ))
}

/// The finding about a post with the id of another one, which has it from the lock's line of `address`, if from any.
pub(super) fn twin(post: &Known<'_>, id: &str, other: &str, address: Option<&str>) -> Diagnostic {
    let from = address.map(|address| format!("; it is in {FILE}, in the line of `{address}`")).unwrap_or_default();
    Diagnostic::error(format!("two posts have the id `{id}`: this one and `{other}`"))
        .at(post.file, post.own_id.map_or(post.title_span, |own| own.span))
        .hint(format!("give one of them another `id`; a reader shows only one of the two{from}"))
}

/// The finding about a post whose own id is one of those that are kept for feeds.
pub(super) fn id_of_a_feed(post: &Known<'_>, id: &str, feeds: &str) -> Diagnostic {
    Diagnostic::error(format!("the id of this post could be that of a feed: `{id}`"))
        .at(post.file, post.own_id.map_or(post.title_span, |own| own.span))
        .hint(format!("ids of feeds start with `{feeds}`; give the post another `id`"))
}

/// Where a line stands, after its address.
fn number(line: &Line) -> String {
    match line.place.line {
        0 => String::new(),
        number => format!(", line {number}"),
    }
}
