//! The contract of Online Lesson Manager: messages, clients and servers made from
//! `proto/olm`, and the descriptor set that reflection and the policy layer read.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

/// Everything in `olm.common.v1`: error reasons, policy option, paging.
pub mod common {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("olm.common.v1");
    }
}

/// Everything in `olm.lesson.v1`: people, availability, lessons, series, groups, changes, calendars.
pub mod lesson {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("olm.lesson.v1");
    }
}

/// Everything in `olm.notify.v1`: notifications, recipients, plans, dispatch.
pub mod notify {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("olm.notify.v1");
    }
}

/// The encoded `FileDescriptorSet` of the contract, custom options included.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));

/// The contract as a descriptor pool.
///
/// # Panics
///
/// Never: the set is made by this crate's build and checked by its test.
pub static DESCRIPTORS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the build made a valid descriptor set")
});

/// Converts an instant to its protobuf form.
#[must_use]
pub fn timestamp(instant: jiff::Timestamp) -> prost_types::Timestamp {
    // jiff keeps second and fraction with one sign; protobuf wants the fraction ≥ 0.
    let nanos = instant.as_nanosecond();
    prost_types::Timestamp {
        seconds: i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(i64::MAX),
        nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or_default(),
    }
}

/// Converts a protobuf timestamp to an instant; `None` outside years −9999 to 9999
/// or when the fraction is not one.
#[must_use]
pub fn instant(timestamp: &prost_types::Timestamp) -> Option<jiff::Timestamp> {
    if !(0..1_000_000_000).contains(&timestamp.nanos) {
        return None;
    }
    jiff::Timestamp::new(timestamp.seconds, timestamp.nanos).ok()
}

/// Converts a span of time to its protobuf form.
#[must_use]
pub fn duration(span: jiff::SignedDuration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: span.as_secs(),
        nanos: span.subsec_nanos(),
    }
}

/// Converts a protobuf duration; `None` when seconds and fraction disagree in sign
/// or the fraction is not one.
#[must_use]
pub fn span(duration: &prost_types::Duration) -> Option<jiff::SignedDuration> {
    let in_range = duration.nanos.unsigned_abs() < 1_000_000_000;
    let one_sign = duration.seconds.signum() * i64::from(duration.nanos.signum()) >= 0;
    (in_range && one_sign).then(|| jiff::SignedDuration::new(duration.seconds, duration.nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_set_knows_every_service_of_the_contract() {
        let names: Vec<_> = DESCRIPTORS
            .services()
            .map(|service| service.full_name().to_owned())
            .collect();
        assert_eq!(
            names,
            [
                "olm.lesson.v1.AvailabilityService",
                "olm.lesson.v1.CalendarService",
                "olm.lesson.v1.ChangeService",
                "olm.lesson.v1.GroupService",
                "olm.lesson.v1.InvitationService",
                "olm.lesson.v1.LessonService",
                "olm.lesson.v1.SeriesService",
                "olm.lesson.v1.TeacherService",
                "olm.lesson.v1.UserService",
                "olm.notify.v1.DeliveryService",
                "olm.notify.v1.DispatchService",
                "olm.notify.v1.LessonPlanService",
                "olm.notify.v1.NotificationService",
                "olm.notify.v1.PollingService",
                "olm.notify.v1.RecipientService",
            ]
        );
    }

    #[test]
    fn instants_before_1970_survive_the_round_trip() {
        let before: jiff::Timestamp = "1969-12-31T23:59:59.25Z".parse().unwrap();
        let wire = timestamp(before);
        assert_eq!((wire.seconds, wire.nanos), (-1, 250_000_000));
        assert_eq!(instant(&wire), Some(before));
    }

    #[test]
    fn timestamps_that_are_none_are_refused() {
        for (seconds, nanos) in [(i64::MAX, 0), (0, -1), (0, 1_000_000_000)] {
            let wire = prost_types::Timestamp { seconds, nanos };
            assert_eq!(instant(&wire), None, "{wire:?}");
        }
    }
    #[test]
    fn durations_that_are_none_are_refused() {
        for (seconds, nanos) in [
            (0, i32::MIN),
            (0, i32::MAX),
            (0, 1_000_000_000),
            (0, -1_000_000_000),
            (1, -1),
            (-1, 1),
        ] {
            let wire = prost_types::Duration { seconds, nanos };
            assert_eq!(span(&wire), None, "{wire:?}");
        }
    }

    #[test]
    fn durations_survive_the_round_trip() {
        for nanos in [0, 1, -1, 999_999_999, -999_999_999, -1_250_000_000] {
            let given = jiff::SignedDuration::from_nanos(nanos);
            assert_eq!(span(&duration(given)), Some(given));
        }
    }
}
