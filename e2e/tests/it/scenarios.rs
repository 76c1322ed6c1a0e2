//! Chats that are closed, opened again, or become others, with real processes in between.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use e2e::{
    Result,
    chaos::{SILENCE, load::Doors as _, site::Site},
    system::{binaries, eventually},
};
use olm_proto::notify::v1::{
    CreateNotificationRequest, GetNotificationRequest, NotificationState, PutRecipientRequest,
    Recipient, create_notification_request::Recipient as To,
    notification_service_client::NotificationServiceClient,
    recipient_service_client::RecipientServiceClient,
};
use service_kit::grpc::client::Backend;
use telegram_sim::api::{LedgerEntry, LedgerQuery, NewGroup, NewPerson};
use tempfile::TempDir;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);

/// A running site and the clients of one of its replicas.
struct Stage {
    site: Site,
    notifications: NotificationServiceClient<Backend>,
    recipients: RecipientServiceClient<Backend>,
    _directory: TempDir,
}

impl Stage {
    async fn start() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("olm-chats-").tempdir()?;
        // PostgreSQL's own user must reach its folder in it.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let site = Site::start(directory.path(), &binaries()?, SILENCE).await?;
        Ok(Self {
            notifications: NotificationServiceClient::new(site.notify(0, "operator")?),
            recipients: RecipientServiceClient::new(site.notify(0, "lesson-svc")?),
            site,
            _directory: directory,
        })
    }

    /// Somebody whose messages go to this chat.
    async fn reader(&mut self, chat_id: i64) -> Result<Uuid> {
        let user_id = Uuid::new_v4();
        let recipient = Recipient {
            user_id: user_id.to_string(),
            version: 1,
            display_name: "Anna".to_owned(),
            language: "en".to_owned(),
            time_zone: "UTC".to_owned(),
            bot_id: self.site.bot_id,
            chat_id,
            ..Recipient::default()
        };
        let request = PutRecipientRequest {
            recipient: Some(recipient),
        };
        self.recipients.put_recipient(request).await?;
        Ok(user_id)
    }

    /// Sends a text and waits for the end of its notification.
    async fn tell(&mut self, reader: Uuid, text: &str) -> Result<NotificationState> {
        let request = CreateNotificationRequest {
            request_id: Uuid::new_v4().to_string(),
            recipient: Some(To::UserId(reader.to_string())),
            text: text.to_owned(),
            ..CreateNotificationRequest::default()
        };
        let created = self.notifications.create_notification(request).await?;
        let notification = created.into_inner().notification.ok_or("no notification")?;
        let request = GetNotificationRequest {
            notification_id: notification.id,
            ..GetNotificationRequest::default()
        };
        let mut state = NotificationState::Unspecified;
        let mut client = self.notifications.clone();
        eventually(&format!("an end of {text:?}"), SOON, async || {
            let seen = client.get_notification(request.clone()).await;
            let seen = seen.ok().and_then(|seen| seen.into_inner().notification);
            state = seen.map_or(state, |seen| seen.state());
            !matches!(
                state,
                NotificationState::Unspecified
                    | NotificationState::Pending
                    | NotificationState::Sending
                    | NotificationState::Uncertain
            )
        })
        .await?;
        Ok(state)
    }

    /// Requests with this text, whatever was answered.
    async fn requests(&self, text: &str) -> Result<Vec<LedgerEntry>> {
        let page = self
            .site
            .sim
            .ledger(&LedgerQuery::method("sendMessage"))
            .await?;
        let has_it =
            |entry: &LedgerEntry| entry.text.as_deref().is_some_and(|it| it.contains(text));
        Ok(page.entries.into_iter().filter(has_it).collect())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_moved_gets_each_message_once_in_its_new_chat() -> Result<()> {
    let mut stage = Stage::start().await?;
    let group = stage
        .site
        .sim
        .create_group(&NewGroup {
            title: "Choir".to_owned(),
            bot_ids: vec![stage.site.bot_id],
            person_ids: vec![],
        })
        .await?;
    let reader = stage.reader(group.id).await?;
    let moved = stage.site.sim.migrate(group.id).await?;
    assert_eq!(stage.tell(reader, "first").await?, NotificationState::Sent);
    let first = stage.requests("first").await?;
    let places: Vec<_> = first
        .iter()
        .map(|entry| (entry.chat_id, entry.accepted))
        .collect();
    assert_eq!(places, [(Some(group.id), false), (Some(moved.id), true)]);
    // From here on nobody asks at the old address.
    assert_eq!(stage.tell(reader, "second").await?, NotificationState::Sent);
    let second = stage.requests("second").await?;
    let places: Vec<_> = second.iter().map(|entry| entry.chat_id).collect();
    assert_eq!(places, [Some(moved.id)]);
    stage.site.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_blocked_the_bot_costs_one_request_and_hears_nothing_old_when_they_are_back()
-> Result<()> {
    let mut stage = Stage::start().await?;
    let anna = NewPerson::named("Anna", "en").who_started(stage.site.bot_id);
    let anna = stage.site.sim.create_person(&anna).await?;
    let reader = stage.reader(anna.id).await?;
    stage.site.sim.block(&anna).await?;
    assert_eq!(
        stage.tell(reader, "first").await?,
        NotificationState::Failed
    );
    assert_eq!(
        stage.tell(reader, "second").await?,
        NotificationState::Failed
    );
    assert_eq!(stage.requests("first").await?.len(), 1);
    assert_eq!(
        stage.requests("second").await?.len(),
        0,
        "it used the limit"
    );

    stage.site.sim.unblock(&anna).await?;
    stage.site.sim.say(&anna, "/start").await?;
    let database = stage.site.database.clone();
    eventually("she can be reached", SOON, async || {
        let open: sqlx::Result<bool> = sqlx::query_scalar(
            "SELECT unreachable_since IS NULL FROM notify.recipients WHERE user_id = $1",
        )
        .bind(reader)
        .fetch_one(&database)
        .await;
        open.unwrap_or(false)
    })
    .await?;
    assert_eq!(stage.tell(reader, "third").await?, NotificationState::Sent);
    for old in ["first", "second"] {
        let accepted = stage.requests(old).await?;
        assert!(
            accepted.iter().all(|entry| !entry.accepted),
            "{old} came late"
        );
    }
    stage.site.stop().await
}
