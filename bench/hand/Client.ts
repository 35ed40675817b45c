/**
 * Client: the baselines' connections. `postgres` by porsager, which was the fastest of those tried; how they
 * compared stands in docs/performance.md.
 */
import postgres from "postgres"

export type Value = string | number | null
export type Row = Readonly<Record<string, Value>>

export interface Client {
  /** Runs a prepared statement; those sent while others are under way follow each other without a pause. */
  readonly query: (text: string, values: ReadonlyArray<Value>) => Promise<ReadonlyArray<Row>>
  readonly close: () => Promise<void>
}

/** Every statement here finds its rows by an index. A planner that has seen no rows yet believes otherwise. */
const planner = { enable_seqscan: "off", enable_hashjoin: "off", enable_mergejoin: "off" }

const asItIs = (text: string): string => text

export const connect = (url: string, connections: number): Client => {
  const { hostname, password, pathname, port, username } = new URL(url)
  const sql = postgres({
    host: decodeURIComponent(hostname),
    port: Number(port),
    database: pathname.slice(1),
    username,
    password: decodeURIComponent(password),
    max: connections,
    // Values go as text and are read by the server; what comes back is text, numbers and null.
    fetch_types: false,
    types: { bytea: { to: 17, from: [17], serialize: asItIs, parse: asItIs } },
    connection: { synchronous_commit: "on", plan_cache_mode: "force_generic_plan", ...planner }
  })
  return {
    query: (text, values) => sql.unsafe<Array<Row>>(text, [...values], { prepare: true }),
    close: () => sql.end()
  }
}
