# Экраны бота.
screen-unknown = Я понимаю кнопки внизу и команды. Список команд: /help
screen-not-possible = Сейчас так не получится. Посмотрите свои уроки: /lessons
screen-lessons = <b>Ваши уроки</b>
screen-no-lessons = У вас нет предстоящих уроков. Записаться: /schedule
screen-lesson-with-teacher = { $when } — преподаватель { $name }
screen-lesson-with-student = { $when } — ученик { $name }
screen-line-requested = ждёт ответа преподавателя
screen-line-held = придержано для вас, ещё не забронировано
screen-cancel-ask =
    Отменить урок?
    { $name }
    { $when }
screen-canceled =
    ❌ <b>Урок отменён</b>
    { $name }
    { $when }
screen-withdraw-ask =
    Отозвать заявку?
    { $name }
    { $when }
screen-withdrawn =
    ↩️ <b>Заявка отозвана</b>
    { $name }
    { $when }
screen-let-go-ask =
    Больше не держать для вас это время?
    { $name }
    { $when }
screen-let-go =
    ↩️ <b>Время больше не придержано</b>
    { $name }
    { $when }
screen-changed =
    Урок изменился, теперь так:
    { $name }
    { $when }
screen-already-canceled = Этот урок уже отменён.
screen-already-declined = Эта заявка отклонена.
screen-lapsed = Срок вышел, и это время больше не придержано. Выбрать время: /schedule
screen-confirmed =
    ✅ <b>Урок подтверждён</b>
    Ученик: { $name }
    { $when }
screen-already-begun = Урок уже начался, изменить ничего нельзя.
screen-invited =
    Здравствуйте, { $name }! 👋
    Теперь ваш преподаватель: { $teacher }.
screen-student-already = Вы уже учитесь у этого преподавателя: { $teacher }.
screen-invitation-unknown = Такого приглашения я не знаю. Попросите у преподавателя новую ссылку.
screen-invitation-expired = Срок приглашения истёк. Попросите у преподавателя новую ссылку.
screen-invitation-revoked = Преподаватель отозвал это приглашение. Попросите у него новую ссылку.
screen-invitation-used-up = Это приглашение уже использовали все, на кого оно рассчитано. Попросите у преподавателя новую ссылку.
screen-invitation-group-full = { $has-group ->
    [0] Группа, в которую ведёт это приглашение, заполнена. Напишите преподавателю.
   *[other] Группа «{ $group }» заполнена. Напишите преподавателю.
}
screen-self-invitation = Это ваше собственное приглашение: отправьте ссылку ученикам.
screen-no-lesson = Такого урока у вас нет. Ваши уроки: /lessons
screen-lesson-with-group = { $when }, группа { $name }
screen-line-reconfirm = ждёт вашего ответа
screen-seat-kept =
    ✅ <b>Вы придёте в новое время</b>
    { $name }
    { $when }
screen-leave-ask =
    Отказаться от места на этом уроке?
    { $name }
    { $when }
screen-seat-left =
    🚪 <b>Вы отказались от места</b>
    { $name }
    { $when }
screen-seat-busy = В это время у вас всё ещё другой урок. Сначала отмените или перенесите его, потом ответьте ещё раз: /lessons
screen-seat-gone = Время на ответ вышло, ваше место освобождено.
screen-no-seat = На этом уроке у вас больше нет места. Ваши уроки: /lessons
screen-old-button = Эта кнопка устарела. Откройте заново: /schedule или /lessons
screen-too-many-requests =
    Слишком много запросов. Продолжите через { $seconds ->
        [one] { $seconds } секунду
        [few] { $seconds } секунды
       *[other] { $seconds } секунд
    }.
screen-unavailable = ⚠️ Сервис временно недоступен
screen-stale = ⚠️ Данные могут быть неактуальны (получены { $when })
screen-not-done = ⚠️ Сервис временно недоступен, ничего не изменено. Попробуйте ещё раз чуть позже.
screen-outcome-unknown =
    ⚠️ Сервис не ответил вовремя, и пока неизвестно, выполнено ли это. Уроки можно проверить здесь: /lessons
    Можно и просто повторить: дважды ничего не выполнится.
screen-done-unshown = ✅ Готово. ⚠️ Показать результат сейчас не получается: сервис временно недоступен. Загляните чуть позже.
screen-failed = ⚠️ Не получилось. Попробуйте ещё раз.

label-schedule = 📅 Расписание
label-lessons = Мои уроки
label-cancel = ❌ Отменить: { $time }
label-confirm = ✅ Подтвердить
label-decline = 🚫 Отклонить
label-cancel-yes = Да, отменить
label-cancel-no = Не отменять
label-withdraw-yes = Да, отозвать
label-let-go-yes = Да, отпустить
label-leave-it = Оставить
label-keep = ✅ Приду
label-give-up = 🚪 Отказаться от места

command-start = Начать
command-schedule = Свободное время и запись
command-lessons = Мои уроки: перенос и отмена
command-agenda = Мой день и неделя, заявки
command-invite = Пригласить ученика или группу
command-zone = Зона времени
command-language = Язык
command-help = Справка
command-settings = Язык, время, напоминания, тихие часы
command-status = Что я о вас знаю
command-cancel = Забыть вопрос
