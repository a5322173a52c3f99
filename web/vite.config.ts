import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";

import { defineConfig, type Plugin } from "vite";

// Port of the gateway that `npx vite` stands in front of while one works on the page.
const gateway = process.env.TAGCAST_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  // A proxy may put a path in front of it.
  base: "./",
  plugins: [compressed()],
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
    proxy: {
      "/v1": {
        target: gateway,
        ws: true,
        changeOrigin: true,
        rewriteWsOrigin: true,
        // To the gateway it is a page of its own.
        headers: { origin: gateway },
      },
      "/metrics": gateway,
    },
  },
});

/** Puts each file's compressed forms beside it; the gateway sends them as they are. */
function compressed(): Plugin {
  return {
    name: "compressed",
    async writeBundle({ dir }, bundle) {
      for (const name of Object.keys(bundle)) {
        const path = join(dir ?? "dist", name);
        const bytes = await readFile(path);
        await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes));
        await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
      }
    },
  };
}
