//! Bodies as CNCF Distribution posts them: indented, one or more events, each with an id of its own.

use std::fmt;
use std::io::Write as _;

/// The type of the body.
pub const CONTENT_TYPE: &str = "application/vnd.docker.distribution.events.v2+json";

/// A made-up digest: the numbers decide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u32, pub u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        let mut state = (u64::from(self.0) << 32) ^ self.1;
        for _ in 0..4 {
            state = mix(state);
            write!(f, "{state:016x}")?;
        }
        Ok(())
    }
}

/// splitmix64: looks random, and different inputs give different outputs.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What was done to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// A manifest was put, under a tag or by its digest alone.
    Push {
        /// Of the manifest.
        digest: Digest,
        /// Empty: by digest.
        tag: &'a str,
        /// Whether it is an index of several platforms.
        index: bool,
    },
    /// A layer or a configuration was put: most of what a registry posts.
    PushBlob(Digest),
    /// A manifest, or a blob that looks like one, was deleted.
    DeleteDigest(Digest),
    /// A tag was deleted.
    DeleteTag(&'a str),
}

/// One entry of a body.
#[derive(Clone, Copy, Debug)]
pub struct Notification<'a> {
    /// Of this notification; the same again is a repeat.
    pub number: u64,
    /// Of the client's request that caused it.
    pub request: u64,
    /// Where.
    pub repository: &'a str,
    /// What.
    pub change: Change<'a>,
}

/// One registry that posts: ids of two runs never meet.
#[derive(Clone, Debug)]
pub struct Registry {
    run: u32,
}

impl Registry {
    /// A registry of this run.
    pub fn new(run: u32) -> Self {
        Self { run }
    }

    /// The run, as it stands in names.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// The name of repository `index`.
    pub fn repository(&self, index: u64) -> String {
        format!("lt/{:08x}/r{index}", self.run)
    }

    /// A filter for everything of this run.
    pub fn filter(&self) -> String {
        format!("repository.startsWith(\"lt/{:08x}/\")", self.run)
    }

    /// A digest that no other run has.
    pub fn digest(&self, number: u64) -> Digest {
        Digest(self.run, number)
    }

    /// Writes a whole body to `out`, which is cleared first.
    pub fn body<'a>(&self, notifications: impl IntoIterator<Item = Notification<'a>>, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(b"{\n   \"events\": [");
        let now = jiff::Timestamp::now();
        for (index, notification) in notifications.into_iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
            self.write(&notification, now, out);
        }
        out.extend_from_slice(b"\n   ]\n}");
    }

    fn write(&self, notification: &Notification<'_>, now: jiff::Timestamp, out: &mut Vec<u8>) {
        let Notification { number, request, repository, change } = *notification;
        let (action, method) = match change {
            Change::Push { .. } | Change::PushBlob(_) => ("push", "PUT"),
            Change::DeleteDigest(_) | Change::DeleteTag(_) => ("delete", "DELETE"),
        };
        // A Vec takes everything.
        let _ = write!(
            out,
            "      {{\n         \"id\": \"{id}\",\n         \"timestamp\": \"{now:.9}\",\n         \
             \"action\": \"{action}\",\n         \"target\": {{\n",
            id = self.id(1, number),
        );
        target(repository, change, out);
        let _ = write!(
            out,
            "\n         }},\n         \"request\": {{\n            \"id\": \"{request}\",\n            \
             \"addr\": \"192.0.2.10:44730\",\n            \"host\": \"registry.example.com:5000\",\n            \
             \"method\": \"{method}\",\n            \"useragent\": \"skopeo/1.9.3\"\n         }},\n         \
             \"actor\": {{\n            \"name\": \"ci-bot\"\n         }},\n         \"source\": {{\n            \
             \"addr\": \"registry-0:5000\",\n            \"instanceID\": \"{instance}\"\n         }}\n      }}",
            request = self.id(2, request),
            instance = self.id(3, 0),
        );
    }

    /// An id in the usual form; `sort` keeps those of notifications, requests and instances apart.
    pub(crate) fn id(&self, sort: u16, number: u64) -> impl fmt::Display + use<> {
        struct Id(u32, u16, u64);
        impl fmt::Display for Id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:08x}-{:04x}-4000-8000-{:012x}", self.0, self.1, self.2)
            }
        }
        Id(self.run, sort, number)
    }
}

