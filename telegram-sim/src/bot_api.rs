//! The Bot API at `/bot<TOKEN>/<method>`: <https://core.telegram.org/bots/api>.

mod answer;
mod callbacks;
mod html;
mod markup;
mod messages;
pub(crate) mod params;
mod polling;
mod profile;
mod recipient;
pub(crate) mod text;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, Request, State},
    http::HeaderMap,
    response::Response,
    routing::any,
};
use serde_json::Value;

use crate::{
    api::{FaultKind, LedgerAnswer, LedgerEntry, Violation},
    clock::Moment,
    server::HangUp,
    world::{Shared, World, limits::Counts},
};
use answer::{ApiError, ApiResult};
use params::Params;

/// Longest delay a fault can add.
pub(crate) const MAX_DELAY: Duration = Duration::from_mins(10);
/// Longest text, in characters, and largest markup, in bytes, kept in the ledger.
const LEDGER_TEXT_CHARS: usize = 8192;
const LEDGER_MARKUP_BYTES: usize = 16 * 1024;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/{bot}/{method}", any(call))
}

/// The methods served here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    AnswerCallbackQuery,
    DeleteMessage,
    DeleteMyCommands,
    DeleteWebhook,
    EditMessageCaption,
    EditMessageReplyMarkup,
    EditMessageText,
    GetChat,
    GetMe,
    GetMyCommands,
    GetUpdates,
    GetWebhookInfo,
    SendChatAction,
    SendMessage,
    SendPhoto,
    SetChatMenuButton,
    SetMyCommands,
    SetMyName,
    SetWebhook,
}

impl Method {
    const ALL: [Self; 19] = [
        Self::AnswerCallbackQuery,
        Self::DeleteMessage,
        Self::DeleteMyCommands,
        Self::DeleteWebhook,
        Self::EditMessageCaption,
        Self::EditMessageReplyMarkup,
        Self::EditMessageText,
        Self::GetChat,
        Self::GetMe,
        Self::GetMyCommands,
        Self::GetUpdates,
        Self::GetWebhookInfo,
        Self::SendChatAction,
        Self::SendMessage,
        Self::SendPhoto,
        Self::SetChatMenuButton,
        Self::SetMyCommands,
        Self::SetMyName,
        Self::SetWebhook,
    ];

    /// Telegram takes method names in any case.
    fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|method| method.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Self::AnswerCallbackQuery => "answerCallbackQuery",
            Self::DeleteMessage => "deleteMessage",
            Self::DeleteMyCommands => "deleteMyCommands",
            Self::DeleteWebhook => "deleteWebhook",
            Self::EditMessageCaption => "editMessageCaption",
            Self::EditMessageReplyMarkup => "editMessageReplyMarkup",
            Self::EditMessageText => "editMessageText",
            Self::GetChat => "getChat",
            Self::GetMe => "getMe",
            Self::GetMyCommands => "getMyCommands",
            Self::GetUpdates => "getUpdates",
            Self::GetWebhookInfo => "getWebhookInfo",
            Self::SendChatAction => "sendChatAction",
            Self::SendMessage => "sendMessage",
            Self::SendPhoto => "sendPhoto",
            Self::SetChatMenuButton => "setChatMenuButton",
            Self::SetMyCommands => "setMyCommands",
            Self::SetMyName => "setMyName",
            Self::SetWebhook => "setWebhook",
        }
    }

    /// What the method counts for. Telegram does not document it; see the crate's page.
    fn counts(self) -> Counts {
        match self {
            Self::SendMessage | Self::SendPhoto => Counts::Send,
            Self::DeleteMessage
            | Self::EditMessageCaption
            | Self::EditMessageReplyMarkup
            | Self::EditMessageText => Counts::Write,
            Self::AnswerCallbackQuery
            | Self::DeleteMyCommands
            | Self::DeleteWebhook
            | Self::GetChat
            | Self::GetMe
            | Self::GetMyCommands
            | Self::GetUpdates
            | Self::GetWebhookInfo
            | Self::SendChatAction
            | Self::SetChatMenuButton
            | Self::SetMyCommands
            | Self::SetMyName
            | Self::SetWebhook => Counts::Nothing,
        }
    }
}

/// Whether a method is served, its name in any case.
pub(crate) fn is_method(name: &str) -> bool {
    Method::parse(name).is_some()
}

/// One call of a bot.
struct Call {
    bot: i64,
    method: Method,
    params: Params,
    traceparent: Option<String>,
}

