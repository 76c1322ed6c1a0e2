//! Migrations are embedded when this crate is compiled, so a change of the folder
//! must compile it again.

fn main() {
    println!("cargo:rerun-if-changed=../migrations/notify");
    println!("cargo:rerun-if-changed=sqlx.toml");
}
