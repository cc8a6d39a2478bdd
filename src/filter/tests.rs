use super::*;
use chrono::TimeZone;
use proptest::prelude::*;

struct Post {
    terms: Vec<(Axis, String)>,
    published_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    language: String,
}

impl Fields for Post {
    fn has_term(&self, axis: Axis, folded: &str) -> bool {
        self.terms.iter().any(|(a, term)| *a == axis && fold(term) == folded)
    }
    fn published_at(&self) -> DateTime<Utc> {
        self.published_at
    }
    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }
    fn language(&self) -> &str {
        &self.language
    }
    fn slug(&self) -> &str {
        "Spring-Sale"
    }
    fn id(&self) -> &str {
        "4Itm"
    }
}

fn day(day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, day, 12, 0, 0).single().expect("a day of January")
}

fn post() -> Post {
    let terms = [(Axis::Category, "Healthcare"), (Axis::Tag, "C++"), (Axis::Tag, "Großes Ä"), (Axis::Author, "ana")];
    Post {
        terms: terms.map(|(axis, term)| (axis, term.to_owned())).to_vec(),
        published_at: day(10),
        updated_at: day(20),
        language: "pt-BR".to_owned(),
    }
}

fn parse(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, Tz::UTC)
}

#[test]
fn a_filter_chooses_posts() {
    #[track_caller]
    fn case(text: &str, want: bool) {
        assert_eq!(parse(text).expect("a filter").matches(&post()), want, "{text}");
    }
    case("category=healthcare", true);
    case("category = HEALTHCARE", true);
    case("Category=healthcare AND NOT Tag=sponsored", true);
    case("category!=healthcare", false);
    case("topic=healthcare", false);
    case("tag=c++", true);
    case("tag=C", false);
    case("tag='grosses ä'", false);
    case("tag='GROßES A\u{308}'", true);
    case("author=ana or author=ben", true);
    case("author=ben", false);
    case("lang=pt", true);
    case("lang=pt-br", true);
    case("lang=p", false);
    case("lang!=pt-PT", true);
    case("slug=spring-sale", true);
    case("id=4Itm and not id=4itm", true);
    // `not` binds tightest, then `and`, then `or`.
    case("not category=healthcare or tag=c++", true);
    case("not (category=healthcare or tag=c++)", false);
    case("tag=c++ or tag=x and tag=y", true);
    case("(tag=c++ or tag=x) and tag=y", false);
    case("not not tag=c++", true);
    case("published=2026-01-10", true);
    case("published!=2026-01-10", false);
    case("published<2026-01-10", false);
    case("published<=2026-01-10", true);
    case("published>2026-01-10", false);
    case("published>=2026-01-10", true);
    case("published >= 2026-01-10T12:00", true);
    case("published > '2026-01-10 11:59:59'", true);
    case("published = 2026-01-10T13:00:00+01:00", true);
    case("updated > 2026-01-19 and updated < 2026-01-21", true);
}

#[test]
fn a_day_is_one_in_the_sites_zone() {
    let late = Post { published_at: Utc.with_ymd_and_hms(2026, 1, 9, 20, 0, 0).single().expect("a time"), ..post() };
    let filter = |zone| Filter::parse("published = 2026-01-10", zone).expect("a filter");
    assert!(filter(Tz::Asia__Tokyo).matches(&late));
    assert!(!filter(Tz::UTC).matches(&late));
}

