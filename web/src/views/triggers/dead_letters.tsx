import { useState } from "preact/hooks";

import { bytes, count } from "../../lib/format.js";
import { readableJson } from "../../lib/marks.js";
import { eventsInWords, times, wordsOfAnswer } from "../../lib/trigger_words.js";
import type { DeadLetter } from "../../lib/triggers.js";
import { useAct } from "../../state/act.js";
import { useLoad } from "../../state/load.js";
import { body, deadLetters, purge, sendAgain } from "../../state/triggers.js";
import { Confirm } from "../../ui/confirm.js";
import { Snippet } from "../../ui/copy.js";
import { Failure, Trouble } from "../../ui/failure.js";
import { Name } from "../../ui/name.js";
import { Time } from "../../ui/time.js";

const COLUMNS = 3;

/** What was given up and kept. */
export function DeadLetterTable({ name, count: known = 0 }: { name: string; count: number | undefined }) {
  const { value, error, again } = useLoad(`dead letters ${name} ${known}`, () => deadLetters(name));
  const { act, error: actError } = useAct();
  const [said, setSaid] = useState("");
  const letters = value?.dead_letters ?? [];
  const send = async (id: string) => {
    const answer = await sendAgain(name, id).finally(again);
    setSaid(`${answer.delivered ? "Delivered" : "Not delivered"}: ${wordsOfAnswer(answer)}.`);
  };
  return (
    <section class="card">
      <header>
        <h3>Dead letters</h3>
        {value?.next && <span class="quiet">the oldest {count(letters.length)}</span>}
        <span role="status" class="quiet">
          {said}
        </span>
        {letters.length > 0 && (
          <span class="end">
            <Confirm
              label="Purge all"
              title="Purge all dead letters?"
              onConfirm={() => act(() => purge(name).finally(again))}
            >
              What was given up by {name} can’t be looked at or sent again then.
            </Confirm>
          </span>
        )}
      </header>
      {error && !value && <Failure error={error} what="Its dead letters" again={again} />}
      {actError && <Trouble error={actError} what="That was not done." />}
      {value && letters.length === 0 && <p class="quiet">There is none: nothing was given up.</p>}
      {letters.length > 0 && (
        <div class="scroll-x">
          <table class="letters">
            <caption class="unseen">Dead letters</caption>
            <thead>
              <tr>
                <th scope="col">Given up</th>
                <th scope="col">Why</th>
                <th scope="col">
                  <span class="unseen">What to do with it</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {letters.map((letter) => (
                <Lines
                  key={letter.id}
                  name={name}
                  letter={letter}
                  send={() => act(() => send(letter.id))}
                  drop={() => act(() => purge(name, letter.id).finally(again))}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

interface Letter {
  name: string;
  letter: DeadLetter;
  send: () => void;
  drop: () => void;
}

function Lines({ name, letter, send, drop }: Letter) {
  const { id, at, attempts, tried_again, gap, answer } = letter;
  const [open, setOpen] = useState(false);
  return (
    <>
      <tr>
        <th scope="row">
          <Time at={at} />
          <span class="quiet">
            {eventsInWords(letter.count)}, {bytes(letter.size)}
          </span>
        </th>
        <td class="wide">
          {gap ? `events are missing: ${gap}` : wordsOfAnswer(letter)}
          <span class="quiet">, {times(attempts)}</span>
          {tried_again && (
            <span class="quiet">
              , again <Time at={tried_again} />
            </span>
          )}
          {answer && (
            <code class="quiet">
              <Name>{answer}</Name>
            </code>
          )}
        </td>
        <td class="end">
          <span class="buttons">
            <button type="button" class="plain small" aria-expanded={open} onClick={() => setOpen(!open)}>
              See<span class="unseen"> {id}</span>
            </button>
            {!gap && (
              <button type="button" class="plain small" onClick={send}>
                Send again<span class="unseen"> {id}</span>
              </button>
            )}
            <Confirm label="Purge" unseen={id} title="Purge this dead letter?" onConfirm={drop}>
              It can’t be looked at or sent again then.
            </Confirm>
          </span>
        </td>
      </tr>
      {open && (
        <tr class="below">
          <td colSpan={COLUMNS}>
            <Body name={name} letter={letter} />
          </td>
        </tr>
      )}
    </>
  );
}

function Body({ name, letter: { id, url } }: { name: string; letter: DeadLetter }) {
  const { value, error, again } = useLoad(`letter ${id}`, () => body(name, id));
  if (error) return <Failure error={error} what="It" again={again} />;
  if (value === undefined) return <p class="quiet">Loading …</p>;
  return (
    <>
      <p class="quiet">
        <code>{id}</code> to {url}
      </p>
      <Snippet wrapped what="body" text={indented(value)} />
    </>
  );
}

/** JSON so that it can be read; all else as it is. */
function indented(text: string): string {
  try {
    return readableJson(JSON.parse(text));
  } catch {
    return text;
  }
}
