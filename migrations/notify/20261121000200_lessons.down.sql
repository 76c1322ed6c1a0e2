DROP TABLE notify.lesson_participants;
DROP TABLE notify.lessons;
