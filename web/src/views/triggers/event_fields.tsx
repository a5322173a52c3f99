import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";

import { filterOfEvents, type Events, type Way } from "../../lib/trigger_events.js";
import { CheckField, TextField } from "../../ui/field.js";
import { useCheck, Verdict } from "../../ui/filter_check.js";
import { FilterEditor } from "../../ui/filter_editor.js";
import { GroupFault, type Part } from "./part.js";

const WAYS: [way: Way, words: string][] = [
  ["pair", "A repository and a tag"],
  ["pattern", "Tags that match a regular expression"],
  ["list", "Tags of a list"],
  ["all", "Every push"],
  ["expression", "An expression of the filter language"],
];

interface Ways {
  events: Events;
  set: (part: Partial<Events>) => void;
}

/** Which events, in one of the ways, and how many of the last ones that would have been. */
export function EventFields({ draft, set, expression }: Part & { expression: Signal<string> }) {
  const { events } = draft;
  const change = (part: Partial<Events>) => set({ events: { ...events, ...part } });
  const filter = filterOfEvents(events);
  const written = events.way === "expression" ? events.expression : filter ? JSON.stringify(filter) : "";
  const said = useCheck(written);
  return (
    <section class="card">
      <fieldset>
        <legend>Which events</legend>
        <div class="ways">
          {WAYS.map(([way, words]) => (
            <label key={way} class="check">
              <input type="radio" name="way" checked={events.way === way} onChange={() => change({ way })} />
              {words}
            </label>
          ))}
        </div>
        {events.way === "expression" ? (
          <div class={`filter-row${said.error ? " filter-wrong" : ""}`}>
            <FilterEditor text={expression} onApply={() => undefined} fault={said.error?.details} />
          </div>
        ) : (
          <Written events={events} set={change} />
        )}
        <Verdict
          text={written}
          empty={
            events.way === "expression"
              ? "No filter: every event."
              : "How many of the last events match is said here."
          }
          {...said}
        />
        {!said.error && <GroupFault pointer="/filter" />}
      </fieldset>
    </section>
  );
}

function Written({ events, set }: Ways) {
  const { way, tag, pattern, tags } = events;
  switch (way) {
    case "pair":
      return (
        <WithRepository events={events} set={set}>
          <TextField label="Tag" required placeholder="latest" value={tag} onText={(tag) => set({ tag })} />
        </WithRepository>
      );
    case "pattern":
      return (
        <WithRepository events={events} set={set}>
          <TextField
            label="Regular expression"
            required
            placeholder="release-v.*"
            hint="For the whole tag"
            value={pattern}
            onText={(pattern) => set({ pattern })}
          />
        </WithRepository>
      );
    case "list":
      return (
        <WithRepository events={events} set={set}>
          <TextField
            label="Tags"
            required
            placeholder="v1, v2"
            hint="With commas or blanks between them"
            value={tags}
            onText={(tags) => set({ tags })}
          />
        </WithRepository>
      );
    default:
      return null;
  }
}

function WithRepository({ events, set, children }: Ways & { children: ComponentChildren }) {
  const { way, repository, pushes } = events;
  return (
    <>
      <div class="fields">
        <TextField
          label="Repository"
          required={way === "pair"}
          placeholder={way === "pair" ? "team/app" : "any"}
          value={repository}
          onText={(repository) => set({ repository })}
        />
        {children}
      </div>
      <CheckField
        label="Only when the tag is set, not when it is taken away"
        checked={pushes}
        onCheck={(pushes) => set({ pushes })}
      />
    </>
  );
}
