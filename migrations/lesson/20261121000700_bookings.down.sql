DROP TABLE lesson.bookings;
