# Что написано в записях внешних календарей.
calendar-name = Уроки
calendar-lesson = Урок: { $with }
