-- The hot table: one small row per accepted notification, rewritten several times in
-- its short life. What is only read once or twice lives in notification_details.
CREATE TABLE notify.notifications (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    -- The recipient's bot; null while there is no address to send to.
    bot_id      bigint,
    state       text NOT NULL DEFAULT 'pending',
    -- olm.notify.v1.Lane: 2 interactive, 3 reminder, 4 broadcast; earlier lanes go first.
    lane        smallint NOT NULL,
    -- When it is to be sent.
    due_at      timestamptz NOT NULL,
    -- When it is to be begun next: due_at, or later after a back-off.
    next_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    -- Only rises: a result for an older attempt changes nothing.
    attempt_no  integer NOT NULL DEFAULT 0,
    -- Attempts that Telegram refused (OLM-3: at most 3).
    counted     smallint NOT NULL DEFAULT 0,
    -- Uncounted returns in a row, for the growing back-off.
    returned    smallint NOT NULL DEFAULT 0,
    -- A second copy was allowed, because the first one's outcome is unknown.
    resent      boolean NOT NULL DEFAULT false,
    -- Cancelled after it was begun: nothing may begin it again.
    stop        boolean NOT NULL DEFAULT false,
    -- Raised by every change; Begin and every other edge compare and set it.
    version     bigint NOT NULL DEFAULT 1,
    -- Of the last Begin.
    epoch       bigint,
    begun_at    timestamptz,
    state_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notifications_recipient_fkey
        FOREIGN KEY (user_id) REFERENCES notify.recipients (user_id),
    CONSTRAINT notifications_state_known CHECK (state IN (
        'pending', 'sending', 'sent', 'failed', 'uncertain', 'unconfirmed', 'canceled', 'expired')),
    CONSTRAINT notifications_lane_known CHECK (lane BETWEEN 2 AND 4),
    CONSTRAINT notifications_expire_after_due CHECK (due_at < expires_at),
    CONSTRAINT notifications_counted_at_most_three CHECK (counted BETWEEN 0 AND 3),
    CONSTRAINT notifications_attempt_not_negative CHECK (attempt_no >= 0),
    CONSTRAINT notifications_begun_whole CHECK (
        (attempt_no = 0) = (begun_at IS NULL) AND (epoch IS NULL) = (begun_at IS NULL)),
    CONSTRAINT notifications_never_begun_while_stopped CHECK (NOT (stop AND state = 'pending'))
) WITH (fillfactor = 70);

-- What a dispatcher loads: the next seconds of one bot, lane by lane.
CREATE INDEX notifications_pending_due ON notify.notifications (bot_id, lane, next_at)
    WHERE state = 'pending';
-- What the sweep reads: pending past their expiry, begun and never heard of again,
-- and outcomes to resolve.
CREATE INDEX notifications_pending_expiry ON notify.notifications (expires_at)
    WHERE state = 'pending';
CREATE INDEX notifications_sending ON notify.notifications (begun_at)
    WHERE state = 'sending';
CREATE INDEX notifications_uncertain ON notify.notifications (bot_id)
    WHERE state = 'uncertain';
-- What waits for a person: the sweep of the unreachable, a moved address.
CREATE INDEX notifications_pending_of_person ON notify.notifications (user_id, next_at)
    WHERE state = 'pending';
-- A person's list, the latest due first.
CREATE INDEX notifications_by_recipient ON notify.notifications (user_id, due_at DESC, id DESC);
