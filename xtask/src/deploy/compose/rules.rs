//! What every service of ours and others' must say in a compose file (VIT-10).

use serde_json::Value;

/// What the limits of all services together may reach: server 1 has 4 GB, of which the
/// system keeps some. Steps that end before the services start do not count.
const MOST_MEMORY_MB: f64 = 3_600.0;
const MOST_RESERVED_CPUS: f64 = 2.0;
/// Their images have no program that could ask: Prometheus watches them.
const WITHOUT_HEALTH: [&str; 2] = ["otel-collector", "telegram-sim"];

/// The rules of one file.
pub(super) struct Rules<'a> {
    /// Which services may publish ports.
    pub(super) publishing: &'a [&'a str],
    /// Whether ports may be published on the machine's own address only.
    pub(super) at_home: bool,
}

impl Rules<'_> {
    /// Everything that breaks one.
    pub(super) fn faults(&self, compose: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let (mut memory, mut cpus) = (0.0, 0.0);
        for (name, service) in compose["services"].as_object().into_iter().flatten() {
            let mut fault = |text: String| faults.push(format!("{name}: {text}"));
            self.hardening(service, &mut fault);
            Self::image(service, &mut fault);
            self.ports(name, service, &mut fault);
            health(name, service, &mut fault);
            let is_step = service["restart"] == "no";
            // What has a profile is run by hand.
            if is_step && service["profiles"].is_null() && !is_awaited(name, compose) {
                // `docker compose up --wait` takes its end for a failure then.
                fault("nobody waits for its end".into());
            }
            let resources = &service["deploy"]["resources"];
            let limit = megabytes(&resources["limits"]["memory"]);
            let reserved = number(&resources["reservations"]["cpus"]);
            let complete = limit.is_some()
                && number(&resources["limits"]["cpus"]).is_some()
                && megabytes(&resources["reservations"]["memory"]).is_some();
            match (complete, reserved) {
                (true, Some(reserved)) if !is_step => {
                    memory += limit.unwrap_or_default();
                    cpus += reserved;
                }
                (true, Some(_)) => {}
                _ => fault("limits and reservations of CPU and memory are incomplete".into()),
            }
        }
        if memory > MOST_MEMORY_MB {
            faults.push(format!("all limits together are {memory} MB"));
        }
        if cpus > MOST_RESERVED_CPUS {
            faults.push(format!("all reservations together are {cpus} CPUs"));
        }
        faults
    }

    fn hardening(&self, service: &Value, fault: &mut impl FnMut(String)) {
        if service["read_only"] != true {
            fault("its root can be written".into());
        }
        if service["cap_drop"] != serde_json::json!(["ALL"]) || !service["cap_add"].is_null() {
            fault("it keeps capabilities".into());
        }
        if service["security_opt"] != serde_json::json!(["no-new-privileges:true"]) {
            fault("it may gain privileges".into());
        }
        if service["privileged"] == true {
            fault("it is privileged".into());
        }
        for namespace in ["pid", "ipc", "uts", "userns_mode", "cgroup"] {
            if service[namespace] == "host" {
                fault(format!("it shares the machine's {namespace}"));
            }
        }
        if service["pids_limit"].is_null() {
            fault("it may start as many processes as it likes".into());
        }
        let user = service["user"].as_str().unwrap_or_default();
        let id = user.split(':').next().and_then(|id| id.parse::<u32>().ok());
        if id.is_none_or(|id| id == 0) {
            fault("it runs as root, or as a user without a number".into());
        }
        if service["restart"].is_null() {
            fault("it has no restart policy".into());
        }
        let secrets = service["environment"].as_object().into_iter().flatten();
        for (name, value) in secrets {
            let is_secret = ["PASSWORD", "_KEY", "_SECRET", "_URL", "TOKEN"]
                .iter()
                .any(|part| name.contains(part));
            let value = value.as_str().unwrap_or_default();
            let is_place = value.starts_with("/run/secrets/") || value.starts_with("http");
            if is_secret && !is_place && !(self.at_home && value.contains("simulated")) {
                fault(format!("{name} is not read from a file"));
            }
        }
    }

    /// What was loaded is not asked for again: where there is no registry, nobody has it.
    fn image(service: &Value, fault: &mut impl FnMut(String)) {
        let policy = service["pull_policy"].as_str().unwrap_or_default();
        if is_ours(service) && !["missing", "never"].contains(&policy) {
            fault("its image is pulled though it was loaded".into());
        }
    }

    fn ports(&self, name: &str, service: &Value, fault: &mut impl FnMut(String)) {
        let ports = service["ports"].as_array().into_iter().flatten();
        for port in ports {
            let port = port.as_str().unwrap_or_default();
            if !self.publishing.contains(&name) {
                fault(format!("it publishes {port}"));
            } else if self.at_home && !port.starts_with("127.0.0.1:") {
                fault(format!("{port} is published to others"));
            }
        }
        if service["network_mode"] == "host" {
            fault("it is on the machine's network".into());
        }
    }
}

