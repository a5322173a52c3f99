import { useState } from "preact/hooks";

import { count } from "../../lib/format.js";
import { wordsOfEvents } from "../../lib/trigger_events.js";
import { wordsOfTarget } from "../../lib/trigger_words.js";
import type { Trigger } from "../../lib/triggers.js";
import { useLoad } from "../../state/load.js";
import { list } from "../../state/triggers.js";
import { Failure } from "../../ui/failure.js";
import { Link } from "../../ui/link.js";
import { Name } from "../../ui/name.js";
import { State, WhyNot } from "./state.js";

const EVERY = 3_000;
const COLUMNS = 7;

/** All triggers, and how each does. */
export function TriggerList() {
  const { value, error, again } = useLoad("triggers", () => list(), EVERY);
  if (error && !value) return <Failure error={error} what="Triggers" again={again} />;
  if (!value) return <p class="quiet pad">Loading …</p>;
  if (value.triggers.length === 0) return <None />;
  return (
    <>
      <div class="title-row">
        <p class="lead">
          A trigger sends what matches its filter, batch by batch and in order, to an HTTP endpoint or to a
          feed.
        </p>
        <New />
      </div>
      <Table triggers={value.triggers} />
      {value.next && <p class="quiet">Only the first {count(value.triggers.length)} are shown.</p>}
    </>
  );
}

function New() {
  return (
    <Link class="button primary" to={{ form: "new" }}>
      New trigger
    </Link>
  );
}

function None() {
  return (
    <div class="empty">
      <h2>No trigger yet</h2>
      <p>
        A trigger calls others when something happens: it posts the events that match its filter to an HTTP
        endpoint, say a deployer that is to fetch a new <code>latest</code>, or to all who listen to a feed.
        What fails is tried again, what is given up is kept, and each event’s way can be looked up.
      </p>
      <New />
    </div>
  );
}

function Table({ triggers }: { triggers: Trigger[] }) {
  const [part, setPart] = useState("");
  const shown = triggers.filter(({ name }) => name.includes(part));
  const several = new Set(
    triggers.filter(({ name }, i) => name === triggers[i - 1]?.name).map(({ name }) => name),
  );
  return (
    <section class="card">
      <header>
        <h2>Triggers</h2>
        <input
          type="search"
          aria-label="Find a trigger"
          placeholder="Find"
          value={part}
          onInput={(input) => setPart(input.currentTarget.value)}
        />
      </header>
      <div class="scroll-x">
        <table>
          <caption class="unseen">Triggers</caption>
          <thead>
            <tr>
              <th scope="col">Trigger</th>
              <th scope="col">State</th>
              <th scope="col">Events</th>
              <th scope="col">Target</th>
              <th scope="col" class="number">
                Delivered
              </th>
              <th scope="col" class="number">
                Dead letters
              </th>
              <th scope="col" class="number">
                Behind
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((trigger) => (
              <Lines
                key={`${trigger.cloud_id} ${trigger.name}`}
                trigger={trigger}
                cloud={several.has(trigger.name) ? trigger.cloud_id : ""}
              />
            ))}
          </tbody>
        </table>
      </div>
      {shown.length === 0 && <p class="quiet">None has “{part}” in its name.</p>}
    </section>
  );
}

/** `cloud`: whose it is, where others have one of that name. */
function Lines({ trigger, cloud }: { trigger: Trigger; cloud: string }) {
  const { name, cloud_id, filter, target, state } = trigger;
  return (
    <>
      <tr>
        <th scope="row">
          <Link to={{ trigger: name, cloud }}>{name}</Link>
          {cloud_id !== "default" && <span class="quiet"> cloud {cloud_id}</span>}
        </th>
        <td>
          <State state={state} />
        </td>
        <td class="wide">
          <code>
            <Name>{wordsOfEvents(filter)}</Name>
          </code>
        </td>
        <td class="wide">
          <Name>{wordsOfTarget(trigger)}</Name>
          {"http" in target && <span class="quiet"> {target.http.format}</span>}
        </td>
        {[state.delivered, state.dead_letters, state.behind].map((figure, i) => (
          <td key={i} class="number">
            {"http" in target ? count(figure) : <span class="quiet">–</span>}
          </td>
        ))}
      </tr>
      {(state.status === "retrying" || state.status === "disabled") && (
        <tr class="below">
          <td colSpan={COLUMNS}>
            <WhyNot name={name} cloud={cloud} state={state} />
          </td>
        </tr>
      )}
    </>
  );
}
