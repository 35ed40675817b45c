/**
 * Evidence: what an answer proves about the world, by its status.
 *
 * The provider owns the truth and says in its documentation what its statuses mean; the table of a
 * capability says it here. What no table says is judged by the standards, and by what stands between us
 * and the provider: any answer may be a proxy's, and a proxy may have sent the request on before it.
 */
import { Effect, Option, Schema } from "effect"
import { NotPerformed, OutcomeUnknown } from "fibric"
import type { Answer } from "./Answer.ts"
import type { Method } from "./Request.ts"

/**
 * - `success`: it was performed, and the body says what came of it
 * - `refused`: the provider definitely does not do this, now or later
 * - `not_performed`: the provider did nothing, and may do it when the cause is gone
 * - `unknown`: nobody can tell
 */
export type Evidence = "success" | "refused" | "not_performed" | "unknown"

/** What statuses prove at a provider; a function where the body decides. Others are judged by `byStandard`. */
export type Table = Readonly<Record<number, Evidence | ((answer: Answer) => Evidence)>>

/**
 * Answers about what was asked: whoever asks the same again gets the same. 402, 410 and 451 by their
 * meaning; 413 to 415 and 400 because a request that can't be read can't be carried out.
 */
const refusals: ReadonlySet<number> = new Set([400, 402, 410, 413, 414, 415, 451])

/**
 * Answers about who asks, where and how: said before anything is done, and mended outside of the action (a
 * credential, a URL in the configuration). The key stays free for when they are.
 */
const denials: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 411, 421, 426, 428, 431])

/**
 * Proxies may repeat a PUT and a DELETE by themselves (RFC 9110, 9.2.2). Each of these can then be the answer
 * to the second copy, after the first has done its work: "there is no such thing", "it has been shipped
 * already", "you may not change it any more".
 */
const repeated: ReadonlySet<Method> = new Set(["PUT", "DELETE"])
const afterOneself: ReadonlySet<number> = new Set([400, 402, 403, 404, 410, 422])

/**
 * What a status proves where nobody has said more. 2xx is a success. 3xx is never followed and proves
 * nothing: after a POST it often means that it was done. Of 4xx those are definite that nothing sends
 * after having begun. Not among them:
 *
 * - 406: some frameworks find only after the work that nobody takes the answer
 * - 408, 425, 429: also a gateway's word about a request that it may have passed on
 * - 409: a request with this key is under way, or the world has changed, perhaps by us
 * - 412: a precondition fails after oneself, too
 * - 422: for requests with a key it is the standard's word for "same key, other parameters", which says
 *   nothing about the first attempt; without a key it is a refusal
 *
 * 5xx and whatever has no standard prove nothing, with or without `Retry-After`.
 */
export const byStandard = ({ request, status }: Answer): Evidence => {
  if (status >= 200 && status < 300) return "success"
  if (repeated.has(request.method) && afterOneself.has(status)) return "unknown"
  if (status === 422) return request.keyed ? "unknown" : "refused"
  if (refusals.has(status)) return "refused"
  return denials.has(status) ? "not_performed" : "unknown"
}

/** What the answer proves: by the table, else by the standards. */
export const proves = (answer: Answer, table: Table = {}): Evidence => {
  const said = Object.hasOwn(table, answer.status) ? table[answer.status] : undefined
  return (typeof said === "function" ? said(answer) : said) ?? byStandard(answer)
}

/** From an answer to evidence, as a connector's function ends with it. */
export type Reading<A, E> = (answer: Answer) => Effect.Effect<A, E | NotPerformed | OutcomeUnknown>

/** How answers are read. */
export interface ReadingOptions<A, E> {
  /** The body of a success, from its JSON; `null` where there is no body. */
  readonly success: Schema.Codec<A, unknown>
  /** The refusal that is declared, made of the answer. Without it a refusal leaves the key free. */
  readonly refused?: ((answer: Answer) => E) | undefined
  readonly table?: Table | undefined
}

/** Reads answers by a table. A success whose body does not fit is unknown: it may have been somebody else's. */
export const reading = <A, E = never>(options: ReadingOptions<A, E>): Reading<A, E> => {
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(options.success))
  return (answer) =>
    Effect.suspend((): Effect.Effect<A, E | NotPerformed | OutcomeUnknown> => {
      switch (proves(answer, options.table)) {
        case "success":
          return Option.match(answer.json, {
            onNone: () => Effect.fail(unknown(`answered ${answer.status}, and its body is no JSON`)),
            // The issues show parts of the body; what is wrong can be looked up where the effect is.
            onSome: (body) =>
              Effect.mapError(decode(body), () =>
                unknown(`answered ${answer.status}, and its body is not what was declared`)
              )
          })
        case "refused":
          return Effect.fail(options.refused === undefined ? denied(answer) : options.refused(answer))
        case "not_performed":
          return Effect.fail(denied(answer))
        case "unknown":
          return Effect.fail(unknown(`answered ${answer.words}`))
      }
    })
}

const denied = (answer: Answer) =>
  new NotPerformed({ proof: "provider_denies", reason: `the provider answered ${answer.words}` })

const unknown = (what: string) => new OutcomeUnknown({ reason: `the provider ${what}` })

/** A refusal for capabilities that have no word of their own for it: what the provider answered. */
export class HttpRefused extends Schema.TaggedError<HttpRefused>()("HttpRefused", {
  status: Schema.Int,
  /** The status and the beginning of the answer's body, at most 500 characters in one line. */
  said: Schema.String
}) {
  /** For `refused`. */
  static readonly of = (answer: Answer): HttpRefused =>
    new HttpRefused({ status: answer.status, said: answer.words })

  override get message() {
    return `The provider refused it for good: ${this.said}`
  }
}

/** The provider could not be asked, or its answer was none. It changes nothing; ask again later. */
export class LookupFailed extends Schema.TaggedError<LookupFailed>()("LookupFailed", {
  reason: Schema.String
}) {
  override get message() {
    return `The provider could not be asked what became of it: ${this.reason}`
  }
}

/** From the answer to a question to what was found. */
export type Finding<A> = (answer: Answer) => Effect.Effect<Option.Option<A>, LookupFailed>

/** How the answer to a question is read. */
export interface FindingOptions<A, B> {
  /** The body of a 2xx, from its JSON. */
  readonly body: Schema.Codec<B, unknown>
  /** What it says about the call: the output, or that there is nothing. */
  readonly found: (body: B) => Option.Option<A>
  /**
   * Statuses that are the provider's own word for "there is nothing". Default: none, for a 404 may be a
   * proxy's, or the answer to a wrong path.
   */
  readonly nothing?: ReadonlyArray<number> | undefined
}

/** Reads the answer to a question. Anything but the provider's word is a failure, never "nothing". */
export const finding = <A, B>({ body, found, nothing = [] }: FindingOptions<A, B>): Finding<A> => {
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(body))
  return (answer) =>
    Effect.suspend((): Effect.Effect<Option.Option<A>, LookupFailed> => {
      if (nothing.includes(answer.status)) return Effect.succeedNone
      if (answer.status < 200 || answer.status > 299 || Option.isNone(answer.json)) {
        return Effect.fail(new LookupFailed({ reason: `it answered ${answer.words}` }))
      }
      return Effect.mapBoth(decode(answer.json.value), {
        onFailure: () => new LookupFailed({ reason: `it answered ${answer.status}, and not as declared` }),
        onSuccess: found
      })
    })
}
