-- What the delivery engine needs beside the states: how a bot is served, whether anything
-- is sent at all, moved chats, fairness among senders, and webhooks.

-- Who sends a bot's notifications. A bot without a row is in stream mode.
CREATE TABLE notify.bots (
    bot_id      bigint PRIMARY KEY,
    -- The client that polls for it; null: a gateway streams.
    client      text,
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT bots_real CHECK (bot_id > 0),
    CONSTRAINT bots_client_named CHECK (client ~ '^[a-z0-9-]{1,64}$'),
    -- "pending" needs no bot's id then.
    CONSTRAINT bots_client_polls_one UNIQUE (client)
);

-- The switch, one row. It knows the database it was written in: in a restored copy it does
-- not fit, and everything stays unsent until an operator says otherwise.
CREATE TABLE notify.sending (
    single      boolean PRIMARY KEY DEFAULT true,
    enabled     boolean NOT NULL DEFAULT true,
    -- Of the cluster and the database: pg_control_system().system_identifier and pg_database.oid;
    -- empty until a replica has started.
    database    text NOT NULL DEFAULT '',
    off_reason  text,
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT sending_single CHECK (single),
    CONSTRAINT sending_off_for_a_reason CHECK (enabled = (off_reason IS NULL)),
    CONSTRAINT sending_reason_known CHECK (off_reason IN ('operator', 'restored'))
);
INSERT INTO notify.sending DEFAULT VALUES;

-- Groups that became supergroups: lesson-svc may go on telling their former id.
CREATE TABLE notify.moved_chats (
    bot_id     bigint NOT NULL,
    chat_id    bigint NOT NULL,
    moved_to   bigint NOT NULL,
    moved_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT moved_chats_pkey PRIMARY KEY (bot_id, chat_id),
    CONSTRAINT moved_chats_elsewhere CHECK (moved_to <> chat_id AND moved_to <> 0)
);

-- When a gateway got the bot from another that had not released it.
ALTER TABLE notify.owners ADD COLUMN taken_over_at timestamptz;

ALTER TABLE notify.notifications
    -- The next attempt goes as plain text: Telegram could not read the markup.
    ADD COLUMN plain boolean NOT NULL DEFAULT false,
    -- Whose broadcast it is (a hash of caller and client): many of one sender do not hold
    -- up the few of another. 0: nobody's in particular.
    ADD COLUMN sender bigint NOT NULL DEFAULT 0,
    -- Its end is told (notify.webhooks).
    ADD COLUMN webhook boolean NOT NULL DEFAULT false;

-- Its rows live minutes and stay for months: a fifth of them dead, the default, would be a
-- hundred times what waits.
ALTER TABLE notify.notifications SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- The broadcast lane is read sender by sender.
CREATE INDEX notifications_pending_by_sender ON notify.notifications (bot_id, sender, next_at)
    WHERE state = 'pending' AND lane = 4;

ALTER TABLE notify.attempts
    DROP CONSTRAINT attempts_outcome_known,
    ADD CONSTRAINT attempts_outcome_known CHECK (outcome IN (
        'sent', 'not_written', 'limited', 'chat_gone', 'refused', 'ambiguous', 'moved'));
-- Retention goes by age.
CREATE INDEX attempts_by_begin ON notify.attempts (begun_at);
CREATE INDEX notifications_by_end ON notify.notifications (state_at)
    WHERE state NOT IN ('pending', 'sending', 'uncertain');
CREATE INDEX lessons_by_end ON notify.lessons (end_at);

-- Where the terminal state of a custom notification is posted (CNS-5), signed with a key of
-- its client's. due_at is set when the state is reached, in the same transaction, and
-- cleared when the client has it.
CREATE TABLE notify.webhooks (
    notification_id  uuid PRIMARY KEY,
    url              text NOT NULL,
    -- Of the URL, with its port: a slow host does not hold up others.
    host             text NOT NULL,
    -- What is to be told, and since when.
    state            text,
    state_at         timestamptz,
    due_at           timestamptz,
    -- Posts of this state that failed.
    tries            smallint NOT NULL DEFAULT 0,
    -- Raised by each claim and each new state: a late answer of an older post changes nothing.
    version          bigint NOT NULL DEFAULT 0,
    -- Told, or given up.
    done_at          timestamptz,
    given_up         boolean NOT NULL DEFAULT false,
    CONSTRAINT webhooks_notification_fkey
        FOREIGN KEY (notification_id) REFERENCES notify.notifications (id) ON DELETE CASCADE,
    CONSTRAINT webhooks_state_terminal CHECK (
        state IN ('sent', 'failed', 'unconfirmed', 'canceled', 'expired')),
    CONSTRAINT webhooks_state_whole CHECK ((state IS NULL) = (state_at IS NULL)),
    CONSTRAINT webhooks_due_has_state CHECK (due_at IS NULL OR state IS NOT NULL)
);
CREATE INDEX webhooks_due ON notify.webhooks (host, due_at) WHERE due_at IS NOT NULL;

-- By a trigger, so that no way of ending a notification forgets it. "unconfirmed" may be
-- followed by "sent", which is told too.
CREATE FUNCTION notify.tell_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notify.webhooks
    SET state = NEW.state, state_at = NEW.state_at, due_at = clock_timestamp(),
        tries = 0, version = version + 1, done_at = NULL, given_up = false
    WHERE notification_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER notifications_tell_end AFTER UPDATE OF state ON notify.notifications
    FOR EACH ROW
    WHEN (NEW.webhook AND NEW.state <> OLD.state
          AND NEW.state IN ('sent', 'failed', 'unconfirmed', 'canceled', 'expired'))
    EXECUTE FUNCTION notify.tell_end();