/// Our own images bring their check along; others' need one here.
fn health(name: &str, service: &Value, fault: &mut impl FnMut(String)) {
    let image = service["image"].as_str().unwrap_or_default();
    let is_step = service["restart"] == "no";
    let has_check = service["healthcheck"]["test"].is_array();
    if !is_ours(service) && !is_step && !has_check && !WITHOUT_HEALTH.contains(&name) {
        fault("it has no health check".into());
    }
    if image.ends_with(":latest") || !image.contains(':') {
        fault(format!("{image} names no version"));
    }
}

/// By a name that is this machine's, unless somebody names a registry: nobody else has it.
fn is_ours(service: &Value) -> bool {
    let image = service["image"].as_str();
    image.is_some_and(|image| image.contains("localhost/olm"))
}

/// Whether a service starts after this one's good end.
fn is_awaited(name: &str, compose: &Value) -> bool {
    let mut services = compose["services"].as_object().into_iter().flatten();
    services.any(|(_, service)| {
        service["depends_on"][name]["condition"] == "service_completed_successfully"
    })
}

fn megabytes(value: &Value) -> Option<f64> {
    value.as_str()?.strip_suffix('M')?.parse().ok()
}

fn number(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULES: Rules<'_> = Rules {
        publishing: &["proxy"],
        at_home: false,
    };

    fn good() -> Value {
        json!({
            "image": "nginx:1.28", "user": "101:101", "restart": "unless-stopped", "read_only": true,
            "pids_limit": 64, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"],
            "healthcheck": {"test": ["CMD", "true"]},
            "environment": {"X_KEY_FILE": "/run/secrets/key", "X_URL": "http://x"},
            "deploy": {"resources": {
                "limits": {"cpus": "1", "memory": "64M"}, "reservations": {"cpus": "0.1", "memory": "8M"}
            }}
        })
    }

    fn faults_with(name: &str, key: &str, value: Value) -> Vec<String> {
        let mut service = good();
        service[key] = value;
        RULES.faults(&json!({"services": {name: service}}))
    }

    #[test]
    fn a_hardened_and_sized_service_has_no_fault() {
        assert_eq!(
            faults_with("proxy", "ports", json!(["443:8443"])),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_rule_that_is_broken_is_told() {
        for (key, value, told) in [
            ("read_only", json!(false), "root can be written"),
            ("cap_drop", json!([]), "capabilities"),
            ("cap_add", json!(["CHOWN"]), "capabilities"),
            ("security_opt", json!(null), "gain privileges"),
            ("user", json!("root"), "runs as root"),
            ("user", json!("0:0"), "runs as root"),
            ("restart", json!(null), "restart policy"),
            ("ports", json!(["5432:5432"]), "publishes 5432"),
            ("healthcheck", json!(null), "no health check"),
            ("image", json!("nginx:latest"), "no version"),
            ("environment", json!({"X_KEY": "hush"}), "X_KEY is not read"),
            ("deploy", json!(null), "incomplete"),
            ("pids_limit", json!(null), "many processes"),
            ("pid", json!("host"), "the machine's pid"),
            ("image", json!("localhost/olm/x:1"), "though it was loaded"),
        ] {
            let faults = faults_with("web", key, value);
            assert_eq!(faults.len(), 1, "{key}: {faults:?}");
            assert!(faults[0].contains(told), "{key}: {faults:?}");
        }
    }

    #[test]
    fn a_step_has_to_be_waited_for() {
        let faults = faults_with("migrate", "restart", json!("no"));
        assert_eq!(faults, ["migrate: nobody waits for its end"]);
        let (mut step, mut next) = (good(), good());
        step["restart"] = json!("no");
        next["depends_on"] = json!({"migrate": {"condition": "service_completed_successfully"}});
        let compose = json!({"services": {"migrate": step, "service": next}});
        assert_eq!(RULES.faults(&compose), Vec::<String>::new());
    }

    #[test]
    fn a_server_that_is_promised_twice_is_told() {
        let mut big = good();
        big["deploy"]["resources"]["limits"]["memory"] = json!("2000M");
        let faults = RULES.faults(&json!({"services": {"a": big.clone(), "b": big}}));
        assert_eq!(faults, ["all limits together are 4000 MB"]);
    }
}
