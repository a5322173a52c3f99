import { useState } from "preact/hooks";

import type { Repositories as Page } from "../lib/api.js";
import { count } from "../lib/format.js";
import { marked } from "../lib/marks.js";
import { useLoad } from "../state/load.js";
import { place } from "../state/place.js";
import { api } from "../state/session.js";
import { Failure } from "../ui/failure.js";
import { Link } from "../ui/link.js";
import { Name } from "../ui/name.js";
import { Time } from "../ui/time.js";
import { Repository } from "./repository.js";

const EVERY = 10_000;

/** What is there now: registries, their repositories, one of them. */
export function Repositories() {
  const { registry, repository } = place.value;
  if (registry && repository) return <Repository key={`${registry}/${repository}`} />;
  return <Registries />;
}

function Registries() {
  const { value, error, again } = useLoad("registries", api.registries, EVERY);
  if (error && !value) return <Failure error={error} what="The repositories" again={again} />;
  if (!value) return <p class="quiet pad">Loading …</p>;
  if (value.registries.length === 0) {
    return (
      <div class="empty">
        <h2>No repository is known yet</h2>
        <p>
          Each push adds to what Tagcast knows. <Link to={{ view: "live" }}>Send the first one.</Link>
        </p>
      </div>
    );
  }
  return (
    <>
      <p class="lead">
        What Tagcast knows to be there now. A repository shows up with its first push after the gateway was
        set up.
      </p>
      {value.registries.map(({ registry, cloud_id }) => (
        <Registry key={`${cloud_id} ${registry}`} registry={registry} cloud={cloud_id} />
      ))}
      {value.next && (
        <p class="quiet">Only the first {count(value.registries.length)} registries are shown.</p>
      )}
    </>
  );
}

function Registry({ registry, cloud }: { registry: string; cloud: string }) {
  const { value, error, again } = useLoad(
    `${cloud} ${registry}`,
    () => api.repositories(registry, cloud),
    EVERY,
  );
  const [more, setMore] = useState<Page>();
  const [part, setPart] = useState("");
  const all = [...(value?.repositories ?? []), ...(more?.repositories ?? [])];
  const next = more ? more.next : value?.next;
  const load = async () => {
    const page = await api.repositories(registry, cloud, next);
    setMore({ ...page, repositories: [...(more?.repositories ?? []), ...page.repositories] });
  };
  const shown = all.filter(({ repository }) => repository.includes(part));
  return (
    <section class="card">
      <header>
        <h2>
          <Name>{registry}</Name>
        </h2>
        {cloud !== "default" && <span class="quiet">cloud {cloud}</span>}
        <input
          type="search"
          aria-label={`Find a repository of ${marked(registry)}`}
          placeholder="Find"
          value={part}
          onInput={(input) => setPart(input.currentTarget.value)}
        />
      </header>
      {error && !value && <Failure error={error} what="It" again={again} />}
      <div class="scroll-x">
        <table>
          <caption class="unseen">Repositories of {marked(registry)}</caption>
          <thead>
            <tr>
              <th scope="col">Repository</th>
              <th scope="col" class="number">
                Tags
              </th>
              <th scope="col" class="number">
                Images
              </th>
              <th scope="col">Last change</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ repository, tags, images, last_change }) => (
              <tr key={repository}>
                <th scope="row">
                  <Link to={{ registry, repository, cloud }}>
                    <Name>{repository}</Name>
                  </Link>
                </th>
                <td class="number">{count(tags)}</td>
                <td class="number">{count(images)}</td>
                <td>
                  <Time at={last_change} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length === 0 && value && (
        <p class="quiet">
          None of the {count(all.length)} loaded has “{part}” in its name.
        </p>
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
