import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { LongestFirst } from "./test/support/longest-first.ts"

// Every file has a process of its own and many start others: each would compile the same modules again.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("node_modules/.cache/node", import.meta.url))

/** Tests that judge by real deadlines: they have the machine to themselves, after all others. */
const timed = ["test/connectors/*-laws.test.ts", "test/testing/laws/laws.test.ts"]

export default defineConfig({
  resolve: { conditions: ["fibric-source"] },
  ssr: { resolve: { conditions: ["fibric-source"] } },
  test: {
    // No test judges by it: it ends what hangs, on a machine that has more to do than its tests.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    execArgv: ["--conditions=fibric-source"],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "tests",
          include: ["test/**/*.test.ts"],
          exclude: timed,
          globalSetup: ["test/support/global-setup.ts"],
          // They wait for processes and for Postgres more than they compute.
          maxWorkers: 4,
          sequence: { groupOrder: 0 }
        }
      },
      {
        extends: true,
        test: { name: "timed", include: timed, maxWorkers: 1, sequence: { groupOrder: 1 } }
      }
    ]
  }
})
