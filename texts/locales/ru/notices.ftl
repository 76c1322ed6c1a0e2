# Уведомления об уроках: их пишет бот, когда наступает время.
notice-booked-student =
    ✅ <b>Урок забронирован</b>
    Преподаватель: { $name }
    { $when }
notice-booked-teacher =
    ✅ <b>Новый урок</b>
    Ученик: { $name }
    { $when }
notice-requested-student =
    📨 <b>Заявка отправлена преподавателю</b>
    Преподаватель: { $name }
    { $when }
notice-requested-teacher =
    📨 <b>Заявка на урок</b>
    Ученик: { $name }
    { $when }
notice-lapses-student = Преподаватель может ответить до: { $until }.
notice-lapses-teacher = Решите, пожалуйста, до: { $until }. Потом заявка сгорит.
notice-confirmed =
    ✅ <b>Преподаватель подтвердил урок</b>
    Преподаватель: { $name }
    { $when }
notice-declined =
    🚫 <b>Преподаватель отклонил заявку</b>
    Преподаватель: { $name }
    { $when }
notice-lapsed-student =
    ⌛ <b>Заявка сгорела</b>
    На неё не ответили вовремя.
    Преподаватель: { $name }
    { $when }
notice-lapsed-teacher =
    ⌛ <b>Заявка сгорела</b>
    На неё не ответили вовремя.
    Ученик: { $name }
    { $when }
notice-other-times = Посмотрите другое время: /schedule
notice-no-reminder = Напоминания об этом уроке не будет.
notice-reminder-student =
    { $urgent ->
        [yes] 🔔
       *[no] ⏰
    } <b>Урок { $left }</b>
    Преподаватель: { $name }
    { $when }
notice-reminder-teacher =
    { $urgent ->
        [yes] 🔔
       *[no] ⏰
    } <b>Урок { $left }</b>
    Ученик: { $name }
    { $when }
notice-urgent = Пишу в ваши тихие часы: раньше напомнить уже не получалось.
notice-moved =
    🔄 <b>{ $by ->
        [you] Вы перенесли урок
        [teacher] Преподаватель перенёс урок
        [student] Ученик перенёс урок
        [admin] Администратор перенёс урок
       *[other] Урок перенесён
    }</b>
    { $name }
    Было: { $from }
    Стало: { $when }
notice-place-changed =
    📍 <b>{ $by ->
        [you] Вы изменили место урока
        [teacher] Преподаватель изменил место урока
        [student] Ученик изменил место урока
        [admin] Администратор изменил место урока
       *[other] Место урока изменилось
    }</b>
    { $name }
    { $when }
notice-meeting = Ссылка: { $url }
notice-no-meeting = Ссылки на встречу больше нет.
notice-canceled =
    ❌ <b>{ $by ->
        [you] Вы отменили урок
        [teacher] Преподаватель отменил урок
        [student] Ученик отменил урок
        [admin] Администратор отменил урок
       *[other] Урок отменён
    }</b>
    { $name }
    { $when }
notice-reason = Причина: { $reason }
notice-student-unreachable =
    ⚠️ <b>Сообщение не дошло: { $name }</b>
    Ученик заблокировал бота или удалил аккаунт. Сообщите ему об уроке сами:
    { $when }
notice-changed = Данные об уроке изменились. Посмотрите: /lessons
former-user = бывший пользователь
