// Reads deliveries, one JSON object a line: {"headers":{…},"body":"…","secret":"whsec_…"}. Verifies each signature with
// the Standard Webhooks library, reads CloudEvents with their SDK, and prints what they are.
import { createInterface } from "node:readline";
import { HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { headers, body, secret } = JSON.parse(line);
  const payload = new Webhook(secret).verify(body, headers);
  try {
    new Webhook(secret).verify(body + " ", headers);
    throw new Error("another body was taken");
  } catch (error) {
    if (error.name !== "WebhookVerificationError") throw error;
  }
  let events = [];
  if (headers["ce-id"] || headers["content-type"].includes("cloudevents")) {
    events = [HTTP.toEvent({ headers, body })].flat();
    for (const event of events) event.validate();
  }
  const told = events.map(({ id, type, subject, source, data }) => ({ id, type, subject, source, data }));
  console.log(JSON.stringify({ payload, events: told }));
}
