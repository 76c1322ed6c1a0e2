-- Whom notifications go to: notify-svc's copy of a person's settings, because texts
-- are rendered with the settings of the moment they are sent, and lesson-svc may be
-- away then. Version 0 is a stub: a lesson came before its person.
CREATE TABLE notify.recipients (
    user_id            uuid PRIMARY KEY,
    version            bigint NOT NULL DEFAULT 0,
    display_name       text NOT NULL DEFAULT '',
    language           text NOT NULL DEFAULT 'en',
    time_zone          text NOT NULL DEFAULT 'UTC',
    reminder_leads_s   bigint[] NOT NULL DEFAULT '{}',
    bot_id             bigint,
    chat_id            bigint,
    -- Since when Telegram says that nothing reaches this person; an update of the
    -- person reopens them.
    unreachable_since  timestamptz,
    -- A tombstone: late snapshots must not revive an erased person.
    erased_at          timestamptz,
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT recipients_version_not_negative CHECK (version >= 0),
    CONSTRAINT recipients_language_known CHECK (language IN ('ru', 'en')),
    CONSTRAINT recipients_leads_positive CHECK (0 < ALL (reminder_leads_s)),
    CONSTRAINT recipients_address_whole CHECK ((bot_id IS NULL) = (chat_id IS NULL)),
    CONSTRAINT recipients_address_real CHECK (bot_id > 0 AND chat_id <> 0)
);

-- CreateNotification by telegram_user_id: in a private chat the chat's id is the user's.
CREATE INDEX recipients_by_chat ON notify.recipients (chat_id) WHERE chat_id IS NOT NULL;

-- The sweep fails what falls due for the unreachable: few people, many rows.
CREATE INDEX recipients_unreachable ON notify.recipients (user_id)
    WHERE unreachable_since IS NOT NULL;
