//! `tagcast forward`: a trigger's deliveries for an endpoint that the gateway can't reach: one WebSocket out, each batch
//! posted from here, and a file that says how far it is.

mod owner;
mod position_file;
mod poster;

use std::path::PathBuf;

use clap::Args;

use self::owner::Owner;
use self::position_file::PositionFile;
use self::poster::Poster;
use super::exit::{Exit, Failure, Outcome};
use super::follow::{Follower, Subscription, Update};
use super::output::tell;
use super::remote::Remote;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 the position file is in use; 2 the request, the \
                        endpoint or the position file is wrong, or the endpoint is gone; 3 not allowed."
)]
pub(super) struct ForwardArguments {
    /// Which events; none: all.
    filter: Option<String>,
    /// The endpoint that gets them, such as http://127.0.0.1:9000/hook.
    #[arg(long, value_name = "URL")]
    to: String,
    /// tagcast, cloudevents, cloudevents-binary, alibaba or azure.
    #[arg(long, default_value = "tagcast")]
    format: String,
    #[command(flatten)]
    remote: Remote,
    /// `whsec_…`: sign deliveries with it.
    #[arg(long, env = "TAGCAST_SIGNING_SECRET", value_name = "SECRET", hide_env_values = true)]
    signing_secret: Option<String>,
    /// Where to keep how far it is; it resumes from there. Each forward needs a file of its own.
    #[arg(long, value_name = "FILE", default_value = "tagcast-forward.position")]
    position: PathBuf,
    /// Where to start without that file: an event_id, a time (RFC 3339) or 'earliest'; none: from now.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    /// Events in a batch, at most.
    #[arg(long, value_name = "N", default_value_t = 10)]
    batch_size: u32,
    /// Time that a batch may gather.
    #[arg(long, value_name = "TIME", default_value = "0")]
    batch_cutoff: String,
}

/// Runs until nothing can be done any more.
pub(super) async fn run(arguments: ForwardArguments) -> Outcome {
    let secret = arguments.signing_secret.as_deref();
    let mut poster =
        Poster::new(&arguments.to, &arguments.format, secret).map_err(Failure::with(Exit::Wrong))?;
    let filter = poster.filter(arguments.filter.as_deref()).map_err(Failure::with(Exit::Wrong))?;
    let gateway = arguments.remote.place().map_err(Failure::with(Exit::Wrong))?.canonical();
    let file = PositionFile::open(&arguments.position, Owner::new(gateway, &filter, poster.url()));
    let mut file = file.map_err(|error| Failure::new(error.exit(), error))?;
    let subscription = Subscription {
        filter,
        batch_size: Some(poster.largest(arguments.batch_size)),
        batch_cutoff: Some(arguments.batch_cutoff),
        after: file.position().map(str::to_owned).or(arguments.after),
    };
    let mut follower = Follower::new(arguments.remote, subscription, true);
    loop {
        let update = follower.next().await.map_err(|loss| Failure::new(loss.exit(), loss))?;
        match &update {
            Update::Batch(events) => poster.deliver(events).await.map_err(Failure::with(Exit::Wrong))?,
            Update::Gap(gap) => tell(gap),
            Update::Position(_) => {}
        }
        if let Some(position) = update.position() {
            file.advance(position).map_err(|error| Failure::new(error.exit(), error))?;
        }
    }
}
