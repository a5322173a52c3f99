import { useState } from "preact/hooks";

import type { Repository as Known } from "../lib/api.js";
import { quote } from "../lib/filter_text.js";
import { count, shortDigest } from "../lib/format.js";
import { marked } from "../lib/marks.js";
import { pullCommand } from "../lib/reference.js";
import { append, idOf, lookOf, wordsOf, type Row } from "../lib/rows.js";
import { useLoad } from "../state/load.js";
import { place } from "../state/place.js";
import { api } from "../state/session.js";
import { Copy } from "../ui/copy.js";
import { Failure } from "../ui/failure.js";
import { Link } from "../ui/link.js";
import { Name } from "../ui/name.js";
import { Time } from "../ui/time.js";

const EVERY = 5_000;
const EVENTS = 200;

/** One repository: its tags, and what happened to it. */
export function Repository() {
  const { registry, repository, cloud } = place.value;
  const { value, error, again } = useLoad("tags", () => api.repository(registry, repository, cloud), EVERY);
  const condition = `registry == ${quote(registry)} && repository == ${quote(repository)}`;
  return (
    <>
      <p class="crumbs">
        <Link to={{ registry: "", repository: "", cloud: "" }}>Repositories</Link>{" "}
        <span aria-hidden="true">/</span> <Name>{registry}</Name>
      </p>
      <div class="title-row">
        <h2 class="title">
          <Name>{repository}</Name>
        </h2>
        <Link
          class="button plain small"
          to={{ view: "live", filter: condition, registry: "", repository: "", cloud: "" }}
        >
          Follow it live
        </Link>
      </div>
      {error && !value && <Failure error={error} what="This repository" again={again} />}
      {value && <Tags first={value} />}
      <History condition={condition} />
    </>
  );
}

function Tags({ first }: { first: Known }) {
  const { registry, repository, cloud } = place.value;
  const [more, setMore] = useState<Known>();
  const tags = [...first.tags, ...(more?.tags ?? [])];
  const next = more ? more.next : first.next;
  const load = async () => {
    const page = await api.repository(registry, repository, cloud, next);
    setMore({ ...page, tags: [...(more?.tags ?? []), ...page.tags] });
  };
  return (
    <section class="card">
      <header>
        <h3>Tags</h3>
        <span class="quiet">
          {count(first.tags_total)} {first.tags_total === 1 ? "tag" : "tags"}, {count(first.images_total)}{" "}
          {first.images_total === 1 ? "image" : "images"}, last change <Time at={first.last_change} />
        </span>
      </header>
      {tags.length === 0 ? (
        <p class="quiet">None is left.</p>
      ) : (
        <div class="scroll-x">
          <table>
            <caption class="unseen">Tags of {marked(repository)}</caption>
            <thead>
              <tr>
                <th scope="col">Tag</th>
                <th scope="col">Shows</th>
                <th scope="col">Since</th>
              </tr>
            </thead>
            <tbody>
              {tags.map(({ tag, kind, image_digest, named_at }) => (
                <tr key={`${kind} ${tag}`}>
                  <th scope="row">
                    <Name>{tag}</Name>
                    {kind === "chart" && <span class="quiet"> chart</span>}
                  </th>
                  <td>
                    {image_digest ? (
                      <>
                        <code title={marked(image_digest)}>{marked(shortDigest(image_digest))}</code>
                        <Pull image={{ registry, repository, digest: image_digest }} />
                      </>
                    ) : (
                      <span class="quiet">not told</span>
                    )}
                  </td>
                  <td>{named_at ? <Time at={named_at} /> : <span class="quiet">not told</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next && (
        <p>
          <button type="button" class="plain small" onClick={() => void load()}>
            Load more
          </button>
        </p>
      )}
    </section>
  );
}

function Pull({ image }: { image: { registry: string; repository: string; digest: string } }) {
  const command = pullCommand(image.registry, image.repository, image.digest);
  return command ? <Copy what="docker pull" text={command} /> : null;
}

function History({ condition }: { condition: string }) {
  const { value, error, again } = useLoad(
    `history ${condition}`,
    () => api.newest(condition, "now", EVENTS),
    EVERY,
  );
  const rows: Row[] = [];
  append(rows, value?.messages.toReversed() ?? []);
  rows.reverse();
  return (
    <section class="card">
      <header>
        <h3>History</h3>
        <span class="quiet">
          {value?.next ? `the last ${count(rows.length)} changes` : "all that the log still has"}
        </span>
      </header>
      {error && !value && <Failure error={error} what="The history" again={again} />}
      {value && rows.length === 0 && <p class="quiet">The log has nothing of it any more.</p>}
      {rows.length > 0 && (
        <ol class="history">
          {rows.map((row) => row.kind === "event" && <Change key={idOf(row)} row={row} />)}
        </ol>
      )}
    </section>
  );
}

function Change({ row }: { row: Row & { kind: "event" } }) {
  const { details, event_metadata: about } = row.event;
  return (
    <li class={`look-${lookOf(row)}`}>
      <Time at={about.created_at} />
      <span class="kind">{marked(wordsOf(row))}</span>
      <span class="name">{details.tag && <Name class="tag">{details.tag}</Name>}</span>
      <span class="digests">
        {row.from && (
          <>
            <code class="old">
              {marked(shortDigest(row.from.details.image_digest).replace("sha256:", ""))}
            </code>
            <span class="arrow" aria-label="to">
              →
            </span>
          </>
        )}
        <code title={marked(details.image_digest)}>
          {marked(shortDigest(details.image_digest).replace("sha256:", ""))}
        </code>
      </span>
      <span class="quiet">{details.actor && <Name>{details.actor}</Name>}</span>
    </li>
  );
}
