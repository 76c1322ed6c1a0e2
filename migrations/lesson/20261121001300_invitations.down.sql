DROP TABLE lesson.invitation_uses;
DROP TABLE lesson.invitations;
