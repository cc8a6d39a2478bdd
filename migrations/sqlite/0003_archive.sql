-- What the archive shows of an issue, and what was taken out of it.
--
-- Reason: a post may have to go from an issue that has gone out. The page as HTML cannot be cut without guessing, so what it
-- was made from is kept beside it, and it is made anew without the post. An issue that was frozen before has its page alone.

-- What the page was made from, as JSON.
ALTER TABLE issue ADD COLUMN view TEXT;
-- When a post was last taken out of the page; null where it is as it was frozen.
ALTER TABLE issue ADD COLUMN redacted_at INTEGER;
-- By which names those posts are known (entry id and last part of the address), as a JSON list of lists.
ALTER TABLE issue ADD COLUMN redacted TEXT;
