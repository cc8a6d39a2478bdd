-- Who gets mail, what an issue was frozen as, and what became of each mail.
--
-- Reason: a mail is sent once. So what is sent and to whom is written down before the first mail, one row stands for each
-- pair of issue and subscriber, and each step of a mail is recorded before it is taken. The schema refuses a second row.
-- Times are seconds since 1970 in UTC.

-- What the store knows of itself, such as whose key signed.
CREATE TABLE fact (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriber (
    -- Never used again: tokens name it.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- What the address is compared by: small letters, the domain in its ASCII form.
    address TEXT NOT NULL UNIQUE,
    -- What mail is sent to: the part before the `@` as it was given.
    mailbox TEXT NOT NULL,
    name TEXT,
    -- Categories and topics, in one canonical text; empty for everything.
    choice TEXT NOT NULL DEFAULT '',
    -- Why no mail may be sent: 'bounced', 'complained', 'imported', 'asked'; null where it may.
    suppressed TEXT,
    added_at INTEGER NOT NULL
) STRICT;

CREATE TABLE subscription (
    digest TEXT NOT NULL,
    subscriber_id INTEGER NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
    -- 'pending', 'active' or 'ended'
    state TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (digest, subscriber_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX subscription_of_subscriber ON subscription (subscriber_id);

-- What somebody agreed to or took back, when, and how we know. Nothing in it is ever changed. It outlives an erased
-- subscriber, whom nothing in it names.
CREATE TABLE consent (
    id INTEGER PRIMARY KEY,
    subscriber_id INTEGER NOT NULL,
    -- Null where it is about all of them.
    digest TEXT,
    -- 'subscribed', 'confirmed', 'changed', 'unsubscribed', 'suppressed', 'released', 'erased'
    event TEXT NOT NULL,
    source TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX consent_of_subscriber ON consent (subscriber_id);

CREATE TRIGGER consent_is_never_changed BEFORE UPDATE ON consent
BEGIN SELECT RAISE(ABORT, 'consent is append-only'); END;
CREATE TRIGGER consent_is_never_removed BEFORE DELETE ON consent
BEGIN SELECT RAISE(ABORT, 'consent is append-only'); END;

-- Addresses that get no mail, as keyed hashes: also of people who were erased or never were subscribers.
CREATE TABLE suppression (
    hash BLOB PRIMARY KEY,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- While it is being frozen an issue has the state 'freezing' and nobody sees it.
ALTER TABLE issue ADD COLUMN freezing_by TEXT;
ALTER TABLE issue ADD COLUMN freezing_until INTEGER;
-- What had become of the period before: 'missed' or 'too_few'. It stands again where the issue is not frozen after all.
ALTER TABLE issue ADD COLUMN former_state TEXT;
ALTER TABLE issue ADD COLUMN frozen_at INTEGER;
-- What all its mails have in common, as JSON.
ALTER TABLE issue ADD COLUMN head TEXT;
-- The page of the issue, as HTML, without anything personal.
ALTER TABLE issue ADD COLUMN page TEXT;
ALTER TABLE issue ADD COLUMN content_hash TEXT;
ALTER TABLE issue ADD COLUMN audience_hash TEXT;
-- 'smtp', 'sendmail' or 'outbox'
ALTER TABLE issue ADD COLUMN transport TEXT;
-- How many subscribers were looked at: there are as many deliveries.
ALTER TABLE issue ADD COLUMN candidates INTEGER;
ALTER TABLE issue ADD COLUMN approved_at INTEGER;
-- Why nothing of it is sent for now; null where it is.
ALTER TABLE issue ADD COLUMN paused TEXT;
ALTER TABLE issue ADD COLUMN done_at INTEGER;
-- When it was taken back. After its first mail the state stays 'frozen', since its posts count as carried.
ALTER TABLE issue ADD COLUMN cancelled_at INTEGER;

-- An issue as mail, once for each list of posts that somebody gets.
CREATE TABLE variant (
    issue_id INTEGER NOT NULL REFERENCES issue (id),
    number INTEGER NOT NULL,
    subject TEXT NOT NULL,
    preheader TEXT NOT NULL,
    html TEXT NOT NULL,
    text TEXT NOT NULL,
    -- Entry ids, as a JSON list.
    entries TEXT NOT NULL,
    PRIMARY KEY (issue_id, number)
) STRICT, WITHOUT ROWID;

-- Which variant a choice leads to; null where nothing is for it. Kept while an issue is being frozen.
CREATE TABLE freezing_choice (
    issue_id INTEGER NOT NULL,
    choice TEXT NOT NULL,
    variant INTEGER,
    PRIMARY KEY (issue_id, choice)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
    issue_id INTEGER NOT NULL REFERENCES issue (id),
    subscriber_id INTEGER NOT NULL,
    -- Empty once the person was erased.
    mailbox TEXT NOT NULL,
    -- The digest that it is sent for; empty for an address that the settings name.
    via TEXT NOT NULL,
    variant INTEGER,
    -- 'planned', 'leased', 'on_wire', 'accepted', 'deferred', 'rejected', 'skipped', 'cancelled' or 'uncertain'
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Goes up with each lease: whoever lost one changes nothing any more.
    fence INTEGER NOT NULL DEFAULT 0,
    -- Both are null unless it is 'leased' or 'on_wire'.
    owner TEXT,
    lease_until INTEGER,
    -- When it may be tried again, where it is deferred.
    due_at INTEGER,
    -- The last reply of a server, with addresses masked.
    code INTEGER,
    reply TEXT,
    -- Why it is skipped, rejected without a reply, or uncertain.
    reason TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (issue_id, subscriber_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_by_state ON delivery (issue_id, state, due_at);
-- What workers hold: a few rows, found without looking at those of the whole issue.
CREATE INDEX delivery_held ON delivery (issue_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX delivery_of_owner ON delivery (owner) WHERE owner IS NOT NULL;
CREATE INDEX delivery_of_subscriber ON delivery (subscriber_id);

-- Tries that did not end a delivery. The last one stands in the delivery itself.
CREATE TABLE attempt (
    issue_id INTEGER NOT NULL,
    subscriber_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    worker TEXT NOT NULL,
    phase TEXT NOT NULL,
    code INTEGER,
    reply TEXT NOT NULL,
    PRIMARY KEY (issue_id, subscriber_id, number)
) STRICT, WITHOUT ROWID;
