-- People and their settings.
CREATE TABLE lesson.users (
    id uuid PRIMARY KEY,
    display_name text NOT NULL,
    language text NOT NULL,
    -- IANA name; checked by the service against the one zone database it links.
    time_zone text NOT NULL,
    -- Seconds before a lesson at which the person is reminded (OLM-3: one hour).
    reminder_leads_s integer[] NOT NULL DEFAULT '{3600}',
    version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL,
    CONSTRAINT users_display_name_length CHECK (char_length(display_name) BETWEEN 1 AND 128),
    CONSTRAINT users_language_known CHECK (language IN ('ru', 'en')),
    CONSTRAINT users_time_zone_given CHECK (time_zone <> ''),
    CONSTRAINT users_reminder_leads_few CHECK (
        cardinality(reminder_leads_s) <= 5
        AND array_position(reminder_leads_s, NULL) IS NULL
        AND 60 <= ALL (reminder_leads_s)
        AND 1209600 >= ALL (reminder_leads_s)
    ),
    CONSTRAINT users_version_positive CHECK (version > 0)
);

-- Teachers are listed by name, page after page after (name, id). The collation is
-- fixed so that the order does not depend on how the cluster was made.
CREATE INDEX users_by_name ON lesson.users ((lower(display_name) COLLATE "C"), id);
