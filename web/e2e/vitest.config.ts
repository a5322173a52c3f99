import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // One browser and one gateway at a time: what is slow then is ours.
    fileParallelism: false,
  },
});
