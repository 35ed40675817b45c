/**
 * Observation: what was seen in one trial, on both sides of the wire. The laws judge it; nothing here does.
 */
import type { Evidence } from "../../kernel/Evidence.ts"
import type { Cut } from "./Cut.ts"
import type { Happened } from "./Subject.ts"
import type { Fate } from "./Transacting.ts"

/** What a lookup came to. */
export type Asked = "found" | "found another effect" | "nothing" | "failed"

/** What was seen of the declared recovery, on a wire that lets everything through again. */
export type Recovered =
  /** `hold`: it waits for a person. */
  | {
      readonly _tag: "Left"
      /** Connections that the connector opened and used when its call had ended. */
      readonly connections: number
    }
  /** `transactional`: what was committed is there, what was not is performed anew. */
  | {
      readonly _tag: "Transacted"
      readonly fate: Fate
      /** Effects when the transaction had ended. */
      readonly effects: number
      /** The next attempt, after a rollback: its end, and the effects then. */
      readonly again: { readonly claim: Evidence; readonly effects: number } | undefined
    }
  | {
      readonly _tag: "Resent"
      readonly claim: Evidence
      readonly effects: ReadonlyArray<Happened>
      /**
       * Effects after the same was intended anew, under the key of the next generation; `undefined` where
       * that was not tried.
       */
      readonly renewed: number | undefined
    }
  | {
      readonly _tag: "LookedUp"
      readonly answer: Asked
      /** The answers of lookups whose own wire was cut, by cut; only where nothing else was lost. */
      readonly cut: ReadonlyArray<readonly [cut: string, answer: Asked]>
      /** Effects after all of the lookups. */
      readonly effects: number
    }

export interface Observation {
  readonly cut: Cut
  /** Whether the action was the one that the server refuses. */
  readonly refused: boolean
  /** Whether the cut took effect; a conversation may end before it. */
  readonly fired: boolean
  /** What the call's end proves, as the kernel reads it. `Unknown` where it had to be interrupted. */
  readonly claim: Evidence
  /** How the call's fiber ended. */
  readonly ended: "by itself" | "when interrupted" | "never"
  /** What really happened, once the call was over and watched for a while. */
  readonly effects: number
  /** Effects that were not there when the call ended, or its deadline, and before which it spoke once more. */
  readonly begunLate: number
  /**
   * Connections of the connector's own that the call used: it said something there, or was cut before it
   * could. A transaction's is not its own.
   */
  readonly connections: number
  /** How many secrets were looked for. */
  readonly secrets: number
  /** Where a secret was told, in phrases. */
  readonly leaks: ReadonlyArray<string>
  /** `undefined` where there is nothing to recover: the end left no doubt. */
  readonly recovered: Recovered | undefined
}
