-- Mails to one person that are no issue, and who wants no issue for a while.
--
-- Reason: whoever signs up waits for a mail that asks whether it was them. It is a delivery like any other: written down
-- whole before it is sent, sent once, tried again where a server says "later", and uncertain where nobody can know. What the
-- person asked for waits beside it until they say yes, so that a form that somebody else filled in changes nothing.
-- Times are seconds since 1970 in UTC.

CREATE TABLE notice (
    -- Never used again: tokens name it. It must fit into 32 bits there.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- It outlives an erased subscriber, whom nothing in it names.
    subscriber_id INTEGER NOT NULL,
    -- 'confirm', 'known', 'link' or 'welcome'
    kind TEXT NOT NULL,
    -- What a yes puts into effect, as JSON; null where there is nothing to say yes to, and once it is forgotten.
    request TEXT,
    -- What whoever asks saw on the form, for the trail of consent; null where there is nothing to say yes to.
    source TEXT,
    -- When it was put into effect, or closed since its owner left.
    settled_at INTEGER,
    -- Empty once the person was erased or the notice is old.
    mailbox TEXT NOT NULL,
    -- The mail, whole, as JSON, so that a second attempt has the same bytes; null once it was accepted or skipped,
    -- since the links in it open somebody's pages for long.
    letter TEXT,
    -- As for deliveries; 'cancelled' does not occur.
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
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX notice_by_state ON notice (state, due_at);
-- What workers hold: a few rows, found without looking at all that there ever were.
CREATE INDEX notice_held ON notice (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX notice_of_subscriber ON notice (subscriber_id, created_at);

-- Until when somebody gets no issue, by their own wish; null for everybody else.
ALTER TABLE subscriber ADD COLUMN paused_until INTEGER;

-- 1 while nothing is known of them but that somebody filled in a form with their address: only such people are forgotten
-- where they never say yes.
ALTER TABLE subscriber ADD COLUMN by_form INTEGER NOT NULL DEFAULT 0;
