# Уведомления об уроках: их пишет бот, когда наступает время.
notice-booked-student = ✅ <b>Урок забронирован</b>
notice-booked-teacher = ✅ <b>Новый урок</b>
notice-requested-student = 📨 <b>Заявка отправлена преподавателю</b>
notice-requested-teacher = 📨 <b>Заявка на урок</b>
notice-lapses-student = Преподаватель может ответить до: { $until }.
notice-lapses-teacher = Решите, пожалуйста, до: { $until }. Потом заявка сгорит.
notice-confirmed = ✅ <b>Преподаватель подтвердил урок</b>
notice-declined = 🚫 <b>Преподаватель отклонил заявку</b>
notice-lapsed-student =
    ⌛ <b>Заявка сгорела</b>
    На неё не ответили вовремя.
notice-lapsed-teacher =
    ⌛ <b>Заявка сгорела</b>
    На неё не ответили вовремя.
notice-teacher = Преподаватель: { $name }
notice-student = Ученик: { $name }
notice-name = { $name }
notice-when = { $when }
notice-other-times = Посмотрите другое время: /schedule
notice-no-reminder = Напоминания об этом уроке не будет.
notice-reminder =
    { $urgent ->
        [yes] 🔔
       *[no] ⏰
    } <b>Урок { $left }</b>
notice-urgent = Пишу в ваши тихие часы: раньше напомнить уже не получалось.
notice-moved =
    🔄 <b>{ $by ->
        [you] Вы перенесли урок
        [teacher] Преподаватель перенёс урок
        [student] Ученик перенёс урок
        [admin] Администратор перенёс урок
       *[other] Урок перенесён
    }</b>
notice-moved-times =
    Было: { $from }
    Стало: { $when }
notice-request-moved =
    🔄 <b>{ $by ->
        [you] Вы изменили время в заявке на урок
        [teacher] Преподаватель изменил время в заявке на урок
        [student] Ученик изменил время в заявке на урок
        [admin] Администратор изменил время в заявке на урок
       *[other] Время в заявке на урок изменилось
    }</b>
notice-place-changed =
    📍 <b>{ $by ->
        [you] Вы изменили место урока
        [teacher] Преподаватель изменил место урока
        [student] Ученик изменил место урока
        [admin] Администратор изменил место урока
       *[other] Место урока изменилось
    }</b>
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
notice-request-canceled =
    ❌ <b>{ $by ->
        [you] Вы отменили заявку на урок
        [teacher] Преподаватель отменил заявку на урок
        [student] Ученик отозвал заявку на урок
        [admin] Администратор отменил заявку на урок
       *[other] Заявка на урок отменена
    }</b>
notice-reason = Причина: { $reason }
notice-student-unreachable =
    ⚠️ <b>Сообщение не дошло: { $name }</b>
    Ученик заблокировал бота или удалил аккаунт. { $state ->
        [requested] Сообщите ему сами, на какое время заявка
        [scheduled] Сообщите ему сами, когда урок
        [canceled] Сообщите ему сами, что урока не будет
        [declined] Сообщите ему сами, что заявка отклонена
        [lapsed] Сообщите ему сами, что заявка сгорела
       *[other] Сообщите ему об уроке сами
    }:
    { $when }
notice-changed = Данные об уроке изменились. Посмотрите: /lessons
former-user = бывший пользователь
