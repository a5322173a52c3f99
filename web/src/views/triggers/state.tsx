import { absolute, whole } from "../../lib/time.js";
import { STATUS_LOOKS, STATUS_WORDS, times, wordsOfAnswer } from "../../lib/trigger_words.js";
import type { State as Of } from "../../lib/triggers.js";
import { useLoad } from "../../state/load.js";
import { now } from "../../state/session.js";
import { lastError } from "../../state/triggers.js";
import { Name } from "../../ui/name.js";
import { Time } from "../../ui/time.js";

export function State({ state: { status } }: { state: Of }) {
  return <span class={`health health-${STATUS_LOOKS[status]}`}>{STATUS_WORDS[status]}</span>;
}

/** Why one does not deliver, which nobody chose. */
export function WhyNot({ name, cloud, state }: { name: string; cloud?: string; state: Of }) {
  const { status, reason, failures, failing_since, next_attempt } = state;
  const { value: error } = useLoad(`error of ${cloud} ${name} ${failures}`, () => lastError(name, cloud));
  return (
    <p class="bad">
      {status === "disabled" && <>Disabled: {reason}. </>}
      {failures > 0 && (
        <>
          {times(failures)} without success since <Time at={failing_since} />
          {error && `, the last one: ${wordsOfAnswer(error)}`}.{" "}
        </>
      )}
      {error?.answer && (
        <>
          Its answer:{" "}
          <code>
            <Name>{error.answer}</Name>
          </code>{" "}
        </>
      )}
      {status === "retrying" && next_attempt && <Next at={next_attempt} />}
    </p>
  );
}

function Next({ at }: { at: string }) {
  const moment = Date.parse(at);
  return (
    <span class="quiet">
      Next attempt at{" "}
      <time dateTime={at} title={whole(moment)}>
        {absolute(moment, now.value)}
      </time>
      .
    </span>
  );
}
