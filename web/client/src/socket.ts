/** The part of a WebSocket that this library uses: the browser's, Node's own from version 22, or ours. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: ((closing: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Opens a socket to `url`. */
export type OpenSocket = (url: string, protocols: string[]) => Socket;

/** With the WebSocket that browsers have, and Node from version 22. */
export const openSocket: OpenSocket = (url, protocols) => new WebSocket(url, protocols) as unknown as Socket;

/** The subprotocols to offer. Browsers can't set headers, so the token goes with them. */
export function protocols(token: string | undefined): string[] {
  if (!token) return ["tagcast.v1.json"];
  const bytes = new TextEncoder().encode(token);
  const encoded = btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
  return ["tagcast.v1.json", `bearer.${encoded}`];
}
