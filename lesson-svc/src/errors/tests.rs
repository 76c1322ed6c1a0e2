use super::*;

#[test]
fn a_taken_slot_names_its_alternatives() {
    use tonic_types::StatusExt as _;
    let first: Timestamp = "2026-06-01T09:00:00Z".parse().unwrap();
    let second: Timestamp = "2026-06-01T10:00:00Z".parse().unwrap();
    let status = Status::from(Error::Unbookable {
        reason: Unbookable::SlotTaken,
        alternatives: vec![first, second],
    });
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, DOMAIN);
    assert_eq!(
        info.metadata["alternatives"],
        "2026-06-01T09:00:00Z,2026-06-01T10:00:00Z"
    );
}

#[test]
fn a_database_that_is_away_is_unavailable_and_says_when_to_repeat() {
    use tonic_types::StatusExt as _;
    let status = Status::from(Error::from(sqlx::Error::PoolTimedOut));
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_details_retry_info().is_some());
    let status = Status::from(Error::from(sqlx::Error::RowNotFound));
    assert_eq!(status.code(), Code::Internal);
}

#[test]
fn instants_the_database_cannot_store_are_refused() {
    for seconds in [-1, i64::MAX, i64::MIN, 253_402_300_800] {
        let mut violations = Violations::default();
        let given = prost_types::Timestamp { seconds, nanos: 0 };
        assert_eq!(
            read_instant(&mut violations, "start_time", Some(&given)),
            None
        );
        assert!(!violations.is_empty(), "{seconds}");
    }
}
