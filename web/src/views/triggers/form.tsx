import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import type { ApiError, Source } from "../../lib/api.js";
import { definitionOf, draftOf, fieldOf, type Draft } from "../../lib/trigger_draft.js";
import type { Trigger } from "../../lib/triggers.js";
import { useAct } from "../../state/act.js";
import { useLoad } from "../../state/load.js";
import { go, place } from "../../state/place.js";
import { api } from "../../state/session.js";
import { isTaken, list, madeSecret, one, put } from "../../state/triggers.js";
import { Failure, Trouble } from "../../ui/failure.js";
import { FormFault, TextField, type Fault } from "../../ui/field.js";
import { Absent } from "./absent.js";
import { BatchFields } from "./batch_fields.js";
import { Crumbs } from "./crumbs.js";
import { EventFields } from "./event_fields.js";
import { MoreFields } from "./more_fields.js";
import { FIELDS, type Part } from "./part.js";
import { TargetFields } from "./target_fields.js";

/** Opens the form as soon as it is known that its reader may use it. */
export function NewTrigger() {
  const { value, error, again } = useLoad("triggers", () => list());
  const sources = useLoad("sources", () => api.sources());
  return (
    <>
      <Crumbs />
      <h2 class="title">New trigger</h2>
      {error && !value && <Failure error={error} what="Triggers" again={again} />}
      {value && (sources.value ?? sources.error) && <Form cloud={onlyCloud(sources.value?.sources ?? [])} />}
    </>
  );
}

export function EditTrigger({ name }: { name: string }) {
  const { value, error, again } = useLoad(`trigger ${name}`, () => one(name));
  return (
    <>
      <Crumbs name={name} />
      <h2 class="title">Edit {name}</h2>
      {error && !value && <Absent error={error} again={again} />}
      {value && <Form trigger={value} />}
    </>
  );
}

/** The cloud whose events there are, if there is but one: a trigger of another gets none. */
function onlyCloud(sources: Source[]): string {
  const clouds = new Set(sources.map(({ cloud }) => cloud));
  return clouds.size === 1 ? ([...clouds][0] ?? "") : "";
}

/** As a place names it: the usual one is not named. */
const cloudOf = ({ cloud_id }: Trigger) => (cloud_id === "default" ? "" : cloud_id);

function Form({ trigger, cloud }: { trigger?: Trigger; cloud?: string }) {
  const [known] = useState(() => draftOf(trigger, cloud));
  const [draft, setDraft] = useState(known);
  const expression = useSignal(known.events.expression);
  const form = useRef<HTMLFormElement>(null);
  const { act, busy, error } = useAct();
  const [taken, setTaken] = useState<Fault>();
  const fault = taken ?? faultOf(error);
  const whole = { ...draft, events: { ...draft.events, expression: expression.value } };
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  useEffect(() => show(form.current), [error, taken]);
  const save = async () => {
    const definition = definitionOf({ ...whole, name: draft.name.trim() });
    const { name } = definition;
    const used = !trigger && (await isTaken(definition));
    setTaken(used ? { field: "/name", message: "There is a trigger of this name already." } : undefined);
    if (used) return;
    const made = await put(definition);
    const { new_signing_secret: secret } = made;
    const same = trigger?.cloud_id === made.cloud_id;
    if (secret) madeSecret.value = { trigger: name, secret };
    go({ trigger: name, cloud: same ? place.value.cloud : cloudOf(made), form: "" }, true);
  };
  const part = { draft: whole, known, set };
  return (
    <FormFault.Provider value={fault}>
      <form
        ref={form}
        class="trigger-form"
        onSubmit={(submit) => {
          submit.preventDefault();
          act(save);
        }}
      >
        {!trigger && <NameField {...part} />}
        <EventFields {...part} expression={expression} />
        <TargetFields {...part} />
        <BatchFields {...part} />
        <MoreFields {...part} />
        {error && !fault && <Trouble error={error} what="It was not saved." />}
        <div class="actions">
          <button type="button" class="plain" onClick={() => go({ form: "" }, true)}>
            Cancel
          </button>
          <button class="primary" disabled={busy}>
            {trigger ? "Save" : "Create"}
          </button>
        </div>
      </form>
    </FormFault.Provider>
  );
}

function NameField({ draft, set }: Part) {
  return (
    <section class="card">
      <TextField
        label="Name"
        pointer="/name"
        required
        hint="Letters, digits, and . _ -"
        value={draft.name}
        onText={(name) => set({ name })}
      />
    </section>
  );
}

function faultOf(error: ApiError | undefined): Fault | undefined {
  const field = error?.details.field === undefined ? undefined : fieldOf(error.details.field, FIELDS);
  return error && field !== undefined ? { field, message: error.message } : undefined;
}

/** Brings the reader to what is wrong. */
function show(form: HTMLFormElement | null): void {
  const wrong =
    form?.querySelector<HTMLElement>("[aria-invalid]") ?? form?.querySelector<HTMLElement>("[role=alert]");
  wrong?.scrollIntoView({ block: "center" });
  wrong?.focus();
}
