//! The proxy of server 1: its configuration by nginx's own test, and the list of methods
//! that server 2 may call, which the contract decides.

use std::{fmt::Write as _, fs, net::SocketAddr, path::PathBuf};

use e2e::{
    Result,
    nginx::{Behind, Nginx},
};
use olm_proto::common::v1::Caller;

use crate::{
    policies,
    tasks::{root, runtime},
    tools,
};

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
    // It asks nobody behind it.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let behind = Behind {
        lesson: nobody,
        notify: nobody,
        rest: nobody,
        collector: nobody,
        grafana: nobody,
    };
    runtime()?.block_on(async {
        let nginx = Nginx::prepare(nginx, place.path()).await?;
        nginx.configure(&behind).await
    })?;
    let count = methods.matches("\n    /").count();
    Ok(format!("nginx takes it; methods open to server 2: {count}"))
}

fn folder() -> PathBuf {
    root().join("deploy/server-1/nginx")
}

/// A line for each method whose policy names bot-gateway.
fn methods() -> Result<String> {
    let mut text = HEAD.to_owned();
    for rule in policies::rules()? {
        let variable = match rule.package.as_str() {
            "olm.lesson.v1" => "$lesson",
            "olm.notify.v1" => "$notify",
            other => return Err(format!("the proxy knows no service for {other}").into()),
        };
        if rule.admits(Caller::BotGateway) {
            writeln!(text, "    /{}/{} {variable};", rule.service, rule.method)?;
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
