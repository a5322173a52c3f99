import { useEffect, useState } from "preact/hooks";

import { quote } from "../../lib/filter_text.js";
import { seconds } from "../../lib/format.js";
import { marked } from "../../lib/marks.js";
import { lookOfType, wordsOfType } from "../../lib/rows.js";
import { OUTCOME_WORDS, times, wordsOfAnswer } from "../../lib/trigger_words.js";
import { withNewest, type Delivery, type LogPage, type LogRow, type Outcome } from "../../lib/triggers.js";
import { AFRESH } from "../../lib/url.js";
import { useAct } from "../../state/act.js";
import { useLoad } from "../../state/load.js";
import { log } from "../../state/triggers.js";
import { Failure, Trouble } from "../../ui/failure.js";
import { Link } from "../../ui/link.js";
import { Name } from "../../ui/name.js";
import { Time } from "../../ui/time.js";

const EVERY = 3_000;
const SEARCH_AFTER = 300;
const PAGE = "50";

/** What a trigger made of each event, and what became of that. */
export function AccessLog({ name }: { name: string }) {
  const [outcome, setOutcome] = useState<Outcome | "">("");
  const [written, setWritten] = useState("");
  const search = useLate(written);
  return (
    <section class="card">
      <header>
        <h3>Access log</h3>
        <div class="log-tools">
          <select
            aria-label="Which events"
            value={outcome}
            onChange={(change) => setOutcome(change.currentTarget.value as Outcome | "")}
          >
            <option value="">all events</option>
            <option value="triggered">triggered</option>
            <option value="untriggered">untriggered</option>
          </select>
          <input
            type="search"
            aria-label="Search the log"
            placeholder="Search"
            value={written}
            onInput={(input) => setWritten(input.currentTarget.value)}
          />
        </div>
      </header>
      <Pages key={`${outcome} ${search}`} name={name} outcome={outcome} search={search} />
    </section>
  );
}

/** What was written last, once it has been so for a moment. */
function useLate(written: string): string {
  const [late, setLate] = useState(written);
  useEffect(() => {
    const timer = setTimeout(() => setLate(written.trim()), SEARCH_AFTER);
    return () => clearTimeout(timer);
  }, [written]);
  return late;
}

function Pages({ name, outcome, search }: { name: string; outcome: Outcome | ""; search: string }) {
  const asked = { outcome, search, limit: PAGE };
  const { value, error, again } = useLoad(`log ${name}`, () => log(name, asked), EVERY);
  const [page, setPage] = useState<LogPage>();
  const { act, busy, error: moreError } = useAct();
  useEffect(() => {
    if (value) setPage((known) => withNewest(known, value));
  }, [value]);
  if (error && !page) return <Failure error={error} what="The log" again={again} />;
  if (!page) return <p class="quiet">Loading …</p>;
  const more = async () => {
    const { rows, next } = await log(name, { ...asked, ...(page.next && { before: page.next }) });
    setPage({ rows: [...page.rows, ...rows], ...(next && { next }) });
  };
  return (
    <>
      {page.rows.length > 0 ? (
        <Table rows={page.rows} />
      ) : (
        <Nothing asked={search !== "" || outcome !== ""} more={page.next !== undefined} />
      )}
      {moreError && <Trouble error={moreError} what="Older rows can’t be shown." />}
      {page.next && (
        <p>
          <button type="button" class="plain small" disabled={busy} onClick={() => act(more)}>
            Older rows
          </button>
        </p>
      )}
    </>
  );
}

function Nothing({ asked, more }: { asked: boolean; more: boolean }) {
  if (!asked) return <p class="quiet">Nothing has happened since it was made.</p>;
  return <p class="quiet">{more ? "None of the newest events is such a one." : "There is none."}</p>;
}

function Table({ rows }: { rows: LogRow[] }) {
  return (
    <div class="scroll-x">
      <table class="log">
        <caption class="unseen">Access log</caption>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Outcome</th>
            <th scope="col">Status</th>
            <th scope="col" class="number">
              Took
            </th>
            <th scope="col">When</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Line key={row.event_id} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Line({ row }: { row: LogRow }) {
  const { event_id, type, registry, repository, tag, outcome, refused_by, delivery } = row;
  const name = tag ? `${repository}:${tag}` : repository;
  const condition = `registry == ${quote(registry)} && repository == ${quote(repository)}`;
  return (
    <tr>
      <th scope="row" class={`look-${lookOfType(type)}`}>
        <span class="kind">{marked(wordsOfType(type))}</span>{" "}
        <Link to={{ ...AFRESH, view: "live", filter: condition, event: event_id }} title={marked(registry)}>
          <Name>{name}</Name>
        </Link>
      </th>
      <td class="wide">
        {outcome === "untriggered" ? <span class="quiet">untriggered</span> : <Fate delivery={delivery} />}
        {refused_by && <Refusal {...refused_by} />}
        {delivery?.answer && (
          <code class="quiet">
            <Name>{delivery.answer}</Name>
          </code>
        )}
      </td>
      <td>{delivery && wordsOfAnswer(delivery)}</td>
      <td class="number">{delivery && seconds(delivery.latency_ms / 1000)}</td>
      <td>{delivery && <Time at={delivery.at} />}</td>
    </tr>
  );
}

/** The condition that was not met, and what was there instead. */
function Refusal({ text, value }: { text: string; value: string }) {
  return (
    <span class="quiet">
      : not{" "}
      <code class="within">
        <Name>{text}</Name>
      </code>
      , it{" "}
      {value === "" ? (
        "has none"
      ) : (
        <>
          is{" "}
          <code class="within">
            <Name>{quote(value)}</Name>
          </code>
        </>
      )}
    </span>
  );
}

function Fate({ delivery }: { delivery: Delivery | undefined }) {
  if (!delivery) return <>triggered</>;
  const { outcome, attempts } = delivery;
  return (
    <span class={outcome === "delivered" ? "well" : "bad"}>
      {OUTCOME_WORDS[outcome]}
      {(attempts > 1 || outcome !== "delivered") && <span class="quiet">, {times(attempts)}</span>}
    </span>
  );
}
