/**
 * A fake of a Stripe account: its PaymentIntents and refunds, what its test cards do, and what lists and
 * searches show of them. Time is a number that a test moves.
 */

/** The answer to a request. */
export interface Reply {
  readonly status: number
  readonly body: unknown
}

interface Made {
  readonly id: string
  readonly object: "payment_intent" | "refund"
  readonly amount: number
  readonly currency: string
  readonly metadata: Readonly<Record<string, string>>
  /** The key that it was made under. */
  readonly key: string | undefined
  readonly createdMillis: number
  status: string
}

export interface FakeIntent extends Made {
  readonly customer: string | null
  readonly client_secret: string
}

export interface FakeRefund extends Made {
  readonly payment_intent: string
}

/** The test cards that are known here, by what their issuer says (docs: Testing). */
const declines: Readonly<Record<string, string>> = {
  pm_card_chargeDeclined: "generic_decline",
  pm_card_chargeDeclinedInsufficientFunds: "insufficient_funds"
}

/** In these money is taken, or on its way. */
const paid: ReadonlySet<string> = new Set(["succeeded", "processing"])

const missing = (what: string): Reply => ({
  status: 404,
  body: { error: { type: "invalid_request_error", code: "resource_missing", message: `No such ${what}` } }
})

export const invalid = (code: string, message: string): Reply => ({
  status: 400,
  body: { error: { type: "invalid_request_error", code, message } }
})

const metadataOf = (fields: URLSearchParams): Record<string, string> =>
  Object.fromEntries(
    [...fields].flatMap(([name, value]) => {
      const [, key] = /^metadata\[([^\]]+)\]$/.exec(name) ?? []
      return key === undefined ? [] : [[key, value]]
    })
  )

export const makeAccount = (searchLagMillis: number) => {
  const intents: Array<FakeIntent> = []
  const refunds: Array<FakeRefund> = []
  const clock = { nowMillis: 1_790_000_000_000 }

  const pay = (fields: URLSearchParams, key: string | undefined): Reply => {
    const method = fields.get("payment_method") ?? ""
    const intent: FakeIntent = {
      id: `pi_${intents.length + 1}`,
      object: "payment_intent",
      amount: Number(fields.get("amount")),
      currency: fields.get("currency") ?? "",
      customer: fields.get("customer"),
      client_secret: `pi_${intents.length + 1}_secret_4471`,
      metadata: metadataOf(fields),
      key,
      createdMillis: clock.nowMillis,
      status: "succeeded"
    }
    intents.push(intent)
    const decline = (code: string, decline_code: string): Reply => {
      intent.status = "requires_payment_method"
      const said = { code, decline_code, message: "Your card was declined." }
      return { status: 402, body: { error: { type: "card_error", ...said, payment_intent: { ...intent } } } }
    }
    const declined = declines[method]
    if (declined !== undefined) return decline("card_declined", declined)
    if (method === "pm_card_authenticationRequired") {
      const mayNotAsk =
        fields.get("off_session") === "true" || fields.get("error_on_requires_action") === "true"
      if (mayNotAsk) return decline("authentication_required", "authentication_required")
      intent.status = "requires_action"
    }
    if (method === "pm_usBankAccount_success") intent.status = "processing"
    return { status: 200, body: { ...intent } }
  }

  const refund = (fields: URLSearchParams, key: string | undefined): Reply => {
    const payment = intents.find(({ id }) => id === fields.get("payment_intent"))
    if (payment === undefined) return missing("payment_intent")
    const back = refunds.filter(({ payment_intent }) => payment_intent === payment.id)
    const left = payment.amount - back.reduce((sum, { amount }) => sum + amount, 0)
    if (left === 0) return invalid("charge_already_refunded", "The charge has already been refunded.")
    const amount = Number(fields.get("amount") ?? left)
    if (amount > left) return invalid("amount_too_large", "The amount is greater than what is left.")
    const made: FakeRefund = {
      id: `re_${refunds.length + 1}`,
      object: "refund",
      amount,
      currency: payment.currency,
      payment_intent: payment.id,
      metadata: metadataOf(fields),
      key,
      createdMillis: clock.nowMillis,
      status: "succeeded"
    }
    refunds.push(made)
    return { status: 200, body: { ...made } }
  }

  /** One page, the newest first. */
  const pageOf = (
    all: ReadonlyArray<FakeIntent | FakeRefund>,
    query: URLSearchParams,
    object = "list"
  ): Reply => {
    const newest = all.toReversed()
    const from = newest.findIndex(({ id }) => id === query.get("starting_after")) + 1
    const limit = Number(query.get("limit") ?? 10)
    const data = newest.slice(from, from + limit)
    return { status: 200, body: { object, data, has_more: from + limit < newest.length } }
  }

  const search = (query: URLSearchParams): Reply => {
    const [, name = "", value = ""] = /^metadata\["(.+)"\]:"(.+)"$/.exec(query.get("query") ?? "") ?? []
    const visible = intents.filter(({ createdMillis }) => createdMillis + searchLagMillis <= clock.nowMillis)
    // Without regard to case, as documented.
    return pageOf(
      visible.filter(({ metadata }) => metadata[name]?.toLowerCase() === value.toLowerCase()),
      query,
      "search_result"
    )
  }

  return {
    clock,
    intents,
    refunds,
    /** What really happened to money. */
    effects: (): ReadonlyArray<Made> => [...intents.filter(({ status }) => paid.has(status)), ...refunds],
    execute: (path: string, fields: URLSearchParams, key: string | undefined): Reply =>
      path === "/v1/refunds" ? refund(fields, key) : pay(fields, key),
    read: (path: string, query: URLSearchParams): Reply => {
      switch (path) {
        case "/v1/payment_intents":
          return pageOf(
            intents.filter(({ customer }) => customer === query.get("customer")),
            query
          )
        case "/v1/payment_intents/search":
          return search(query)
        case "/v1/refunds":
          return pageOf(
            refunds.filter(({ payment_intent }) => payment_intent === query.get("payment_intent")),
            query
          )
        default:
          return missing(path)
      }
    }
  }
}
