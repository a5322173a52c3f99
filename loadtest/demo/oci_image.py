#!/usr/bin/env python3
"""Writes a tiny OCI image, or with --multi-arch an index of two, into a folder and prints its digest."""

import argparse
import hashlib
import io
import json
import tarfile
from pathlib import Path

MEDIA_TYPE = "application/vnd.oci.image.{}".format


class Layout:
    """The folder form of an image: blobs named by their digests, and an index.json to start from."""

    def __init__(self, root):
        self.root = Path(root)
        (self.root / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        self.write_json("oci-layout", {"imageLayoutVersion": "1.0.0"})

    def write_json(self, name, value):
        (self.root / name).write_text(json.dumps(value))

    def blob(self, media_type, content):
        """Stores a blob and returns its descriptor."""
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        digest = hashlib.sha256(content).hexdigest()
        (self.root / "blobs/sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def image(self, seed, architecture):
        """Writes layer, config and manifest, and returns the manifest's descriptor."""
        platform = {"architecture": architecture, "os": "linux"}
        layer = self.blob(MEDIA_TYPE("layer.v1.tar"), tar_of("seed", f"{seed} {architecture}\n".encode()))
        # The layer is not compressed, so its digest is also that of its content.
        config = {**platform, "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE("manifest.v1+json"),
            "config": self.blob(MEDIA_TYPE("config.v1+json"), config),
            "layers": [layer],
        }
        return {**self.blob(manifest["mediaType"], manifest), "platform": platform}

    def multi_arch(self, seed):
        """Writes an index of two images and returns its descriptor."""
        index = {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE("index.v1+json"),
            "manifests": [self.image(seed, architecture) for architecture in ("amd64", "arm64")],
        }
        return self.blob(index["mediaType"], index)


def tar_of(name, content):
    """One small file, with neither time nor owner, so that equal content is equal bytes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--multi-arch", action="store_true")
    parser.add_argument("dir")
    parser.add_argument("seed", help="decides the layer, and so the digest")
    arguments = parser.parse_args()

    layout = Layout(arguments.dir)
    top = layout.multi_arch(arguments.seed) if arguments.multi_arch else layout.image(arguments.seed, "amd64")
    layout.write_json("index.json", {"schemaVersion": 2, "manifests": [top]})
    print(top["digest"])


if __name__ == "__main__":
    main()
