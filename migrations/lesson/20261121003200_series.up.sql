-- Lessons at one wall-clock hour every n weeks. The series says how it goes on, its
-- occurrences what was decided about each: booked as a lesson, or skipped. An occurrence is
-- decided once: a lesson that is moved or cancelled by itself is not made again.
CREATE TABLE lesson.series (
    id uuid PRIMARY KEY,
    teacher_id uuid NOT NULL REFERENCES lesson.teachers,
    student_id uuid REFERENCES lesson.users,
    group_id uuid,
    -- IANA name; the zone of date and time of day. Never instants, so that the hour stays
    -- that hour across clock changes.
    time_zone text NOT NULL,
    -- The date of occurrence 0 as the pattern is now; those that are over may have been
    -- elsewhere. Occurrence n is n times every_weeks weeks after it.
    first_date date NOT NULL,
    start_minute smallint NOT NULL,
    duration_s integer NOT NULL,
    every_weeks smallint NOT NULL,
    -- Occurrences 0 to this minus one exist.
    occurrence_count smallint NOT NULL,
    -- Those below were decided; the job goes on here.
    next_ordinal smallint NOT NULL DEFAULT 0,
    -- When the last occurrence starts, by the pattern; null when there is none.
    last_start_time timestamptz,
    status text NOT NULL DEFAULT 'running',
    meeting_url text NOT NULL DEFAULT '',
    notes text NOT NULL DEFAULT '',
    cancel_reason text NOT NULL DEFAULT '',
    canceled_from_time timestamptz,
    -- In which role, by whom and with what body the last change of the schedule was made: a
    -- repeat of it is known by these.
    changed_role text NOT NULL,
    changed_by uuid REFERENCES lesson.users,
    change_hash bytea,
    -- The admin who gave it notes or link last, to forget them; null: its teacher did.
    described_by uuid REFERENCES lesson.users,
    -- Raised by every change that somebody makes.
    version bigint NOT NULL DEFAULT 1,
    -- Raised by pattern, place, end and status; part of every notification's key.
    schedule_version bigint NOT NULL DEFAULT 1,
    -- Orders what notify-svc is told; raised also when only people or clocks changed.
    told_version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL,
    -- When the next occurrences are to be decided; also the lease of the replica that does.
    due_time timestamptz,
    -- When to look next whether somebody's local hour shifts.
    clock_check_time timestamptz,
    CONSTRAINT series_for_one_or_a_group CHECK ((student_id IS NULL) <> (group_id IS NULL)),
    CONSTRAINT series_not_of_themselves CHECK (teacher_id <> student_id),
    CONSTRAINT series_group FOREIGN KEY (group_id, teacher_id)
        REFERENCES lesson.groups (id, teacher_id),
    CONSTRAINT series_time_zone_given CHECK (time_zone <> ''),
    CONSTRAINT series_start_minute_range CHECK (start_minute BETWEEN 0 AND 1439),
    CONSTRAINT series_duration_range CHECK (duration_s BETWEEN 300 AND 28800 AND duration_s % 60 = 0),
    CONSTRAINT series_every_weeks_range CHECK (every_weeks BETWEEN 1 AND 52),
    CONSTRAINT series_occurrence_count_range CHECK (
        occurrence_count BETWEEN 0 AND 200 AND (occurrence_count - 1) * 7 * every_weeks <= 732
    ),
    CONSTRAINT series_next_ordinal_range CHECK (next_ordinal BETWEEN 0 AND occurrence_count),
    CONSTRAINT series_last_start_of_some CHECK ((last_start_time IS NULL) = (occurrence_count = 0)),
    CONSTRAINT series_status_known CHECK (status IN ('running', 'canceled')),
    -- None that has undecided occurrences is forgotten by the job.
    CONSTRAINT series_due_while_undecided CHECK (
        (due_time IS NOT NULL) = (status = 'running' AND next_ordinal < occurrence_count)
    ),
    CONSTRAINT series_clocks_of_running CHECK (clock_check_time IS NULL OR status = 'running'),
    CONSTRAINT series_texts_length CHECK (
        char_length(meeting_url) <= 500 AND char_length(notes) <= 2000
        AND char_length(cancel_reason) <= 500
    ),
    CONSTRAINT series_changed_role_known CHECK (
        changed_role IN ('teacher', 'student', 'admin', 'system')
    ),
    CONSTRAINT series_change_hash_is_sha256 CHECK (octet_length(change_hash) = 32),
    CONSTRAINT series_versions_positive CHECK (
        schedule_version > 0 AND version >= schedule_version AND told_version > 0
    )
);

