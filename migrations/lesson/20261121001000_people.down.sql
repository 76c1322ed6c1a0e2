DROP INDEX lesson.users_name_part;
ALTER TABLE lesson.users DROP CONSTRAINT users_display_name_length;
-- An erased person has no name that the former rule would accept.
UPDATE lesson.users SET display_name = '-' WHERE erase_time IS NOT NULL;
ALTER TABLE lesson.users
    DROP CONSTRAINT users_erased_is_nobody,
    DROP CONSTRAINT users_muted_kinds_few,
    DROP CONSTRAINT users_quiet_hours_whole,
    DROP CONSTRAINT users_about_length,
    DROP COLUMN erase_time,
    DROP COLUMN is_admin,
    DROP COLUMN muted_kinds,
    DROP COLUMN quiet_end_minute,
    DROP COLUMN quiet_start_minute,
    DROP COLUMN name_chosen,
    DROP COLUMN about,
    ADD CONSTRAINT users_display_name_length CHECK (char_length(display_name) BETWEEN 1 AND 128);
