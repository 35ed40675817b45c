import { defineConfig } from "vitest/config"

export default defineConfig({
  resolve: { conditions: ["fibric-source"] },
  ssr: { resolve: { conditions: ["fibric-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    execArgv: ["--conditions=fibric-source"]
  }
})
