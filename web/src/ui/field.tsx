import { createContext, type ComponentChildren } from "preact";
import { useContext, useId } from "preact/hooks";

/** What is wrong with a form, and the field to say it at. */
export interface Fault {
  field: string;
  message: string;
}

export const FormFault = createContext<Fault | undefined>(undefined);

interface Props {
  label: string;
  /** JSON pointer to what it is in the definition. */
  pointer?: string;
  hint?: ComponentChildren;
}

/** A label, what is written under it, and what is wrong with it. `control` gets what ties them together. */
export function Field({
  label,
  pointer,
  hint,
  control,
}: Props & { control: (about: About) => ComponentChildren }) {
  const id = useId();
  const fault = useContext(FormFault);
  const wrong = fault !== undefined && fault.field === pointer;
  const described = [hint ? `${id}-hint` : "", wrong ? `${id}-fault` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {control({
        id,
        ...(wrong && { "aria-invalid": true }),
        ...(described && { "aria-describedby": described }),
      })}
      {hint && (
        <p id={`${id}-hint`} class="quiet">
          {hint}
        </p>
      )}
      {wrong && (
        <p id={`${id}-fault`} class="bad" role="alert">
          {fault.message}
        </p>
      )}
    </div>
  );
}

interface About {
  id: string;
  "aria-invalid"?: true;
  "aria-describedby"?: string;
}

interface TextProps extends Props {
  value: string;
  onText: (text: string) => void;
}

interface InputProps {
  type?: "password";
  required?: boolean;
  placeholder?: string;
  disabled?: boolean;
  inputMode?: "url" | "numeric";
  autocomplete?: "new-password" | "off";
}

export function TextField({
  label,
  pointer,
  hint,
  value,
  onText,
  autocomplete = "off",
  ...rest
}: TextProps & InputProps) {
  return (
    <Field
      label={label}
      hint={hint}
      {...(pointer !== undefined && { pointer })}
      control={(about) => (
        <input
          spellcheck={false}
          autocapitalize="off"
          autocomplete={autocomplete}
          {...about}
          {...rest}
          value={value}
          onInput={(input) => onText(input.currentTarget.value)}
        />
      )}
    />
  );
}

/** One of several, in a list that opens. */
export function SelectField({
  label,
  pointer,
  hint,
  value,
  onText,
  options,
}: TextProps & { options: [value: string, words: string][] }) {
  return (
    <Field
      label={label}
      hint={hint}
      {...(pointer !== undefined && { pointer })}
      control={(about) => (
        <select {...about} value={value} onChange={(change) => onText(change.currentTarget.value)}>
          {options.map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      )}
    />
  );
}

export function CheckField({
  label,
  checked,
  onCheck,
}: {
  label: string;
  checked: boolean;
  onCheck: (checked: boolean) => void;
}) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(change) => onCheck(change.currentTarget.checked)} />
      {label}
    </label>
  );
}
