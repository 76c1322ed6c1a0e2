DROP TABLE lesson.students;
