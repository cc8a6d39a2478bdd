//! What a web server should know of the feeds, as snippets under `.tidings/hosting/`.

use super::load::reason;
use super::replace;
use super::written::STATE;
use crate::diagnostic::Diagnostic;
use crate::feed::hosting;
use crate::feed::listing::Listing;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The folder of the snippets in [`STATE`].
pub const FOLDER: &str = "hosting";

/// Writes the snippets, those that would change. `signup` is a form for the site's own pages, where there is something to
/// sign up to.
///
/// # Errors
///
/// What the system said.
pub fn write(
    root: &Path,
    listing: &Listing,
    aliases: &BTreeMap<String, String>,
    signup: Option<String>,
) -> Result<(), Diagnostic> {
    let folder = root.join(STATE).join(FOLDER);
    let failed = |name: &str, err: &std::io::Error| {
        Diagnostic::error(format!("cannot write `{STATE}/hosting/{name}`: {}", reason(err)))
            .hint("the feeds themselves are written")
    };
    fs::create_dir_all(&folder).map_err(|err| failed("", &err))?;
    for (name, text) in [
        ("links.html", hosting::links_html(listing)),
        ("nginx.conf", hosting::nginx(listing) + &hosting::nginx_aliases(listing, aliases)),
        ("_headers", hosting::headers(listing)),
        ("_redirects", hosting::redirects(listing, aliases)),
        ("signup.html", signup.unwrap_or_default()),
    ] {
        let path = folder.join(name);
        if text.is_empty() {
            // It fails where there is none.
            drop(fs::remove_file(&path));
            continue;
        }
        if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        replace::whole(&path, text.as_bytes()).map_err(|err| failed(name, &err))?;
    }
    Ok(())
}
