//! What changes over time: twice a second, deliveries, memory and CPU are noted down, for the plots of a report.

use std::sync::Arc;
use std::time::Duration;

use crate::broadcast::Broadcast;
use crate::clock::{self, float};
use crate::figure::{Id, Name};
use crate::process::{self, Processes, Usage};
use crate::report::{Report, Series};
use crate::ticker::Ticker;

const PAUSE: Duration = Duration::from_millis(500);

/// What was seen at one time; counts are since the start.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    at: u64,
    deliveries: u64,
    own_cpu: f64,
    server: Option<Usage>,
}

/// Starts to look.
pub fn start(broadcast: &Arc<Broadcast>, processes: &Processes) -> Ticker<Vec<Sample>> {
    let (broadcast, processes) = (Arc::clone(broadcast), processes.clone());
    let sample = move || Sample {
        at: clock::now(),
        deliveries: broadcast.delivered(),
        own_cpu: processes.own_cpu(),
        server: processes.server().and_then(|pid| process::usage(Some(pid)).ok()),
    };
    Ticker::start(PAUSE, vec![sample()], move |samples| samples.push(sample()))
}

/// Tells the curves.
pub fn tell(samples: &[Sample], report: &mut Report) {
    for series in curves(samples) {
        report.series(series);
    }
}

fn curves(samples: &[Sample]) -> Vec<Series> {
    let Some(first) = samples.first() else { return Vec::new() };
    let time = |sample: &Sample| clock::seconds(sample.at - first.at);
    let rate = |of: &dyn Fn(&Sample) -> Option<f64>| {
        let pairs = samples.windows(2).filter_map(|pair| {
            let took = clock::seconds(pair[1].at - pair[0].at);
            Some((time(&pair[1]), (of(&pair[1])? - of(&pair[0])?).max(0.0) / took))
        });
        pairs.collect::<Vec<_>>()
    };
    let memory = samples.iter().filter_map(|one| Some((time(one), float(one.server?.resident) / 1e6)));
    let all: [(Name, _, _); 4] = [
        ("deliveries".into(), "/s", rate(&|sample| Some(float(sample.deliveries)))),
        (Id::ClientCpu.into(), "cores", rate(&|sample| Some(sample.own_cpu))),
        ("server CPU".into(), "cores", rate(&|sample| Some(sample.server?.cpu))),
        (Id::ServerMemory.into(), "MB", memory.collect()),
    ];
    let told = all.into_iter().filter(|(_, _, points)| points.len() > 1);
    told.map(|(name, unit, points)| Series { name, unit: unit.to_owned(), points }).collect()
}

/// How steeply the values rise, per unit of time: least squares.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = clock::float_len(points.len());
    let sums = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sums.0 / count, sums.1 / count);
    let over: f64 = points.iter().map(|point| (point.0 - mean_x) * (point.1 - mean_y)).sum();
    let under: f64 = points.iter().map(|point| (point.0 - mean_x).powi(2)).sum();
    (points.len() > 1 && under > 0.0).then(|| over / under)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_rates() {
        let sample = |at, deliveries| Sample { at, deliveries, own_cpu: 0.0, server: None };
        let curves = curves(&[sample(5, 0), sample(500_000_005, 100), sample(1_000_000_005, 100)]);
        assert_eq!(curves[0].points, [(0.5, 200.0), (1.0, 0.0)]);
        assert_eq!(curves.len(), 2);
    }

    #[test]
    fn a_line_has_its_slope() {
        let points: Vec<_> = (0..10).map(|x| (f64::from(x), 3.0 + 2.0 * f64::from(x))).collect();
        assert!((slope(&points).unwrap() - 2.0).abs() < 1e-9);
        assert_eq!((slope(&points[..1]), slope(&[])), (None, None));
    }
}
