//! Keys, signatures, addresses and waits.

use std::collections::HashMap;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn webhooks(networks: &str) -> Webhooks {
    let variables = [
        ("NOTIFY_WEBHOOK_KEY", SECRET),
        ("NOTIFY_WEBHOOK_PRIVATE_NETWORKS", networks),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut settings = Settings::from_map("NOTIFY", HashMap::from(variables));
    let webhooks = Webhooks::read(&mut settings);
    assert_eq!(settings.finish(), Ok(()));
    webhooks
}

fn creator(caller: &str, client: &str) -> Creator {
    Creator {
        caller: caller.to_owned(),
        client: client.to_owned(),
    }
}

/// What is wrong with an address.
fn faults(webhooks: &Webhooks, url: &str) -> String {
    let mut violations = Violations::default();
    let _ = webhooks.parse(url, &mut violations);
    match violations.check() {
        Ok(()) => String::new(),
        Err(refusal) => refusal.into_status("olm.notify").message().to_owned(),
    }
}

#[test]
fn a_post_is_signed_as_the_standard_says() {
    // The example of the Standard Webhooks specification.
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let mut padded = [0; 32];
    padded[..key.len()].copy_from_slice(&key);
    // HMAC fills short keys up with zeros, so this is the same key.
    let signature = SigningKey(padded).sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn each_client_has_a_key_of_its_own_for_ever() {
    let of =
        |caller: &str, client: &str| webhooks("").key(&creator(caller, client)).unwrap().told();
    // Written down: a change would make every client refuse every post.
    assert_eq!(
        of("gateway-rest", "crm"),
        "whsec_fg7/l/TnU5Ftt3MuETtgUtkHlMMgOhZFFH44UXGK0iY="
    );
    let keys = [
        of("gateway-rest", "crm"),
        of("gateway-rest", ""),
        of("operator", "crm"),
        of("gateway-rest", "crm2"),
    ];
    for (index, key) in keys.iter().enumerate() {
        assert!(!keys[..index].contains(key), "{index}");
    }
    assert!(
        Webhooks::default()
            .key(&creator("gateway-rest", "crm"))
            .is_none()
    );
}

#[test]
fn every_fault_of_an_address_is_told_at_once() {
    let public = webhooks("");
    for good in [
        "https://crm.example/hooks?of=olm",
        "https://crm.example:8443/",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]/",
    ] {
        assert_eq!(faults(&public, good), "", "{good}");
    }
    for (bad, expected) in [
        ("http://crm.example/", vec!["https"]),
        ("crm.example/hook", vec!["not a URL"]),
        ("https://", vec!["not a URL"]),
        ("https://10.0.0.1/", vec!["private network"]),
        ("https://0x7f.1/", vec!["private network"]),
        ("https://2130706433/", vec!["private network"]),
        ("https://[::ffff:169.254.169.254]/", vec!["private network"]),
        ("https://[::1]:8443/", vec!["private network"]),
        (
            "ftp://a:b@127.0.0.1/#x",
            vec!["https", "password", "fragment", "private network"],
        ),
    ] {
        let told = faults(&public, bad);
        for words in expected {
            assert!(told.contains(words), "{bad}: {told}");
        }
    }
    let long = format!("https://crm.example/{}", "x".repeat(2_048));
    assert!(faults(&public, &long).contains("2048"));
    let keyless = Webhooks::default();
    let told = faults(&keyless, "http://127.0.0.1/");
    for words in ["no key", "https", "private network"] {
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_private_network_can_be_allowed_and_only_that_one() {
    let allowed = webhooks("127.0.0.1/32, fd00::/8");
    for good in [
        "http://127.0.0.1:8000/",
        "https://[fd00::7]/",
        "http://crm.local/",
    ] {
        assert_eq!(faults(&allowed, good), "", "{good}");
    }
    assert!(faults(&allowed, "http://127.0.0.2/").contains("private network"));
}

#[test]
fn settings_that_cannot_be_used_are_told() {
    let variables = [
        ("NOTIFY_WEBHOOK_KEY", "short"),
        ("NOTIFY_WEBHOOK_PRIVATE_NETWORKS", "10.0.0.0/8,10.0.0.1/8"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut settings = Settings::from_map("NOTIFY", HashMap::from(variables));
    Webhooks::read(&mut settings);
    let faults = settings.finish().unwrap_err().to_string();
    for expected in [
        "NOTIFY_WEBHOOK_KEY: is shorter than 32 bytes",
        "NOTIFY_WEBHOOK_PRIVATE_NETWORKS: \"10.0.0.1/8\" cannot be used",
    ] {
        assert!(faults.contains(expected), "{expected:?} in {faults}");
    }
}

#[test]
fn waits_grow_and_end() {
    let seconds: Vec<_> = (1..=8)
        .map(|tries| retry_after(tries, 0.0).map(|wait| wait.as_secs()))
        .collect();
    let expected = [5, 30, 120, 600, 3_600, 21_600, 86_400].map(Some);
    assert_eq!(seconds[..7], expected);
    assert_eq!(seconds[7], None);
    assert_eq!(retry_after(1, 1.0), Some(Duration::from_millis(5_500)));
}

#[test]
fn a_secret_is_never_printed() {
    assert!(!format!("{:?}", webhooks("")).contains(SECRET));
}
