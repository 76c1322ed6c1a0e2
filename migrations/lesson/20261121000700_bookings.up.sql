-- A student's seat in a lesson.
CREATE TABLE lesson.bookings (
    id uuid PRIMARY KEY,
    lesson_id uuid NOT NULL,
    student_id uuid NOT NULL REFERENCES lesson.users,
    -- The lesson's stretch; follows it through the composite foreign key.
    during tstzrange NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL,
    CONSTRAINT bookings_status_known CHECK (status IN ('confirmed', 'canceled')),
    CONSTRAINT bookings_version_positive CHECK (version > 0),
    CONSTRAINT bookings_lesson FOREIGN KEY (lesson_id, during)
        REFERENCES lesson.lessons (id, during) ON UPDATE CASCADE ON DELETE CASCADE,
    -- A student is in one lesson at a time; the pending status is not in use yet.
    CONSTRAINT bookings_student_no_overlap EXCLUDE USING gist (student_id WITH =, during WITH &&)
        WHERE (status IN ('pending', 'confirmed'))
);

-- The seats of a lesson; also what the foreign key looks for.
CREATE INDEX bookings_of_lesson ON lesson.bookings (lesson_id);
-- A student's lessons by start, page after page.
CREATE INDEX bookings_of_student ON lesson.bookings (student_id, lower(during), lesson_id);
