//! What people do with the bot. Each update becomes an action, each action a screen;
//! nothing is kept between two updates.

mod booking;
mod calendars;
mod faults;
mod fitting;
mod invitations;
mod keyboards;
mod reader;
mod requests;
mod settings;
mod start;
mod status;
mod teaching;
#[cfg(test)]
mod tests;
mod zone;

use jiff::Timestamp;
use olm_proto::lesson::v1::{
    RegisterTelegramUserRequest, availability_service_client::AvailabilityServiceClient,
    group_service_client::GroupServiceClient, invitation_service_client::InvitationServiceClient,
    lesson_service_client::LessonServiceClient, teacher_service_client::TeacherServiceClient,
    user_service_client::UserServiceClient,
};
use olm_proto::notify::v1::notification_service_client::NotificationServiceClient;
use service_kit::{clock::SharedClock, grpc::client::Backend};
use teloxide::types::Update;
use texts::{Command, Language, Screen};
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    buttons::{Button, Drawn, Ending},
    figures,
    memory::{ChatMemory, Memory, Question},
    replies::{Replies, Reply, ReplyError},
    server1::Link,
};
use faults::Fault;
use keyboards::{button, keyboard};
use reader::Reader;
use requests::{Action, Request};

/// Everything the handlers work with.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    users: UserServiceClient<Link>,
    teachers: TeacherServiceClient<Link>,
    availability: AvailabilityServiceClient<Link>,
    lessons: LessonServiceClient<Link>,
    invitations: InvitationServiceClient<Link>,
    groups: GroupServiceClient<Link>,
    notifications: NotificationServiceClient<Backend>,
    link: Link,
    replies: Replies,
    memory: Memory,
    clock: SharedClock,
}

/// What a handler wants shown.
#[derive(Debug)]
enum Answer {
    /// As a new message.
    New(Reply),
    /// In place of the message whose button was pressed.
    Here(Reply),
    /// Below the notice whose button was pressed: its text stays, its buttons have done their
    /// work.
    Below(Reply),
    /// Nothing: the press is acknowledged, and all stays as it is.
    Nothing,
    /// Two new messages, of which the second is the screen.
    Both(Reply, Reply),
}

impl Conversation {
    /// Over the link to server 1; `notify` is notify-svc.
    pub(crate) fn new(
        link: Link,
        notify: &Backend,
        replies: Replies,
        memory: Memory,
        clock: SharedClock,
    ) -> Self {
        let notifications = NotificationServiceClient::new(notify.clone());
        Self::with(link, notifications, replies, memory, clock)
    }

    fn with(
        link: Link,
        notifications: NotificationServiceClient<Backend>,
        replies: Replies,
        memory: Memory,
        clock: SharedClock,
    ) -> Self {
        Self {
            users: UserServiceClient::new(link.clone()),
            teachers: TeacherServiceClient::new(link.clone()),
            availability: AvailabilityServiceClient::new(link.clone()),
            lessons: LessonServiceClient::new(link.clone()),
            invitations: InvitationServiceClient::new(link.clone()),
            groups: GroupServiceClient::new(link.clone()),
            notifications,
            link,
            replies,
            memory,
            clock,
        }
    }

    /// The same over a link of its own, for one update.
    fn over(&self, link: Link) -> Self {
        let (replies, memory) = (self.replies.clone(), self.memory.clone());
        let notifications = self.notifications.clone();
        Self::with(link, notifications, replies, memory, self.clock.clone())
    }

    /// Handles one update, which came at `received`, to its end: the answer was sent, or
    /// cannot be.
    pub(crate) async fn handle(&self, update: Update, received: Instant) {
        let Some(request) = Request::from_update(&update, self.replies.bot_id()) else {
            return;
        };
        let name = request.action.name();
        let span = tracing::info_span!("update", otel.name = name, otel.kind = "consumer");
        async {
            let begun = Instant::now();
            let conversation = self.over(self.link.anew());
            let (user_id, outcome) = conversation.respond(&request).await;
            let lasted = begun.elapsed();
            figures::UPDATES.time(lasted, [name, outcome]);
            figures::ANSWERS.time(received.elapsed(), [name]);
            tracing::info!(
                update_id = update.id.0,
                action = name,
                user_id = user_id.map(tracing::field::display),
                outcome,
                duration_ms = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
                waited_ms = u64::try_from((begun - received).as_millis()).unwrap_or(u64::MAX),
                "update handled"
            );
        }
        .instrument(span)
        .await;
    }

    /// Ends the waiting mark on a pressed button.
    pub(crate) async fn acknowledge(&self, callback_id: &str) {
        self.replies.acknowledge(callback_id).await;
    }

