ALTER TABLE lesson.bookings
    DROP CONSTRAINT bookings_student_no_overlap,
    ADD CONSTRAINT bookings_student_no_overlap EXCLUDE USING gist (student_id WITH =, during WITH &&)
        WHERE (status IN ('pending', 'confirmed'));
