import type { Trigger } from "../../lib/triggers.js";
import { useAct } from "../../state/act.js";
import { useLoad } from "../../state/load.js";
import { go } from "../../state/place.js";
import { madeSecret, one, remove, setPaused } from "../../state/triggers.js";
import { Confirm } from "../../ui/confirm.js";
import { Snippet } from "../../ui/copy.js";
import { Trouble } from "../../ui/failure.js";
import { Link } from "../../ui/link.js";
import { Absent } from "./absent.js";
import { Crumbs } from "./crumbs.js";
import { DeadLetterTable } from "./dead_letters.js";
import { Facts } from "./facts.js";
import { AccessLog } from "./log.js";
import { State, WhyNot } from "./state.js";

const EVERY = 3_000;

/** One trigger: what it is, how it does, and what became of each event. */
export function TriggerPage({ name }: { name: string }) {
  const { value, error, again } = useLoad(`trigger ${name}`, () => one(name), EVERY);
  const status = value?.state.status;
  return (
    <>
      <Crumbs />
      <Head name={name} trigger={value} again={again} />
      {error && (!value || error.status === 404) && <Absent error={error} again={again} />}
      {madeSecret.value?.trigger === name && <NewSecret secret={madeSecret.value.secret} />}
      {value && (status === "retrying" || status === "disabled") && (
        <div class="notice notice-bad">
          <WhyNot name={name} state={value.state} />
        </div>
      )}
      {value && (
        <>
          <Facts trigger={value} />
          <AccessLog name={name} />
        </>
      )}
      {(value ? "http" in value.target : error?.status === 404) && (
        <DeadLetterTable name={name} count={value?.state.dead_letters} />
      )}
    </>
  );
}

function Head({ name, trigger, again }: { name: string; trigger: Trigger | undefined; again: () => void }) {
  const { act, busy, error } = useAct();
  return (
    <>
      <div class="title-row">
        <h2 class="title">{name}</h2>
        {trigger && (
          <div class="actions">
            <State state={trigger.state} />
            <Pause
              trigger={trigger}
              busy={busy}
              set={(paused) => act(() => setPaused(name, paused).finally(again))}
            />
            {trigger.defined_in === "api" ? (
              <>
                <Link class="button small" to={{ form: "edit" }}>
                  Edit
                </Link>
                <Confirm
                  label="Delete"
                  title={`Delete ${name}?`}
                  onConfirm={() => act(() => remove(name).then(() => go({ trigger: "", cloud: "" }, true)))}
                >
                  It calls nothing any more, and its place in the log is forgotten. Its dead letters stay
                  until they are too old.
                </Confirm>
              </>
            ) : (
              <span class="quiet">stands in the settings, and is changed there</span>
            )}
          </div>
        )}
      </div>
      {error && <Trouble error={error} what="That was not done." />}
    </>
  );
}

function Pause({ trigger, busy, set }: { trigger: Trigger; busy: boolean; set: (paused: boolean) => void }) {
  const { status } = trigger.state;
  const stands = status === "paused" || status === "disabled";
  return (
    <button
      type="button"
      class={stands ? "primary small" : "plain small"}
      disabled={busy}
      title={stands ? "It goes on where it was" : "It keeps its place"}
      onClick={() => set(!stands)}
    >
      {stands ? "Resume" : "Pause"}
    </button>
  );
}

function NewSecret({ secret }: { secret: string }) {
  return (
    <div class="notice new-secret" role="status">
      <p>
        <strong>The new signing secret is shown this once.</strong> Keep it where deliveries are verified.
      </p>
      <Snippet wrapped what="signing secret" text={secret} />
      <button type="button" class="small" onClick={() => (madeSecret.value = undefined)}>
        I have it
      </button>
    </div>
  );
}