    /// Says that somebody asks for too much, and for how long nobody will answer; not when
    /// that is over before it could be said.
    pub(crate) async fn ask_for_patience(&self, chat: i64, language_code: &str, until: Instant) {
        let memory = self.memory.chat(chat).await;
        let language = chosen(&memory).unwrap_or_else(|| Language::from_tag(language_code));
        let left = until.saturating_duration_since(Instant::now());
        let seconds = left.as_millis().div_ceil(1_000);
        if seconds == 0 {
            return;
        }
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let reply = Reply::text(Screen::TooManyRequests { seconds }.html(language));
        if let Err(error) = self.replies.send(chat, &reply).await {
            tracing::warn!(error = %error, "a request for patience did not arrive");
        }
    }

    /// Acts and shows the answer; tells for whom, and how it went.
    async fn respond(&self, request: &Request<'_>) -> (Option<Uuid>, &'static str) {
        let (reader, memory) = tokio::join!(self.reader(request), self.memory.chat(request.chat));
        let mut memory = memory.at(self.now());
        let user_id = reader.as_ref().ok().map(|reader| reader.id);
        let language = match &reader {
            Ok(reader) => reader.language,
            Err(_) => chosen(&memory).unwrap_or(request.language),
        };
        let acted = match reader {
            Ok(reader) => {
                memory.first_zone = start::first_zone(&reader, &memory);
                if reader.user.is_teacher {
                    self.replies.offer_menu(request.chat, reader.language);
                }
                let acted = self.act(&reader, request, &memory).await;
                let question = memory.question.as_ref();
                acted.map(|answer| {
                    let answer = start::without_place(&reader, question, answer);
                    self.marked(&reader, answer)
                })
            }
            Err(fault) => Err(fault),
        };
        let chosen = user_id.map(|_| language.tag().to_owned());
        let chosen = chosen.or_else(|| memory.language.clone());
        let (shown, outcome) = match acted {
            Ok(answer) => (self.show(request, answer, memory, chosen).await, "done"),
            Err(fault) => {
                let was_to_change = request.action.is_to_change(memory.question.as_ref());
                let explained = self.explain(request.chat, language, &fault, was_to_change);
                explained.await
            }
        };
        match shown {
            Ok(()) => (user_id, outcome),
            Err(error) => {
                tracing::warn!(error = %error, "an answer did not arrive");
                (user_id, error.class())
            }
        }
    }

    /// Says of an answer that it may be out of date, and since when.
    fn marked(&self, reader: &Reader, mut answer: Answer) -> Answer {
        if let Some(since) = self.link.stale_since() {
            let reply = match &mut answer {
                Answer::New(reply)
                | Answer::Here(reply)
                | Answer::Below(reply)
                | Answer::Both(_, reply) => reply,
                Answer::Nothing => return answer,
            };
            let when = reader.moment_short(since);
            reply.html.push_str("\n\n");
            let mark = Screen::Stale { when: &when };
            reply.html.push_str(&mark.html(reader.language));
        }
        answer
    }

    /// Shows the answer, remembers what it asks, and takes the buttons off the screen before:
    /// only the last one can be pressed.
    async fn show(
        &self,
        request: &Request<'_>,
        answer: Answer,
        before: ChatMemory,
        language: Option<String>,
    ) -> Result<(), ReplyError> {
        let chat = request.chat;
        let (reply, shown) = match (answer, request.message_id) {
            (Answer::Nothing, _) => return Ok(()),
            (Answer::Here(reply), Some(message_id)) => {
                let shown = self.replies.edit(chat, message_id, &reply).await?;
                (reply, shown)
            }
            (Answer::Below(reply), notice) => {
                let shown = self.replies.send(chat, &reply).await?;
                if let Some(notice) = notice {
                    self.replies.remove_buttons(chat, notice).await;
                }
                if !reply.has_buttons() {
                    return Ok(());
                }
                (reply, shown)
            }
            (Answer::New(reply) | Answer::Here(reply), _) => {
                let shown = self.replies.send(chat, &reply).await?;
                (reply, shown)
            }
            (Answer::Both(first, reply), _) => {
                self.replies.send(chat, &first).await?;
                let shown = self.replies.send(chat, &reply).await?;
                (reply, shown)
            }
        };
        let after = before.after(reply, shown, language, self.now());
        if after != before {
            self.memory.keep(chat, after).await;
        }
        if let Some(old) = before.screen.filter(|old| *old != shown) {
            self.replies.remove_buttons(chat, old).await;
        }
        Ok(())
    }

