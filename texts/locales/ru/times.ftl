# Даты и время так, как их пишут по-русски.
weekday-1 = понедельник
weekday-2 = вторник
weekday-3 = среда
weekday-4 = четверг
weekday-5 = пятница
weekday-6 = суббота
weekday-7 = воскресенье
weekday-short-1 = пн
weekday-short-2 = вт
weekday-short-3 = ср
weekday-short-4 = чт
weekday-short-5 = пт
weekday-short-6 = сб
weekday-short-7 = вс
month-1 = января
month-2 = февраля
month-3 = марта
month-4 = апреля
month-5 = мая
month-6 = июня
month-7 = июля
month-8 = августа
month-9 = сентября
month-10 = октября
month-11 = ноября
month-12 = декабря
month-short-1 = янв
month-short-2 = фев
month-short-3 = мар
month-short-4 = апр
month-short-5 = мая
month-short-6 = июн
month-short-7 = июл
month-short-8 = авг
month-short-9 = сен
month-short-10 = окт
month-short-11 = ноя
month-short-12 = дек

moment = { $weekday }, { $day } { $month }, { $time }
moment-year = { $weekday }, { $day } { $month } { $year } г., { $time }
moment-short = { $weekday } { $day } { $month }, { $time }
lesson-time = { $weekday }, { $day } { $month }, { $time }–{ $end } ({ $zone })

day = { $weekday }, { $day } { $month }
day-short = { $weekday } { $day } { $month }
week = { $first }–{ $last } { $month }
week-of-two-months = { $first } { $month } – { $last } { $last-month }
lesson-hours = { $time }–{ $end } ({ $zone })

span-minutes = { $minutes ->
    [one] { $minutes } минуту
    [few] { $minutes } минуты
   *[many] { $minutes } минут
}
span-hours = { $hours ->
    [one] { $hours } час
    [few] { $hours } часа
   *[many] { $hours } часов
}
span-hours-minutes = { $hours ->
    [one] { $hours } час
    [few] { $hours } часа
   *[many] { $hours } часов
} { $minutes ->
    [one] { $minutes } минуту
    [few] { $minutes } минуты
   *[many] { $minutes } минут
}
span-days = { $days ->
    [one] { $days } день
    [few] { $days } дня
   *[many] { $days } дней
}

left-now = начинается
left-minutes = через { $minutes ->
    [one] { $minutes } минуту
    [few] { $minutes } минуты
   *[many] { $minutes } минут
}
left-hours = через { $hours ->
    [one] { $hours } час
    [few] { $hours } часа
   *[many] { $hours } часов
}
left-hours-minutes = через { $hours ->
    [one] { $hours } час
    [few] { $hours } часа
   *[many] { $hours } часов
} { $minutes ->
    [one] { $minutes } минуту
    [few] { $minutes } минуты
   *[many] { $minutes } минут
}
left-days = через { $days ->
    [one] { $days } день
    [few] { $days } дня
   *[many] { $days } дней
}
