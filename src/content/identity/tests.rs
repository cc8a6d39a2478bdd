use super::*;
use proptest::prelude::*;

/// A post that owns its texts.
#[derive(Clone, Debug)]
struct Sample {
    file: String,
    address: String,
    own_id: Option<Spanned<String>>,
    slug: String,
    day: u32,
    body: u8,
    blank: bool,
    is_draft: bool,
}

/// A post of day `day` of 2016 with its slug in file and address, and the day as its body.
fn post(slug: &str, day: u32) -> Sample {
    Sample {
        file: format!("content/posts/{slug}.md"),
        address: format!("/blog/{slug}/"),
        own_id: None,
        slug: slug.to_owned(),
        day,
        body: day as u8,
        blank: false,
        is_draft: false,
    }
}

impl Sample {
    fn own(self, id: &str) -> Sample {
        Sample { own_id: Some(Spanned::new(id.to_owned(), Span { line: 2, column: 5, width: 3 })), ..self }
    }
    fn file(self, name: &str) -> Sample {
        Sample { file: format!("content/posts/{name}.md"), ..self }
    }
    fn body(self, body: u8) -> Sample {
        Sample { body, ..self }
    }
    fn draft(self) -> Sample {
        Sample { is_draft: true, ..self }
    }
    fn known(&self) -> Known<'_> {
        Known {
            file: &self.file,
            address: &self.address,
            own_id: self.own_id.as_ref(),
            slug: &self.slug,
            published_on: NaiveDate::from_yo_opt(2016, self.day).expect("a day of 2016"),
            body: (!self.blank).then_some([self.body; 16]),
            is_draft: self.is_draft,
            title_span: Span { line: 3, column: 8, width: 6 },
        }
    }
}

fn run(posts: &[Sample], lock: &Lock) -> Assigned {
    let known: Vec<Known<'_>> = posts.iter().map(Sample::known).collect();
    assign(&known, lock, None, "example.org")
}

/// The ids without their prefix, where nothing is found.
#[track_caller]
fn ids(posts: &[Sample], lock: &Lock) -> Vec<String> {
    let assigned = run(posts, lock);
    assert_eq!(assigned.findings, []);
    assigned.ids.iter().map(|id| id.replace("tag:example.org,2016:", "")).collect()
}