    async fn act(
        &self,
        reader: &Reader,
        request: &Request<'_>,
        chat: &ChatMemory,
    ) -> Result<Answer, Fault> {
        let question = chat.question.as_ref();
        match request.action {
            Action::Text(text) => match question {
                Some(Question::TeacherSearch) => self.find_teachers(reader, text).await,
                Some(Question::Reason { ending, drawn }) => {
                    self.end_in_words(reader, (*ending, *drawn), text).await
                }
                Some(Question::DaysOff) => self.typed_days(reader, text).await,
                Some(Question::Zone(then) | Question::Place(then)) => {
                    self.zone_typed(reader, *then, text).await
                }
                Some(Question::Lead) => self.lead_typed(reader, text).await,
                Some(Question::QuietHours) => self.quiet_typed(reader, text).await,
                Some(Question::Name) => self.name_typed(reader, text).await,
                None => Ok(say(reader, Screen::Unknown)),
            },
            Action::Place(zone) => match question {
                Some(Question::Zone(then) | Question::Place(then)) => {
                    self.zone_of_place(reader, *then, zone).await
                }
                _ => Ok(say(reader, Screen::Unknown)),
            },
            Action::Command(command, argument) => match command {
                Command::Start if argument.is_empty() => self.start(reader, chat).await,
                Command::Start => self.accept_invitation(reader, argument, chat).await,
                Command::Help => Ok(start::help(reader)),
                Command::Settings => Ok(settings::menu(reader, self.now())),
                Command::Status => self.status(reader).await,
                Command::Cancel => Ok(self.forget_question(reader, question)),
                Command::Schedule => self.schedule(reader).await.map(Answer::New),
                Command::Lessons => self.lessons(reader, 0).await.map(Answer::New),
                Command::Agenda => self.agenda(reader).await,
                Command::Invite => self.invitations_menu(reader).await,
                Command::Zone => self.zone(reader, argument).await,
                Command::Language => self.language(reader, argument).await,
            },
            Action::Pressed(button, request_id) => match button {
                Button::Booking(pressed) => {
                    self.booking(reader, request, request_id, pressed).await
                }
                Button::AskCancel { lesson, version } => {
                    self.ask_cancel(reader, lesson, version).await
                }
                Button::Cancel {
                    what,
                    lesson,
                    version,
                } => self.cancel(reader, what, lesson, version).await,
                Button::Confirm { lesson, version } => self.confirm(reader, lesson, version).await,
                Button::Decline { lesson, version } => {
                    let drawn = Drawn {
                        id: lesson,
                        version,
                    };
                    let asked = self.ask_why(reader, Ending::Decline, drawn).await;
                    asked.map(Answer::Here)
                }
                Button::Reconfirm { lesson, version } => {
                    self.reconfirm(reader, lesson, version).await
                }
                Button::Leave { lesson, version } => self.leave(reader, lesson, version).await,
                Button::Teaching(pressed) => self.teach(reader, request_id, pressed).await,
                Button::Settings(pressed) => self.settings(reader, question, pressed).await,
            },
            Action::OldButton => Ok(say(reader, Screen::OldButton)),
            Action::Unknown => Ok(say(reader, Screen::Unknown)),
        }
    }

    /// The person behind the update. Registering is idempotent, so whoever writes is
    /// known from then on, /start or not.
    async fn reader(&self, request: &Request<'_>) -> Result<Reader, Fault> {
        let register = RegisterTelegramUserRequest {
            bot_id: self.replies.bot_id(),
            telegram_user_id: request.telegram_user_id,
            chat_id: request.chat,
            display_name: request.display_name.clone(),
            language_code: request.language_code.to_owned(),
        };
        let mut users = self.users.clone();
        let registered = users.register_telegram_user(register).await?.into_inner();
        let user = registered.user.ok_or(Fault::Unexpected)?;
        if registered.created {
            tracing::info!(user_id = user.id, "user registered");
        }
        Reader::from_wire(user).ok_or(Fault::Unexpected)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// As a new message, with the menu: whatever stood below the text field is over.
fn say(reader: &Reader, screen: Screen<'_>) -> Answer {
    say_html(reader, screen.html(reader.language))
}

fn say_html(reader: &Reader, html: String) -> Answer {
    Answer::New(Reply::new(html, Some(start::menu(reader))))
}

fn redraw(reader: &Reader, screen: Screen<'_>) -> Answer {
    Answer::Here(Reply::text(screen.html(reader.language)))
}

/// The language that somebody chose, as far as that is remembered.
fn chosen(memory: &ChatMemory) -> Option<Language> {
    memory.language.as_deref().map(Language::from_tag)
}
