//! Addresses that feeds had before: who asks for one is led to the feed of today.
//!
//! A declared feed names its older names in the settings, a term in its own file, where an alias is a spelling in posts as
//! well. A feed that is there is never led away from, so an alias that names one is only told of.

use crate::config::{Config, FILE};
use crate::content::collection::Collection;
use crate::diagnostic::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// One address that leads to another feed, and where that is written.
struct Claim<'a> {
    old: String,
    new: String,
    spelling: &'a str,
    file: &'a str,
    span: Span,
}

/// Older folders of feeds, each with the folder of today, both as in [`super::plan::Planned::folder`]. `living` are the
/// folders of feeds that have posts or are declared, `kept` those that stay although their posts are gone.
///
/// With it a warning for each alias that is a feed itself, and for each that two terms claim: the first has it.
pub fn aliases(
    collection: &Collection,
    config: &Config,
    living: &BTreeSet<String>,
    kept: &BTreeSet<&str>,
) -> (BTreeMap<String, String>, Vec<Diagnostic>) {
    let declared = config.declared.iter().flat_map(|(name, feed)| {
        feed.aliases.iter().map(move |alias| Claim {
            old: format!("feeds/{alias}/"),
            new: format!("feeds/{name}/"),
            spelling: alias,
            file: FILE,
            span: feed.name.span,
        })
    });
    let axes = &config.feeds.taxonomies;
    let of_terms = collection.aliases.iter().filter(|alias| axes.contains(&alias.axis)).map(|alias| Claim {
        old: format!("{}/{}/", alias.axis.name(), alias.old),
        new: format!("{}/{}/", alias.axis.name(), alias.new),
        spelling: &alias.spelling.value,
        file: &alias.file,
        span: alias.spelling.span,
    });
    let (mut found, mut findings) = (BTreeMap::<String, Claim>::new(), Vec::new());
    for claim in declared.chain(of_terms) {
        if claim.old == claim.new || !living.contains(&claim.new) && !kept.contains(claim.new.as_str()) {
            continue;
        }
        let warning = |message: String| Diagnostic::warning(message).at(claim.file, claim.span);
        if living.contains(&claim.old) {
            let message = format!("the alias `{}` is a feed of its own: `{}`", claim.spelling, claim.old);
            findings.push(warning(message).hint("nobody is led away from a feed that is there; give it another name"));
        } else if let Some(other) = found.get(&claim.old) {
            if other.new != claim.new {
                let message = format!("two feeds have the alias `{}`", claim.spelling);
                findings
                    .push(warning(message).hint(format!("it leads to `{}`, which `{}` names", other.new, other.file)));
            }
        } else {
            found.insert(claim.old.clone(), claim);
        }
    }
    // What is itself led elsewhere leads nowhere.
    let leads = |claim: &Claim| living.contains(&claim.new) || !found.contains_key(&claim.new);
    let aliases = found.iter().filter(|(_, claim)| leads(claim));
    (aliases.map(|(old, claim)| (old.clone(), claim.new.clone())).collect(), findings)
}
