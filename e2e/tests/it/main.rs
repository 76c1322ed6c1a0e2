//! The whole system in one test program, so that tests which wait do so side by side.

mod bot;
mod bot_away;
mod bot_away_teachers;
mod bot_crawl;
mod bot_many;
mod bot_settings;
mod bot_students;
mod bot_teachers;
mod chaos;
mod deploy;
mod faults;
mod keys;
mod lessons;
mod migrations;
mod polling;
mod scenarios;
mod story;
mod suspended;
mod telling;
mod watching;
