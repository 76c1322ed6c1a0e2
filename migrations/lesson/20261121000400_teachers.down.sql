DROP TABLE lesson.teachers;
