-- How many deliveries of an issue stand where, and short ways to the few subscribers that are not like the others.
--
-- Reason: whoever asks how an issue stands waited until all its deliveries were counted, and for the few who are pending, have
-- left or get no mail everybody was looked at. The counts are kept by the database itself with each row that it writes, in
-- the same transaction, so that no statement and no crash can part them from the rows.

CREATE TABLE delivery_total (
    issue_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (issue_id, state)
) STRICT, WITHOUT ROWID;

INSERT INTO delivery_total (issue_id, state, count) SELECT issue_id, state, count(*) FROM delivery GROUP BY issue_id, state;

CREATE TRIGGER delivery_is_counted AFTER INSERT ON delivery
BEGIN
    INSERT INTO delivery_total (issue_id, state, count) VALUES (NEW.issue_id, NEW.state, 1)
        ON CONFLICT (issue_id, state) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER delivery_is_counted_elsewhere AFTER UPDATE OF issue_id, state ON delivery
    WHEN OLD.state <> NEW.state OR OLD.issue_id <> NEW.issue_id
BEGIN
    UPDATE delivery_total SET count = count - 1 WHERE issue_id = OLD.issue_id AND state = OLD.state;
    INSERT INTO delivery_total (issue_id, state, count) VALUES (NEW.issue_id, NEW.state, 1)
        ON CONFLICT (issue_id, state) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER delivery_is_counted_no_more AFTER DELETE ON delivery
BEGIN
    UPDATE delivery_total SET count = count - 1 WHERE issue_id = OLD.issue_id AND state = OLD.state;
END;

CREATE INDEX subscription_not_active ON subscription (state, subscriber_id) WHERE state <> 'active';
CREATE INDEX subscriber_suppressed ON subscriber (id) WHERE suppressed IS NOT NULL;
