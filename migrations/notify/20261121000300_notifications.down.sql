DROP TABLE notify.notifications;
