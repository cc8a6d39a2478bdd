use super::*;
use proptest::prelude::*;

fn headers(line: &str) -> Vec<String> {
    line.split(',').map(str::to_owned).collect()
}

fn names(kind: &'static str, known: &[&str]) -> Names {
    Names::new(kind, known.iter().map(|name| (*name, *name)))
}

/// What a row of a file with these columns says.
fn row(columns: &str, cells: &str) -> Result<Arrival, String> {
    row_for(columns, cells, None)
}

fn row_for(columns: &str, cells: &str, digest: Option<&str>) -> Result<Arrival, String> {
    let columns = Columns::of(&headers(columns), &[]).expect("columns");
    let meaning = Meaning {
        columns: &columns,
        digest: digest.or((!columns.has(Field::Digests)).then_some("weekly")),
        digests: &names("digest", &["weekly", "daily"]),
        categories: &names("category", &["care", "news"]),
        topics: &names("topic", &["aws"]),
        now: "2026-11-23T12:00:00Z".parse().expect("a time"),
    };
    meaning.arrival(&Record { line: 2, cells: headers(cells) })
}

#[test]
fn columns_are_known_by_the_names_that_tools_give_them() {
    #[track_caller]
    fn case(line: &str, want: &str) {
        let columns = Columns::of(&headers(line), &[]).unwrap();
        let known: Vec<String> = columns.known().map(|(field, header)| format!("{header}={}", field.word())).collect();
        assert_eq!(known.join(" "), want);
    }
    case("email,name", "email=email name=name");
    case("E-Mail,First Name,Last Name,Phone", "E-Mail=email First Name=first_name Last Name=last_name");
    case("address,status", "address=email status=status");
    // Where there is a better one, `address` is where somebody lives.
    case(
        "Address,Email Address,OPTIN_TIME,UNSUB_TIME",
        "Email Address=email UNSUB_TIME=unsubscribed_at OPTIN_TIME=subscribed_at",
    );
    case(
        "uuid,email,name,attributes,status,created_at",
        "email=email name=name status=status created_at=subscribed_at",
    );
    case(
        "id,email,name,note,subscribed_to_emails,created_at,labels",
        "email=email name=name subscribed_to_emails=status created_at=subscribed_at",
    );
    case(
        "email,digests,pending,ended,categories,topics,suppressed",
        "email=email digests=digests pending=pending ended=ended categories=categories topics=topics suppressed=suppressed",
    );
}

#[test]
fn columns_may_be_named_by_hand() {
    let map = |column: &str, field| (column.to_owned(), field);
    let line = headers("Kontakt,Liste,name");
    let columns = Columns::of(&line, &[map("kontakt", Some(Field::Address)), map("name", None)]).unwrap();
    assert_eq!(columns.known().collect::<Vec<_>>(), [(Field::Address, "Kontakt")]);
    assert_eq!(columns.unused, ["Liste", "name"]);
    let err = Columns::of(&line, &[map("x", None)]).unwrap_err();
    assert_eq!(err.to_string(), "there is no column `x`: there are `Kontakt`, `Liste`, `name`");
    let err = Columns::of(&line, &[]).unwrap_err();
    assert_eq!(
        err.to_string(),
        "no column is known as the one with the addresses: there are `Kontakt`, `Liste`, `name`"
    );
    let err = Columns::of(&headers("ana@example.org,Ana"), &[]).unwrap_err();
    assert_eq!(err.to_string(), "the first line holds an address, not the names of columns");
}

#[test]
fn a_row_says_who_is_meant() {
    let ana = row("email,first name,last name,created", "Ana@Example.org,Ana,Souza,2026-01-02 03:04:05").unwrap();
    assert_eq!(ana.address.as_str(), "Ana@example.org");
    assert_eq!(ana.name.unwrap().as_str(), "Ana Souza");
    assert_eq!(ana.subscriptions, [("weekly".into(), State::Active)]);
    assert_eq!(ana.at.unwrap().to_rfc3339(), "2026-01-02T03:04:05+00:00");
    assert_eq!((ana.choice, ana.suppressed), (None, None));
    let ana =
        row("email,digests,categories,topics", "Ana Souza <ana@example.org>,Daily; weekly,News|care,AWS").unwrap();
    assert_eq!(ana.name.unwrap().as_str(), "Ana Souza");
    assert_eq!(ana.subscriptions, [("daily".into(), State::Active), ("weekly".into(), State::Active)]);
    assert_eq!(ana.choice.unwrap().to_string(), "category=care,news;topic=aws");
    // A digest that the command names stands above those in the file.
    let ana = row_for("email,lists", "ana@example.org,Members", Some("daily")).unwrap();
    assert_eq!(ana.subscriptions, [("daily".into(), State::Active)]);
}

