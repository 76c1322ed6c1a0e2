-- The log of attempts, written in the statement that begins one and completed once by
-- its outcome. No foreign key: it is dropped by retention, and late results may
-- outlive what they are about.
CREATE TABLE notify.attempts (
    notification_id      uuid NOT NULL,
    attempt_no           integer NOT NULL,
    bot_id               bigint NOT NULL,
    gateway_id           uuid NOT NULL,
    epoch                bigint NOT NULL,
    begun_at             timestamptz NOT NULL DEFAULT now(),
    outcome              text,
    outcome_at           timestamptz,
    telegram_message_id  bigint,
    -- Telegram's or the gateway's words.
    detail               text NOT NULL DEFAULT '',
    -- The outcome came after the notification had ended another way.
    late                 boolean NOT NULL DEFAULT false,
    CONSTRAINT attempts_pkey PRIMARY KEY (notification_id, attempt_no),
    CONSTRAINT attempts_outcome_known CHECK (outcome IN (
        'sent', 'not_written', 'limited', 'chat_gone', 'refused', 'ambiguous')),
    CONSTRAINT attempts_outcome_whole CHECK ((outcome IS NULL) = (outcome_at IS NULL))
);

-- What a gateway is asked about when it owns a bot again.
CREATE INDEX attempts_open ON notify.attempts (bot_id, gateway_id) WHERE outcome IS NULL;
