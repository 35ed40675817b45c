/**
 * workloads: one peer's turn in a round, and what must hold of it. A number is only worth comparing if the
 * work behind it is what it is said to be: as many effects as were asked for, and never two at once on the
 * hot entity.
 */
import { Effect, Schema } from "effect"
import { type Peer, type Size, sizeAt } from "./peers.ts"
import type { Ground } from "./Place.ts"
import { SubjectFailed, use } from "./SubjectProcess.ts"

export const names = ["A", "B2", "C", "D"] as const
export type Name = (typeof names)[number]

const Pace = Schema.Struct({ rate: Schema.Finite })
const A = Schema.Struct({
  rate: Schema.Finite,
  p99Millis: Schema.Finite,
  count: Schema.Int,
  effects: Schema.Int
})
const B2 = Schema.Struct({
  rate: Schema.Finite,
  requests: Schema.Int,
  keys: Schema.Int,
  effects: Schema.Int,
  receipts: Schema.Int
})
const C = Schema.Struct({
  rate: Schema.Finite,
  count: Schema.Int,
  effects: Schema.Int,
  overlapping: Schema.Int
})
const D = Schema.Struct({ rate: Schema.Finite, count: Schema.Int, effects: Schema.Int })

/** What one turn measured; a workload that was not asked for, or that the peer can't do, is absent. */
export interface Turn {
  /** How much of each it was given. */
  readonly size: Size
  readonly A?: typeof A.Type
  readonly B2?: typeof B2.Type
  readonly C?: typeof C.Type
  readonly D?: typeof D.Type
}

const must = (peer: Peer, command: string, holds: boolean, reason: string) =>
  holds ? Effect.void : Effect.fail(new SubjectFailed({ peer: peer.name, command, reason }))

/** Does the peer's workloads on its ground: A, B2 and C in one process, D in a fresh one. */
export const turn = Effect.fnUntraced(function* (
  peer: Peer,
  ground: Ground,
  round: number,
  wanted: ReadonlyArray<Name>,
  known?: Size
) {
  const does = (name: Name) => wanted.includes(name) && !peer.without.some((other) => other === name)
  const measured = yield* use(peer, ground, (tell) =>
    Effect.gen(function* () {
      const size = known ?? sizeAt((yield* tell({ do: "pace", series: `pace${round}` }, Pace)).rate)
      const found: { size: Size } & { -readonly [N in Name]?: Turn[N] } = { size }
      if (does("A") || does("D")) {
        const a = yield* tell({ do: "A", series: `a${round}`, count: size.A }, A)
        yield* must(peer, "A", a.effects === a.count, `${a.effects} effects for ${a.count} requests`)
        if (does("A")) found.A = a
      }
      if (does("B2")) found.B2 = yield* tell({ do: "B2", series: `b${round}`, ...size.B2 }, B2)
      if (does("C")) {
        const c = yield* tell({ do: "C", series: `c${round}`, count: size.C }, C)
        yield* must(peer, "C", c.effects === c.count, `${c.effects} effects for ${c.count} requests`)
        yield* must(peer, "C", c.overlapping === 0, `${c.overlapping} effects ran beside another`)
        found.C = c
      }
      return found
    })
  )
  if (!does("D")) return measured
  const again = { do: "D", series: `a${round}`, count: measured.size.D } as const
  const d = yield* use(peer, ground, (tell) => tell(again, D))
  yield* must(peer, "D", d.effects === 0, `${d.effects} effects were run again`)
  return { ...measured, D: d }
})
