# То, что видит преподаватель.
teaching-not-teaching = Это для преподавателей. Ваши уроки: /lessons, запись к преподавателю: /schedule
teaching-day =
    { $when ->
        [today] <b>Сегодня, { $day }</b>
       *[other] <b>{ $day }</b>
    }
    Зона: { $zone }
teaching-week =
    <b>{ $days }</b>
    Зона: { $zone }
teaching-day-of-week = <b>{ $day }</b>
teaching-free = Уроков нет.
teaching-line = { $hours } · { $name }
teaching-group-line = { $hours } · группа { $name }, { $taken } из { $capacity }
teaching-more = { $count ->
    [1] И ещё { $count } урок: откройте его день.
    [one] И ещё { $count } урок: откройте их дни.
    [few] И ещё { $count } урока: откройте их дни.
   *[many] И ещё { $count } уроков: откройте их дни.
}
teaching-mark-requested = ⏳ ждёт вашего ответа
teaching-mark-held = 🕓 ученик ещё решает
teaching-mark-unrecorded = ❔ отметьте, кто был
teaching-lesson =
    <b>{ $name }</b>
    { $when }
teaching-seats = Мест занято: { $taken } из { $capacity }
teaching-student-time = У ученика: { $time } ({ $zone })
teaching-requested = ⏳ Заявка ждёт вашего ответа. Без ответа сгорит: { $until }
teaching-held = 🕓 Ученик держит это время и ещё решает.
teaching-running = ▶️ Идёт сейчас
teaching-over = 🏁 Прошёл
teaching-canceled = ❌ Отменён
teaching-declined = 🚫 Заявка отклонена
teaching-lapsed = ⌛ Заявка сгорела
teaching-reason = Причина: { $reason }
teaching-place = 📍 { $url }
teaching-notes = 📝 { $notes }
teaching-seat = { $name }{ $state ->
    [asked] : спросили, подходит ли новое время
    [attended] : ✅ на уроке
    [absent] : 🚫 не было на уроке
    [left] : место освобождено
    [late] : место освобождено поздно
   *[coming] { "" }
}
teaching-attendance-hint = Отметьте, кто был. Отметку можно исправить.
teaching-attendance-kept = ✅ Записано.
teaching-not-begun = Урок ещё не начался: отметить, кто был, пока нельзя.
teaching-changed = ❗ С тех пор урок изменился. Теперь так:
teaching-too-late = Урок уже начался, изменить ничего нельзя.
teaching-decline-ask =
    Отклонить заявку? Выберите причину, ученик её увидит. Готовую он прочтёт на своём языке.
    { $name }
    { $when }
teaching-cancel-ask =
    Отменить урок? Выберите причину, её увидят все, кто записан. Готовую каждый прочтёт на своём языке.
    { $name }
    { $when }
teaching-own-words = Напишите причину одним сообщением, и я сразу передам её. Жду 15 минут. Передумали: /cancel
teaching-reason-too-long = Слишком длинно: причина может быть не длиннее 500 знаков. Напишите короче или передумайте: /cancel
teaching-cancel-done =
    ❌ <b>Урок отменён</b>
    { $name }
    { $when }
teaching-decline-done =
    🚫 <b>Заявка отклонена</b>
    Ученик: { $name }
    { $when }
teaching-move-days =
    <b>Куда перенести?</b>
    { $name }
    Сейчас: { $when }

    Свободные дни, { $days }:
teaching-move-times =
    <b>Куда перенести?</b>
    { $name }
    Сейчас: { $when }

    Свободное время, { $day }:
teaching-move-nowhere = Здесь свободного времени нет.
teaching-move-ask =
    Перенести урок?
    { $name }
    Было: { $from }
    Станет: { $to }
teaching-moved =
    🔁 <b>Урок перенесён</b>
    { $name }
    { $when }
teaching-move-taken = Это время уже занято другим вашим уроком. Выберите другое:
teaching-move-busy = У ученика в это время другой урок. Выберите другое время:
teaching-move-past = Это время уже прошло. Выберите другое:
teaching-delivery = { $state ->
    [sent] 🔔 Напоминание доставлено, { $time } ✓
    [blocked] 🔕 Напоминание не доставлено: ученик заблокировал бота ✗
    [failed] 🔕 Напоминание не доставлено, { $time } ✗
    [unsure] 🔔 Напоминание отправлено, { $time }, дошло ли, неизвестно
   *[pending] 🔔 Напоминание придёт: { $time }
}
teaching-delivery-of = { $name }: { $state ->
    [sent] 🔔 напоминание доставлено, { $time } ✓
    [blocked] 🔕 напоминание не доставлено: бот заблокирован ✗
    [failed] 🔕 напоминание не доставлено, { $time } ✗
    [unsure] 🔔 напоминание отправлено, { $time }, дошло ли, неизвестно
   *[pending] 🔔 напоминание придёт: { $time }
}
teaching-unreachable = 🔕 Ученик заблокировал бота, сообщения до него не доходят.
teaching-unreachable-of = { $name }: 🔕 бот заблокирован, сообщения не доходят
teaching-deliveries-unknown = Дошли ли напоминания, сейчас узнать не получается.

