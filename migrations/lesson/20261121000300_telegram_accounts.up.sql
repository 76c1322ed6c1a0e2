-- Which person is behind a Telegram account, and in which chat the bot reaches them.
-- An address is not an identity, hence a table of its own.
CREATE TABLE lesson.telegram_accounts (
    bot_id bigint NOT NULL,
    telegram_user_id bigint NOT NULL,
    user_id uuid NOT NULL REFERENCES lesson.users ON DELETE CASCADE,
    chat_id bigint NOT NULL,
    -- Makes registration idempotent, also when /start arrives twice at once.
    PRIMARY KEY (bot_id, telegram_user_id),
    -- One address a person, for now.
    CONSTRAINT telegram_accounts_one_per_user UNIQUE (user_id),
    CONSTRAINT telegram_accounts_ids_positive CHECK (bot_id > 0 AND telegram_user_id > 0 AND chat_id > 0)
);