-- What is due, the longest first.
CREATE INDEX series_due ON lesson.series (due_time) WHERE due_time IS NOT NULL;
CREATE INDEX series_clock_check ON lesson.series (clock_check_time)
    WHERE clock_check_time IS NOT NULL;
-- Whose they are, the newest first.
CREATE INDEX series_of_teacher ON lesson.series (teacher_id, create_time DESC, id DESC);
CREATE INDEX series_of_student ON lesson.series (student_id, create_time DESC, id DESC)
    WHERE student_id IS NOT NULL;
CREATE INDEX series_of_group ON lesson.series (group_id, create_time DESC, id DESC)
    WHERE group_id IS NOT NULL;
-- The reasons that somebody gave, to forget them.
CREATE INDEX series_changed_by ON lesson.series (changed_by) WHERE cancel_reason <> '';
-- And what they wrote into others' series.
CREATE INDEX series_described_by ON lesson.series (described_by) WHERE described_by IS NOT NULL;

CREATE TABLE lesson.series_occurrences (
    series_id uuid NOT NULL REFERENCES lesson.series ON DELETE CASCADE,
    -- From 0; stays when the pattern changes.
    ordinal smallint NOT NULL,
    -- Where the pattern has it.
    original_start timestamptz NOT NULL,
    lesson_id uuid REFERENCES lesson.lessons ON DELETE CASCADE,
    -- What stood against it.
    skip_reason text,
    -- True when nobody was asked: the job skipped it, and its teacher is told.
    skip_unasked boolean NOT NULL DEFAULT false,
    PRIMARY KEY (series_id, ordinal),
    -- Deferred: a change of the pattern moves many at once.
    CONSTRAINT series_occurrences_one_a_start UNIQUE (series_id, original_start)
        DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT series_occurrences_one_a_lesson UNIQUE (lesson_id),
    CONSTRAINT series_occurrences_ordinal_range CHECK (ordinal BETWEEN 0 AND 199),
    CONSTRAINT series_occurrences_booked_or_skipped CHECK ((lesson_id IS NULL) = (skip_reason IS NOT NULL)),
    CONSTRAINT series_occurrences_skip_known CHECK (
        skip_reason IN ('past', 'teacher_busy', 'student_busy', 'time_off')
    ),
    CONSTRAINT series_occurrences_unasked_skips CHECK (skip_reason IS NOT NULL OR NOT skip_unasked)
);

-- At which hour of whose clock the lessons of a series begin, as far as they know: when the
-- next one begins at another, they are told once.
CREATE TABLE lesson.series_clocks (
    series_id uuid NOT NULL REFERENCES lesson.series ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES lesson.users ON DELETE CASCADE,
    -- Of the person; a person who moves is not told of a shift.
    time_zone text NOT NULL,
    local_minute smallint NOT NULL,
    -- The last shift told of: the first lesson after it, and one before it.
    shift_start_time timestamptz,
    shift_previous_time timestamptz,
    PRIMARY KEY (series_id, user_id),
    CONSTRAINT series_clocks_local_minute_range CHECK (local_minute BETWEEN 0 AND 1439),
    CONSTRAINT series_clocks_shift_whole CHECK (
        (shift_start_time IS NULL) = (shift_previous_time IS NULL)
        AND shift_previous_time < shift_start_time
    )
);
-- A person's, to forget them.
CREATE INDEX series_clocks_of_person ON lesson.series_clocks (user_id);

-- Whether the last change of a lesson's schedule, and of a seat, was made with the whole
-- series, which tells of it.
ALTER TABLE lesson.lessons ADD COLUMN with_series boolean NOT NULL DEFAULT false;
ALTER TABLE lesson.bookings ADD COLUMN with_series boolean NOT NULL DEFAULT false;

-- notify-svc is told of series, and there is more that can be muted.
ALTER TABLE lesson.outbox
    DROP CONSTRAINT outbox_kind_known,
    ADD CONSTRAINT outbox_kind_known CHECK (kind IN ('lesson', 'recipient', 'erasure', 'series'));
ALTER TABLE lesson.users
    DROP CONSTRAINT users_muted_kinds_few,
    ADD CONSTRAINT users_muted_kinds_few CHECK (
        cardinality(muted_kinds) <= 20 AND array_position(muted_kinds, NULL) IS NULL
    );
