# Dates and times as they are written in English.
weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday
weekday-short-1 = Mon
weekday-short-2 = Tue
weekday-short-3 = Wed
weekday-short-4 = Thu
weekday-short-5 = Fri
weekday-short-6 = Sat
weekday-short-7 = Sun
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
month-short-1 = Jan
month-short-2 = Feb
month-short-3 = Mar
month-short-4 = Apr
month-short-5 = May
month-short-6 = Jun
month-short-7 = Jul
month-short-8 = Aug
month-short-9 = Sep
month-short-10 = Oct
month-short-11 = Nov
month-short-12 = Dec

moment = { $weekday }, { $month } { $day }, { $time }
moment-year = { $weekday }, { $month } { $day }, { $year }, { $time }
moment-short = { $weekday }, { $month } { $day }, { $time }
lesson-time = { $weekday }, { $month } { $day }, { $time }–{ $end } ({ $zone })

day = { $weekday }, { $month } { $day }
day-short = { $weekday }, { $month } { $day }
week = { $month } { $first }–{ $last }
week-of-two-months = { $month } { $first } – { $last-month } { $last }
lesson-hours = { $time }–{ $end } ({ $zone })

span-minutes = { $minutes ->
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}
span-hours = { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
}
span-hours-minutes = { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
} { $minutes ->
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}
span-days = { $days ->
    [one] { $days } day
   *[other] { $days } days
}

left-now = is starting
left-minutes = in { $minutes ->
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}
left-hours = in { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
}
left-hours-minutes = in { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
} { $minutes ->
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}
left-days = in { $days ->
    [one] { $days } day
   *[other] { $days } days
}
