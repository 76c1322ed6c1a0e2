//! `SeriesService`: parse, one call, reply.

use olm_proto::lesson::v1::{
    CancelSeriesRequest, CancelSeriesResponse, CreateSeriesRequest, CreateSeriesResponse,
    GetSeriesRequest, GetSeriesResponse, ListSeriesRequest, ListSeriesResponse,
    PreviewSeriesRequest, PreviewSeriesResponse, PreviewSeriesUpdateRequest,
    PreviewSeriesUpdateResponse, UpdateSeriesRequest, UpdateSeriesResponse,
    series_service_server::SeriesService,
};
use tonic::{Request, Response, Status};

use super::{canceling, creating, listing, previewing, updating};
use crate::{actors::Claimed, state::State};

/// The gRPC service.
#[derive(Debug, Clone)]
pub struct SeriesCalls(pub State);

#[tonic::async_trait]
impl SeriesService for SeriesCalls {
    async fn preview_series(
        &self,
        request: Request<PreviewSeriesRequest>,
    ) -> Result<Response<PreviewSeriesResponse>, Status> {
        let by = Claimed::of(&request)?;
        let preview = previewing::preview(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(preview))
    }

    async fn create_series(
        &self,
        request: Request<CreateSeriesRequest>,
    ) -> Result<Response<CreateSeriesResponse>, Status> {
        let by = Claimed::of(&request)?;
        let created = creating::create(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(created))
    }

    async fn get_series(
        &self,
        request: Request<GetSeriesRequest>,
    ) -> Result<Response<GetSeriesResponse>, Status> {
        let by = Claimed::of(&request)?;
        let series = listing::get(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(GetSeriesResponse {
            series: Some(series),
        }))
    }

    async fn list_series(
        &self,
        request: Request<ListSeriesRequest>,
    ) -> Result<Response<ListSeriesResponse>, Status> {
        let by = Claimed::of(&request)?;
        let page = listing::list(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(page))
    }

    async fn preview_series_update(
        &self,
        request: Request<PreviewSeriesUpdateRequest>,
    ) -> Result<Response<PreviewSeriesUpdateResponse>, Status> {
        let by = Claimed::of(&request)?;
        let answer = updating::preview(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn update_series(
        &self,
        request: Request<UpdateSeriesRequest>,
    ) -> Result<Response<UpdateSeriesResponse>, Status> {
        let by = Claimed::of(&request)?;
        let answer = updating::update(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn cancel_series(
        &self,
        request: Request<CancelSeriesRequest>,
    ) -> Result<Response<CancelSeriesResponse>, Status> {
        let by = Claimed::of(&request)?;
        let answer = canceling::cancel(&self.0, by, request.get_ref()).await?;
        Ok(Response::new(answer))
    }
}
