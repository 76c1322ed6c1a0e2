DROP TABLE lesson.outbox;
