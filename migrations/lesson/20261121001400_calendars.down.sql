DROP TABLE lesson.time_off;
DROP TABLE lesson.date_overrides;
DROP INDEX lesson.weekly_rules_of_teacher;
-- What the former tables cannot hold is cut: hours past midnight and hours of some
-- dates only.
DELETE FROM lesson.weekly_rules WHERE first_date IS NOT NULL OR last_date IS NOT NULL;
UPDATE lesson.weekly_rules SET end_minute = 1440 WHERE end_minute > 1440;
ALTER TABLE lesson.weekly_rules
    DROP CONSTRAINT weekly_rules_no_overlap,
    DROP CONSTRAINT weekly_rules_dates_in_order,
    DROP CONSTRAINT weekly_rules_stretch,
    DROP COLUMN last_date,
    DROP COLUMN first_date,
    DROP COLUMN id,
    ADD CONSTRAINT weekly_rules_pkey PRIMARY KEY (teacher_id, day_of_week, start_minute),
    ADD CONSTRAINT weekly_rules_stretch CHECK (start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440),
    ADD CONSTRAINT weekly_rules_no_overlap EXCLUDE USING gist (
        teacher_id WITH =, day_of_week WITH =, int4range(start_minute, end_minute) WITH &&
    );
