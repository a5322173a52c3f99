import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: { "tagcast-client": new URL("client/src/index.ts", import.meta.url).pathname },
  },
  test: {
    include: ["client/tests/**/*.test.ts", "tests/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
