/**
 * PgOutbox: the outbox in Postgres. Statements stand in `proposals`, `deliveries` and `backlog`.
 */
import { Effect, Layer, Result } from "effect"
import type { CursorMoved, OutboxFull } from "../domain/outbox-errors.ts"
import { storable } from "../domain/Text.ts"
import * as Knock from "../kernel/Knock.ts"
import { Outbox, type Taken } from "../kernel/Outbox.ts"
import { Settings } from "../kernel/Settings.ts"
import * as Backlog from "./backlog.ts"
import * as Deliveries from "./deliveries.ts"
import { inTransaction } from "./inTransaction.ts"
import { LedgerClient } from "./LedgerClient.ts"
import * as Proposals from "./proposals.ts"

export const layer: Layer.Layer<Outbox, never, LedgerClient> = Layer.effect(
  Outbox,
  Effect.gen(function* () {
    const { confirmed, sql } = yield* LedgerClient
    const { outboxCapacity } = yield* Settings
    const { heard, knock } = Knock.make()

    return Outbox.of({
      put: Effect.fn("Outbox.put")(function* (proposals, move) {
        const write = Proposals.writeAll(sql, proposals, outboxCapacity)
        const written =
          move === undefined
            ? write
            : inTransaction(sql, Effect.andThen(Proposals.moveCursor(sql, move), write))
        // What the outbox itself refuses is an answer; whatever else comes in its place is none.
        const answer = yield* confirmed(
          "put",
          written.pipe(
            Effect.map(Result.succeed),
            Effect.catchTags({
              OutboxFull: (error) => Effect.succeed(Result.fail<OutboxFull | CursorMoved>(error)),
              CursorMoved: (error) => Effect.succeed(Result.fail<OutboxFull | CursorMoved>(error))
            })
          )
        )
        yield* knock
        return yield* Effect.fromResult(answer)
      }),
      cursorOf: Effect.fn("Outbox.cursorOf")((operator, source) =>
        confirmed("read a cursor", Proposals.cursorOf(sql, operator, source))
      ),
      take: Effect.fn("Outbox.take")((capabilities, limit, leaseMillis) =>
        Effect.flatMap(confirmed("look for proposals", Deliveries.look(sql, capabilities)), (found) =>
          found
            ? confirmed("take", Deliveries.take(sql, capabilities, limit, leaseMillis))
            : Effect.succeed([])
        )
      ),
      deliver: Effect.fn("Outbox.deliver")((ended) =>
        ended.length === 0
          ? Effect.void
          : Effect.asVoid(
              confirmed(
                "deliver",
                Deliveries.deliver(
                  sql,
                  lastWords(ended).map(({ delivered, taken }) => ({
                    taken,
                    delivered:
                      "reason" in delivered ? { ...delivered, reason: storable(delivered.reason) } : delivered
                  }))
                )
              )
            )
      ),
      backlog: Effect.fn("Outbox.backlog")((limit) =>
        confirmed("read the backlog", Backlog.backlog(sql, limit))
      ),
      deadLetters: Effect.fn("Outbox.deadLetters")((limit) =>
        confirmed("read dead letters", Backlog.deadLetters(sql, limit))
      ),
      changed: heard,
      revive: Effect.fn("Outbox.revive")((position) =>
        Effect.tap(confirmed("revive", Backlog.revive(sql, position)), () => knock)
      ),
      drop: Effect.fn("Outbox.drop")((position, by, reason) =>
        confirmed("drop", Backlog.drop(sql, { position, by: storable(by), reason: storable(reason) }))
      )
    })
  })
)

/** The last word about each taking: a statement can't change a row twice. */
const lastWords = <A extends { readonly taken: Taken }>(ended: ReadonlyArray<A>): ReadonlyArray<A> => [
  ...new Map(ended.map((one) => [one.taken.token, one])).values()
]
