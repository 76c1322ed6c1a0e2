-- Who changed what when. Written in the transaction of the change; holds no text, so
-- that erasing a person leaves it as it is.
CREATE TABLE lesson.lesson_changes (
    lesson_id uuid NOT NULL REFERENCES lesson.lessons,
    -- The lesson's version after the change.
    version bigint NOT NULL,
    kind text NOT NULL,
    -- Null when time did it.
    actor_id uuid REFERENCES lesson.users,
    actor_role text NOT NULL,
    change_time timestamptz NOT NULL,
    -- The lesson's time after the change, and before it when it was moved.
    during tstzrange NOT NULL,
    previous tstzrange,
    -- The one seat it concerns, which other students do not see; null: all of them.
    booking_id uuid REFERENCES lesson.bookings,
    -- What a seat became.
    booking_status text,
    PRIMARY KEY (lesson_id, version),
    CONSTRAINT lesson_changes_kind_known CHECK (kind IN (
        'held', 'requested', 'booked', 'confirmed', 'declined', 'lapsed', 'moved', 'canceled',
        'updated', 'attendance'
    )),
    CONSTRAINT lesson_changes_role_known CHECK (actor_role IN ('teacher', 'student', 'admin', 'system')),
    CONSTRAINT lesson_changes_actor_unless_system CHECK ((actor_role = 'system') = (actor_id IS NULL)),
    CONSTRAINT lesson_changes_previous_of_moves CHECK ((kind = 'moved') = (previous IS NOT NULL))
);

-- Append-only, whoever asks.
CREATE FUNCTION lesson.refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of lessons is append-only'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'lesson_changes_append_only';
END
$$;
CREATE TRIGGER lesson_changes_append_only BEFORE UPDATE OR DELETE ON lesson.lesson_changes
    FOR EACH ROW EXECUTE FUNCTION lesson.refuse_rewriting();
CREATE TRIGGER lesson_changes_not_truncated BEFORE TRUNCATE ON lesson.lesson_changes
    FOR EACH STATEMENT EXECUTE FUNCTION lesson.refuse_rewriting();

-- What the lessons of before are known to have gone through.
INSERT INTO lesson.lesson_changes (lesson_id, version, kind, actor_id, actor_role, change_time, during)
SELECT l.id, 1, 'booked', b.student_id, 'student', l.create_time, l.during
FROM lesson.lessons l
    JOIN LATERAL (SELECT student_id FROM lesson.bookings WHERE lesson_id = l.id ORDER BY id LIMIT 1) b ON true;
INSERT INTO lesson.lesson_changes (lesson_id, version, kind, actor_id, actor_role, change_time, during)
SELECT id, version, 'canceled', canceled_by, changed_role, create_time, during
FROM lesson.lessons WHERE status = 'canceled' AND version > 1;
