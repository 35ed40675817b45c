/**
 * The naive way, for scale: claim the key in one autocommit statement, act, write the outcome down in
 * another, over a pool of 16. What most of us would write by hand; a crash in between leaves a claim that
 * nobody may touch, and a repeat leaves nothing.
 */
import { serve } from "../subject/serve.ts"
import type { Request } from "../subject/Subject.ts"
import * as Pool from "./pool.ts"

const connections = 16

const pollMillis = 5

serve({
  start: async ({ url }, mode, effect) => {
    const pool = Pool.open(url, connections)
    await pool.query(`
      CREATE TABLE IF NOT EXISTS action (
        key text PRIMARY KEY,
        entity text NOT NULL,
        series text NOT NULL,
        claimed_at timestamptz NOT NULL DEFAULT now(),
        done_at timestamptz,
        outcome text
      )`)
    const outcomeOf = async ({ key }: Request) => {
      const { rows } = await pool.query<{ outcome: string | null }>({
        name: "look",
        text: "SELECT outcome FROM action WHERE key = $1",
        values: [key]
      })
      return rows[0]?.outcome ?? undefined
    }
    const settled = async (request: Request): Promise<string> => {
      while (true) {
        const outcome = await outcomeOf(request)
        if (outcome !== undefined) return outcome
        await new Promise((resolve) => setTimeout(resolve, pollMillis))
      }
    }
    const perform = async (request: Request): Promise<string> => {
      const { rowCount } = await pool.query({
        name: "claim",
        text: "INSERT INTO action (key, entity, series) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        values: [request.key, request.entity, request.series]
      })
      if (rowCount === 0) return settled(request)
      await effect(request)
      await pool.query({
        name: "settle",
        text: "UPDATE action SET outcome = 'performed', done_at = now() WHERE key = $1",
        values: [request.key]
      })
      return "performed"
    }
    // One at a time, for an entity, in this process: what is before it in line.
    const tails = new Map<string, Promise<unknown>>()
    const inLine = (request: Request) => {
      const turn = (tails.get(request.entity) ?? Promise.resolve()).then(() => perform(request))
      tails.set(request.entity, turn)
      return turn
    }
    return {
      ask: mode === "hot" ? inLine : perform,
      receipts: (series) =>
        Pool.count(
          pool,
          "SELECT count(*)::int AS count FROM action WHERE series = $1 AND outcome IS NOT NULL",
          [series]
        ),
      // There is nothing that recovers it: a repeat finds the claim, and would wait for ever.
      afterwards: async (request) => `claimed; outcome: ${(await outcomeOf(request)) ?? "none, for ever"}`,
      stop: () => pool.end()
    }
  }
})
