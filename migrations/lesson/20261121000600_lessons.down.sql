DROP TABLE lesson.lessons;
