-- Idempotency: what a person's request_id made, and the hash of what was asked.
CREATE TABLE lesson.requests (
    user_id uuid NOT NULL REFERENCES lesson.users ON DELETE CASCADE,
    request_id uuid NOT NULL,
    -- SHA-256 of the RPC's name and its canonical body.
    body_hash bytea NOT NULL,
    -- The lesson or teacher that the first request made.
    made_id uuid NOT NULL,
    create_time timestamptz NOT NULL,
    -- A racing repeat waits here for the first, then reads what it made.
    PRIMARY KEY (user_id, request_id),
    CONSTRAINT requests_body_hash_is_sha256 CHECK (octet_length(body_hash) = 32)
);
