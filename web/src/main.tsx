import { render } from "preact";

import { App } from "./app.js";
import { start } from "./state/feed.js";
import { startPolling } from "./state/server.js";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/live.css";

start();
startPolling();
const root = document.getElementById("app");
if (root) render(<App />, root);