async fn call(
    State(shared): State<Arc<Shared>>,
    Path((bot, method)): Path<(String, String)>,
    request: Request,
) -> Response {
    match accept(&shared, &bot, &method, request).await {
        Ok(call) => serve(&shared, call).await,
        Err(error) => answer::response(&Err(error)),
    }
}

/// Checks the token and the method, and reads the parameters.
async fn accept(
    shared: &Shared,
    bot: &str,
    method: &str,
    request: Request,
) -> Result<Call, ApiError> {
    let token = bot.strip_prefix("bot").ok_or_else(ApiError::not_found)?;
    if crate::config::bot_id_of(token).is_none() {
        return Err(ApiError::not_found());
    }
    let bot = shared
        .step(|world, _| world.authenticate(token))
        .ok_or_else(ApiError::unauthorized)?;
    let method = Method::parse(method).ok_or_else(ApiError::not_found)?;
    let traceparent = traceparent(request.headers());
    let params = Params::read(request).await?;
    Ok(Call {
        bot,
        method,
        params,
        traceparent,
    })
}

fn traceparent(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    (value.len() <= 128).then(|| value.to_owned())
}

async fn serve(shared: &Shared, call: Call) -> Response {
    if call.method == Method::GetUpdates {
        let fault = shared.step(|world, _| world.faults.take(call.bot, "getUpdates", None));
        let result = match before(fault.as_ref()) {
            Some(Before::Reset) => return answer::hang_up(HangUp::Reset),
            Some(Before::Refuse(error)) => Err(error),
            None => polling::get_updates(shared, call.bot, &call.params).await,
        };
        return finish(shared, fault, result, None).await;
    }
    let (fault, result, seq) = shared.change(|world, now| handle(world, &call, now));
    if call.method == Method::SetWebhook {
        shared.webhook_set();
    }
    let Some(result) = result else {
        return answer::hang_up(HangUp::Reset);
    };
    finish(shared, fault, result, Some(seq)).await
}

/// What a fault does before a call is handled.
enum Before {
    Reset,
    Refuse(ApiError),
}

fn before(fault: Option<&FaultKind>) -> Option<Before> {
    match fault? {
        FaultKind::ResetBefore => Some(Before::Reset),
        FaultKind::Status {
            code,
            description,
            retry_after,
            migrate_to_chat_id,
        } => Some(Before::Refuse(ApiError {
            code: *code,
            description: description.clone(),
            retry_after: *retry_after,
            migrate_to_chat_id: *migrate_to_chat_id,
        })),
        FaultKind::Blocked => Some(Before::Refuse(ApiError::forbidden(recipient::BLOCKED))),
        FaultKind::Deactivated => Some(Before::Refuse(ApiError::forbidden(recipient::DEACTIVATED))),
        FaultKind::Migrated { to } => Some(Before::Refuse(ApiError::migrated(*to))),
        FaultKind::Delay { .. }
        | FaultKind::LoseResponse
        | FaultKind::ResetAfter
        | FaultKind::TruncatedBody
        | FaultKind::AfterAcceptance502 => None,
    }
}

/// One call, start to end, in one step: fault, limits, effect, ledger.
fn handle(
    world: &mut World,
    call: &Call,
    now: Moment,
) -> (Option<FaultKind>, Option<ApiResult>, u64) {
    let chat = call.params.integer("chat_id");
    let fault = world.faults.take(call.bot, call.method.name(), chat);
    let mut violation = None;
    let result = match before(fault.as_ref()) {
        Some(Before::Reset) => None,
        Some(Before::Refuse(error)) => Some(Err(error)),
        None => Some(within_limits(world, call, chat, now, &mut violation)),
    };
    let mut entry = entry(call, chat, fault.as_ref(), result.as_ref(), now);
    entry.violation = violation;
    let seq = world.ledger.add(entry);
    (fault, result, seq)
}

fn within_limits(
    world: &mut World,
    call: &Call,
    chat: Option<i64>,
    now: Moment,
    violation: &mut Option<Violation>,
) -> ApiResult {
    let limits = world.limits;
    let counts = call.method.counts();
    let pace = &mut world.bot_mut(call.bot).pace;
    if let Err(too_fast) = pace.admit(limits, counts, chat, now) {
        *violation = Some(too_fast.violation);
        return Err(ApiError::too_many_requests(too_fast.wait));
    }
    let result = dispatch(world, call, now);
    if counts == Counts::Send
        && result.is_ok()
        && let Some(chat) = chat
    {
        world.bot_mut(call.bot).pace.sent(limits, chat, now);
    }
    result
}