teaching-type-days = Напишите дни, например: 24.12–6.1, «3 мая» или «с 24 по 28 декабря». Передумали: /cancel
teaching-days-unclear = Не получилось понять, какие это дни. Напишите, например, 24.12–6.1. Передумали: /cancel
teaching-days-unsuitable = Так не получится: эти дни уже прошли, до них больше трёх лет, или их больше года подряд.
teaching-too-much-time-off = Больше нерабочих дней добавить нельзя: уберите лишние.
teaching-calendar-changed = Календарь с тех пор изменился. Теперь так:
teaching-other-day = Эти кнопки были для другого дня, ничего не изменилось. Теперь так:
teaching-cancel-unknown = ⚠️ Сервис не ответил. Отменён ли этот урок, неизвестно, откройте его позже:
teaching-time-off-removed = ✅ Готово, эти дни снова рабочие.
teaching-no-time-off = Этих нерабочих дней уже нет.
teaching-none-ahead = Впереди нерабочих дней нет.
teaching-no-lessons-in-it = Уроков в эти дни нет.
time-off-ahead =
    <b>🏖 Нерабочие дни</b>
    Зона: { $zone }
time-off-days = { $days }
time-off-hours = { $from } – { $until }
time-off-first =
    Первый нерабочий день?
    <b>{ $month }</b>
time-off-last =
    Первый нерабочий день: { $first }
    А последний нерабочий день?
    <b>{ $month }</b>
time-off-ask = Не работаете: <b>{ $days }</b>, верно?
time-off-added = 🏖 <b>Записал: { $days }, нерабочее время.</b> Новых записей не будет.
time-off-lessons = { $count ->
    [1] В это время стоит { $count } урок. Он не отменён:
    [one] В это время стоит { $count } урок. Они не отменены:
    [few] В это время стоит { $count } урока. Они не отменены:
   *[many] В это время стоит { $count } уроков. Они не отменены:
}
time-off-cancel-ask = { $count ->
    [one] Отменить { $count } урок?
    [few] Отменить { $count } урока?
   *[many] Отменить { $count } уроков?
} Ученики получат сообщение.
time-off-cancel-done = { $count ->
    [one] ❌ Отменён { $count } урок.
    [few] ❌ Отменено { $count } урока.
   *[many] ❌ Отменено { $count } уроков.
}
time-off-cancel-failed = { $count ->
    [1] Не получилось отменить { $count } урок: он изменился или уже начался.
    [one] Не получилось отменить { $count } урок: они изменились или уже начались.
    [few] Не получилось отменить { $count } урока: они изменились или уже начались.
   *[many] Не получилось отменить { $count } уроков: они изменились или уже начались.
}
time-off-cancel-left = Ещё не отменено: { $count }
time-off-more = И ещё { $count }: их предложу следующими.

teaching-invite-whom = Кого пригласить? Я сделаю ссылку и картинку с QR-кодом.
teaching-no-invitations = Открытых приглашений нет.
teaching-invitation-revoked = ✅ Приглашение отозвано, по ссылке больше никто не войдёт.
teaching-invitation-gone = Это приглашение больше не действует.
teaching-too-many-invitations = Открытых приглашений слишком много. Отзовите лишние:
teaching-no-group = Этой группы больше нет.
teaching-group-full = В этой группе нет свободных мест.
inviting-student =
    Приглашение для одного ученика:
    <code>{ $link }</code>

    Действует { $hours ->
        [one] { $hours } час
        [few] { $hours } часа
       *[many] { $hours } часов
    }, до: { $until }
inviting-group =
    Приглашение в группу «{ $group }» { $uses ->
        [one] на { $uses } место
        [few] на { $uses } места
       *[many] на { $uses } мест
    }:
    <code>{ $link }</code>

    Действует { $hours ->
        [one] { $hours } час
        [few] { $hours } часа
       *[many] { $hours } часов
    }, до: { $until }
inviting-open = <b>Открытые приглашения: { $count }</b>
inviting-open-line = { $number }. { $into ->
    [none] Для ученика
   *[group] В группу «{ $group }»
}, осталось { $left ->
    [one] { $left } место
    [few] { $left } места
   *[many] { $left } мест
}, до: { $until }

teaching-label-agenda = 🗓 Мой день
teaching-label-earlier = ◀ { $day }
teaching-label-later = { $day } ▶
teaching-label-today = Сегодня
teaching-label-week = Неделя
teaching-label-time-off = 🏖 Нерабочие дни
teaching-label-invite = ➕ Пригласить
teaching-label-lesson = { $time } { $name }
teaching-label-back = ◀ Назад
teaching-label-move = 🔁 Перенести
teaching-label-move-yes = ✅ Перенести
teaching-label-cancel = ❌ Отменить урок
teaching-label-attended = ✅ Ученик был
teaching-label-no-show = 🚫 Ученика не было
teaching-label-seat-attended = ✅ { $name }
teaching-label-seat-no-show = 🚫 { $name }
teaching-label-reason = { $number ->
    [1] Болею
    [2] Непредвиденные обстоятельства
   *[3] Это время мне не подходит
}
teaching-label-own-words = ✏️ Своими словами
teaching-label-without-reason = Без причины
teaching-label-keep = ◀ Оставить как есть
teaching-label-not-today = 🌙 Сегодня больше не работаю
teaching-label-not-tomorrow = Завтра не работаю
teaching-label-from-to = 📅 С … по …
teaching-label-type-days = ✏️ Написать
teaching-label-remove = ✖ Убрать: { $days }
teaching-label-days-yes = ✅ Верно
teaching-label-cancel-all = ❌ Отменить все ({ $count })
teaching-label-cancel-all-yes = ❌ Да, отменить все
teaching-label-invite-student = 👤 Одного ученика
teaching-label-invite-group = 👥 { $title }
teaching-label-open-invitations = Открытые приглашения
teaching-label-revoke = ✖ Отозвать
teaching-label-revoke-number = ✖ Отозвать { $number }
