-- When teachers work: wall clock in a zone, never converted to instants at rest, so
-- that a weekly hour stays that hour across clock changes.
CREATE TABLE lesson.availabilities (
    teacher_id uuid PRIMARY KEY REFERENCES lesson.teachers ON DELETE CASCADE,
    -- IANA name; the zone of every rule.
    time_zone text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT availabilities_time_zone_given CHECK (time_zone <> ''),
    CONSTRAINT availabilities_version_positive CHECK (version > 0)
);

-- [start, end) of one weekday, in minutes of the wall clock; 1440 is 24:00.
CREATE TABLE lesson.weekly_rules (
    teacher_id uuid NOT NULL REFERENCES lesson.availabilities ON DELETE CASCADE,
    -- ISO 8601: 1 Monday to 7 Sunday.
    day_of_week smallint NOT NULL,
    start_minute smallint NOT NULL,
    end_minute smallint NOT NULL,
    PRIMARY KEY (teacher_id, day_of_week, start_minute),
    CONSTRAINT weekly_rules_day CHECK (day_of_week BETWEEN 1 AND 7),
    CONSTRAINT weekly_rules_stretch CHECK (start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440),
    CONSTRAINT weekly_rules_no_overlap EXCLUDE USING gist (
        teacher_id WITH =, day_of_week WITH =, int4range(start_minute, end_minute) WITH &&
    )
);