#[test]
fn what_cannot_be_meant_is_pointed_at() {
    #[track_caller]
    fn case(text: &str, marks: &str, message: &str, hint: &str) {
        let e = parse(text).expect_err(text);
        let drawn = format!("{}{}", " ".repeat(e.column), "^".repeat(e.width));
        assert_eq!((drawn.as_str(), e.message.as_str(), e.hint.as_deref().unwrap_or_default()), (marks, message, hint));
    }
    let example = "write for example `category=healthcare`, or leave the filter out for all posts";
    case("", "", "the filter is empty", example);
    case("  ", "^^", "the filter is empty", example);
    case("healthcare", "^^^^^^^^^^", "`healthcare` stands alone", "write `category=healthcare`");
    case("tag=a and 'b c'", "          ^^^^^", "`'b c'` stands alone", "write `category='b c'`");
    case("tag", "^^^", "`tag` stands alone", "write what it should be: `tag=healthcare`");
    case("published", "^^^^^^^^^", "`published` stands alone", "write what it should be: `published=2026-01-31`");
    case("Tag:aws", "^^^^^^^", "`Tag:aws` stands alone", "write `tag=aws`");
    case("tag=a tag=b", "      ^^^", "`and` or `or` is missing before `tag`", BETWEEN);
    case("tag=a (tag=b)", "      ^", "`and` or `or` is missing before `(`", BETWEEN);
    case("tag=a not tag=b", "      ^^^", "`and` or `or` is missing before `not`", BETWEEN);
    case("(tag=a tag=b)", "       ^^^", "`and` or `or` is missing before `tag`", BETWEEN);
    case("tag=big data", "        ^^^^", "`and` or `or` is missing before `data`", BETWEEN);
    case("tag==a", "   ^^", "`==` is not known here", "write `=`");
    case("tag=a && tag=b", "      ^^", "`&&` is not known here", "write `and`");
    case("tag=a||tag=b", "     ^^", "`||` is not known here", "write `or`");
    case("! tag=a", "^", "`!` is not known here", "write `not`");
    case("published => 2026-01-01", "          ^^", "`=>` is not known here", "write `>=`");
    case("tag <> a", "    ^^", "`<>` is not known here", "write `!=`");
    case(
        "tag < a",
        "    ^",
        "`tag` cannot be compared with `<`",
        "write `=` or `!=`; the others are for `published` and `updated`",
    );
    case("tag=", "^^^^", "`tag=` has no value", "write what it should be, such as `tag=healthcare`");
    case("lang = ''", "^^^^^^", "`lang=` has no value", "write what it should be, such as `lang=en`");
    case("(tag=)", " ^^^^", "`tag=` has no value", "write what it should be, such as `tag=healthcare`");
    case("tag= and tag=b", "^^^^", "`tag=` has no value", "if `and` is the value, write `tag='and'`");
    case(
        "tag=!=a",
        "    ^^",
        "`!=` stands where a value is due",
        "write one sign and a value, such as `tag=healthcare`",
    );
    case(
        "tag=a,b",
        "    ^^^",
        "`a,b` has a comma",
        "write `(tag=a or tag=b)`, or `'a,b'` if the comma belongs to the value",
    );
    case("=a", "^", "no field stands before `=`", "write for example `category=healthcare`");
    case("tag=a and", "      ^^^", "nothing stands after `and`", CONDITION);
    case("tag=a or or tag=b", "      ^^", "nothing stands after `or`", CONDITION);
    case("(not )", " ^^^", "nothing stands after `not`", CONDITION);
    case("and tag=a", "^^^", "nothing stands before `and`", CONDITION);
    case("(or tag=a)", " ^^", "nothing stands before `or`", CONDITION);
    case("tag=a and (tag=b", "          ^", "this parenthesis is not closed", "add `)` where it ends");
    case("(", "^", "this parenthesis is not closed", "add `)` where it ends");
    case("tag=a)", "     ^", "this parenthesis was never opened", "leave it out, or add `(` before it");
    case(")", "^", "this parenthesis was never opened", "leave it out, or add `(` before it");
    case("tag=a and ()", "          ^^", "nothing stands in these parentheses", "write a condition in them");
    case("tag='a and tag=b ", "    ^^^^^^^^^^^^", "this quotation is not closed", "add `'` where it ends");
    case("tga=a", "^^^", "unknown field `tga`", "did you mean `tag`?");
    case("categories=a", "^^^^^^^^^^", "unknown field `categories`", "did you mean `category`?");
    case("date>2026-01-01", "^^^^", "unknown field `date`", "did you mean `published`?");
    case(
        "größe=a",
        "^^^^^",
        "unknown field `größe`",
        "the fields are `category`, `topic`, `tag`, `author`, `lang`, `slug`, `id`, `published` and `updated`",
    );
    case(
        "published>2026-13-01",
        "          ^^^^^^^^^^",
        "`2026-13-01` is not a date",
        "write YYYY-MM-DD, or with a time 2026-03-02T09:00:00Z",
    );
}

const BETWEEN: &str = "write `and` between conditions that must all hold, `or` where one is enough";
const CONDITION: &str = "write a condition there, such as `category=healthcare`";

#[test]
fn ten_thousand_parentheses_are_refused_and_do_not_overflow() {
    let e = parse(&format!("{}tag=a{}", "(".repeat(10_000), ")".repeat(10_000))).expect_err("too deep");
    assert_eq!((e.message.as_str(), e.column), ("more than 100 parentheses are open here", 100));
    assert!(parse(&format!("{}tag=a{}", "not (".repeat(100), ")".repeat(100))).is_ok());
    assert!(parse(&format!("{}tag=a", "not ".repeat(10_001))).is_ok_and(|f| f.to_string() == "not tag=a"));
    assert!(parse(&vec!["tag=a"; 10_000].join(" or ")).is_ok());
}

#[test]
fn terms_are_told_with_their_places() {
    let filter = parse("tag=ä and (lang=en or AUTHOR != 'Ana Souza') and tag=b").expect("a filter");
    let terms: Vec<_> = filter.terms().collect();
    assert_eq!(terms, [(Axis::Tag, "ä", 4, 1), (Axis::Author, "Ana Souza", 33, 9), (Axis::Tag, "b", 53, 1)]);
}

