import { place } from "../state/place.js";
import { NewTrigger, EditTrigger } from "./triggers/form.js";
import { TriggerList } from "./triggers/list.js";
import { TriggerPage } from "./triggers/page.js";
import "../styles/triggers.css";

/** What is sent to whom: all triggers, one of them, or the form of one. */
export function Triggers() {
  const { trigger, cloud, form } = place.value;
  const key = `${cloud} ${trigger}`;
  if (form === "new") return <NewTrigger />;
  if (!trigger) return <TriggerList />;
  return form === "edit" ? (
    <EditTrigger key={key} name={trigger} />
  ) : (
    <TriggerPage key={key} name={trigger} />
  );
}
