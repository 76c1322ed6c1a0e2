# Поиск преподавателя, календарь и запись.
booking-teachers = Выберите преподавателя. Или напишите имя или предмет, и я найду:
booking-no-teachers = Пока ни один преподаватель не принимает записи.
booking-found = { $count ->
    [one] Нашёлся { $count } преподаватель:
    [few] Нашлись { $count } преподавателя:
   *[many] Нашлось { $count } преподавателей:
}
booking-found-more = Нашлось много, показываю первые { $count }. Напишите точнее, чтобы сузить поиск.
booking-found-none = Никого не нашлось. Напишите имя или предмет иначе:
booking-teacher = <b>{ $name }</b>
booking-subjects = Предметы: { $subjects }
booking-about = <i>{ $about }</i>
booking-zone = Время показано по зоне: { $zone }
booking-clocks-now = Время показано ваше. Сейчас у вас { $here } ({ $zone }), у преподавателя { $there } ({ $teacher-zone }).
booking-clocks-then = Время показано ваше: { $here } у вас ({ $zone }) — это { $there } у преподавателя ({ $teacher-zone }).
booking-week =
    📅 <b>{ $week }</b>, урок { $minutes } мин
    Выберите день:
booking-week-empty =
    📅 <b>{ $week }</b>
    На этой неделе свободного времени нет.
booking-nothing-free = Свободного времени пока нет. Загляните позже.
booking-day =
    📅 <b>{ $day }</b>, урок { $minutes } мин
    Выберите время:
booking-day-empty =
    📅 <b>{ $day }</b>
    Свободного времени в этот день уже нет.
booking-ask =
    <b>Записаться на урок?</b>
    Преподаватель: { $name }
    { $when }
    Длительность: { $minutes } мин
booking-elsewhere = У преподавателя: { $when }
booking-cancel-free-until = Отменить без последствий можно до { $moment }.
booking-cancel-free = Отменить можно в любой момент до начала.
booking-cancel-late = Отмена меньше чем за { $notice } до начала считается поздней.
booking-approves = Преподаватель подтверждает запись сам: вы отправите ему заявку.
booking-kept = ⏳ Держу это время для вас { $minutes ->
    [one] { $minutes } минуту
    [few] { $minutes } минуты
   *[many] { $minutes } минут
}.
booking-booked =
    ✅ <b>Вы записаны</b>
    Преподаватель: { $name }
    { $when }
booking-requested =
    📨 <b>Заявка отправлена</b>
    Преподаватель: { $name }
    { $when }
    Напишу, как только преподаватель ответит.
booking-slot-taken = { $alternatives ->
    [0] Это время только что заняли. Выберите другое.
   *[other] Это время только что заняли. Ближайшее свободное:
}
booking-busy = У вас уже есть урок в это время. Ваши уроки: /lessons
booking-not-offered = Это время больше не предлагается. Выберите другое.
booking-too-soon = До этого времени осталось слишком мало. Выберите другое.
booking-too-far = Так далеко вперёд записаться нельзя. Выберите другое время.
booking-self = Записаться на урок к самому себе нельзя.
booking-not-accepting = Этот преподаватель не берёт новых учеников. Попросите у него приглашение.
booking-day-full = В этот день преподаватель больше уроков не даёт. Выберите другой.
booking-not-possible = Слишком много заявок ждёт ответа. Посмотрите свои уроки: /lessons

booking-move-title =
    <b>Перенос урока</b>
    { $name }
    Сейчас: { $when }
booking-move-ask =
    <b>Перенести урок?</b>
    { $name }
    Было: { $when }
    Станет: { $to }
booking-moved =
    🔁 <b>Урок перенесён</b>
    { $name }
    { $when }
booking-move-too-late = Переносить этот урок уже поздно: это можно сделать не позже чем за { $notice } до начала. Договоритесь с преподавателем или отмените урок.
booking-move-of-group = Урок группы переносит только преподаватель.

booking-was-late = Отмена поздняя: преподаватель увидит это.
booking-lesson =
    📘 <b>Урок</b>
    { $when }
booking-with-teacher = Преподаватель: { $name }
booking-of-group = Группа: { $group }
booking-seats = Занято мест: { $taken } из { $capacity }
booking-place = Где: { $url }
booking-notes = Заметки: { $notes }
booking-stands = ✅ Урок состоится.
booking-waits-until = 📨 Заявка ждёт ответа преподавателя до { $moment }.
booking-asks-until = ❓ Время изменилось. Скажите, придёте ли вы, до { $moment }.
booking-full = На этом уроке мест больше нет.
booking-no-seat-yet = На этом уроке у вас нет места.
booking-not-joinable = На этот урок записаться уже нельзя.
booking-open-lessons = <b>Уроки ваших групп, на которых у вас нет места</b>
booking-no-open-lessons = Сейчас нет уроков ваших групп, на которые можно записаться.
booking-open-lesson = { $when }, группа { $group }: { $left ->
    [0] мест нет
    [one] { $left } место свободно
    [few] { $left } места свободны
   *[many] { $left } мест свободно
}
booking-joined =
    ✅ <b>У вас есть место</b>
    Группа: { $group }
    Преподаватель: { $name }
    { $when }
booking-see-you =
    👋 <b>До встречи!</b>
    { $when }
booking-missed-lessons = { $count ->
    [1] На { $count } уроке группы у вас нет места: он заполнен или совпадает с другим вашим уроком.
    [one] На { $count } уроке группы у вас нет места: они заполнены или совпадают с другими вашими уроками.
    [few] На { $count } уроках группы у вас нет места: они заполнены или совпадают с другими вашими уроками.
   *[many] На { $count } уроках группы у вас нет места: они заполнены или совпадают с другими вашими уроками.
}

booking-label-own-teacher = ⭐ { $name }
booking-label-teachers = 👥 Преподаватели
booking-label-length = { $minutes } мин
booking-label-length-chosen = ✓ { $minutes } мин
booking-label-day = { $day }•
booking-label-no-day = ·
booking-label-earlier = ◀
booking-label-later = ▶
booking-label-next-free = Ближайшее: { $day }
booking-label-to-week = ◀ К неделе
booking-label-book = ✅ Записаться
booking-label-request = 📨 Отправить заявку
booking-label-another-time = Другое время
booking-label-move = 🔁 Перенести
booking-label-move-yes = Да, перенести
booking-label-back = ◀ Назад
booking-label-lessons = Мои уроки
booking-label-details = Подробнее об уроке
booking-label-lesson = { $time } · { $name }
booking-label-lesson-open = ⏳ { $time } · { $name }
booking-label-open-lessons = 👥 Уроки моих групп
booking-label-join = ✅ Занять место
booking-label-join-at = ✅ { $time } · { $group }
booking-label-to-calendar = 📆 В Google Календарь
booking-label-come = ✅ Приду
