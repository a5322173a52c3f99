use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

use crate::header::{items, parameters, quality};

/// What a client says that it takes, with how much it wants each (RFC 9110, 12.5): media types, or codings.
pub(crate) struct Accepted<'a>(Vec<Range<'a>>);

/// A name, or a wildcard.
struct Range<'a> {
    name: &'a str,
    quality: f32,
}

impl<'a> Accepted<'a> {
    /// The media types of `Accept`.
    pub(crate) fn types(headers: &'a HeaderMap) -> Self {
        Self::of(headers, &ACCEPT)
    }

    /// The codings of `Accept-Encoding`.
    pub(crate) fn codings(headers: &'a HeaderMap) -> Self {
        Self::of(headers, &ACCEPT_ENCODING)
    }

    fn of(headers: &'a HeaderMap, name: &HeaderName) -> Self {
        let ranges = items(headers, name).map(|item| {
            let (name, parameters) = parameters(item);
            Range { name, quality: quality(parameters) }
        });
        Self(ranges.collect())
    }

    /// How much it is wanted, from 0 to 1: the range that names it most closely counts. 0: no range is about it.
    pub(crate) fn quality(&self, name: &str) -> f32 {
        let kind = name.split_once('/').map(|(kind, _)| kind);
        let is_its_kind = |range: &str| {
            range.strip_suffix("/*").zip(kind).is_some_and(|(of, kind)| of.eq_ignore_ascii_case(kind))
        };
        let told = self.said(|range| range.eq_ignore_ascii_case(name));
        let told = told.or_else(|| self.said(is_its_kind));
        told.or_else(|| self.said(|range| matches!(range, "*/*" | "*"))).unwrap_or_default()
    }

    /// Which of these is wanted most, among those that are named and no wildcard covers alone, and how much; of several
    /// the one that is named first. What is not wanted at all is none.
    pub(crate) fn best_named<'n>(&self, names: &[&'n str]) -> Option<(&'n str, f32)> {
        let mut best: Option<(&str, f32)> = None;
        for range in &self.0 {
            let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(range.name)) else {
                continue;
            };
            let quality = self.quality(name);
            if quality > best.map_or(0.0, |(_, quality)| quality) {
                best = Some((name, quality));
            }
        }
        best
    }

    fn said(&self, is_it: impl Fn(&str) -> bool) -> Option<f32> {
        self.0.iter().filter(|range| is_it(range.name)).map(|range| range.quality).reduce(f32::max)
    }
}
