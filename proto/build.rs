//! Compiles the contract without protoc, and keeps its descriptor set, custom
//! options included, for reflection and the policy layer.

use std::{env, error::Error, fs, path::Path};

const SERVICES: &[&str] = &[
    "olm/lesson/v1/availability_service.proto",
    "olm/lesson/v1/calendar_service.proto",
    "olm/lesson/v1/change_service.proto",
    "olm/lesson/v1/group_service.proto",
    "olm/lesson/v1/invitation_service.proto",
    "olm/lesson/v1/lesson_service.proto",
    "olm/lesson/v1/series_service.proto",
    "olm/lesson/v1/teacher_service.proto",
    "olm/lesson/v1/user_service.proto",
    "olm/notify/v1/delivery_service.proto",
    "olm/notify/v1/dispatch_service.proto",
    "olm/notify/v1/lesson_plan_service.proto",
    "olm/notify/v1/notification_service.proto",
    "olm/notify/v1/polling_service.proto",
    "olm/notify/v1/recipient_service.proto",
    "olm/common/v1/error_reason.proto",
    "olm/common/v1/paging.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=olm");
    let out = env::var("OUT_DIR")?;
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(SERVICES)?;
    // Reflection needs no comments, and they are half of the set.
    let with_comments = compiler.file_descriptor_set();
    compiler.include_source_info(false);
    fs::write(
        Path::new(&out).join("descriptor_set.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    tonic_prost_build::configure()
        .build_transport(false)
        .out_dir(&out)
        .compile_fds(with_comments)?;
    Ok(())
}