/// The members of `target`, as the registry orders them.
fn target(repository: &str, change: Change<'_>, out: &mut Vec<u8>) {
    let mut put = |media_type: &str, digest, place: &str, tag: &str| {
        let _ = write!(
            out,
            "            \"mediaType\": \"application/{media_type}\",\n            \"digest\": \"{digest}\",\n            \
             \"size\": 418,\n            \"length\": 418,\n            \"repository\": \"{repository}\",\n            \
             \"url\": \"http://registry.example.com:5000/v2/{repository}/{place}/{digest}\""
        );
        if !tag.is_empty() {
            let _ = write!(out, ",\n            \"tag\": \"{tag}\"");
        }
    };
    match change {
        Change::Push { digest, tag, index: false } => {
            put("vnd.oci.image.manifest.v1+json", digest, "manifests", tag);
        }
        Change::Push { digest, tag, index: true } => {
            put("vnd.oci.image.index.v1+json", digest, "manifests", tag);
        }
        Change::PushBlob(digest) => put("octet-stream", digest, "blobs", ""),
        Change::DeleteDigest(digest) => {
            let _ = write!(
                out,
                "            \"digest\": \"{digest}\",\n            \"repository\": \"{repository}\""
            );
        }
        Change::DeleteTag(tag) => {
            let _ =
                write!(out, "            \"repository\": \"{repository}\",\n            \"tag\": \"{tag}\"");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn parse(changes: &[Change<'_>]) -> Value {
        let registry = Registry::new(7);
        let repository = registry.repository(3);
        let mut out = b"old".to_vec();
        let all = changes.iter().zip(0..);
        let all =
            all.map(|(&change, number)| Notification { number, request: 9, repository: &repository, change });
        registry.body(all, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    /// The names of all members, at any depth.
    fn shape(value: &Value) -> Vec<String> {
        let mut names = Vec::new();
        for (name, member) in value.as_object().into_iter().flatten() {
            names.push(name.clone());
            names.extend(shape(member).into_iter().map(|inner| format!("{name}.{inner}")));
        }
        names
    }

    #[test]
    fn have_the_shapes_of_recorded_ones() {
        let digest = Digest(7, 1);
        for (change, sample) in [
            (Change::Push { digest, tag: "v1", index: false }, "v2-push-tag"),
            (Change::Push { digest, tag: "", index: false }, "v2-push-digest"),
            (Change::Push { digest, tag: "v1", index: true }, "v2-push-index-3-index"),
            (Change::PushBlob(digest), "v2-blob-push"),
            (Change::DeleteDigest(digest), "v2-delete-digest-1"),
            (Change::DeleteTag("v1"), "v2-delete-digest-2-tag"),
        ] {
            let path = format!(
                "{}/../tests/fixtures/webhooks/distribution/{sample}.json",
                env!("CARGO_MANIFEST_DIR")
            );
            let sample: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let (ours, real) = (&parse(&[change])["events"][0], &sample["events"][0]);
            assert_eq!(shape(ours), shape(real), "{change:?}");
            assert_eq!(ours["action"], real["action"]);
            assert_eq!(ours["target"]["mediaType"], real["target"]["mediaType"]);
        }
    }

    #[test]
    fn several_have_ids_of_their_own() {
        let body = parse(&[Change::DeleteTag("a"), Change::DeleteTag("b")]);
        let ids: Vec<_> =
            body["events"].as_array().unwrap().iter().map(|event| event["id"].to_string()).collect();
        assert_eq!(
            ids,
            ["\"00000007-0001-4000-8000-000000000000\"", "\"00000007-0001-4000-8000-000000000001\""]
        );
        assert_eq!(body["events"][0]["target"]["repository"], "lt/00000007/r3");
    }

    #[test]
    fn digests_differ_and_stay() {
        let digest = Digest(7, 1).to_string();
        assert_eq!((digest.len(), digest == Digest(7, 1).to_string()), (71, true));
        assert_ne!(digest, Digest(7, 2).to_string());
        assert_ne!(digest, Digest(8, 1).to_string());
    }
}
