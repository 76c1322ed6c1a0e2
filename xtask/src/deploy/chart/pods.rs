//! What every pod of the chart must say (Pod Security's "restricted", and more), and that a
//! policy of the network selects it.

use serde_json::Value;

/// Everything that breaks a rule, in the manifests of one rendering.
pub(super) fn faults(manifests: &[Value]) -> Vec<String> {
    let policies: Vec<_> = manifests
        .iter()
        .filter(|manifest| manifest["kind"] == "NetworkPolicy")
        .map(|policy| &policy["spec"]["podSelector"]["matchLabels"])
        .collect();
    let mut faults = Vec::new();
    for manifest in manifests {
        let Some(pod) = pod(manifest) else {
            continue;
        };
        let (kind, name) = (&manifest["kind"], &manifest["metadata"]["name"]);
        let mut fault = |text: &str| faults.push(format!("{kind} {name}: {text}"));
        in_pod(&pod["spec"], &mut fault);
        for container in containers(&pod["spec"]) {
            in_container(container, &mut fault);
        }
        let labels = &pod["metadata"]["labels"];
        if !policies.is_empty() && !policies.iter().any(|wanted| selects(wanted, labels)) {
            fault("no policy of the network selects it");
        }
    }
    faults
}

/// The template of what runs pods.
fn pod(manifest: &Value) -> Option<&Value> {
    let spec = &manifest["spec"];
    match manifest["kind"].as_str()? {
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => Some(&spec["template"]),
        "CronJob" => Some(&spec["jobTemplate"]["spec"]["template"]),
        _ => None,
    }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers"]
        .into_iter()
        .filter_map(|kind| pod[kind].as_array())
        .flatten()
}

fn in_pod(pod: &Value, fault: &mut impl FnMut(&str)) {
    let security = &pod["securityContext"];
    if security["runAsNonRoot"] != true {
        fault("it may run as root");
    }
    if security["seccompProfile"]["type"] != "RuntimeDefault" {
        fault("no seccomp profile");
    }
    if pod["automountServiceAccountToken"] != false {
        fault("it has a token of the cluster's API");
    }
    for namespace in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod[namespace] == true {
            fault(&format!("it is in the machine's {namespace}"));
        }
    }
    let volumes = pod["volumes"].as_array().into_iter().flatten();
    for volume in volumes {
        if !volume["hostPath"].is_null() {
            fault("it mounts a folder of the machine");
        }
    }
}

fn in_container(container: &Value, fault: &mut impl FnMut(&str)) {
    let security = &container["securityContext"];
    if security["allowPrivilegeEscalation"] != false {
        fault("it may gain privileges");
    }
    if security["privileged"] == true {
        fault("it is privileged");
    }
    if security["readOnlyRootFilesystem"] != true {
        fault("its root can be written");
    }
    let capabilities = &security["capabilities"];
    if capabilities["drop"] != serde_json::json!(["ALL"]) || !capabilities["add"].is_null() {
        fault("it keeps capabilities");
    }
    let resources = &container["resources"];
    let is_sized = ["/limits/memory", "/requests/memory", "/requests/cpu"]
        .iter()
        .all(|size| resources.pointer(size).is_some());
    if !is_sized {
        fault("a limit of memory, or what it asks for, is missing");
    }
}

/// Whether labels have everything that is wanted; nothing wanted selects all.
fn selects(wanted: &Value, labels: &Value) -> bool {
    let mut wanted = wanted.as_object().into_iter().flatten();
    wanted.all(|(name, value)| labels[name] == *value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const POD: &str = "/spec/template/spec";
    const CONTAINER: &str = "/spec/template/spec/containers/0";

    fn good() -> Value {
        json!({
            "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "automountServiceAccountToken": false,
                    "securityContext": {
                        "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [{
                        "securityContext": {
                            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                            "capabilities": {"drop": ["ALL"]},
                        },
                        "resources": {
                            "limits": {"memory": "64Mi"}, "requests": {"memory": "8Mi", "cpu": "10m"},
                        },
                    }],
                },
            }},
        })
    }

    fn policy(app: &str) -> Value {
        json!({
            "kind": "NetworkPolicy",
            "spec": {"podSelector": {"matchLabels": {"app": app}}},
        })
    }

    #[test]
    fn each_rule_that_is_broken_is_told() {
        assert_eq!(faults(&[good(), policy("web")]), Vec::<String>::new());
        for (place, key, value, told) in [
            (POD, "automountServiceAccountToken", json!(true), "a token"),
            (
                POD,
                "securityContext",
                json!({"runAsNonRoot": true}),
                "seccomp",
            ),
            (
                POD,
                "securityContext",
                json!({"seccompProfile": {"type": "RuntimeDefault"}}),
                "as root",
            ),
            (POD, "hostPID", json!(true), "hostPID"),
            (
                POD,
                "volumes",
                json!([{"hostPath": {"path": "/"}}]),
                "folder",
            ),
            (CONTAINER, "resources", json!({}), "limit of memory"),
            (
                CONTAINER,
                "securityContext",
                json!({
                    "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                }),
                "can be written",
            ),
            (
                CONTAINER,
                "securityContext",
                json!({
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]},
                }),
                "capabilities",
            ),
            (
                CONTAINER,
                "securityContext",
                json!({"readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}),
                "gain privileges",
            ),
        ] {
            let mut manifest = good();
            manifest.pointer_mut(place).unwrap()[key] = value;
            let faults = faults(&[manifest]);
            assert_eq!(faults.len(), 1, "{key}: {faults:?}");
            assert!(faults[0].contains(told), "{key}: {faults:?}");
        }
    }

    #[test]
    fn a_pod_that_no_policy_selects_is_told() {
        let faults = faults(&[good(), policy("other")]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("no policy"), "{faults:?}");
    }
}
