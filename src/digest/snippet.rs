//! A form to sign up by, to be put into the pages of the site: the same that the server has, without anything around it.

use crate::config::Config;
use crate::language::Language;
use quick_xml::escape::escape;
use std::fmt::Write as _;

/// The form; `None` where there is nothing to sign up to.
pub fn form(config: &Config) -> Option<String> {
    let digests: Vec<_> = config.signup.digests.iter().filter_map(|name| config.digests.get(name)).collect();
    if digests.is_empty() {
        return None;
    }
    let server = config.serve.public_url.as_ref().unwrap_or(&config.feeds.url);
    let language = Language::of(&config.site.language);
    let said = |part: &str, key: &str| escape(language.web_text(part, key, &[])).into_owned();
    let mut form = format!(
        "<!-- A form to sign up by, for the pages of the site. It needs `tidings serve` at {server} -->\n\
         <form method=\"post\" action=\"{}\">\n\
         <label>{} <input type=\"email\" name=\"address\" required autocomplete=\"email\" maxlength=\"254\"></label>\n",
        escape(format!("{server}subscribe/")),
        said("signup", "address"),
    );
    for digest in &digests {
        let (name, title) = (escape(&digest.name.value), escape(digest.title.as_str()));
        let _ = match digests.len() {
            1 => writeln!(form, "<input type=\"hidden\" name=\"digest\" value=\"{name}\">"),
            _ => {
                writeln!(
                    form,
                    "<label><input type=\"checkbox\" name=\"digest\" value=\"{name}\" checked> {title}</label>"
                )
            }
        };
    }
    let _ = write!(
        form,
        "<div style=\"position:absolute;left:-9999px\" aria-hidden=\"true\"><label>{} <input name=\"website\" tabindex=\"-1\" \
         autocomplete=\"off\"></label></div>\n<button>{}</button>\n</form>\n",
        said("signup", "trap"),
        said("signup", "button"),
    );
    Some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_of(digests: &[&str], more: &str) -> Option<String> {
        let digest = |name: &&str| {
            format!(
                "[digest.{name}]\ntitle = \"<{name}> & co\"\nfrom = \"a@example.org\"\npostal_address = \"1 Street\"\n\
                 schedule = \"Mon 09:00\"\n"
            )
        };
        let tables: String = digests.iter().map(digest).collect();
        let text = format!("[site]\ntitle = \"A\"\nurl = \"https://example.org/\"\nlanguage = \"de\"\n{more}{tables}");
        form(&Config::parse(&text).expect("settings"))
    }

    #[test]
    fn a_form_is_for_the_digests_that_are_offered() {
        assert_eq!(form_of(&[], ""), None);
        assert_eq!(
            form_of(&["weekly"], "[serve]\npublic_url = \"https://news.example.org/a/\"\n").expect("a form"),
            "<!-- A form to sign up by, for the pages of the site. It needs `tidings serve` at https://news.example.org/a/ -->
<form method=\"post\" action=\"https://news.example.org/a/subscribe/\">
<label>Ihre E-Mail-Adresse <input type=\"email\" name=\"address\" required autocomplete=\"email\" maxlength=\"254\"></label>
<input type=\"hidden\" name=\"digest\" value=\"weekly\">
<div style=\"position:absolute;left:-9999px\" aria-hidden=\"true\"><label>Dieses Feld bitte leer lassen <input name=\"website\" tabindex=\"-1\" autocomplete=\"off\"></label></div>
<button>Anmelden</button>
</form>
"
        );
        let two = form_of(&["weekly", "monthly"], "").expect("a form");
        let box_of = |name: &str| {
            format!(
                "<label><input type=\"checkbox\" name=\"digest\" value=\"{name}\" checked> &lt;{name}&gt; &amp; co</label>\n"
            )
        };
        assert!(two.contains(&box_of("weekly")) && two.contains(&box_of("monthly")), "{two}");
    }
}