fn findings(assigned: &Assigned) -> String {
    assigned.findings.iter().map(|finding| finding.render(None)).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_id_is_made_from_the_date_and_the_slug_and_locked() {
    let posts = [post("b", 2), post("über", 1), post("own", 3).own("xyz"), post("draft", 4).draft()];
    let assigned = run(&posts, &Lock::default());
    assert_eq!(
        assigned.ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        [
            "tag:example.org,2016:2016-01-02/b",
            "tag:example.org,2016:2016-01-01/%C3%BCber",
            "tag:example.org,2016:xyz",
            "tag:example.org,2016:2016-01-04/draft",
        ]
    );
    assert_eq!(
        assigned.lock.to_text(),
        "# What must never change by itself. Written by tidings; commit it with the posts.
id_prefix = \"tag:example.org,2016:\"

[posts]
\"/blog/b/\" = { id = \"tag:example.org,2016:2016-01-02/b\", file = \"content/posts/b.md\", body = \"02020202020202020202020202020202\" }
\"/blog/über/\" = { id = \"tag:example.org,2016:2016-01-01/%C3%BCber\", file = \"content/posts/über.md\", body = \"01010101010101010101010101010101\" }
"
    );
}

#[test]
fn the_prefix_comes_from_the_settings_or_the_lock_or_the_first_post_that_is_no_draft() {
    #[track_caller]
    fn case(configured: Option<&str>, locked: Option<&str>, posts: &[Sample], want: &str, want_locked: Option<&str>) {
        let configured = configured.map(|prefix| Spanned::new(prefix.to_owned(), Span::default()));
        let lock = Lock { id_prefix: locked.map(str::to_owned), ..Lock::default() };
        let known: Vec<Known<'_>> = posts.iter().map(Sample::known).collect();
        let assigned = assign(&known, &lock, configured.as_ref(), "example.org");
        assert_eq!(assigned.findings, []);
        assert_eq!((assigned.prefix.as_str(), assigned.lock.id_prefix.as_deref()), (want, want_locked));
    }
    case(None, None, &[], "tag:example.org,1970:", None);
    case(None, None, &[post("a", 1).draft()], "tag:example.org,2016:", None);
    case(None, None, &[post("a", 1)], "tag:example.org,2016:", Some("tag:example.org,2016:"));
    case(None, Some("urn:x:"), &[], "urn:x:", Some("urn:x:"));
    case(None, Some("urn:x:"), &[post("a", 1)], "urn:x:", Some("urn:x:"));
    case(Some("urn:y:"), None, &[post("a", 1)], "urn:y:", Some("urn:y:"));
    case(Some("urn:y:"), None, &[post("a", 1).draft()], "urn:y:", None);
    case(Some("urn:y:"), Some("urn:y:"), &[post("a", 1)], "urn:y:", Some("urn:y:"));
}

#[test]
fn a_prefix_that_would_change_ids_is_refused() {
    let lock = Lock { id_prefix: Some("tag:example.org,2016:".to_owned()), ..Lock::default() };
    let configured = Spanned::new("tag:example.org,2026:".to_owned(), Span { line: 9, column: 13, width: 23 });
    let own = post("a", 1).own("xyz");
    let assigned = assign(&[own.known()], &lock, Some(&configured), "example.org");
    assert_eq!(
        findings(&assigned),
        "error: `id_prefix` would change published ids: `tag:example.org,2016:xyz` would become `tag:example.org,2026:xyz`
 --> tidings.toml:9:13
hint: write `id_prefix = \"tag:example.org,2016:\"`, as in tidings.lock, or leave the key out;
      if nothing is published yet, delete `id_prefix` from tidings.lock instead
"
    );
    assert_eq!(assigned.lock, lock);
}

#[test]
fn a_line_keeps_the_id_of_its_address_whatever_the_post_says() {
    let adopted = Line { id: "https://example.org/?p=1".to_owned(), ..Line::default() };
    let lock = Lock { id_prefix: None, posts: BTreeMap::from([("/blog/a/".to_owned(), adopted)]) };
    let posts = [post("a", 1).own("xyz")];
    assert_eq!(ids(&posts, &lock), ["https://example.org/?p=1"]);
    // The line has become the post's, and follows it to a new slug.
    let lock = run(&posts, &lock).lock;
    let renamed = [Sample { address: "/blog/z/".to_owned(), slug: "z".to_owned(), ..posts[0].clone() }];
    assert_eq!(ids(&renamed, &lock), ["https://example.org/?p=1"]);
    assert_eq!(run(&renamed, &lock).lock.posts.keys().collect::<Vec<_>>(), ["/blog/z/"]);
    // Renamed and edited at once, it could as well be another post that was put into that file.
    assert_eq!(run(&[renamed[0].clone().body(77)], &lock).findings.len(), 1);
}

#[test]
fn an_id_survives_a_new_slug_a_new_file_a_new_date_and_an_edit() {
    let lock = run(&[post("a", 1)], &Lock::default()).lock;
    let before = "2016-01-01/a";
    assert_eq!(ids(&[post("z", 1).file("a")], &lock), [before]);
    assert_eq!(ids(&[post("z", 1).file("a").body(99)], &lock), [before]);
    assert_eq!(ids(&[post("a", 1).file("z")], &lock), [before]);
    assert_eq!(ids(&[post("a", 9).file("z").body(1)], &lock), [before]);
    assert_eq!(ids(&[post("a", 1).draft()], &lock), [before]);
}

#[test]
fn a_post_that_looks_like_one_that_is_gone_gets_no_new_id() {
    let lock = run(&[post("spring", 1), post("b", 2)], &Lock::default()).lock;
    let lock = Lock::parse(&lock.to_text()).expect("a lock");
    let moved = post("summer", 5).body(1);
    let assigned = run(&[moved.clone(), post("b", 2)], &lock);
    assert_eq!(
        findings(&assigned),
        "error: this looks like the post that was at `/blog/spring/`, and would get another id
 --> content/posts/summer.md:3:8
hint: if it is that post, put this line into tidings.lock in place of the one of `/blog/spring/`, line 6:
      \"/blog/summer/\" = { id = \"tag:example.org,2016:2016-01-01/spring\", file = \"content/posts/summer.md\", body = \"01010101010101010101010101010101\" }
      if it is another post, delete that line
"
    );
    assert_eq!(assigned.lock, lock);
    // With an id of its own it is the same, but for one that says the lost id.
    assert_eq!(run(&[moved.clone().own("xyz"), post("b", 2)], &lock).findings.len(), 1);
    assert_eq!(ids(&[moved.clone().own("2016-01-01/spring")], &lock), ["2016-01-01/spring"]);
    // What the hint says settles it.
    let line = assigned.findings[0].hint.as_ref().and_then(|hint| hint.lines().nth(1)).expect("a line");
    let text = lock.to_text().lines().filter(|l| !l.starts_with("\"/blog/spring/")).collect::<Vec<_>>().join("\n");
    let settled = Lock::parse(&format!("{text}\n{line}\n")).expect("a lock");
    assert_eq!(ids(&[moved.clone(), post("b", 2)], &settled), ["2016-01-01/spring", "2016-01-02/b"]);
    assert_eq!(
        ids(&[moved.clone(), post("b", 2)], &Lock::parse(&text).expect("a lock")),
        ["2016-01-05/summer", "2016-01-02/b"]
    );
    // A draft has no published id, and a blank body says nothing.
    assert_eq!(ids(&[moved.clone().draft()], &lock), ["2016-01-05/summer"]);
    assert_eq!(ids(&[Sample { blank: true, ..moved }], &lock), ["2016-01-05/summer"]);
}

#[test]
fn a_post_at_the_address_of_a_renamed_one_is_pointed_out() {
    let lock = run(&[post("spring", 1)], &Lock::default()).lock;
    let renamed = Sample { address: "/blog/spring-2016/".to_owned(), ..post("spring", 1) };
    let assigned = run(&[renamed, post("spring", 80).file("new")], &lock);
    assert_eq!(
        findings(&assigned),
        "error: this looks like the post that was at `/blog/spring/`, where `content/posts/new.md` is now, and would get another id
 --> content/posts/spring.md:3:8
hint: if it is that post, put this line into tidings.lock in place of the one of `/blog/spring/`:
      \"/blog/spring-2016/\" = { id = \"tag:example.org,2016:2016-01-01/spring\", file = \"content/posts/spring.md\", body = \"01010101010101010101010101010101\" }
      if it is another post, put this one there instead:
      \"/blog/spring/\" = { id = \"tag:example.org,2016:2016-01-01/spring\", file = \"content/posts/new.md\", body = \"50505050505050505050505050505050\" }
"
    );
    assert_eq!(assigned.lock, lock);
}

#[test]
fn two_posts_that_swap_their_slugs_are_pointed_out() {
    let lock = run(&[post("a", 1), post("b", 2)], &Lock::default()).lock;
    let assigned = run(&[post("b", 1).file("a"), post("a", 2).file("b")], &lock);
    let places: Vec<&str> =
        assigned.findings.iter().filter_map(|f| f.place.as_ref()).map(|place| place.file.as_str()).collect();
    assert_eq!(places, ["content/posts/a.md", "content/posts/b.md"]);
    assert_eq!(assigned.lock, lock);
}

#[test]
fn a_post_with_an_id_that_moves_to_a_locked_address_is_pointed_out() {
    let lock = run(&[post("a", 1)], &Lock::default()).lock;
    let assigned = run(&[post("a", 2).file("other").own("xyz")], &lock);
    assert_eq!(
        findings(&assigned),
        "error: tidings.lock keeps another id for the address of this post, `/blog/a/`
 --> content/posts/other.md:2:5
hint: if that id is this post's, put this line into tidings.lock in place of the one of `/blog/a/`:
      \"/blog/a/\" = { id = \"tag:example.org,2016:2016-01-01/a\", file = \"content/posts/other.md\", body = \"02020202020202020202020202020202\" }
      if it was another post's, delete that line
"
    );
}

#[test]
fn two_posts_with_one_id_are_refused_with_both_places() {
    let assigned = run(&[post("b", 2).own("xyz"), post("a", 1).own("xyz")], &Lock::default());
    assert_eq!(
        findings(&assigned),
        "error: two posts have the id `tag:example.org,2016:xyz`: this one and `content/posts/b.md`
 --> content/posts/a.md:2:5
hint: give one of them another `id`; a reader shows only one of the two

error: two posts have the id `tag:example.org,2016:xyz`: this one and `content/posts/a.md`
 --> content/posts/b.md:2:5
hint: give one of them another `id`; a reader shows only one of the two
"
    );
    let lock = run(&[post("b", 2)], &Lock::default()).lock;
    let assigned = run(&[post("b", 2), post("a", 1).own("2016-01-02/b")], &lock);
    assert_eq!(
        findings(&assigned),
        "error: two posts have the id `tag:example.org,2016:2016-01-02/b`: this one and `content/posts/b.md`
 --> content/posts/a.md:2:5
hint: give one of them another `id`; a reader shows only one of the two; it is in tidings.lock, in the line of `/blog/b/`
"
    );
}

#[test]
fn an_id_of_a_feed_is_refused() {
    let assigned = run(&[post("a", 1).own("feed/all"), post("b", 2).own("feeds/all")], &Lock::default());
    assert_eq!(
        findings(&assigned),
        "error: the id of this post could be that of a feed: `tag:example.org,2016:feed/all`
 --> content/posts/a.md:2:5
hint: ids of feeds start with `tag:example.org,2016:feed/`; give the post another `id`
"
    );
}

#[test]
fn a_new_post_at_an_old_address_does_not_take_over_the_id() {
    let lock = run(&[post("sale", 1)], &Lock::default()).lock;
    let lock = Lock::parse(&lock.to_text()).expect("a lock");
    let new = post("sale", 80).file("2017.sale");
    let assigned = run(std::slice::from_ref(&new), &lock);
    assert_eq!(
        findings(&assigned),
        "error: this post would take over the id of another one that was at `/blog/sale/`: `tag:example.org,2016:2016-01-01/sale`
 --> content/posts/2017.sale.md:3:8
hint: its file, its text and its day are others; if it is that post all the same, put this line into tidings.lock in place of the one of `/blog/sale/`, line 5:
      \"/blog/sale/\" = { id = \"tag:example.org,2016:2016-01-01/sale\", file = \"content/posts/2017.sale.md\", body = \"50505050505050505050505050505050\" }
      if it is another post, delete that line
"
    );
    assert_eq!(assigned.lock, lock);
    // Both ways to settle it.
    let line = assigned.findings[0].hint.as_ref().and_then(|hint| hint.lines().nth(1)).expect("a line");
    let without = lock.to_text().lines().filter(|l| !l.starts_with("\"/blog/sale/")).collect::<Vec<_>>().join("\n");
    let kept = Lock::parse(&format!("{without}\n{line}\n")).expect("a lock");
    assert_eq!(ids(std::slice::from_ref(&new), &kept), ["2016-01-01/sale"]);
    let without = Lock::parse(&without).expect("a lock");
    assert_eq!(ids(std::slice::from_ref(&new), &without), ["2016-03-20/sale"]);
    // One day, file or text in common is enough; a draft waits, and does not become that post meanwhile.
    assert_eq!(ids(&[post("sale", 1).file("z").body(9)], &lock), ["2016-01-01/sale"]);
    assert_eq!(ids(&[post("sale", 80)], &lock), ["2016-01-01/sale"]);
    let drafted = run(&[new.clone().draft()], &lock);
    assert_eq!((drafted.findings.len(), &drafted.lock), (0, &lock));
    assert_eq!(run(&[new], &drafted.lock).findings, assigned.findings);
}

#[test]
fn a_post_renamed_and_edited_at_once_gets_no_new_id_in_silence() {
    let lock = run(&[post("spring", 1), post("b", 2)], &Lock::default()).lock;
    let renamed = post("summer", 1).body(9);
    let assigned = run(&[renamed.clone(), post("b", 2)], &lock);
    assert_eq!(
        findings(&assigned),
        "error: this looks like the post that was at `/blog/spring/`, and would get another id
 --> content/posts/summer.md:3:8
hint: if it is that post, put this line into tidings.lock in place of the one of `/blog/spring/`:
      \"/blog/summer/\" = { id = \"tag:example.org,2016:2016-01-01/spring\", file = \"content/posts/summer.md\", body = \"09090909090909090909090909090909\" }
      if it is another post, delete that line
"
    );
    // Not where the old post is still there, on another day, with an id of its own, or as a draft.
    assert_eq!(ids(&[renamed.clone(), post("spring", 1)], &lock), ["2016-01-01/summer", "2016-01-01/spring"]);
    assert_eq!(ids(&[post("summer", 3)], &lock), ["2016-01-03/summer"]);
    assert_eq!(ids(&[renamed.clone().own("xyz")], &lock), ["xyz"]);
    assert_eq!(ids(&[renamed.draft()], &lock), ["2016-01-01/summer"]);
}

#[test]
fn a_made_id_that_somebody_has_gets_a_number() {
    // A renamed post keeps the id of its first slug; a new one of the same day may have that slug now.
    let lock = run(&[post("a", 1)], &Lock::default()).lock;
    let lock = run(&[post("z", 1).file("a")], &lock).lock;
    assert_eq!(
        ids(&[post("z", 1).file("a"), post("a", 1).file("new").body(9)], &lock),
        ["2016-01-01/a", "2016-01-01/a-2"]
    );
    // Two new ones of one day and slug: in the order of their addresses, drafts last.
    let at = |address: &str| Sample { address: address.to_owned(), ..post("a", 1).file(address) };
    let three = [at("/y/a/"), at("/x/a/"), at("/w/a/").draft()];
    assert_eq!(ids(&three, &Lock::default()), ["2016-01-01/a-2", "2016-01-01/a", "2016-01-01/a-3"]);
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    // Distinct files and addresses, but bodies, days, slugs and ids that may meet.
    let one = (0..4u32, 0..4u8, prop::option::weighted(0.3, 0..9u8), any::<bool>(), prop::bool::weighted(0.2));
    prop::collection::vec(one, 0..7).prop_map(|posts| {
        let sample = |(n, (day, body, own, blank, is_draft)): (usize, (u32, u8, Option<u8>, bool, bool))| {
            let sample = Sample { is_draft, blank: blank && body == 0, ..post(&format!("p{n}"), day + 1).body(body) };
            let sample = Sample { slug: format!("s{}", n % 3), ..sample };
            if let Some(own) = own { sample.own(&format!("id{own}")) } else { sample }
        };
        posts.into_iter().enumerate().map(sample).collect()
    })
}

/// The same posts after some renaming: of addresses (also to each other's and to those that are free), files and days.
fn changed() -> impl Strategy<Value = (Vec<Sample>, Vec<Sample>)> {
    let unique = samples().prop_map(|mut posts| {
        for (n, post) in (0..).zip(&mut posts) {
            (post.body, post.blank, post.is_draft) = (100 + n, false, false);
            if let Some(own) = &mut post.own_id {
                own.value = format!("id{n}");
            }
        }
        posts
    });
    (unique, prop::collection::vec((0..12usize, 0..12usize, any::<bool>(), any::<bool>()), 7), 0..3usize).prop_map(
        |(before, changes, gone)| {
            let mut after: Vec<Sample> = before.iter().skip(gone).cloned().collect();
            for (i, (address, file, renames, moves)) in changes.into_iter().enumerate().take(after.len()) {
                let address = format!("/blog/p{address}/");
                if renames && let Some(other) = after.iter().position(|post| post.address == address) {
                    after[other].address = after[i].address.clone();
                }
                let post = &mut after[i];
                if renames {
                    post.address = address;
                    post.slug = format!("new{i}");
                }
                let file = format!("content/posts/p{file}.md");
                if moves && !after.iter().any(|post| post.file == file) {
                    after[i].file = file;
                    after[i].day = 300;
                }
            }
            (before, after)
        },
    )
}

proptest! {
    #[test]
    fn the_order_of_the_posts_makes_no_difference(posts in samples(), later in samples(), turn in 0..7usize) {
        let lock = run(&posts, &Lock::default()).lock;
        let there = run(&later, &lock);
        let mut turned = later.clone();
        turned.rotate_left(turn.min(later.len()));
        turned.reverse();
        let back = run(&turned, &lock);
        prop_assert_eq!(&there.lock, &back.lock);
        prop_assert_eq!(&there.findings, &back.findings);
        for (post, id) in later.iter().zip(&there.ids) {
            let same = turned.iter().position(|other| other.file == post.file).expect("the same posts");
            prop_assert_eq!(id, &back.ids[same]);
        }
    }

    #[test]
    fn the_lock_that_comes_out_gives_itself_again(posts in samples(), later in samples()) {
        let first = run(&posts, &Lock::default());
        for posts in [posts, later] {
            let once = run(&posts, &first.lock);
            let again = run(&posts, &once.lock);
            prop_assert_eq!(&again.lock, &once.lock);
            prop_assert_eq!(&again.ids, &once.ids);
            prop_assert_eq!(&again.findings, &once.findings);
            let text = once.lock.to_text();
            prop_assert_eq!(Lock::parse(&text), Ok(once.lock), "{}", text);
        }
    }

    #[test]
    fn ids_are_distinct_and_no_line_is_ever_lost(posts in samples(), later in samples()) {
        let first = run(&posts, &Lock::default());
        let second = run(&later, &first.lock);
        let distinct: HashSet<&Text> = second.ids.iter().collect();
        prop_assert!(distinct.len() == second.ids.len() || !second.findings.is_empty());
        let kept: HashSet<&str> = second.lock.posts.values().map(|line| line.id.as_str()).collect();
        prop_assert!(first.lock.posts.values().all(|line| kept.contains(line.id.as_str())));
    }

    #[test]
    fn renaming_slug_file_or_domain_changes_no_id_in_silence((before, after) in changed()) {
        let first = run(&before, &Lock::default());
        prop_assert!(first.findings.is_empty());
        let known: Vec<Known<'_>> = after.iter().map(Sample::known).collect();
        let second = assign(&known, &first.lock, None, "elsewhere.example");
        for (post, id) in after.iter().zip(&second.ids) {
            let was = before.iter().position(|other| other.body == post.body).expect("no new posts");
            // Who takes over both the address and the file of a locked post is that post, for all that can be seen.
            let took = |other: &Sample| (&other.address, &other.file) == (&post.address, &post.file);
            if before.iter().any(|other| took(other) && other.body != post.body) {
                continue;
            }
            prop_assert!(
                *id == first.ids[was] || second.findings.iter().any(|f| f.place.as_ref().is_some_and(|p| p.file == post.file)),
                "{} became {} without a word\n{}", first.ids[was], id, first.lock.to_text()
            );
        }
    }
}
