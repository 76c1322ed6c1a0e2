DROP TABLE notify.notification_details;
