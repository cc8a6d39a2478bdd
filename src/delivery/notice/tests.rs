use super::*;
use crate::mail::list::HeaderUrl;

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const SITE: &str = "[site]\ntitle = 'Field & Notes'\nurl = 'https://example.org/'\n
    [digest.weekly]\ntitle = 'The <week>'\nfrom = 'News <news@example.org>'\nreply_to = 'desk@example.org'
    postal_address = \"Field Notes\\n1 Main Street\"\nschedule = 'Mon 09:00'
    [digest.daily]\ntitle = 'The day'\nfrom = 'daily@example.org'\npostal_address = 'x'\nschedule = 'daily 09:00'
    [signup]\ndigests = ['weekly', 'daily']
    [serve]\npublic_url = 'https://mail.example.org/reader/'\n";

fn letters(more: &str) -> Letters {
    let config = Config::parse(&format!("{SITE}{more}")).expect("settings");
    let templates = Arc::new(Templates::new(vec![]).expect("templates"));
    Letters::new(&config, templates, &keys()).expect("letters")
}

fn keys() -> Keys {
    Keys::from_secret(SECRET).expect("a key")
}

fn now() -> DateTime<Utc> {
    "2026-11-25T09:30:00Z".parse().expect("a moment")
}

fn letter_of(letters: &Letters, kind: Kind) -> Letter {
    let digests = ["daily".to_owned(), "weekly".to_owned(), "gone".to_owned()];
    let drafts = letters.drafts(&[kind], &digests, now()).expect("drafts");
    Letter::parse(&drafts.letter(&Addressee { notice: 7, subscriber: 17, kind }).expect("a letter")).expect("a letter")
}

fn eml(letter: &Letter) -> String {
    let ready = letter.mail("Ana@example.com", "f".into(), &[]).expect("a mail");
    String::from_utf8(ready.mail.bytes()).expect("ASCII")
}

/// The token that stands behind an address in the text.
fn token<'a>(letter: &'a Letter, before: &str) -> &'a str {
    letter.text.lines().find_map(|line| line.strip_prefix(before)).expect("a link on a line of its own")
}

#[test]
fn a_question_is_written_as_people_read_it() {
    let letter = letter_of(&letters(""), Kind::Confirm);
    let (text, token) = (&letter.text, token(&letter, "https://mail.example.org/reader/confirm/"));
    let want = format!(
        "Please confirm your subscription

Somebody, most likely you, asked us to send The day and The <week> to
this address.

Yes, send it to me:
https://mail.example.org/reader/confirm/{token}

The link is good for 7 days.

If it was not you, you need do nothing: without your yes, no further
mail comes.

-- 
You get this mail because this address was entered at Field & Notes.
Field Notes
1 Main Street
https://example.org/
"
    );
    assert_eq!(*text, want);
    assert!(letter.html.contains("The day and The &lt;week&gt;"), "{}", letter.html);
    assert_eq!(letter.subject, "Please confirm your subscription to Field & Notes");
    // Twice: the button, and the address to copy, which is shown as well.
    assert_eq!(letter.html.matches(token).count(), 3);
}

#[test]
fn each_kind_opens_what_it_is_for_and_for_how_long() {
    #[track_caller]
    fn case(kind: Kind, page: &str, purpose: token::Purpose, notice: u32, hours: Option<i64>) {
        let letter = letter_of(&letters(""), kind);
        let text = token(&letter, &format!("https://mail.example.org/reader/{page}/"));
        let token = Token::verify(&keys(), &[purpose], text, now()).expect("a token");
        assert_eq!((token.subscriber, token.digest, token.issue), (17, 0, notice));
        // In whole hours, of which a begun one counts.
        let until = hours.map(|hours| now() + TimeDelta::hours(hours) + TimeDelta::minutes(30));
        assert_eq!(token.expires_at, until);
        assert_eq!(letter.expires_at, hours.map(|hours| now() + TimeDelta::hours(hours)));
    }
    case(Kind::Confirm, "confirm", token::Purpose::Confirm, 7, Some(7 * 24));
    case(Kind::Known, "preferences", token::Purpose::Preferences, 0, Some(24));
    case(Kind::Link, "preferences", token::Purpose::Data, 0, Some(24));
    case(Kind::Welcome, "preferences", token::Purpose::Unsubscribe, 0, None);
    case(Kind::Welcome, "unsubscribe", token::Purpose::Unsubscribe, 0, None);
}

