import { defineConfig } from "vite";

// Port of the gateway that `npx vite` stands in front of while one works on the page.
const gateway = process.env.TAGCAST_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  resolve: {
    alias: { "tagcast-client": new URL("client/src/index.ts", import.meta.url).pathname },
  },
  build: {
    target: "es2023",
    // Every file is a file: a data: URL would need another policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
  server: {
    proxy: { "/v1": { target: gateway, ws: true, changeOrigin: true }, "/metrics": gateway },
  },
});
