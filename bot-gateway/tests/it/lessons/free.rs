//! What is free.

use jiff::SignedDuration;
use olm_proto::lesson::v1::{availability_service_server::AvailabilityService, *};
use tonic::{Request, Response, Status};

use super::{Served, teaching};

#[tonic::async_trait]
impl AvailabilityService for Served {
    unused! {
        set_weekly_rules: SetWeeklyRulesRequest => SetWeeklyRulesResponse;
        put_override: PutOverrideRequest => PutOverrideResponse;
        delete_override: DeleteOverrideRequest => DeleteOverrideResponse;
    }
    answered! {
        get_availability: GetAvailabilityRequest => GetAvailabilityResponse
            = teaching::get_availability;
        add_time_off: AddTimeOffRequest => AddTimeOffResponse = teaching::add_time_off;
        remove_time_off: RemoveTimeOffRequest => RemoveTimeOffResponse = teaching::remove_time_off;
    }

    async fn list_slots(
        &self,
        request: Request<ListSlotsRequest>,
    ) -> Result<Response<ListSlotsResponse>, Status> {
        let request = request.into_inner();
        let mut state = self.open()?;
        state.asked_slots.push(request.clone());
        let bound = |time: Option<&prost_types::Timestamp>| olm_proto::instant(time.unwrap());
        let from = bound(request.start_time.as_ref()).unwrap();
        let until = bound(request.end_time.as_ref()).unwrap();
        let within = |start: &&jiff::Timestamp| (from..until).contains(*start);
        let length = request.lesson_duration.as_ref().and_then(olm_proto::span);
        let length = length.unwrap_or(SignedDuration::from_hours(1));
        let slots = state.slots.iter().filter(within).map(|start| Slot {
            start_time: Some(olm_proto::timestamp(*start)),
            end_time: Some(olm_proto::timestamp(*start + length)),
            ..Slot::default()
        });
        Ok(Response::new(ListSlotsResponse {
            slots: slots.collect(),
            time_zone: "Europe/Moscow".to_owned(),
            ..ListSlotsResponse::default()
        }))
    }
}
