//! The proxy of server 1: its configuration by nginx's own test, and the list of methods
//! that server 2 may call, which the contract decides.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::Result;
use olm_proto::{DESCRIPTORS, common::v1::Caller};

use super::tool;
use crate::{tasks::root, tools};

/// What is said before the list.
const HEAD: &str =
    "# Written by `cargo xtask proxy-methods` from the contract's policies; do not edit.
# What bot-gateway may call, and which service answers it; everything else does not exist.
map $uri $service_of_method {
    default \"\";
";

/// Writes the list anew.
pub(crate) fn write() -> Result<()> {
    let path = folder().join("methods.conf");
    fs::write(&path, methods()?)?;
    println!("written: {}", path.display());
    Ok(())
}

/// Whether the list is the contract's, and nginx takes the configuration. A certificate
/// of a moment stands for the real one.
pub(super) fn check() -> Result<String> {
    let methods = methods()?;
    if fs::read_to_string(folder().join("methods.conf"))? != methods {
        return Err("methods.conf is not what the policies say: cargo xtask proxy-methods".into());
    }
    let nginx = tools::debian("nginx", "nginx")?;
    let place = tempfile::Builder::new().prefix("olm-proxy-").tempdir()?;
    let place = place.path();
    for entry in fs::read_dir(folder())? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let secrets = place.join("secrets").display().to_string();
        let name = path.file_name().ok_or("a file without a name")?;
        fs::write(place.join(name), text.replace("/run/secrets", &secrets))?;
    }
    make_secrets(&place.join("secrets"))?;
    tool(
        Command::new(nginx)
            .args(["-t", "-q", "-e", "stderr", "-p"])
            .arg(place)
            .arg("-c")
            .arg(place.join("nginx.conf")),
    )?;
    let count = methods.matches("\n    /").count();
    Ok(format!("nginx takes it; methods open to server 2: {count}"))
}

fn make_secrets(directory: &Path) -> Result<()> {
    fs::create_dir(directory)?;
    fs::write(directory.join("otlp-keys.map"), "\"a-key\" 1;\n")?;
    tool(
        Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
            .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"])
            .args(["-subj", "/CN=localhost", "-keyout"])
            .arg(directory.join("tls.key"))
            .arg("-out")
            .arg(directory.join("tls.crt")),
    )?;
    Ok(())
}

fn folder() -> PathBuf {
    root().join("deploy/server-1/nginx")
}

/// A line for each method whose policy names bot-gateway.
fn methods() -> Result<String> {
    let policy = DESCRIPTORS
        .get_extension_by_name("olm.common.v1.policy")
        .ok_or("the contract has no policies")?;
    let mut text = HEAD.to_owned();
    for service in DESCRIPTORS.services() {
        let variable = match service.package_name() {
            "olm.lesson.v1" => "$lesson",
            "olm.notify.v1" => "$notify",
            other => return Err(format!("the proxy knows no service for {other}").into()),
        };
        for method in service.methods() {
            let options = method.options();
            let value = options.get_extension(&policy);
            let callers = value
                .as_message()
                .and_then(|policy| policy.get_field_by_name("callers"));
            let callers = callers
                .as_ref()
                .and_then(|callers| callers.as_list())
                .ok_or_else(|| format!("{} has no policy", method.full_name()))?;
            let is_open = callers
                .iter()
                .any(|caller| caller.as_enum_number() == Some(Caller::BotGateway as i32));
            if is_open {
                let (service, method) = (service.full_name(), method.name());
                writeln!(text, "    /{service}/{method} {variable};")?;
            }
        }
    }
    text.push_str("}\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxys_list_is_what_the_policies_say() {
        let written = fs::read_to_string(folder().join("methods.conf")).unwrap();
        assert_eq!(written, methods().unwrap());
        assert!(written.contains("/olm.notify.v1.DispatchService/Dispatch $notify;"));
        assert!(!written.contains("SyncLesson") && !written.contains("SetSending"));
    }
}
