import type { TagcastEvent } from "tagcast-client";

import { count, shortDigest } from "../lib/format.js";
import { marked } from "../lib/marks.js";
import { useLoad } from "../state/load.js";
import { api } from "../state/session.js";
import { Link } from "./link.js";
import { Name } from "./name.js";
import { Time } from "./time.js";

const SHOWN = 6;

/** What the catalog knows now of an event's repository. */
export function KnownRepository({ event }: { event: TagcastEvent }) {
  const { registry_id: registry, repository_name: name, tag, image_digest: digest } = event.details;
  const cloud = event.event_metadata.cloud_id;
  const { value, error } = useLoad(`${cloud} ${registry} ${name}`, () =>
    api.repository(registry, name, cloud),
  );
  const there = { view: "repositories" as const, registry, repository: name, cloud, event: "" };
  const own = value?.tags.find((known) => known.tag === tag);
  return (
    <>
      <h3>The repository now</h3>
      {error && (
        <p class="quiet">
          {error.code === "not_found"
            ? "The catalog knows nothing of it."
            : `It can’t be shown: ${error.message}`}
        </p>
      )}
      {value && (
        <>
          <p>
            {count(value.tags_total)} {value.tags_total === 1 ? "tag" : "tags"}, {count(value.images_total)}{" "}
            {value.images_total === 1 ? "image" : "images"}, last change <Time at={value.last_change} />.{" "}
            {tag && own && (
              <>
                <Name>{tag}</Name>
                {own.image_digest === digest ? " still shows this image." : " shows another image by now."}
              </>
            )}
            {tag && !own && !value.next && (
              <>
                <Name>{tag}</Name> is gone.
              </>
            )}
          </p>
          <ul class="known">
            {value.tags.slice(0, SHOWN).map((known) => (
              <li
                key={`${known.kind} ${known.tag}`}
                class={known.image_digest === digest && digest ? "same" : ""}
              >
                <Name>{known.tag}</Name>
                <code>{known.image_digest ? marked(shortDigest(known.image_digest)) : "not told"}</code>
              </li>
            ))}
          </ul>
          <p>
            <Link to={there}>
              All tags and the history of <Name>{name}</Name>
            </Link>
          </p>
        </>
      )}
    </>
  );
}
