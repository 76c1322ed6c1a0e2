-- The last snapshot of each lesson: what planning reads again when a person's
-- settings change. The bytes are an olm.notify.v1.LessonSnapshot.
CREATE TABLE notify.lessons (
    lesson_id         uuid PRIMARY KEY,
    version           bigint NOT NULL,
    start_at          timestamptz NOT NULL,
    end_at            timestamptz NOT NULL,
    snapshot          bytea NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT lessons_version_positive CHECK (version > 0),
    CONSTRAINT lessons_end_after_start CHECK (start_at < end_at)
);

-- Who takes part, so that a change of a person finds that person's lessons.
CREATE TABLE notify.lesson_participants (
    user_id    uuid NOT NULL,
    lesson_id  uuid NOT NULL,
    CONSTRAINT lesson_participants_pkey PRIMARY KEY (user_id, lesson_id),
    CONSTRAINT lesson_participants_recipient_fkey
        FOREIGN KEY (user_id) REFERENCES notify.recipients (user_id),
    CONSTRAINT lesson_participants_lesson_fkey
        FOREIGN KEY (lesson_id) REFERENCES notify.lessons (lesson_id) ON DELETE CASCADE
);

CREATE INDEX lesson_participants_by_lesson ON notify.lesson_participants (lesson_id);
