import { FORMATS, HIDDEN, type Draft } from "../../lib/trigger_draft.js";
import { SelectField, TextField } from "../../ui/field.js";
import { SecretField } from "../../ui/secret_field.js";
import { GroupFault, type Part } from "./part.js";
import { HeaderFields } from "./header_fields.js";

/** Where the batches go, and with what. */
export function TargetFields({ draft, known, set }: Part) {
  const kinds: [Draft["kind"], string][] = [
    ["http", "An HTTP endpoint"],
    ["feed", "A feed, to which anyone who may read can listen"],
  ];
  return (
    <section class="card">
      <fieldset>
        <legend>Where they go</legend>
        <div class="ways">
          {kinds.map(([kind, words]) => (
            <label key={kind} class="check">
              <input type="radio" name="kind" checked={draft.kind === kind} onChange={() => set({ kind })} />
              {words}
            </label>
          ))}
        </div>
        {draft.kind === "feed" ? (
          <TextField
            label="Name of the feed"
            pointer="/target/feed"
            required
            hint="It is made if there is none of this name."
            value={draft.feed}
            onText={(feed) => set({ feed })}
          />
        ) : (
          <HttpFields draft={draft} known={known} set={set} />
        )}
      </fieldset>
    </section>
  );
}

function HttpFields(part: Part) {
  const { draft, set } = part;
  return (
    <>
      <TextField
        label="URL"
        pointer="/target/http/url"
        required
        inputMode="url"
        placeholder="https://deploy.example.com/hook"
        value={draft.url}
        onText={(url) => set({ url })}
      />
      <SelectField
        label="Format"
        pointer="/target/http/format"
        value={draft.format}
        onText={(format) => set({ format })}
        options={FORMATS.map(([name, about]) => [name, `${name}: ${about}`])}
      />
      <div class="fields">
        <Auth {...part} />
        <Signing {...part} />
      </div>
      <HeaderFields {...part} />
    </>
  );
}

function Auth({ draft, known, set }: Part) {
  const { auth, authSecret } = draft;
  const kept = known.auth === auth;
  return (
    <div class="field-group">
      <SelectField
        label="Authorisation"
        value={auth}
        onText={(text) => {
          const auth = text as Draft["auth"];
          set({ auth, authSecret: known.auth === auth ? known.authSecret : "" });
        }}
        options={[
          ["none", "none"],
          ["bearer", "a token (Bearer)"],
          ["basic", "user and password (Basic)"],
        ]}
      />
      {auth !== "none" && (
        <SecretField
          label={auth === "bearer" ? "Token" : "user:password"}
          pointer="/target/http/auth"
          known={kept && known.authSecret === HIDDEN}
          value={authSecret}
          onText={(authSecret) => set({ authSecret })}
        />
      )}
      {auth === "none" && <GroupFault pointer="/target/http/auth" />}
    </div>
  );
}

function Signing({ draft, known, set }: Part) {
  const { signing, signingSecret } = draft;
  return (
    <div class="field-group">
      <SelectField
        label="Signature"
        value={signing}
        {...(signing !== "own" && { pointer: "/target/http/signing_secret" })}
        onText={(signing) => set({ signing: signing as Draft["signing"] })}
        options={[
          ["none", "none"],
          ...(known.signing === "known"
            ? [["known", "with the secret that it has"] as [string, string]]
            : []),
          ["new", "with a new secret, shown once"],
          ["own", "with a secret of my own"],
        ]}
      />
      {signing === "own" && (
        <SecretField
          label="Secret"
          pointer="/target/http/signing_secret"
          placeholder="whsec_…"
          known={false}
          value={signingSecret}
          onText={(signingSecret) => set({ signingSecret })}
        />
      )}
    </div>
  );
}
