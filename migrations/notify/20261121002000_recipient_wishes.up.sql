-- When a person wants quiet and what they do not want to be told: planning and sending
-- ask for both, and lesson-svc may be away then.
ALTER TABLE notify.recipients
    -- Minutes of the day in the person's zone, [start, end); null: no quiet hours.
    ADD COLUMN quiet_start_minute smallint,
    ADD COLUMN quiet_end_minute   smallint,
    ADD COLUMN muted_kinds        text[] NOT NULL DEFAULT '{}',
    -- When they last wrote or gave another address: an attempt begun before says nothing
    -- of whether they can be reached.
    ADD COLUMN seen_at            timestamptz,
    ADD CONSTRAINT recipients_quiet_whole
        CHECK ((quiet_start_minute IS NULL) = (quiet_end_minute IS NULL)),
    ADD CONSTRAINT recipients_quiet_in_a_day CHECK (
        quiet_start_minute BETWEEN 0 AND 1439 AND quiet_end_minute BETWEEN 0 AND 1439
        AND quiet_start_minute <> quiet_end_minute),
    ADD CONSTRAINT recipients_erased_are_nobody CHECK (
        erased_at IS NULL
        OR (display_name = '' AND chat_id IS NULL AND quiet_start_minute IS NULL
            AND muted_kinds = '{}' AND reminder_leads_s = '{}'));
