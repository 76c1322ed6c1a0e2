//! Invitations: a link, its picture, and taking it back.

use olm_proto::lesson::v1::{Group, InvitationState};

use super::*;

fn with_group(teacher: &Teacher, members: i32) {
    let group = Group {
        id: Uuid::from_u128(9).to_string(),
        teacher_id: teacher.id.to_string(),
        title: "Chess <b>".to_owned(),
        capacity: 6,
        member_count: members,
        ..Group::default()
    };
    teacher.stage.lessons.state().teaching.groups.push(group);
}

#[tokio::test]
async fn a_student_is_invited_by_a_link_and_a_picture_and_the_invitation_is_taken_back() {
    for (language, whom, student, valid, revoke, gone) in [
        (
            "ru",
            "Кого пригласить?",
            "👤",
            "Действует 72 часа",
            "✖ Отозвать",
            "отозвано",
        ),
        (
            "en",
            "Whom do you invite?",
            "👤",
            "Valid for 72 hours",
            "✖ Take it back",
            "is taken back",
        ),
    ] {
        let teacher = Teacher::new(language).await;
        teacher.says("/invite").await;
        let menu = teacher.sees(whom).await;
        let invited = teacher.opens(&menu, student, valid).await;
        let made = teacher.stage.lessons.state().teaching.invitations[0].clone();
        let token = made.id.replace('-', "_") + "1234567";
        let link = format!(
            "https://t.me/sim_{}_bot?start={token}",
            crate::stage::BOT_ID
        );
        assert!(invited.text.contains("?start="), "{}", invited.text);
        assert!(invited.text.contains(&token), "{} {link}", invited.text);
        assert!(invited.photo.is_some(), "{invited:#?}");
        assert_eq!((made.max_uses, made.group_id.as_str()), (1, ""));
        teacher.opens(&invited, revoke, gone).await;
        let made = teacher.stage.lessons.state().teaching.invitations[0].clone();
        assert_eq!(made.state(), InvitationState::Revoked);
        teacher.ends().await;
    }
}

#[tokio::test]
async fn a_group_is_invited_until_it_is_full() {
    let teacher = Teacher::new("en").await;
    with_group(&teacher, 2);
    teacher.says("/invite").await;
    let menu = teacher.sees_button("👤").await;
    let invited = teacher
        .opens(&menu, "👥 Chess <b>", "into the group “Chess <b>”")
        .await;
    assert!(invited.text.contains("for 6 people"), "{}", invited.text);
    let made = teacher.stage.lessons.state().teaching.invitations[0].clone();
    assert_eq!(
        (made.max_uses, made.group_id),
        (6, Uuid::from_u128(9).to_string())
    );
    teacher.stage.lessons.state().teaching.groups[0].member_count = 6;
    teacher.says("/agenda").await;
    let day = teacher.sees("Today, ").await;
    teacher.presses(&day, "➕").await;
    let menu = teacher.sees_button("👤").await;
    teacher.opens(&menu, "👥", "This group is full").await;
    teacher.ends().await;
}

#[tokio::test]
async fn open_invitations_are_listed_with_what_is_left_of_them() {
    let teacher = Teacher::new("en").await;
    with_group(&teacher, 2);
    teacher.says("/invite").await;
    let menu = teacher.sees_button("👤").await;
    teacher
        .opens(&menu, "Open invitations", "No open invitations")
        .await;
    teacher.says("/invite").await;
    let menu = teacher.sees_button("👤").await;
    teacher.opens(&menu, "👥", "into the group").await;
    teacher.stage.lessons.state().teaching.invitations[0].uses = 2;
    // The former menu has no buttons any more once the day is shown.
    teacher.says("/agenda").await;
    let day = teacher.sees("Today, ").await;
    teacher.presses(&day, "➕").await;
    let menu = teacher.sees_button("👤").await;
    let list = teacher
        .opens(&menu, "Open invitations", "Open invitations: 1")
        .await;
    assert!(
        list.text.contains("“Chess <b>”, for 4 more people"),
        "{}",
        list.text
    );
    teacher.opens(&list, "✖ Take back 1", "is taken back").await;
    teacher.sees("No open invitations").await;
    teacher.ends().await;
}

#[tokio::test]
async fn the_same_press_makes_one_invitation() {
    let teacher = Teacher::new("en").await;
    teacher.says("/invite").await;
    let menu = teacher.sees_button("👤").await;
    teacher.presses_twice(&menu, "👤").await;
    teacher.sees("Valid for 72 hours").await;
    teacher.running.stop().await.unwrap();
    assert_eq!(teacher.stage.lessons.state().teaching.invitations.len(), 1);
}
