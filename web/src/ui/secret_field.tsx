import { HIDDEN } from "../lib/trigger_draft.js";
import { TextField } from "./field.js";

interface Props {
  label: string;
  pointer?: string;
  value: string;
  /** Whether the gateway has one, which stays if nothing is written. */
  known: boolean;
  onText: (text: string) => void;
  placeholder?: string;
}

/** A secret, which is written and never shown. */
export function SecretField({ value, known, onText, placeholder = "", ...rest }: Props) {
  return (
    <TextField
      {...rest}
      type="password"
      autocomplete="new-password"
      required={!known}
      value={value === HIDDEN ? "" : value}
      placeholder={known ? "as it is" : placeholder}
      onText={(text) => onText(text === "" && known ? HIDDEN : text)}
    />
  );
}
