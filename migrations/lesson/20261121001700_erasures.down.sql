DROP INDEX lesson.requests_by_age;
DELETE FROM lesson.outbox WHERE kind = 'erasure';
ALTER TABLE lesson.outbox
    DROP CONSTRAINT outbox_kind_known,
    ADD CONSTRAINT outbox_kind_known CHECK (kind IN ('lesson', 'recipient'));
