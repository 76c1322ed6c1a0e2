-- People who teach, and what they allow. Seconds, not intervals: a policy is a
-- duration, and PostgreSQL's '1 day' is none across a clock change.
CREATE TABLE lesson.teachers (
    user_id uuid PRIMARY KEY REFERENCES lesson.users ON DELETE CASCADE,
    lesson_duration_s integer NOT NULL,
    slot_step_s integer NOT NULL,
    buffer_before_s integer NOT NULL,
    buffer_after_s integer NOT NULL,
    min_notice_s integer NOT NULL,
    booking_horizon_s integer NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL,
    CONSTRAINT teachers_lesson_duration_range CHECK (lesson_duration_s BETWEEN 300 AND 28800),
    CONSTRAINT teachers_slot_step_range CHECK (slot_step_s BETWEEN 300 AND 28800),
    CONSTRAINT teachers_buffers_range CHECK (
        buffer_before_s BETWEEN 0 AND 14400 AND buffer_after_s BETWEEN 0 AND 14400
    ),
    CONSTRAINT teachers_min_notice_range CHECK (min_notice_s BETWEEN 0 AND 2592000),
    CONSTRAINT teachers_booking_horizon_range CHECK (booking_horizon_s BETWEEN 3600 AND 31622400),
    CONSTRAINT teachers_version_positive CHECK (version > 0)
);