fn dispatch(world: &mut World, call: &Call, now: Moment) -> ApiResult {
    let (bot, params) = (call.bot, &call.params);
    match call.method {
        Method::AnswerCallbackQuery => callbacks::answer_callback_query(world, bot, params, now),
        Method::DeleteMessage => messages::delete_message(world, bot, params),
        Method::DeleteMyCommands => Ok(profile::delete_my_commands(world, bot, params)),
        Method::DeleteWebhook => Ok(polling::delete_webhook(world, bot, params)),
        Method::EditMessageCaption => messages::edit_message_caption(world, bot, params, now),
        Method::EditMessageReplyMarkup => {
            messages::edit_message_reply_markup(world, bot, params, now)
        }
        Method::EditMessageText => messages::edit_message_text(world, bot, params, now),
        Method::GetChat => profile::get_chat(world, bot, params),
        Method::GetMe => Ok(profile::get_me(world, bot)),
        Method::GetMyCommands => Ok(profile::get_my_commands(world, bot, params)),
        Method::GetUpdates => Ok(Value::Array(Vec::new())),
        Method::GetWebhookInfo => Ok(polling::get_webhook_info(world, bot)),
        Method::SendChatAction => messages::send_chat_action(world, bot, params, now),
        Method::SendMessage => messages::send_message(world, bot, params, now),
        Method::SendPhoto => messages::send_photo(world, bot, params, now),
        Method::SetChatMenuButton => profile::set_chat_menu_button(params),
        Method::SetMyCommands => profile::set_my_commands(world, bot, params),
        Method::SetMyName => profile::set_my_name(world, bot, params),
        Method::SetWebhook => polling::set_webhook(world, bot, params),
    }
}

fn entry(
    call: &Call,
    chat: Option<i64>,
    fault: Option<&FaultKind>,
    result: Option<&ApiResult>,
    now: Moment,
) -> LedgerEntry {
    let params = &call.params;
    let markup = params
        .json("reply_markup")
        .filter(|markup| markup.to_string().len() <= LEDGER_MARKUP_BYTES);
    LedgerEntry {
        seq: 0,
        bot_id: call.bot,
        method: call.method.name().to_owned(),
        chat_id: chat,
        message_id: params.integer("message_id"),
        callback_query_id: params.text("callback_query_id"),
        text: params
            .text("text")
            .or_else(|| params.text("caption"))
            .map(|text| text.chars().take(LEDGER_TEXT_CHARS).collect()),
        reply_markup: markup,
        silent: params.flag("disable_notification"),
        received_unix_us: now.unix_us,
        received_mono_us: now.mono_us,
        answered_unix_us: None,
        answered_mono_us: None,
        accepted: result.is_some_and(Result::is_ok),
        answer: result.map(|result| ledger_answer(fault, result)),
        fault: fault.map(|fault| fault.name().to_owned()),
        violation: None,
        traceparent: call.traceparent.clone(),
    }
}

fn ledger_answer(fault: Option<&FaultKind>, result: &ApiResult) -> LedgerAnswer {
    if fault == Some(&FaultKind::AfterAcceptance502) {
        return LedgerAnswer {
            status: 502,
            message_id: None,
            description: Some(ApiError::bad_gateway().description),
            retry_after: None,
        };
    }
    match result {
        Ok(value) => LedgerAnswer {
            status: 200,
            message_id: value["message_id"].as_i64(),
            description: None,
            retry_after: None,
        },
        Err(error) => LedgerAnswer {
            status: error.code,
            message_id: None,
            description: Some(error.description.clone()),
            retry_after: error.retry_after,
        },
    }
}

/// Gives the answer, or what the fault makes of it.
async fn finish(
    shared: &Shared,
    fault: Option<FaultKind>,
    result: ApiResult,
    seq: Option<u64>,
) -> Response {
    let response = match fault {
        Some(FaultKind::LoseResponse) => return answer::hang_up(HangUp::Close),
        Some(FaultKind::ResetAfter) => return answer::hang_up(HangUp::Reset),
        Some(FaultKind::TruncatedBody) => return answer::truncated(&result),
        Some(FaultKind::AfterAcceptance502) => answer::response(&Err(ApiError::bad_gateway())),
        Some(FaultKind::Delay { ms }) => {
            let delay = Duration::from_millis(ms).min(MAX_DELAY);
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = shared.shutdown.cancelled() => {}
            }
            answer::response(&result)
        }
        Some(
            FaultKind::ResetBefore
            | FaultKind::Status { .. }
            | FaultKind::Blocked
            | FaultKind::Deactivated
            | FaultKind::Migrated { .. },
        )
        | None => answer::response(&result),
    };
    if let Some(seq) = seq {
        shared.change(|world, now| world.ledger.answered(seq, now));
    }
    response
}
