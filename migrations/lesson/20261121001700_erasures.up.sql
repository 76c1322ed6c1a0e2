-- The outbox also tells of people who are to be forgotten.
ALTER TABLE lesson.outbox
    DROP CONSTRAINT outbox_kind_known,
    ADD CONSTRAINT outbox_kind_known CHECK (kind IN ('lesson', 'recipient', 'erasure'));

-- Requests are kept for as long as somebody may repeat them, and dropped by age.
CREATE INDEX requests_by_age ON lesson.requests (create_time);