#[test]
fn the_canonical_form_is_short() {
    #[track_caller]
    fn case(text: &str, want: &str) {
        assert_eq!(parse(text).expect("a filter").to_string(), want);
    }
    case("((TAG='a'))", "tag=a");
    case("tag=a AND (tag=b and tag=c)", "tag=a and tag=b and tag=c");
    case("(tag=a and tag=b) or tag=c", "tag=a and tag=b or tag=c");
    case("not (tag=a or tag=b) and not (tag!=c)", "not (tag=a or tag=b) and not tag!=c");
    case("not (not tag=a)", "tag=a");
    case("tag=\"it's\"", "tag=it's");
    case("tag='C++ & C'", "tag='C++ & C'");
    case("tag=\"don't stop\"", "tag=\"don't stop\"");
    case("tag='AND'", "tag='AND'");
    case("tag='~a'", "tag='~a'");
    case("published>='2026-01-01 09:00'", "published >= 2026-01-01T09:00");
}

/// The same as a filter, but as one writes it down in a test.
#[derive(Clone, Debug)]
enum Naive {
    And(Box<Naive>, Box<Naive>),
    Or(Box<Naive>, Box<Naive>),
    Not(Box<Naive>),
    Term(Axis, char, bool),
    Before(u32, bool),
}

impl Naive {
    fn any() -> impl Strategy<Value = Naive> {
        let leaf = prop_oneof![
            (prop::sample::select(&Axis::ALL[..]), prop::char::range('a', 'c'), any::<bool>())
                .prop_map(|(axis, value, negated)| Naive::Term(axis, value, negated)),
            (1..31u32, any::<bool>()).prop_map(|(day, or_on)| Naive::Before(day, or_on)),
        ];
        leaf.prop_recursive(6, 40, 2, |inner| {
            let pair = (inner.clone(), inner.clone()).prop_map(|(a, b)| (Box::new(a), Box::new(b)));
            prop_oneof![
                pair.clone().prop_map(|(a, b)| Naive::And(a, b)),
                pair.prop_map(|(a, b)| Naive::Or(a, b)),
                inner.prop_map(|a| Naive::Not(Box::new(a))),
            ]
        })
    }

    /// With parentheses around everything, or only where `not`, `and`, `or` need them.
    fn write(&self, all: bool, above: u8) -> String {
        let (rank, text) = match self {
            Naive::Or(a, b) => (0, format!("{} OR {}", a.write(all, 0), b.write(all, 0))),
            Naive::And(a, b) => (1, format!("{} and {}", a.write(all, 1), b.write(all, 1))),
            Naive::Not(a) => (2, format!("Not {}", a.write(all, 2))),
            Naive::Term(axis, value, negated) => {
                (3, format!("{} {} '{value}'", axis.name().to_uppercase(), if *negated { "!=" } else { "=" }))
            }
            Naive::Before(day, or_on) => (3, format!("published{}2026-01-{day:02}", if *or_on { "<=" } else { "<" })),
        };
        if all || rank < above { format!("( {text})") } else { text }
    }

    fn holds(&self, post: &Post) -> bool {
        match self {
            Naive::Or(a, b) => a.holds(post) || b.holds(post),
            Naive::And(a, b) => a.holds(post) && b.holds(post),
            Naive::Not(a) => !a.holds(post),
            Naive::Term(axis, value, negated) => post.terms.contains(&(*axis, value.to_string())) != *negated,
            Naive::Before(before, or_on) => {
                post.published_at < day(*before) || *or_on && post.published_at == day(*before)
            }
        }
    }
}

proptest! {
    #[test]
    fn a_filter_means_what_it_says(
        naive in Naive::any(),
        all in any::<bool>(),
        terms in prop::collection::vec((prop::sample::select(&Axis::ALL[..]), "[a-c]"), 0..6),
        published in 1..31u32,
    ) {
        let post = Post { terms, published_at: day(published), ..post() };
        let text = naive.write(all, 0);
        let filter = parse(&text).expect(&text);
        prop_assert_eq!(filter.matches(&post), naive.holds(&post), "{}", text);
        let again = parse(&filter.to_string()).expect("canonical");
        prop_assert_eq!(&again, &filter);
        prop_assert_eq!(again.to_string(), filter.to_string());
    }

    #[test]
    fn no_text_makes_it_panic_and_what_is_read_is_read_again(
        text in prop_oneof![
            any::<String>(),
            "([ ()=<>!&|,]|tag|published|not|and|or|'|\"|a|é|2026-01-02){0,24}",
            "tag=[^ ]{0,8}",
            "tag='[^']{0,8}'",
        ],
    ) {
        match parse(&text) {
            Ok(filter) => prop_assert_eq!(parse(&filter.to_string()), Ok(filter)),
            Err(e) => prop_assert!(e.column + e.width <= text.chars().count(), "{:?} in {}", e, text),
        }
    }
}
