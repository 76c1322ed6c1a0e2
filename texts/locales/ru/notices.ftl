# Уведомления об уроках: их пишет бот, когда наступает время.
notice-booked-student =
    ✅ <b>Урок забронирован</b>
    Преподаватель: { $name }
    { $when }
notice-booked-teacher =
    ✅ <b>Новый урок</b>
    Ученик: { $name }
    { $when }
notice-no-reminder = Напоминания уже не будет: до урока осталось мало времени.
notice-reminder-student =
    ⏰ <b>Урок { $left }</b>
    Преподаватель: { $name }
    { $when }
notice-reminder-teacher =
    ⏰ <b>Урок { $left }</b>
    Ученик: { $name }
    { $when }
notice-canceled-by-you =
    ❌ <b>Вы отменили урок</b>
    { $name }
    { $when }
notice-canceled-by-teacher =
    ❌ <b>Преподаватель отменил урок</b>
    { $name }
    { $when }
notice-canceled-by-student =
    ❌ <b>Ученик отменил урок</b>
    { $name }
    { $when }
notice-reason = Причина: { $reason }
notice-changed = Данные об уроке изменились. Посмотрите: /lessons
