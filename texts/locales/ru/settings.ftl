# Начало, зона времени, настройки и то, что бот говорит о себе.
settings-hello =
    Здравствуйте, { $name }! 👋
    Я помогу записаться на урок и напомню о нём.
settings-welcome-back =
    Здравствуйте, { $name }! 👋
    { $has-next ->
        [0] Предстоящих уроков нет.
       *[other] Ближайший урок: { $next }
    }
settings-next-lesson = { $when }, { $name }
settings-ask-zone =
    <b>Сколько у вас сейчас времени?</b>
    Нажмите на время или напишите свой город.
settings-ask-other-zone =
    Ваше время: { $zone } ({ $offset }), сейчас { $time }.
    Чтобы сменить, нажмите на время или напишите свой город.
settings-ask-city = Напишите свой город, например: Казань. Хватит и начала названия.
settings-which-city = Какой из них ваш?
settings-no-city = Такого города я не нашёл. Напишите ближайший крупный город или время на ваших часах, например 14:35.
settings-ask-clock = Сколько сейчас на ваших часах? Нажмите или напишите, например 14:35.
settings-which-clock = Где у вас сейчас { $time }? Выберите свой город или ближайший к нему.
settings-which-clock-part =
    Где у вас сейчас { $time }? Выберите свой город или ближайший к нему.
    Сейчас часы в этих городах идут одинаково, но не круглый год: где их переводят, указана дата.
settings-ask-place = Нажмите внизу «{ $button }»: по ней я узнаю ваше время. Саму геопозицию я не сохраняю.
settings-no-place = По этой точке время не узнать. Напишите город.
settings-zone-is = ✅ { $zone } ({ $offset }), у вас сейчас { $time }.
settings-place-is = 📍 { $zone } ({ $offset }), там сейчас { $time }.
settings-without-place = Хорошо, без геопозиции.
settings-ask-rules =
    Ваши рабочие часы заданы по прежнему городу. Оставить их так или перенести в новый ({ $zone })?
    Назначенные уроки не сдвинутся.
settings-menu =
    ⚙️ <b>Настройки</b>
    Имя: { $name }
    Язык: русский
    Время: { $zone } ({ $offset }), сейчас { $time }
    Напоминания: { $has-leads ->
        [0] выключены
       *[other] { $leads }
    }
    Тихие часы: { $has-quiet ->
        [0] нет
       *[other] { $quiet }
    }
    Не сообщать: { $has-muted ->
        [0] сообщаю обо всём
       *[other] { $muted }
    }
settings-changed = Настройки успели измениться. Теперь они такие:
settings-ask-language = Язык сообщений:
settings-language-is = 🌐 Хорошо, пишу по-русски.
settings-ask-leads = Когда напоминать об уроке? Можно выбрать до пяти напоминаний.
settings-ask-own-lead = За сколько до урока напоминать? Напишите, например: 40 минут.
settings-no-lead = Не понял. Напишите от 1 минуты до 14 дней, например: 40 минут, 3 часа, 2 дня.
settings-too-many-leads = Напоминаний уже пять. Сначала уберите одно из них.
settings-ask-quiet =
    { $has-quiet ->
        [0] Тихих часов нет: напоминания приходят в любое время.
       *[other] Тихие часы: { $now }. В это время приходят только напоминания, которые раньше прислать нельзя.
    }
settings-ask-own-quiet = С какого и по какой час не беспокоить? Напишите, например: 22:00–8:00.
settings-no-quiet = Не понял. Напишите начало и конец, например: 22:00–8:00.
settings-ask-kinds = О чём сообщать? О переносах и отменах я сообщаю всегда.
settings-ask-name = Сейчас вас зовут: { $now }. Напишите, как вас называть.
settings-no-name = Имя — это от 1 до 128 символов в одну строку. Напишите ещё раз.
settings-help = <b>Что я умею</b>
settings-help-teacher = <b>Преподавателям</b>
settings-help-line = /{ $command } · { $what }
settings-status =
    👤 { $name }, { $is-teacher ->
        [0] ученик
       *[other] преподаватель
    }
    🕐 { $zone } ({ $offset }), сейчас { $time }
    🌐 Русский
    📅 { $has-next ->
        [0] Предстоящих уроков нет
       *[other] Ближайший урок: { $next }
    }
    🎓 { $teachers ->
        [one] { $teachers } преподаватель
        [few] { $teachers } преподавателя
       *[many] { $teachers } преподавателей
    }{ $is-teacher ->
        [0] { "" }
       *[other] , { $students ->
            [one] { $students } ученик
            [few] { $students } ученика
           *[many] { $students } учеников
        }
    }
    🔔 { $has-leads ->
        [0] Напоминания выключены
       *[other] Напоминания: { $leads }
    }
    { $answers ->
        [0] ⚠️ Сервис не отвечает
       *[other] ✅ Сервис отвечает
    }
settings-cancelled = Хорошо, забыли.
settings-nothing-to-cancel = Отменять нечего.

settings-label-likely-city = { $time } { $city }
settings-label-found-city = { $city }, { $time } ({ $offset })
settings-label-changing-city = { $city }, с { $day } { $offset }
settings-label-by-city = 🏙 По городу
settings-label-by-place = 📍 По геопозиции
settings-label-by-clock = 🕐 По часам
settings-label-send-place = 📍 Отправить геопозицию
settings-label-cancel = ✖️ Не надо
settings-label-keep-rules = Оставить по прежнему городу
settings-label-move-rules = Перенести: те же часы здесь
settings-label-back = ◀ Назад
settings-label-settings = ⚙️ Настройки
settings-label-language = 🌐 Язык
settings-label-ru = Русский
settings-label-en = English
settings-label-zone = 🕐 Время
settings-label-leads = 🔔 Напоминания
settings-label-quiet = 🌙 Тихие часы
settings-label-kinds = ✉️ О чём сообщать
settings-label-name = 👤 Имя
settings-label-on = ✅ { $what }
settings-label-off = ▫️ { $what }
settings-label-own-lead = ✏️ Своё время
settings-label-no-quiet = Без тихих часов
settings-label-own-quiet = ✏️ Свои часы
settings-lead = за { $length }

settings-kind-booked = запись на урок
settings-kind-reminder = напоминания
settings-kind-requested = заявки
settings-kind-lapsed = сгоревшие заявки
settings-kind-series-booked = новые серии уроков
settings-kind-clock-shifts = перевод часов
settings-kind-confirmed = заявка принята
settings-kind-declined = заявка отклонена
settings-kind-student-unreachable = ученик недоступен
settings-kind-student-left = ученик ушёл из группы
settings-kind-series-skipped = пропущенный урок серии

# День, когда переводят часы.
day-name = { $day } { $month }
