//! What changes over time: twice a second, deliveries, memory and CPU are noted down, for the plots of a report.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;

use crate::broadcast::Broadcast;
use crate::clock::{self, float};
use crate::cpu;
use crate::report::Report;

const EVERY: Duration = Duration::from_millis(500);

/// One curve over time.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Of what.
    pub name: String,
    /// In what.
    pub unit: &'static str,
    /// Seconds since the start, and the value.
    pub points: Vec<(f64, f64)>,
}

/// Whose CPU and memory are looked at.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    /// The server, which may be started anew; 0: unknown.
    pub server: Arc<AtomicU32>,
    /// Processes of ours beside this one.
    pub helpers: Vec<u32>,
}

impl Processes {
    /// The server, if it is known.
    pub fn server(&self) -> Option<u32> {
        Some(self.server.load(Ordering::Relaxed)).filter(|&pid| pid > 0)
    }

    /// CPU time of all that is ours, in seconds. A helper that has ended counts no more.
    pub fn own_cpu(&self) -> f64 {
        let own = std::iter::once(None).chain(self.helpers.iter().copied().map(Some));
        own.filter_map(|pid| cpu::usage(pid).ok()).map(|usage| usage.cpu).sum()
    }
}

/// The thread that looks.
pub struct Sampler {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Vec<Sample>>>,
}

/// What was seen at one time; counts are since the start.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: u64,
    deliveries: u64,
    own_cpu: f64,
    server: Option<cpu::Usage>,
}

impl Sampler {
    /// Starts to look.
    pub fn start(broadcast: &Arc<Broadcast>, processes: &Processes) -> Self {
        let (stop, stopped) = mpsc::channel();
        let (broadcast, processes) = (Arc::clone(broadcast), processes.clone());
        let thread = thread::spawn(move || {
            let mut samples = vec![sample(&broadcast, &processes)];
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                samples.push(sample(&broadcast, &processes));
            }
            samples
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }

    fn end(&mut self) -> Vec<Sample> {
        self.stop.take();
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }

    /// Ends it, and tells the curves.
    pub fn tell(&mut self, report: &mut Report) {
        for series in curves(&self.end()) {
            report.series(series);
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.end();
    }
}

fn sample(broadcast: &Broadcast, processes: &Processes) -> Sample {
    Sample {
        at: clock::now(),
        deliveries: broadcast.delivered(),
        own_cpu: processes.own_cpu(),
        server: processes.server().and_then(|pid| cpu::usage(Some(pid)).ok()),
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
    let value = |of: &dyn Fn(&Sample) -> Option<f64>| {
        samples.iter().filter_map(|sample| Some((time(sample), of(sample)?))).collect::<Vec<_>>()
    };
    let all = [
        ("deliveries", "/s", rate(&|sample| Some(float(sample.deliveries)))),
        ("client CPU", "cores", rate(&|sample| Some(sample.own_cpu))),
        ("server CPU", "cores", rate(&|sample| Some(sample.server?.cpu))),
        ("server memory", "MB", value(&|sample| Some(float(sample.server?.resident) / 1e6))),
    ];
    let told = all.into_iter().filter(|(_, _, points)| points.len() > 1);
    told.map(|(name, unit, points)| Series { name: name.to_owned(), unit, points }).collect()
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
