ALTER TABLE notify.recipients
    DROP CONSTRAINT recipients_erased_are_nobody,
    DROP COLUMN quiet_start_minute,
    DROP COLUMN quiet_end_minute,
    DROP COLUMN muted_kinds,
    DROP COLUMN seen_at;
