//! What people do often, in any language.

use super::{Key, Screen, Talk};
use crate::Result;

impl Talk {
    /// Presses Start, and the first of the cities whose time is offered.
    ///
    /// # Errors
    ///
    /// As [`Talk::press`].
    pub async fn settle(&mut self) -> Result<Screen> {
        self.say("/start").await?;
        self.press_where("of a city's time", |key| {
            key.label.get(..5).is_some_and(is_time)
        })
        .await
    }

    /// Opens a teacher's calendar: by the button below the text field, and by the teacher's
    /// name where there are several.
    ///
    /// # Errors
    ///
    /// As [`Talk::press`].
    pub async fn open_calendar(&mut self, teacher: &str) -> Result<Screen> {
        let shown = self.press("📅").await?;
        if shown.text.starts_with(teacher) || shown.key(teacher).is_none() {
            return Ok(shown);
        }
        self.press(teacher).await
    }

    /// Presses the first day of the calendar that has free times.
    ///
    /// # Errors
    ///
    /// As [`Talk::press`].
    pub async fn choose_day(&mut self) -> Result<Screen> {
        self.press_where("of a day with free times", |key| key.label.ends_with('•'))
            .await
    }

    /// Presses the first time of the day.
    ///
    /// # Errors
    ///
    /// As [`Talk::press`].
    pub async fn choose_time(&mut self) -> Result<Screen> {
        self.press_where("of a time", |key| is_time(&key.label))
            .await
    }

    /// From the calendar to the question whether to book the first free time.
    ///
    /// # Errors
    ///
    /// As [`Talk::press`].
    pub async fn choose(&mut self, teacher: &str) -> Result<Screen> {
        self.open_calendar(teacher).await?;
        self.choose_day().await?;
        self.choose_time().await
    }

    /// A newcomer, who reads nothing but the buttons, gets from `screen`, which /start has shown,
    /// to a lesson with `teacher`: presses the most promising button each time.
    ///
    /// # Errors
    ///
    /// When it takes more than `most` taps; else as [`Talk::press`].
    pub async fn find_way_to_lesson(
        &mut self,
        mut screen: Screen,
        teacher: &str,
        most: usize,
    ) -> Result<Screen> {
        for _ in 0..most {
            let promising: [&dyn Fn(&Key) -> bool; 4] = [
                &|key| key.label.starts_with('✅'),
                &|key| key.is(teacher),
                &|key| key.label.ends_with('•'),
                &|key| is_time(&key.label),
            ];
            let key = promising
                .iter()
                .find_map(|fits| screen.keys().find(|key| fits(key)));
            let key = key.or_else(|| screen.keys().find(|key| key.data.is_some()));
            let is_confirmed = key.is_some_and(|key| key.label.starts_with('✅'));
            screen = match key.and_then(|key| key.data.clone()) {
                Some(data) => self.press_data(&data).await?,
                None => self.press("📅").await?,
            };
            if is_confirmed {
                return Ok(screen);
            }
        }
        let seen = self.transcript().await?;
        Err(format!("no lesson after {most} taps:\n{seen}").into())
    }
}

/// "09:30"
fn is_time(label: &str) -> bool {
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    label
        .split_once(':')
        .is_some_and(|(hours, minutes)| digits(hours) && digits(minutes))
}