#[test]
fn the_mail_is_the_same_every_time_and_says_that_a_program_wrote_it() {
    let letter = letter_of(&letters(""), Kind::Confirm);
    let text = eml(&letter);
    assert_eq!(text, eml(&letter));
    let id = keys().signing().message_id("notice/7/1795599000", 17);
    let head = format!(
        "From: News <news@example.org>\r\nTo: Ana@example.com\r\nReply-To: desk@example.org\r\n\
         Subject: Please confirm your subscription to Field & Notes\r\n\
         Date: Wed, 25 Nov 2026 09:30:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n\
         Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative;"
    );
    assert!(text.starts_with(&head), "{text}");
    assert!(text.contains("Content-Transfer-Encoding: 7bit\r\n\r\nPlease confirm"), "{text}");
    let url = format!(
        "\r\nhttps://mail.example.org/reader/confirm/{}\r\n",
        token(&letter, "https://mail.example.org/reader/confirm/")
    );
    assert!(text.contains(&url) && url.len() > 80, "the address is whole in the file");
    assert!(HeaderUrl::https(url.trim()).is_ok());
}

#[test]
fn a_letter_comes_back_to_the_return_path_with_the_subscriber_in_it() {
    let letter = letter_of(
        &letters("[mail]\nreturn_path = 'bounce@example.org'\nmessage_id_domain = 'id.example.org'"),
        Kind::Link,
    );
    let local = letter.sender.strip_suffix("@example.org").and_then(|local| local.strip_prefix("bounce+"));
    let token = BounceToken::verify(&keys(), local.expect("a local part")).expect("a token");
    assert_eq!(token, BounceToken { subscriber: 17, issue: 0 });
    assert_eq!(letter.message_id.1, "id.example.org");
    assert_eq!(letter_of(&letters(""), Kind::Link).sender, "news@example.org");
    // One who is named for sign-ups answers for them, too.
    let letter = letter_of(&letters_from(), Kind::Link);
    assert_eq!((&*letter.from, letter.reply_to), ("Desk <desk@example.net>", None));
}

fn letters_from() -> Letters {
    let text = SITE.replace("[signup]", "[signup]\nfrom = 'Desk <desk@example.net>'");
    let config = Config::parse(&text).expect("settings");
    let templates = Arc::new(Templates::new(vec![]).expect("templates"));
    Letters::new(&config, templates, &keys()).expect("letters")
}

#[test]
fn the_outside_of_a_letter_names_no_digest() {
    for kind in Kind::ALL {
        let letter = letter_of(&letters("[mail]\nsensitive = true"), kind);
        let text = eml(&letter);
        let (head, _) = text.split_once("\r\n\r\n").expect("a head");
        assert!(!head.contains("week") && !head.contains("The day"), "{head}");
        assert!(!letter.html.contains("<img"));
    }
}

#[test]
fn how_long_a_link_is_good_is_said_in_words() {
    #[track_caller]
    fn case(within: &str, want: &str) {
        let text = SITE.replace("[signup]", &format!("[signup]\nconfirm_within = '{within}'"));
        let config = Config::parse(&text).expect("settings");
        let templates = Arc::new(Templates::new(vec![]).expect("templates"));
        let letters = Letters::new(&config, templates, &keys()).expect("letters");
        assert!(letter_of(&letters, Kind::Confirm).text.contains(want), "{within}");
    }
    case("7d", "good for 7 days.");
    case("1d", "good for 24 hours.");
    case("36h", "good for 36 hours.");
    case("1h", "good for 1 hour.");
}

#[test]
fn a_site_without_a_digest_has_nothing_to_sign_up_to() {
    let config = Config::parse("[site]\ntitle = 'T'\nurl = 'https://example.org/'\n").expect("settings");
    let templates = Arc::new(Templates::new(vec![]).expect("templates"));
    let finding = Letters::new(&config, templates, &keys()).expect_err("refused");
    let want = "error: there is no digest that people could sign up to
 --> tidings.toml
hint: write `[digest.weekly]`
";
    assert_eq!(finding.render(None), want);
}

#[test]
fn a_template_of_the_site_that_forgets_the_link_is_refused() {
    let config = Config::parse(SITE).expect("settings");
    let own = vec![("notice.txt".to_owned(), "Hello".to_owned())];
    let templates = Arc::new(Templates::new(own).expect("templates"));
    let letters = Letters::new(&config, templates, &keys()).expect("letters");
    let finding = letters.drafts(&[Kind::Link], &[], now()).expect_err("refused");
    let want = "error: the text part of a notice has no link: nobody could follow it
hint: put `url` into `templates/notice.txt`
";
    assert_eq!(finding.render(None), want);
}

#[test]
fn a_letter_in_german_is_german_throughout() {
    let text = SITE.replace("[site]", "[site]\nlanguage = 'de'");
    let config = Config::parse(&text).expect("settings");
    let templates = Arc::new(Templates::new(vec![]).expect("templates"));
    let letters = Letters::new(&config, templates, &keys()).expect("letters");
    let letter = letter_of(&letters, Kind::Welcome);
    assert_eq!(letter.subject, "Willkommen bei Field & Notes");
    assert!(letter.html.contains("<html lang=\"de\" dir=\"ltr\">"));
    assert!(letter.text.contains("Abbestellen:\nhttps://mail.example.org/reader/unsubscribe/"), "{}", letter.text);
}
