DROP TABLE notify.recipients;
