-- What notify-svc has yet to be told. A row commits with the change it tells of and
-- goes when notify-svc has it.
CREATE TABLE lesson.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    entity_id uuid NOT NULL,
    version bigint NOT NULL,
    -- The encoded request: SyncLessonRequest or PutRecipientRequest.
    payload bytea NOT NULL,
    -- W3C trace context of the change; empty when it was not traced.
    traceparent text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    -- Also the lease: a replica that takes the row moves this ahead, so that no lock
    -- is held during the call. On the database's clock, the one all replicas share.
    next_attempt_time timestamptz NOT NULL DEFAULT now(),
    -- Set when notify-svc refused the row for good; such a row waits for a person.
    park_time timestamptz,
    last_error text NOT NULL DEFAULT '',
    CONSTRAINT outbox_kind_known CHECK (kind IN ('lesson', 'recipient')),
    CONSTRAINT outbox_once_per_version UNIQUE (kind, entity_id, version)
);

-- What is due, oldest first.
CREATE INDEX outbox_due ON lesson.outbox (next_attempt_time, id) WHERE park_time IS NULL;
