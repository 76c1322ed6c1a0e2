//! What people read, in both languages.

/// What a person reads with server 1 cut off.
pub struct Words {
    pub language: &'static str,
    pub lessons: &'static str,
    pub stale: &'static str,
    pub unavailable: &'static str,
    pub not_done: &'static str,
    pub unknown: &'static str,
    pub booked: &'static str,
}

pub const RU: Words = Words {
    language: "ru",
    lessons: "Ваши уроки",
    stale: "\n\n⚠️ Данные могут быть неактуальны (получены ",
    unavailable: "⚠️ Сервис временно недоступен",
    not_done: "ничего не изменено",
    unknown: "пока неизвестно, выполнено ли это",
    booked: "Вы записаны",
};
pub const EN: Words = Words {
    language: "en",
    lessons: "Your lessons",
    stale: "\n\n⚠️ This may be out of date (as of ",
    unavailable: "⚠️ The service is temporarily unavailable",
    not_done: "nothing was changed",
    unknown: "it is not known yet whether this was done",
    booked: "You are booked",
};
