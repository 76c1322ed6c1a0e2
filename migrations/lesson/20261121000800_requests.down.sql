DROP TABLE lesson.requests;
