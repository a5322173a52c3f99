/** Where the gateway is: beside this page, whatever path a proxy has put in front of both. Without a slash at its end. */
export function here(): string {
  return new URL(".", location.href).href.replace(/\/$/, "");
}
