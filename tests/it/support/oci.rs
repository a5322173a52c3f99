//! Tiny OCI images, made here and moved to and from registries with `skopeo`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image, or an index of several, in an OCI layout on disk.
pub(crate) struct Image {
    layout: PathBuf,
    digest: String,
    children: Vec<String>,
}

impl Image {
    /// Writes an image into the folder `seed` of `dir`. Its one layer, and so its digest, depends on
    /// `seed` alone: a plain word.
    pub(crate) fn new(dir: &Path, seed: &str) -> Image {
        let layout = Layout::create(dir.join(seed));
        let manifest = layout.image(seed, "amd64");
        layout.finish(&manifest, Vec::new())
    }

    /// Writes an index of two images, one for each of two architectures.
    pub(crate) fn multi_arch(dir: &Path, seed: &str) -> Image {
        let layout = Layout::create(dir.join(seed));
        let children = ["amd64", "arm64"].map(|architecture| layout.image(seed, architecture));
        let digests = children.iter().map(digest_in).collect();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children });
        let descriptor = layout.blob(INDEX, index.to_string().as_bytes());
        layout.finish(&descriptor, digests)
    }

    /// The digest of the manifest, or of the index, as a registry will tell it.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// The digests of an index's images in their order; none for a plain image.
    pub(crate) fn children(&self) -> &[String] {
        &self.children
    }

    /// Pushes the image, with all that an index names, under a tag or, without one, under its digest.
    pub(crate) fn push(&self, registry_host: &str, repository: &str, reference: &str) {
        skopeo(&[
            "copy",
            "--all",
            // Else skopeo compresses the layer, and the digest is no longer ours.
            "--preserve-digests",
            "--dest-tls-verify=false",
            &format!("oci:{}", self.layout.display()),
            &remote(registry_host, repository, reference),
        ]);
    }
}

/// Deletes the image that a tag or digest stands for. skopeo resolves a tag to its digest first, so all
/// tags of that image go with it.
pub(crate) fn delete(registry_host: &str, repository: &str, reference: &str) {
    skopeo(&["delete", "--tls-verify=false", &remote(registry_host, repository, reference)]);
}

/// How skopeo names an image in a registry.
fn remote(host: &str, repository: &str, reference: &str) -> String {
    let mark = if reference.starts_with("sha256:") { '@' } else { ':' };
    format!("docker://{host}/{repository}{mark}{reference}")
}

fn skopeo(arguments: &[&str]) {
    let output = Command::new("skopeo")
        // Signatures are no matter here, and no machine's policy may decide a test.
        .arg("--insecure-policy")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("`skopeo` is installed by `make test-tools`");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {}: {error}", arguments.join(" "));
}

/// The folder form of an image: blobs named by their digests, and an `index.json` to start from.
struct Layout {
    root: PathBuf,
}

impl Layout {
    fn create(root: PathBuf) -> Layout {
        fs::create_dir_all(root.join("blobs/sha256")).expect("the layout's folders");
        let layout = Layout { root };
        layout.write("oci-layout", json!({ "imageLayoutVersion": "1.0.0" }).to_string().as_bytes());
        layout
    }

    /// Writes layer, config and manifest of one image and returns the manifest's descriptor.
    fn image(&self, seed: &str, architecture: &str) -> Value {
        let tar = tar_of("seed", format!("{seed} {architecture}\n").as_bytes());
        let layer = self.blob(LAYER, &tar);
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {},
            // The layer is not compressed, so its digest is also that of its content.
            "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
        });
        let config = self.blob(CONFIG, config.to_string().as_bytes());
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
        let mut descriptor = self.blob(MANIFEST, manifest.to_string().as_bytes());
        descriptor["platform"] = json!({ "architecture": architecture, "os": "linux" });
        descriptor
    }

    /// Writes the entry point, which names `top` alone.
    fn finish(self, top: &Value, children: Vec<String>) -> Image {
        let index = json!({ "schemaVersion": 2, "manifests": [top] });
        self.write("index.json", index.to_string().as_bytes());
        Image { layout: self.root, digest: digest_in(top), children }
    }

    /// Stores a blob and returns its descriptor.
    fn blob(&self, media_type: &str, content: &[u8]) -> Value {
        let hex = HEXLOWER.encode(&Sha256::digest(content));
        self.write(&format!("blobs/sha256/{hex}"), content);
        json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": content.len() })
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.root.join(name), content).expect("a file of the layout");
    }
}

fn digest_in(descriptor: &Value) -> String {
    descriptor["digest"].as_str().expect("every descriptor has a digest").to_owned()
}

/// A tar archive of one small file, with neither time nor owner, so that equal content is equal bytes.
fn tar_of(name: &str, content: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 512;
    let mut header = [0; BLOCK];
    let mut put = |offset: usize, text: &str| {
        header[offset..offset + text.len()].copy_from_slice(text.as_bytes());
    };
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    // The checksum is taken with its own field as spaces.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let checksum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..156].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());

    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    archive
}