#[test]
fn who_left_bounced_or_complained_is_never_subscribed() {
    #[track_caller]
    fn case(columns: &str, cells: &str, want: &str) {
        let one = row(columns, cells).unwrap();
        let mut all: Vec<String> = one.subscriptions.iter().map(|(d, state)| format!("{d} {}", state.word())).collect();
        all.extend(one.suppressed.map(|reason| reason.word().to_owned()));
        assert_eq!(all.join(", "), want, "{columns}: {cells}");
    }
    case("email,status", "a@example.org,Subscribed", "weekly active");
    case("email,status", "a@example.org,pending", "weekly pending");
    for word in ["unsubscribed", "Unsubscribed", "opted-out", "inactive", "false", "0", "non-subscribed"] {
        case("email,status", &format!("a@example.org,{word}"), "weekly ended");
    }
    for word in ["bounced", "Hard Bounce", "cleaned"] {
        case("email,status", &format!("a@example.org,{word}"), "bounced");
    }
    case("email,status", "a@example.org,spam complaint", "complained");
    case("email,status", "a@example.org,blocklisted", "imported");
    case("email,UNSUB_TIME", "a@example.org,2024-01-01", "weekly ended");
    case("email,UNSUB_TIME", "a@example.org,", "weekly active");
    case("email,unsubscribed", "a@example.org,false", "weekly active");
    case("email,status,UNSUB_TIME", "a@example.org,subscribed,2024-01-01", "weekly ended");
    case("email,status,CLEAN_TIME", "a@example.org,subscribed,2024-01-01", "bounced");
    case("email,digests,suppressed", "a@example.org,weekly,complained", "complained");
    case("email,digests,suppressed", "a@example.org,weekly,who knows", "imported");
    case("email,digests,pending,ended", "a@example.org,weekly,weekly,daily", "daily ended, weekly pending");
    case("email,digests,ended", "a@example.org,weekly,weekly", "weekly ended");
    case("email,digests,pending,status", "a@example.org,weekly,daily,unsubscribed", "daily ended, weekly ended");
    case("email,digests,pending,status", "a@example.org,weekly,daily,bounced", "bounced");
}

#[test]
fn what_a_row_does_wrong_is_told() {
    #[track_caller]
    fn case(columns: &str, cells: &str, want: &str) {
        assert_eq!(row(columns, cells).unwrap_err(), want);
    }
    case("email,name", ",Ana", "there is no address");
    case("email,name", "a@example.org,Ana,Souza", "it has 3 cells, and the first line 2");
    case("email,name", "a@example.org,A\0", "the name has control characters");
    case("email,status", "a@example.org,", "its status is empty, so it does not say that they are subscribed");
    case("email,status", "a@example.org,gold", "its status `gold` is not known");
    case("email,digests", "a@example.org,wekly", "there is no digest `wekly`; did you mean `weekly`?");
    case("email,digests", "a@example.org,", "it names no digest");
    case("email,topics", "a@example.org,awss", "there is no topic `awss`; did you mean `aws`?");
    case(
        "email,created",
        "a@example.org,11/23/2026",
        "`11/23/2026` is not a time like 2026-11-23 or 2026-11-23 09:00:00",
    );
    case("email,created", "a@example.org,2027-01-01", "`2027-01-01` is still to come");
    assert!(row("email,name,phone", "a@example.org").is_ok());
    assert!(row("email,name", "a@example.org,Ana,,").is_ok());
}

#[test]
fn a_formula_is_no_formula_any_more_and_is_read_back() {
    #[track_caller]
    fn case(cell: &str, want: &str) {
        assert_eq!(escaped(cell), want);
        assert_eq!(unescaped(want), cell);
    }
    case("Ana", "Ana");
    case("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0");
    case("+1", "'+1");
    case("-x@example.org", "'-x@example.org");
    case("@SUM(1)", "'@SUM(1)");
    case("'=1", "''=1");
    case("O'Neill", "O'Neill");
    case("'n Beetje", "'n Beetje");
}

proptest! {
    #[test]
    fn any_cell_is_read_back(cell in "['=+@a-]{0,6}") {
        let written = escaped(&cell).into_owned();
        prop_assert_eq!(unescaped(&written), cell.as_str());
        prop_assert!(!is_formula(&written));
    }
}

#[test]
fn of_two_times_the_first_that_is_there_counts() {
    #[track_caller]
    fn case(cells: &str, want: Option<&str>) {
        let arrival = row("email,CONFIRM_TIME,OPTIN_TIME", cells).expect("a row");
        assert_eq!(arrival.at.map(|at| at.format("%Y-%m-%d").to_string()).as_deref(), want, "{cells}");
    }
    case("ana@example.org,2020-01-02 10:00:00,2020-01-01 10:00:00", Some("2020-01-01"));
    case("ana@example.org,2020-01-02 10:00:00,", Some("2020-01-02"));
    case("ana@example.org,,", None);
}
