//! Plots as SVG text: lines over time, and times by percentile. Pure.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 40.0;
const COLOURS: [&str; 6] = ["#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a"];

/// One line of a plot.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// What it shows.
    pub name: &'a str,
    /// Where it goes.
    pub points: Vec<(f64, f64)>,
}

/// Where the marks of an axis stand, and what they say.
type Marks = Vec<(f64, String)>;

/// Values over seconds.
pub fn over_time(lines: &[Line<'_>], unit: &str) -> String {
    let span = span(lines, |point| point.0).unwrap_or((0.0, 1.0));
    let across = steps(span.0, span.1).into_iter().map(|at| (at, format!("{} s", short(at)))).collect();
    draw(lines, span, across, unit)
}

/// Milliseconds by quantile, on a scale in which every nine takes as much room as the one before.
pub fn by_percentile(lines: &[Line<'_>]) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            let nines = line.points.iter().map(|&(quantile, time)| (nines(quantile), time));
            Line { name: line.name, points: nines.collect() }
        })
        .collect();
    let most = span(&lines, |point| point.0).map_or(1.0, |span| span.1.ceil().max(1.0));
    let names = ["0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"];
    let across = (0u8..).map(f64::from).zip(names).take_while(|(at, _)| *at <= most);
    let across = across.map(|(at, name)| (at, name.to_owned())).collect();
    draw(&lines, (0.0, most), across, "ms")
}

/// How many nines a quantile has.
fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile.clamp(0.0, 1.0 - 1e-9)).log10()
}

fn draw(lines: &[Line<'_>], across: (f64, f64), marks: Marks, unit: &str) -> String {
    let highest = span(lines, |point| point.1).map_or(1.0, |span| span.1).max(1e-9);
    let up = steps(0.0, highest);
    let top = up.last().copied().unwrap_or(1.0).max(highest);
    let x = |value: f64| LEFT + (value - across.0) / (across.1 - across.0).max(1e-9) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"currentColor\">"
    );
    // A String takes everything.
    for value in up {
        let (right, at) = (WIDTH - RIGHT, y(value));
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"currentColor\" opacity=\".15\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{} {}</text>",
            LEFT - 6.0,
            at + 4.0,
            short(value),
            escaped(unit)
        );
    }
    for (value, name) in marks {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(value),
            HEIGHT - BOTTOM + 16.0,
            escaped(&name)
        );
    }
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let points: Vec<_> = line.points.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
            points.join(" ")
        );
    }
    legend(lines, &mut svg);
    svg.push_str("</svg>");
    svg
}

fn legend(lines: &[Line<'_>], svg: &mut String) {
    let mut left = LEFT;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let below = HEIGHT - 6.0;
        let _ = write!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{below:.1}\">{}</text>",
            below - 9.0,
            left + 14.0,
            escaped(line.name)
        );
        left += 30.0 + 6.2 * crate::clock::float_len(line.name.chars().count());
    }
}

/// The least and the largest of a coordinate.
fn span(lines: &[Line<'_>], of: impl Fn(&(f64, f64)) -> f64) -> Option<(f64, f64)> {
    let values = lines.iter().flat_map(|line| &line.points).map(of);
    values.fold(None, |span: Option<(f64, f64)>, value| {
        Some(span.map_or((value, value), |(least, most)| (least.min(value), most.max(value))))
    })
}

/// About five round values from `least` to beyond `most`.
fn steps(least: f64, most: f64) -> Vec<f64> {
    let raw = (most - least).max(1e-9) / 5.0;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|&step| step >= raw);
    let step = step.unwrap_or(raw);
    let start = (least / step).floor();
    (0u8..12).map(|number| (start + f64::from(number)) * step).take_while(|at| *at < most + step).collect()
}

/// A number in few characters.
fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        v if v >= 1e9 => (value / 1e9, "G"),
        v if v >= 1e6 => (value / 1e6, "M"),
        v if v >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Text that can stand in HTML and SVG, also within quotes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers of all pairs that a polyline has.
    fn drawn(svg: &str) -> Vec<(f64, f64)> {
        let (_, rest) = svg.split_once("points=\"").unwrap();
        let pairs = rest.split_once('"').unwrap().0.split_whitespace();
        pairs
            .map(|pair| pair.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).unwrap())
            .collect()
    }

    #[test]
    fn names_are_text_and_nothing_else() {
        let svg = over_time(&[Line { name: "<script>\"&", points: vec![(0.0, 1.0)] }], "/s");
        assert!(svg.contains("&lt;script&gt;&quot;&amp;") && !svg.contains("<script"), "{svg}");
    }

    #[test]
    fn nothing_makes_an_empty_plot() {
        assert!(over_time(&[], "MB").ends_with("</svg>"));
        assert!(by_percentile(&[Line { name: "none", points: Vec::new() }]).ends_with("</svg>"));
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 1.5, 1_000.0, 2_345_678.0, 7e9].map(short);
        assert_eq!(texts, ["0", "1.5", "1k", "2.35M", "7G"]);
        assert_eq!(steps(0.0, 10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
    }

    #[test]
    fn every_nine_takes_the_same_room() {
        let points = [0.0, 0.9, 0.99, 0.999].map(|quantile| (quantile, 1.0)).to_vec();
        let xs: Vec<_> = drawn(&by_percentile(&[Line { name: "a", points }])).iter().map(|p| p.0).collect();
        let gaps: Vec<_> = xs.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| (gap - gaps[0]).abs() < 0.2), "{gaps:?}");
    }

    proptest! {
        /// Whatever is shown stays within the frame, and higher values are not drawn lower.
        #[test]
        fn lines_stay_within_the_frame(
            points in prop::collection::vec((0.0f64..1e6, 0.0f64..1e12), 1..40),
        ) {
            let drawn = drawn(&over_time(&[Line { name: "a", points: points.clone() }], "/s"));
            prop_assert_eq!(drawn.len(), points.len());
            for &(x, y) in &drawn {
                prop_assert!((LEFT - 0.1..=WIDTH - RIGHT + 0.1).contains(&x), "{}", x);
                prop_assert!((TOP - 0.1..=HEIGHT - BOTTOM + 0.1).contains(&y), "{}", y);
            }
            for (a, b) in points.iter().zip(&drawn).zip(points.iter().zip(&drawn).skip(1)) {
                prop_assert!((a.0.1 <= b.0.1) == (a.1.1 >= b.1.1) || (a.1.1 - b.1.1).abs() <= 0.1);
            }
        }
    }
}
