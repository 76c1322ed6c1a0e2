-- Secret links by which calendar programs read a person's lessons.
CREATE TABLE lesson.calendar_feeds (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES lesson.users ON DELETE CASCADE,
    -- SHA-256 of the link's token; the token itself is nowhere.
    token_hash bytea NOT NULL,
    create_time timestamptz NOT NULL,
    revoke_time timestamptz,
    CONSTRAINT calendar_feeds_token_hash_once UNIQUE (token_hash),
    CONSTRAINT calendar_feeds_token_hash_is_sha256 CHECK (octet_length(token_hash) = 32)
);

-- A person's living feeds, the newest first.
CREATE INDEX calendar_feeds_of_user ON lesson.calendar_feeds (user_id, create_time DESC)
    WHERE revoke_time IS NULL;
