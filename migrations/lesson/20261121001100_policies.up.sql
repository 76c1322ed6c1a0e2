-- All that a teacher allows. The first length is the one that is taken when nobody says.
ALTER TABLE lesson.teachers ADD COLUMN lesson_durations_s integer[];
UPDATE lesson.teachers SET lesson_durations_s = ARRAY[lesson_duration_s];
ALTER TABLE lesson.teachers
    DROP COLUMN lesson_duration_s,
    ALTER COLUMN lesson_durations_s SET NOT NULL,
    -- Lessons that begin on one day of the availability's zone; null: no limit.
    ADD COLUMN daily_lesson_limit smallint,
    ADD COLUMN requires_approval boolean NOT NULL DEFAULT false,
    ADD COLUMN cancel_notice_s integer NOT NULL DEFAULT 86400,
    ADD COLUMN reschedule_notice_s integer NOT NULL DEFAULT 86400,
    ADD COLUMN accepting_students boolean NOT NULL DEFAULT true,
    ADD COLUMN subjects text[] NOT NULL DEFAULT '{}',
    -- The subjects in lower case, as they are searched.
    ADD COLUMN subject_keys text[] NOT NULL DEFAULT '{}',
    -- Soft delete (TMB-5): the person stopped teaching.
    ADD COLUMN delete_time timestamptz,
    ADD CONSTRAINT teachers_lesson_durations_few CHECK (
        cardinality(lesson_durations_s) BETWEEN 1 AND 5
        AND array_position(lesson_durations_s, NULL) IS NULL
        AND 300 <= ALL (lesson_durations_s) AND 28800 >= ALL (lesson_durations_s)
    ),
    ADD CONSTRAINT teachers_daily_lesson_limit_range CHECK (daily_lesson_limit BETWEEN 1 AND 48),
    ADD CONSTRAINT teachers_notices_range CHECK (
        cancel_notice_s BETWEEN 0 AND 2592000 AND reschedule_notice_s BETWEEN 0 AND 2592000
    ),
    ADD CONSTRAINT teachers_subjects_few CHECK (
        cardinality(subjects) <= 20 AND cardinality(subject_keys) = cardinality(subjects)
        AND array_position(subjects, NULL) IS NULL
    );

-- Teachers of a subject.
CREATE INDEX teachers_by_subject ON lesson.teachers USING gin (subject_keys)
    WHERE delete_time IS NULL;
