//! A report as one page of HTML that needs nothing else: the table, and plots drawn as SVG.

use std::fmt::Write as _;

use crate::plot::{self, Line, escaped};
use crate::report::{Report, shown};

const STYLE: &str = "body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
    color:#1f2328;background:#fff}table{border-collapse:collapse;margin:1rem 0}\
    td,th{padding:.2rem .8rem .2rem 0;text-align:right;font-variant-numeric:tabular-nums}\
    td:first-child,th:first-child,td:last-child{text-align:left}h2{margin-top:2rem;font-size:1.1rem}\
    svg{width:100%;height:auto}.fault{color:#d1242f;font-weight:bold}.set{color:#57606a}\
    @media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}.set{color:#9198a1}}";

/// The page.
pub fn page(report: &Report) -> String {
    let title = escaped(&report.heading());
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>"
    );
    section(report, &mut out);
    report.attached().for_each(|other| section(other, &mut out));
    out.push_str("</body></html>\n");
    out
}

fn section(report: &Report, out: &mut String) {
    // A String takes everything.
    let _ = write!(
        out,
        "<h1>{}</h1><p class=\"set\">{}</p>",
        escaped(&report.heading()),
        escaped(&report.set_up())
    );
    for fault in report.faults() {
        let _ = write!(out, "<p class=\"fault\">{}</p>", escaped(fault));
    }
    out.push_str("<table>");
    for figure in report.figures() {
        let cells = [&escaped(&figure.name), &shown(figure.value), &escaped(figure.unit)];
        row("td", &cells, out);
    }
    out.push_str("</table>");
    times(report, out);
    // Curves of one unit share a plot.
    let mut units: Vec<_> = report.all_series().iter().map(|series| series.unit).collect();
    units.dedup();
    for unit in units {
        let same = report.all_series().iter().filter(|series| series.unit == unit);
        let lines: Vec<_> =
            same.map(|series| Line { name: &series.name, points: series.points.clone() }).collect();
        let names: Vec<_> = lines.iter().map(|line| escaped(line.name)).collect();
        let _ = write!(out, "<h2>{}</h2>{}", names.join(", "), plot::over_time(&lines, unit));
    }
    out.push_str("<h2>Checked</h2><ul>");
    for (name, result) in report.checks() {
        let _ = write!(out, "<li>{}: {}</li>", escaped(name), escaped(result));
    }
    out.push_str("</ul>");
}

fn times(report: &Report, out: &mut String) {
    if report.latencies().is_empty() {
        return;
    }
    out.push_str("<h2>Times, by percentile</h2><table>");
    row("th", &["milliseconds", "count", "p50", "p90", "p99", "p99.9", "max"], out);
    for times in report.latencies() {
        let s = &times.summary;
        let values = [s.p50, s.p90, s.p99, s.p999, s.max].map(|value| format!("{value:.3}"));
        let cells = [escaped(&times.name), s.count.to_string()].into_iter().chain(values);
        row("td", &cells.collect::<Vec<_>>(), out);
    }
    let lines: Vec<_> = report
        .latencies()
        .iter()
        .map(|times| Line { name: &times.name, points: times.curve.clone() })
        .collect();
    let _ = write!(out, "</table>{}", plot::by_percentile(&lines));
}

fn row(cell: &str, cells: &[impl AsRef<str>], out: &mut String) {
    out.push_str("<tr>");
    for text in cells {
        let _ = write!(out, "<{cell}>{}</{cell}>", text.as_ref());
    }
    out.push_str("</tr>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Latency;
    use crate::sampler::Series;

    #[test]
    fn has_everything_and_needs_nothing() {
        let mut report = Report::new("fanout");
        report.setting("connections", 7);
        report.figure("deliveries/s", 1234.0, "");
        let mut latency = Latency::default();
        (1..100).for_each(|i| latency.record(i * 1_000_000));
        report.latency("intended send to arrival", &latency);
        let points = vec![(0.0, 1.0), (1.0, 2.0)];
        report.series(Series { name: "server memory".into(), unit: "MB", points });
        report.check("a <check>", &"lost 3", false);
        let page = page(&report);
        for part in
            ["connections=7", "1234", "intended send to arrival", "server memory", "a &lt;check&gt;: lost 3"]
        {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert_eq!(page.matches("<svg").count(), 2);
        for foreign in ["src=", "href=", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
}
