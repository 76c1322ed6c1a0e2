DROP TABLE lesson.users;
