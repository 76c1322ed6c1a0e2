DROP INDEX lesson.teachers_by_subject;
ALTER TABLE lesson.teachers ADD COLUMN lesson_duration_s integer;
UPDATE lesson.teachers SET lesson_duration_s = lesson_durations_s[1];
ALTER TABLE lesson.teachers
    ALTER COLUMN lesson_duration_s SET NOT NULL,
    ADD CONSTRAINT teachers_lesson_duration_range CHECK (lesson_duration_s BETWEEN 300 AND 28800),
    DROP CONSTRAINT teachers_subjects_few,
    DROP CONSTRAINT teachers_notices_range,
    DROP CONSTRAINT teachers_daily_lesson_limit_range,
    DROP CONSTRAINT teachers_lesson_durations_few,
    DROP COLUMN delete_time,
    DROP COLUMN subject_keys,
    DROP COLUMN subjects,
    DROP COLUMN accepting_students,
    DROP COLUMN reschedule_notice_s,
    DROP COLUMN cancel_notice_s,
    DROP COLUMN requires_approval,
    DROP COLUMN daily_lesson_limit,
    DROP COLUMN lesson_durations_s;
