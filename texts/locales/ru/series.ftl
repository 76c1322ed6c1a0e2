# Уведомления о группах и о регулярных занятиях в целом.
notice-group = Группа: { $title }
notice-reconfirm = ❓ <b>Придёте в новое время?</b>
notice-reconfirm-until =
    Оно совпало с другим вашим уроком. Место за вами до: { $until }. Если до этого не подтвердите, оно освободится.
notice-seat-freed =
    ⌛ <b>Ваше место освобождено</b>
    Вы не подтвердили вовремя, что придёте.
notice-seat-canceled =
    ❌ <b>{ $by ->
        [teacher] Преподаватель убрал вас с этого урока
        [admin] Администратор убрал вас с этого урока
       *[other] На этом уроке у вас больше нет места
    }</b>
notice-student-left =
    🚪 <b>{ $by ->
        [student] Место освободилось: { $name }
       *[other] Новое время не подтверждено, место освободилось: { $name }
    }</b>
notice-series-booked-student = 🗓 <b>Регулярные занятия забронированы</b>
notice-series-booked-teacher = 🗓 <b>Новые регулярные занятия</b>
notice-series-changed =
    🔄 <b>{ $by ->
        [you] Вы изменили регулярные занятия
        [teacher] Преподаватель изменил регулярные занятия
        [student] Ученик изменил регулярные занятия
        [admin] Администратор изменил регулярные занятия
       *[other] Регулярные занятия изменились
    }</b>
notice-series-canceled =
    ❌ <b>{ $by ->
        [you] Вы отменили регулярные занятия
        [teacher] Преподаватель отменил регулярные занятия
        [student] Ученик отменил регулярные занятия
        [admin] Администратор отменил регулярные занятия
       *[other] Ваши регулярные занятия отменены
    }</b>
notice-series-skipped =
    ⚠️ <b>Регулярное занятие не забронировано</b>
    Время было занято, или у вас выходной:
notice-clock-shifts = 🕐 <b>Регулярные занятия начнутся для вас в другой час</b>
notice-clock-shifts-from =
    В вашем часовом поясе и в том, по которому идут занятия, часы переводят в разные дни.
    Начало по вашим часам: { $time }, а не { $previous }. Первое такое занятие: { $when }.
notice-series-pattern =
    { $weeks ->
        [1] Каждую неделю { $weekdays } в { $time }
        [one] Раз в { $weeks } неделю { $weekdays } в { $time }
        [few] Раз в { $weeks } недели { $weekdays } в { $time }
       *[other] Раз в { $weeks } недель { $weekdays } в { $time }
    }
notice-series-pattern-elsewhere = { $pattern } ({ $zone })
notice-series-next = Ближайший урок: { $when }
notice-series-was = Был назначен на: { $from }
notice-series-count =
    { $count ->
        [1] { $count } урок
        [one] { $count } урок, последний: { $last }
        [few] { $count } урока, последний: { $last }
       *[other] { $count } уроков, последний: { $last }
    }
notice-series-off =
    { $count ->
        [1] Не состоится { $count } урок: { $from }
        [one] Не состоится { $count } урок: первый { $from }, последний { $last }
        [few] Не состоятся { $count } урока: первый { $from }, последний { $last }
       *[other] Не состоятся { $count } уроков: первый { $from }, последний { $last }
    }
notice-series-off-from = Отменены все, начиная с этого: { $from }
weekdays-1 = по понедельникам
weekdays-2 = по вторникам
weekdays-3 = по средам
weekdays-4 = по четвергам
weekdays-5 = по пятницам
weekdays-6 = по субботам
weekdays-7 = по воскресеньям
notice-series-last-now = Последний урок теперь: { $last }.
notice-student-left-group = 🚪 <b>Больше не в группе: { $name }</b>
