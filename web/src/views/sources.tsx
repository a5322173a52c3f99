import { signal } from "@preact/signals";

import type { Source } from "../lib/api.js";
import { count } from "../lib/format.js";
import { here } from "../lib/here.js";
import { recipe } from "../lib/snippets.js";
import { useLoad } from "../state/load.js";
import { api } from "../state/session.js";
import { Snippet } from "../ui/copy.js";
import { TestPush } from "../ui/empty.js";
import { Failure } from "../ui/failure.js";
import { Link } from "../ui/link.js";
import { Name } from "../ui/name.js";
import { Time } from "../ui/time.js";

const EVERY = 3_000;
const WORDS: Record<Source["health"], string> = {
  ok: "well",
  failing: "failing",
  warming: "warming up",
  silent: "silent so far",
};

/** The source whose recipe is open. */
const shown = signal("");

/** How each source does, and how to connect it. */
export function Sources() {
  const { value, error, again } = useLoad("sources", api.sources, EVERY);
  if (error && !value) return <Failure error={error} what="The sources" again={again} />;
  if (!value) return <p class="quiet pad">Loading …</p>;
  const heard = value.sources.filter(({ health }) => health !== "silent");
  const silent = value.sources.filter(({ health }) => health === "silent");
  return (
    <>
      <div class="title-row">
        <p class="lead">
          A source is a registry that sends its notifications here. Each has its own address; “Connect” says
          what to put where.
        </p>
        <TestPush />
      </div>
      {heard.length > 0 && <Table title="Heard since the gateway started" sources={heard} />}
      {silent.length > 0 && (
        <Table title={heard.length > 0 ? "Silent so far" : "Ready to be connected"} sources={silent} quiet />
      )}
    </>
  );
}

function Table({ title, sources, quiet = false }: { title: string; sources: Source[]; quiet?: boolean }) {
  return (
    <section class="card">
      <header>
        <h2>{title}</h2>
      </header>
      <div class="scroll-x">
        <table class="sources">
          <caption class="unseen">{title}</caption>
          <thead>
            <tr>
              <th scope="col">Source</th>
              {!quiet && <th scope="col">Health</th>}
              <th scope="col">Registry</th>
              {!quiet && (
                <>
                  <th scope="col">Last event</th>
                  <th scope="col" class="number">
                    Events
                  </th>
                  <th scope="col" class="number">
                    Repeats
                  </th>
                  <th scope="col" class="number">
                    Ignored
                  </th>
                  <th scope="col" class="number">
                    Refused
                  </th>
                  <th scope="col" class="number">
                    Quarantine
                  </th>
                </>
              )}
              <th scope="col">
                <span class="unseen">Connect</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {sources.map((source) => (
              <Lines key={source.name} source={source} quiet={quiet} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Lines({ source, quiet }: { source: Source; quiet: boolean }) {
  const { name, kind, registry, health, counts, last_event, last_refusal, warm_error, quarantine } = source;
  const open = shown.value === name;
  const how = recipe(kind, name, here());
  return (
    <>
      <tr>
        <th scope="row">
          <Link to={{ view: "live", filter: `source == ${JSON.stringify(name)}` }} title="See its events">
            {name}
          </Link>
          {kind !== name && <span class="quiet"> {kind}</span>}
        </th>
        {!quiet && (
          <td>
            <span class={`health health-${health}`}>{WORDS[health]}</span>
          </td>
        )}
        <td>{registry ? <Name>{registry}</Name> : <span class="quiet">{how.registry}</span>}</td>
        {!quiet && (
          <>
            <td>
              <Time at={last_event} />
            </td>
            <td class="number">{count(counts.accepted)}</td>
            <td class="number">{count(counts.duplicates)}</td>
            <td class="number">{count(counts.ignored)}</td>
            <td class="number">{count(counts.refused)}</td>
            <td class="number">{count(quarantine ?? 0)}</td>
          </>
        )}
        <td class="end">
          <button
            type="button"
            class="plain small"
            aria-expanded={open}
            onClick={() => (shown.value = open ? "" : name)}
          >
            Connect<span class="unseen"> {name}</span>
          </button>
        </td>
      </tr>
      {(last_refusal ?? warm_error) && (
        <tr class="below">
          <td colSpan={10}>
            {last_refusal && (
              <p class="bad">
                Last refusal <Time at={last_refusal.at} />: <Name>{last_refusal.why}</Name>{" "}
                <span class="quiet">({last_refusal.code})</span>
              </p>
            )}
            {warm_error && (
              <p class="bad">
                Its registry’s tags can’t be listed: <Name>{warm_error}</Name>
              </p>
            )}
          </td>
        </tr>
      )}
      {open && (
        <tr class="below">
          <td colSpan={10}>
            <p>
              <strong>{how.registry}.</strong> {how.where}
            </p>
            <Snippet what="snippet" text={how.text} />
          </td>
        </tr>
      )}
    </>
  );
}
