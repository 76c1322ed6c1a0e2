-- Which gateway may send a bot's notifications. A row is taken over only after it was
-- released or ran out, and each change of hands raises the epoch: Begin checks it.
CREATE TABLE notify.owners (
    bot_id      bigint PRIMARY KEY,
    epoch       bigint NOT NULL,
    gateway_id  uuid NOT NULL,
    -- The stream on which it is owned; its replica is the bot's one dispatcher.
    stream_id   uuid NOT NULL,
    expires_at  timestamptz NOT NULL,
    -- The last renewal stored in this epoch; 0 before the first.
    renewal     bigint NOT NULL DEFAULT 0,
    -- The gateway's journal has been heard: what can be known is known.
    ready       boolean NOT NULL DEFAULT false,
    CONSTRAINT owners_bot_real CHECK (bot_id > 0),
    CONSTRAINT owners_epoch_positive CHECK (epoch > 0),
    CONSTRAINT owners_renewal_not_negative CHECK (renewal >= 0)
);
