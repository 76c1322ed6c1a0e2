-- What people say of themselves, when they want quiet, who administers, who is gone.
ALTER TABLE lesson.users
    ADD COLUMN about text NOT NULL DEFAULT '',
    -- The name is the person's own choice: Telegram's does not replace it any more.
    ADD COLUMN name_chosen boolean NOT NULL DEFAULT false,
    -- [start, end) of every day in the person's zone, in minutes of the wall clock; an
    -- end before the start is the next day's.
    ADD COLUMN quiet_start_minute smallint,
    ADD COLUMN quiet_end_minute smallint,
    -- Kinds of olm.notify.v1.LessonNoticeKind, in lower case.
    ADD COLUMN muted_kinds text[] NOT NULL DEFAULT '{}',
    ADD COLUMN is_admin boolean NOT NULL DEFAULT false,
    -- A tombstone: the row stays for the history of others, nothing personal is left.
    ADD COLUMN erase_time timestamptz,
    DROP CONSTRAINT users_display_name_length,
    ADD CONSTRAINT users_display_name_length CHECK (
        CASE WHEN erase_time IS NULL THEN char_length(display_name) BETWEEN 1 AND 128
             ELSE display_name = '' END
    ),
    ADD CONSTRAINT users_about_length CHECK (char_length(about) <= 1000),
    ADD CONSTRAINT users_quiet_hours_whole CHECK (
        (quiet_start_minute IS NULL) = (quiet_end_minute IS NULL)
        AND quiet_start_minute <> quiet_end_minute
        AND quiet_start_minute BETWEEN 0 AND 1439 AND quiet_end_minute BETWEEN 0 AND 1439
    ),
    ADD CONSTRAINT users_muted_kinds_few CHECK (
        cardinality(muted_kinds) <= 10 AND array_position(muted_kinds, NULL) IS NULL
    ),
    ADD CONSTRAINT users_erased_is_nobody CHECK (
        erase_time IS NULL OR (about = '' AND NOT is_admin)
    );

-- People are searched by any part of their name.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE INDEX users_name_part ON lesson.users USING gin (lower(display_name) public.gin_trgm_ops);
