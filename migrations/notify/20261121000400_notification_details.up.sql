-- The cold half of a notification: what it says, where it came from, how it ended.
-- Written at acceptance and at the end; joined when it is sent. Names and settings
-- of people are not here: they are joined from recipients.
CREATE TABLE notify.notification_details (
    notification_id      uuid PRIMARY KEY,
    kind                 text NOT NULL,
    -- An olm.notify.v1.Content without names.
    content              bytea NOT NULL,
    -- Whose name is joined as the counterpart's.
    counterpart_id       uuid,
    lesson_id            uuid,
    -- What planning told whom, once: kind, booking (or the teacher's lesson), schedule
    -- version, lead. Given up when a planned row is cancelled unsent, so that a plan
    -- that wants it again can have it.
    plan_key             text,
    caller               text NOT NULL,
    client               text NOT NULL DEFAULT '',
    request_id           uuid,
    -- SHA-256 of the request: a repeat must be a repeat of the same.
    body_hash            bytea,
    uncertain_policy     text NOT NULL DEFAULT 'resend',
    -- W3C trace context of what caused it.
    traceparent          text NOT NULL DEFAULT '',
    telegram_message_id  bigint,
    failure              text NOT NULL DEFAULT '',
    created_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notification_details_notification_fkey
        FOREIGN KEY (notification_id) REFERENCES notify.notifications (id) ON DELETE CASCADE,
    CONSTRAINT notification_details_plan_key_once UNIQUE (plan_key),
    CONSTRAINT notification_details_request_once UNIQUE (caller, client, request_id),
    CONSTRAINT notification_details_kind_known CHECK (
        kind IN ('custom', 'booked', 'reminder', 'canceled')),
    CONSTRAINT notification_details_request_whole CHECK (
        (request_id IS NULL) = (body_hash IS NULL) AND octet_length(body_hash) = 32),
    CONSTRAINT notification_details_planned_has_lesson CHECK (
        plan_key IS NULL OR lesson_id IS NOT NULL),
    CONSTRAINT notification_details_policy_known CHECK (uncertain_policy IN ('resend', 'hold'))
);

-- What planning told about a lesson.
CREATE INDEX notification_details_by_lesson ON notify.notification_details (lesson_id)
    WHERE lesson_id IS NOT NULL;
-- What a client created.
CREATE INDEX notification_details_by_client ON notify.notification_details (caller, client)
    WHERE lesson_id IS NULL;
