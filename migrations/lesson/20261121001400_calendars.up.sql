-- Weekly hours that hold for some dates only, and that may run past midnight: an end
-- minute beyond 1440 is the next day's.
ALTER TABLE lesson.weekly_rules
    DROP CONSTRAINT weekly_rules_pkey,
    DROP CONSTRAINT weekly_rules_stretch,
    DROP CONSTRAINT weekly_rules_no_overlap,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The dates the interval may begin on, [first, last].
    ADD COLUMN first_date date,
    ADD COLUMN last_date date,
    ADD CONSTRAINT weekly_rules_stretch CHECK (
        start_minute BETWEEN 0 AND 1439 AND end_minute > start_minute AND end_minute <= start_minute + 1440
    ),
    ADD CONSTRAINT weekly_rules_dates_in_order CHECK (first_date <= last_date),
    -- Of one weekday; what runs past midnight into the next is checked by the service
    -- under the teacher's lock.
    ADD CONSTRAINT weekly_rules_no_overlap EXCLUDE USING gist (
        teacher_id WITH =, day_of_week WITH =, int4range(start_minute, end_minute) WITH &&,
        daterange(first_date, last_date, '[]') WITH &&
    );

CREATE INDEX weekly_rules_of_teacher ON lesson.weekly_rules (teacher_id, day_of_week, start_minute);

-- Other hours on one date of the availability's zone: they replace every weekly rule
-- that would begin on it. A date without intervals is a day off.
CREATE TABLE lesson.date_overrides (
    teacher_id uuid NOT NULL REFERENCES lesson.availabilities ON DELETE CASCADE,
    on_date date NOT NULL,
    -- By start; of equal length.
    start_minutes smallint[] NOT NULL DEFAULT '{}',
    end_minutes smallint[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (teacher_id, on_date),
    CONSTRAINT date_overrides_whole CHECK (
        cardinality(start_minutes) = cardinality(end_minutes) AND cardinality(start_minutes) <= 10
        AND array_position(start_minutes, NULL) IS NULL AND array_position(end_minutes, NULL) IS NULL
    )
);

-- Stretches in which nothing can be booked, as instants.
CREATE TABLE lesson.time_off (
    id uuid PRIMARY KEY,
    teacher_id uuid NOT NULL REFERENCES lesson.availabilities ON DELETE CASCADE,
    during tstzrange NOT NULL,
    note text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL,
    CONSTRAINT time_off_is_a_stretch CHECK (
        NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)
        AND NOT lower_inf(during) AND NOT upper_inf(during)
    ),
    CONSTRAINT time_off_note_length CHECK (char_length(note) <= 200)
);

CREATE INDEX time_off_of_teacher ON lesson.time_off USING gist (teacher_id, during);
