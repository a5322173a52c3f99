/** A notification as CNCF Distribution sends it, of an image that nobody has. `random` gives 32 hex digits. */
export function testPush(now: Date, random: () => string): unknown {
  const digest = `sha256:${random()}${random()}`;
  return {
    events: [
      {
        id: random(),
        timestamp: now.toISOString(),
        action: "push",
        target: {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          size: 527,
          digest,
          repository: "tagcast/hello",
          tag: "test",
          url: `http://registry.example/v2/tagcast/hello/manifests/${digest}`,
        },
        request: { id: random(), host: "registry.example", method: "PUT", useragent: "tagcast-dashboard" },
        actor: { name: "you" },
      },
    ],
  };
}
