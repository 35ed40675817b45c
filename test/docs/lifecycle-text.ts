/**
 * How ARCHITECTURE.md tells a key's life: the diagram and the table, drawn from the code's own.
 */
import * as Lifecycle from "../../src/kernel/lifecycle/Lifecycle.ts"

/** The states with what leads from one to another. What stays, or leads nowhere else, is in the table. */
const diagram = (): string => {
  const edges = new Map<string, Set<string>>()
  for (const { event, from, to } of Lifecycle.transitions) {
    if (to === "stays") continue
    for (const state of from) {
      if (state === to) continue
      const edge = `${state === "none" ? "[*]" : state} --> ${to}`
      edges.set(edge, (edges.get(edge) ?? new Set()).add(event))
    }
  }
  const lines = [...edges].map(([edge, events]) => `    ${edge}: ${[...events].join(", ")}`)
  return ["```mermaid", "stateDiagram-v2", ...lines, "```"].join("\n")
}

const table = (): string => {
  const rows = Lifecycle.transitions.map(({ event, from, receipt, to, when }) =>
    [
      from.map((state) => `\`${state}\``).join(", "),
      `\`${event}\``,
      when.map((condition) => Lifecycle.conditions[condition]).join("; and "),
      to === "stays" ? "stays" : `\`${to}\``,
      receipt === null ? "" : `\`${receipt}\``
    ].join(" | ")
  )
  return [
    "| from | event | when | to | receipt |",
    "|---|---|---|---|---|",
    ...rows.map((row) => `| ${row} |`)
  ].join("\n")
}

/** The part of the document between its two marks. */
export const lifecycleText = (): string => `${diagram()}\n\n${table()}`
