//! The parts of a page that needs nothing else: text as it is, and plots drawn as SVG.

use plotters::prelude::*;

/// A name and points, left to right.
pub type Curve<'a> = (&'a str, &'a [(f64, f64)]);

const STYLE: &str = "body{max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#fff}\
    pre{white-space:pre-wrap}svg{width:100%;height:auto}";

/// How it begins.
pub fn begin(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>"
    )
}

/// Adds text.
pub fn text(text: &str, page: &mut String) {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    page.extend(["<pre>", &escaped, "</pre>"]);
}

/// Adds values over seconds, from zero up.
///
/// # Errors
///
/// If they can't be drawn.
pub fn over_time(curves: &[Curve<'_>], unit: &str, page: &mut String) -> anyhow::Result<()> {
    draw(curves, unit, &|second| format!("{second:.1} s"), page)
}

/// Adds milliseconds by quantile, on a scale in which every nine takes as much room as the one before.
///
/// # Errors
///
/// If they can't be drawn.
pub fn by_percentile(curves: &[Curve<'_>], page: &mut String) -> anyhow::Result<()> {
    let nines = |quantile: f64| -(1.0 - quantile.clamp(0.0, 1.0 - 1e-9)).log10();
    let curves = curves.iter().map(|(name, points)| {
        let points = points.iter().map(|&(quantile, time)| (nines(quantile), time));
        (*name, points.collect::<Vec<_>>())
    });
    let curves: Vec<_> = curves.collect();
    let curves: Vec<_> = curves.iter().map(|(name, points)| (*name, &points[..])).collect();
    draw(&curves, "ms", &|nines| format!("{:.4} %", 100.0 - 100.0 / 10f64.powf(*nines)), page)
}

fn draw(
    curves: &[Curve<'_>],
    unit: &str,
    mark: &dyn Fn(&f64) -> String,
    page: &mut String,
) -> anyhow::Result<()> {
    let points = || curves.iter().flat_map(|(_, points)| points.iter());
    let right = points().map(|point| point.0).fold(0.0, f64::max);
    let top = points().map(|point| point.1).fold(0.0, f64::max);
    if right <= 0.0 {
        return Ok(());
    }
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (960, 320)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..right, 0.0..top.max(1e-9) * 1.05)?;
    chart.configure_mesh().disable_x_mesh().y_desc(unit).x_label_formatter(&mark).draw()?;
    for (index, (name, points)) in curves.iter().enumerate() {
        let colour = Palette99::pick(index).stroke_width(2);
        let line = chart.draw_series(LineSeries::new(points.iter().copied(), colour))?;
        line.label(*name).legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).draw()?;
    drop(chart);
    drop(area);
    page.push_str(&svg);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_nothing_else() {
        let mut page = String::new();
        over_time(&[("<script>\"&", &[(0.0, 1.0), (1.0, 2.0)])], "/s", &mut page).unwrap();
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    }

    #[test]
    fn nothing_makes_no_plot() {
        let mut page = String::new();
        by_percentile(&[("none", &[])], &mut page).unwrap();
        over_time(&[], "MB", &mut page).unwrap();
        assert_eq!(page, "");
    }
}
