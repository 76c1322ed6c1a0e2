-- The teacher's occurrence: one stretch of the teacher's time.
CREATE TABLE lesson.lessons (
    id uuid PRIMARY KEY,
    teacher_id uuid NOT NULL REFERENCES lesson.teachers,
    -- The lesson itself.
    during tstzrange NOT NULL,
    -- The lesson with the buffers that held when it was booked.
    blocked tstzrange NOT NULL,
    status text NOT NULL,
    -- Raised by every change; orders snapshots.
    version bigint NOT NULL DEFAULT 1,
    -- Raised by time, place and status only; part of every notification's key.
    schedule_version bigint NOT NULL DEFAULT 1,
    canceled_by uuid REFERENCES lesson.users,
    cancel_reason text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL,
    CONSTRAINT lessons_status_known CHECK (status IN ('scheduled', 'canceled')),
    -- An empty range overlaps nothing and would slip through the exclusion below; an
    -- open or differently bounded one would overlap what it should not.
    CONSTRAINT lessons_during_is_a_stretch CHECK (
        NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)
        AND NOT lower_inf(during) AND NOT upper_inf(during)
    ),
    CONSTRAINT lessons_blocked_covers_during CHECK (
        blocked @> during AND lower_inc(blocked) AND NOT upper_inc(blocked)
        AND NOT lower_inf(blocked) AND NOT upper_inf(blocked)
    ),
    CONSTRAINT lessons_canceled_by_somebody CHECK ((status = 'canceled') = (canceled_by IS NOT NULL)),
    CONSTRAINT lessons_cancel_reason_length CHECK (char_length(cancel_reason) <= 500),
    CONSTRAINT lessons_versions_positive CHECK (schedule_version > 0 AND version >= schedule_version),
    -- What a seat's composite foreign key points at.
    CONSTRAINT lessons_id_during UNIQUE (id, during),
    -- No double booking, by construction, over every status that takes the slot. Two
    -- of them are not in use yet; naming them now saves building this index anew.
    CONSTRAINT lessons_teacher_no_overlap EXCLUDE USING gist (teacher_id WITH =, blocked WITH &&)
        WHERE (status IN ('held', 'requested', 'scheduled'))
);

-- A teacher's lessons by start, page after page.
CREATE INDEX lessons_of_teacher ON lesson.lessons (teacher_id, lower(during), id);
