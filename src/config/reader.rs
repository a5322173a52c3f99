use super::secret::SecretText;
use super::section::Section;
use super::text;

/// Characters of the shortest token that is taken; 32 of hex are 128 bits.
const MIN_TOKEN: usize = 32;

/// Someone who may read.
#[derive(Clone, Debug)]
pub(crate) struct ReaderConfig {
    /// For people and diagnostics.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) token: SecretText,
    /// The one cloud it may read; none: all.
    pub(crate) cloud: Option<String>,
    /// Whether it may see and change what is its cloud's; without one, what is everybody's.
    pub(crate) admin: bool,
}

/// All readers, no two of whom are one: who shows a token has to be one person.
pub(super) fn readers(root: &mut Section<'_>) -> Vec<ReaderConfig> {
    let mut known: Vec<(String, Option<SecretText>)> = Vec::new();
    root.entries("readers", |section| {
        let name = section.required("name", text::label);
        let token = token(section);
        let cloud = section.parsed("cloud", text::label);
        let admin = section.switch("admin");
        if name.as_ref().is_some_and(|name| known.iter().any(|(other, _)| other == name)) {
            section.note(
                "name",
                format_args!("two readers are called '{}'", name.as_deref().unwrap_or_default()),
            );
        }
        let is_same = |(_, other): &&(String, Option<SecretText>)| token.is_some() && *other == token;
        if let Some((other, _)) = known.iter().find(is_same) {
            let own = name.as_deref().unwrap_or_default();
            section.note("token", format_args!("the readers '{other}' and '{own}' have the same token"));
        }
        known.push((name.clone().unwrap_or_default(), token.clone()));
        Some(ReaderConfig { name: name?, token: token?, cloud, admin })
    })
}

fn token(section: &mut Section<'_>) -> Option<SecretText> {
    if !section.has("token") {
        section.note_whole("token is missing");
    }
    let token = section.secret("token")?;
    let text = token.expose();
    let wrong = text::unshowable(text).or((!text.is_ascii()).then_some("has a letter beyond ASCII"));
    if let Some(why) = wrong {
        section.note("token", why);
    } else if text.len() < MIN_TOKEN {
        section.note("token", format_args!("a token has at least {MIN_TOKEN} characters"));
    }
    Some(token)
}
