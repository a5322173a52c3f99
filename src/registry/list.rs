use http::header::LINK;
use http::{HeaderMap, Method, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Registry, RegistryError, name};
use crate::header::{list, parameters};

/// Names on a page; the registry may send fewer.
const PAGE: usize = 1_000;

/// Some names, and where the next ones are.
#[derive(Debug, Default)]
pub struct Page {
    /// The names.
    pub names: Vec<String>,
    /// What to ask for next; nothing behind the last page.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl Registry {
    /// The repositories: the first page, or that of [`Page::next`].
    ///
    /// # Errors
    ///
    /// [`RegistryError`]; not every user may list them.
    pub async fn repositories(&self, next: Option<String>) -> Result<Page, RegistryError> {
        let path = next.unwrap_or_else(|| format!("/v2/_catalog?n={PAGE}"));
        let (page, next) = self.page::<Repositories>(&path, "registry:catalog:*").await?;
        Ok(Page { names: page.repositories.unwrap_or_default(), next })
    }

    /// The tags of a repository: the first page, or that of [`Page::next`].
    ///
    /// # Errors
    ///
    /// [`RegistryError`]; a repository whose tags were all deleted may be answered with 404.
    pub async fn tags(&self, repository: &str, next: Option<String>) -> Result<Page, RegistryError> {
        let repository = name::repository(repository)?;
        let path = next.unwrap_or_else(|| format!("/v2/{repository}/tags/list?n={PAGE}"));
        let (page, next) = self.page::<Tags>(&path, &format!("repository:{repository}:pull")).await?;
        Ok(Page { names: page.tags.unwrap_or_default(), next })
    }

    async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        scope: &str,
    ) -> Result<(T, Option<String>), RegistryError> {
        let answer = self.ask(Method::GET, path, scope).await?;
        let page = serde_json::from_slice(&answer.body);
        let next = next(&answer.headers, path);
        Ok((page.map_err(|_| RegistryError::Malformed("no list of names"))?, next))
    }
}

/// The path and query of `Link: <…>; rel="next"`: another part of the list that was `asked` for, and nothing else of the
/// registry's, nor of anyone's.
fn next(headers: &HeaderMap, asked: &str) -> Option<String> {
    let uri: Uri =
        headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok()).find_map(target)?.parse().ok()?;
    let is_same = asked.split('?').next() == Some(uri.path());
    let next = uri.path_and_query()?.as_str();
    (is_same && next != asked).then(|| next.to_owned())
}

/// The target of the link to what is next (RFC 8288), among all of a line. It may hold commas.
fn target(line: &str) -> Option<&str> {
    let mut rest = line;
    loop {
        let (target, after) = rest.trim_start_matches([' ', '\t', ',']).strip_prefix('<')?.split_once('>')?;
        let own = if after.trim_start().starts_with(',') { None } else { list(after).next() };
        let is_next = parameters(own.unwrap_or_default()).1.any(|(name, value)| {
            let mut relations = value.as_deref().unwrap_or_default().split_ascii_whitespace();
            name.eq_ignore_ascii_case("rel")
                && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
        rest = &after[after.find('<')?..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_of_the_same_list() {
        let asked = "/v2/_catalog?n=2";
        let next = |link: &str| next(&HeaderMap::from_iter([(LINK, link.parse().unwrap())]), asked);
        let path = Some("/v2/_catalog?last=a%2Fb&n=2".to_owned());
        assert_eq!(next(r#"</v2/_catalog?last=a%2Fb&n=2>; rel="next""#), path);
        for link in [
            "<https://evil.example.com/v2/_catalog?last=a%2Fb&n=2>;rel=next",
            "</v2/_catalog?last=a%2Fb&n=2> ; title=\"a, b; c\"; REL=\"last Next\"",
            "</v2/_catalog?n=1>; rel=prev, </v2/_catalog?last=a%2Fb&n=2>; rel=next",
            "</v2/_catalog?n=1>, </v2/_catalog?last=a%2Fb&n=2>; rel=next, </x>; rel=last",
        ] {
            assert_eq!(next(link), path, "{link}");
        }
        let comma = "</v2/_catalog?last=a,b&n=2>; rel=next";
        assert_eq!(next(comma).as_deref(), Some("/v2/_catalog?last=a,b&n=2"));
        for other in [
            r#"</v2/_catalog?last=a>; rel="prev""#,
            r#"</v2/_catalog?last=a>; rel="nextish""#,
            r#"</v2/_catalog?last=a>; title="rel=next""#,
            "</v2/_catalog?last=a>",
            "</v2/_catalog?n=2>; rel=next",
            "</v3/x>; rel=next",
            "</v2/x>; rel=next",
            "</v2/../_catalog?last=a>; rel=next",
            "</v2/_catalog/../../admin?last=a>; rel=next",
            "</v2/%2e%2e/_catalog?last=a>; rel=next",
            "</v2/_catalog%3flast=a>; rel=next",
            "</v2\\_catalog?last=a>; rel=next",
            "<//evil.example.com/v2/_catalog?last=a>; rel=next",
            "x",
            "</v2/x",
        ] {
            assert_eq!(next(other), None, "{other}");
        }
    }
}
