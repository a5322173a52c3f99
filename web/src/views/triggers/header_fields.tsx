import { HIDDEN, type Header } from "../../lib/trigger_draft.js";
import { TextField } from "../../ui/field.js";
import { SecretField } from "../../ui/secret_field.js";
import { GroupFault, type Part } from "./part.js";

/** Headers of the operator's own. */
export function HeaderFields({ draft, known, set }: Part) {
  const { headers } = draft;
  const isKnown = (name: string) => known.headers.some((header) => header.name === name);
  const change = (index: number, header: Header | undefined) =>
    set({ headers: headers.flatMap((before, i) => (i === index ? (header ?? []) : before)) });
  const rename = (index: number, name: string, value: string) =>
    change(index, { name, value: isKnown(name) ? HIDDEN : value === HIDDEN ? "" : value });
  return (
    <div class="field-group">
      {headers.map(({ name, value }, index) => (
        <div key={index} class="fields header-row">
          <TextField
            label="Header"
            required
            value={name}
            placeholder="X-Own"
            onText={(name) => rename(index, name, value)}
          />
          <SecretField
            label="Value"
            known={isKnown(name)}
            value={value}
            onText={(value) => change(index, { name, value })}
          />
          <button type="button" class="plain small" onClick={() => change(index, undefined)}>
            Remove<span class="unseen"> the header {name}</span>
          </button>
        </div>
      ))}
      <GroupFault pointer="/target/http/headers" />
      <div>
        <button
          type="button"
          class="plain small"
          onClick={() => set({ headers: [...headers, { name: "", value: "" }] })}
        >
          Add a header
        </button>
      </div>
    </div>
  );
}
