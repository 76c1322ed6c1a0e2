//! Rebuilds when a migration changes: `sqlx::migrate!` embeds the files at compile
//! time, and Cargo does not see that it reads them.

fn main() {
    println!("cargo:rerun-if-changed=../migrations/lesson");
    println!("cargo:rerun-if-changed=sqlx.toml");
}
