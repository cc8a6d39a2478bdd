-- What became of each period of each digest, and which posts were carried.
--
-- Reason: a post is in one issue of a digest at most, however often it is renamed or moved and however many hosts run the
-- command. So posts are known by their entry ids, and the schema itself refuses to carry one twice.
--
-- What a delivery needs (the frozen content, subscribers, the ledger) comes with later migrations and refers to issue.id.
-- Times are seconds since 1970 in UTC.

-- So that a file of another program is never taken for a store.
PRAGMA application_id = 1953064041;

-- One row for each period of which something became, also where it had no issue in the end.
CREATE TABLE issue (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    period TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    cutoff_at INTEGER NOT NULL,
    -- 'frozen', 'cancelled', 'missed' or 'too_few'; a later version may know more.
    state TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    UNIQUE (digest, period)
) STRICT;

-- The posts of issues that stand. Those of a cancelled issue are taken out again.
CREATE TABLE carried (
    digest TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    period TEXT NOT NULL,
    -- The place in the issue, from 0.
    position INTEGER NOT NULL,
    PRIMARY KEY (digest, entry_id),
    UNIQUE (digest, period, position),
    FOREIGN KEY (digest, period) REFERENCES issue (digest, period)
) STRICT, WITHOUT ROWID;

-- Posts that count as carried though no issue did, and the period with which that began.
CREATE TABLE passed (
    digest TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    period TEXT NOT NULL,
    PRIMARY KEY (digest, entry_id),
    FOREIGN KEY (digest, period) REFERENCES issue (digest, period)
) STRICT, WITHOUT ROWID;
