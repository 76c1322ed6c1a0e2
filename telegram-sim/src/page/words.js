// What Telegram's own app writes around a chat, in the person's language.
const WORDS = {
  en: {
    menu: "Menu", message: "Message", start: "Start", block: "Block the bot", unblock: "Unblock",
    bot: "bot", group: "group", typing: "typing…", edited: "edited", today: "Today", picture: "Picture",
    send: "Send", keyboard: "Bot keyboard",
    empty: (me, bot) => `${me}, press Start to talk to ${bot}.`,
  },
  ru: {
    menu: "Меню", message: "Сообщение", start: "Начать", block: "Заблокировать бота", unblock: "Разблокировать",
    bot: "бот", group: "группа", typing: "печатает…", edited: "изменено", today: "Сегодня", picture: "Изображение",
    send: "Отправить", keyboard: "Клавиатура бота",
    empty: (me, bot) => `${me}, нажмите «Начать», чтобы поговорить с ${bot}.`,
  },
};

/** The language of a tag such as `ru-RU`, when the app has it. */
export const languageOf = tag => (tag?.toLowerCase().startsWith("ru") ? "ru" : "en");

export const wordsOf = person => WORDS[languageOf(person?.language_code)];

/** "14:05" */
export const clock = us => new Date(us / 1000).toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** "Today", or "3 December". */
export function dayName(us, person) {
  const day = new Date(us / 1000);
  if (day.toDateString() === new Date().toDateString()) return wordsOf(person).today;
  return day.toLocaleDateString(languageOf(person?.language_code), { day: "numeric", month: "long" });
}
