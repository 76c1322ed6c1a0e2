-- Who learns from whom.
CREATE TABLE lesson.students (
    teacher_id uuid NOT NULL REFERENCES lesson.teachers ON DELETE CASCADE,
    student_id uuid NOT NULL REFERENCES lesson.users ON DELETE CASCADE,
    origin text NOT NULL,
    create_time timestamptz NOT NULL,
    -- Soft delete: the relation ended; booking or an invitation begins it again.
    end_time timestamptz,
    PRIMARY KEY (teacher_id, student_id),
    CONSTRAINT students_origin_known CHECK (origin IN ('booking', 'invitation')),
    CONSTRAINT students_not_of_themselves CHECK (teacher_id <> student_id)
);

-- The teachers of a student.
CREATE INDEX students_by_student ON lesson.students (student_id, teacher_id) WHERE end_time IS NULL;

-- Everybody who ever had a lesson is a student of that teacher.
INSERT INTO lesson.students (teacher_id, student_id, origin, create_time)
SELECT l.teacher_id, b.student_id, 'booking', min(b.create_time)
FROM lesson.bookings b JOIN lesson.lessons l ON l.id = b.lesson_id
WHERE l.teacher_id <> b.student_id
GROUP BY l.teacher_id, b.student_id;
