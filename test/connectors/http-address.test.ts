/**
 * Where a request may go: addresses in every spelling, names that point elsewhere, and hosts that are not
 * on the list.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Http from "fibric/connectors/http"
import { type AddressUnknown, judgeOf, type Pinned, Resolver } from "../../connectors/http/Address.ts"
import { answering, answerOf, local, outcomeOf, perform, reasonOf } from "./http-support.ts"

const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))

type Bytes = readonly [number, number, number, number]

const sum = ([a, b, c, d]: Bytes): number => ((a * 256 + b) * 256 + c) * 256 + d
const hex = (byte: number, digits = 2): string => byte.toString(16).padStart(digits, "0")
const octal = (byte: number): string => `0${byte.toString(8)}`

/** The ways in which a URL may write an IPv4 address. */
const spellings = (bytes: Bytes): ReadonlyArray<string> => {
  const [a, b, c, d] = bytes
  return [
    bytes.join("."),
    `${bytes.join(".")}.`,
    `${sum(bytes)}`,
    `0x${sum(bytes).toString(16)}`,
    `0${sum(bytes).toString(8)}`,
    bytes.map((byte) => `0x${hex(byte)}`).join("."),
    bytes.map(octal).join("."),
    `${a}.${b}.${c * 256 + d}`,
    `${octal(a)}.0x${((b * 256 + c) * 256 + d).toString(16)}`,
    bytes.join("%2e"),
    // Full-width digits.
    [...bytes.join(".")]
      .map((char) => (/\d/.test(char) ? String.fromCodePoint(0xff10 + Number(char)) : char))
      .join("")
  ]
}

/** The ways to put it into an IPv6 address. */
const embedded = ([a, b, c, d]: Bytes): ReadonlyArray<string> => {
  const [high, low] = [`${hex(a)}${hex(b)}`, `${hex(c)}${hex(d)}`]
  const dotted = `${a}.${b}.${c}.${d}`
  return [
    `::ffff:${dotted}`,
    `::ffff:${high}:${low}`,
    `0:0:0:0:0:FFFF:${high}:${low}`,
    `::${dotted}`,
    `64:ff9b::${dotted}`,
    `64:ff9b:1::${high}:${low}`,
    `2002:${high}:${low}::1`,
    `2001:0:${high}:${low}::1`
  ]
}

/** Networks that nobody on the internet is in, each by its first bytes. */
const PrivateBytes = Schema.Union([
  Schema.Tuple([Schema.Literals([0, 10, 127, 224, 239, 240, 255]), Byte, Byte, Byte]),
  Schema.Tuple([Schema.Literal(169), Schema.Literal(254), Byte, Byte]),
  Schema.Tuple([Schema.Literal(192), Schema.Literal(168), Byte, Byte]),
  Schema.Tuple([
    Schema.Literal(172),
    Schema.Int.check(Schema.isBetween({ minimum: 16, maximum: 31 })),
    Byte,
    Byte
  ]),
  Schema.Tuple([
    Schema.Literal(100),
    Schema.Int.check(Schema.isBetween({ minimum: 64, maximum: 127 })),
    Byte,
    Byte
  ])
])

const Word = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff }))

/** Goes nowhere: whatever is denied is denied before a name is looked up. */
const denials = Effect.fnUntraced(function* (host: string) {
  const configured = yield* Effect.result(Http.make({ url: `http://${host}/v1`, plaintext: true }))
  if (configured._tag === "Failure") return "misconfigured"
  const result = yield* perform({ url: `http://${host}/v1`, plaintext: true })
  assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
  return reasonOf(result).includes("in a network that is not public") ? "denied" : reasonOf(result)
})

describe("an address that is not public", () => {
  it.effect.prop("is denied, however its bytes are written", [PrivateBytes], ([bytes]) =>
    Effect.gen(function* () {
      for (const spelling of spellings(bytes))
        assert.strictEqual(yield* denials(spelling), "denied", spelling)
    })
  )

  it.effect.prop(
    "is denied inside an IPv6 address, and so is every other one there",
    [Schema.Tuple([Byte, Byte, Byte, Byte])],
    ([bytes]) =>
      Effect.gen(function* () {
        for (const address of embedded(bytes)) {
          assert.isFalse(Http.isPublic(address), address)
          assert.strictEqual(yield* denials(`[${address}]`), "denied", address)
        }
      })
  )

  it.effect.prop(
    "is denied as IPv6: loopback, unspecified, unique local, link-local, multicast, examples",
    [
      Schema.Literals(["fc00", "fd00", "fe80", "febf", "fec0", "ff02", "100", "2001:db8", "3fff", "5f00"]),
      Word
    ],
    ([prefix, word]) =>
      Effect.gen(function* () {
        for (const address of [`${prefix}::${word.toString(16)}`, "::1", "::"]) {
          assert.strictEqual(yield* denials(`[${address}]`), "denied", address)
        }
      })
  )

  it("is not made public by a zone, which is no part of a URL either", () => {
    assert.isFalse(Http.isPublic("fe80::1%eth0"))
    assert.isFalse(Http.isPublic("2606:4700::1%eth0"))
    assert.isFalse(judgeOf(["fe80::/10"])("fe80::1%eth0"))
    assert.isNull(URL.parse("http://[fe80::1%25eth0]/"))
  })

  it("is told from a public one", () => {
    for (const address of [
      "1.1.1.1",
      "100.63.255.255",
      "100.128.0.0",
      "172.15.0.1",
      "172.32.0.1",
      "223.255.255.255"
    ]) {
      assert.isTrue(Http.isPublic(address), address)
    }
    for (const address of ["2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888"]) {
      assert.isTrue(Http.isPublic(address), address)
    }
    for (const address of ["168.63.129.16", "fd00:ec2::254", "100.100.100.200", "", "localhost", "1.1.1"]) {
      assert.isFalse(Http.isPublic(address), address)
    }
  })

  it("may be allowed by its network, and by no other", () => {
    const judge = judgeOf(["10.1.0.0/16", "fd12::/32", "127.0.0.1"])
    for (const address of ["10.1.255.1", "fd12::7", "127.0.0.1", "1.1.1.1"])
      assert.isTrue(judge(address), address)
    for (const address of ["10.2.0.1", "fd13::7", "127.0.0.2", "::1"]) assert.isFalse(judge(address), address)
  })
})

/** A resolver that answers with the next of these each time, and counts. */
const resolving = (...answers: ReadonlyArray<ReadonlyArray<string>>) => {
  let asked = 0
  const resolve = (): Effect.Effect<ReadonlyArray<Pinned>, AddressUnknown> =>
    Effect.sync(() =>
      (answers[Math.min(asked++, answers.length - 1)] ?? []).map((address) => ({
        address,
        family: address.includes(":") ? 6 : 4
      }))
    )
  return { asked: () => asked, provided: Effect.provideService(Resolver, resolve) }
}

describe("a name", () => {
  const named = (port: number) =>
    local(port, { url: `http://api.example.com:${port}/v1`, networks: ["127.0.0.1"] })

  it.live("is looked up once, and its connection goes to the address that was judged", () =>
    Effect.gen(function* () {
      const { heard, port } = yield* answering(answerOf(200))
      // The second look would be at another machine: this is how a name is rebound.
      const resolver = resolving(["127.0.0.1"], ["127.0.0.2"])
      const result = yield* perform(named(port)).pipe(resolver.provided)
      assert.deepStrictEqual([outcomeOf(result), resolver.asked()], ["done", 1])
      assert.include(heard().join(""), `host: api.example.com:${port}`)
    })
  )

  it.live("is denied where one of its addresses is, whatever the others are", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* answering(answerOf(200))
      for (const addresses of [
        ["127.0.0.2"],
        ["127.0.0.1", "169.254.169.254"],
        ["127.0.0.1", "fe80::1%eth0"]
      ]) {
        const result = yield* perform(named(port)).pipe(resolving(addresses).provided)
        assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
        assert.include(reasonOf(result), "not public")
      }
      assert.strictEqual(connections(), 0)
    })
  )

  it.live("has its next address tried where nobody listens at the first", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* answering(answerOf(200))
      const options = { ...named(port), networks: ["127.0.0.1", "::1"] }
      const result = yield* perform(options).pipe(resolving(["::1", "127.0.0.1"]).provided)
      assert.deepStrictEqual([outcomeOf(result), connections()], ["done", 1])
    })
  )

  it.live("that has no address, or is unknown, proves that nothing was sent", () =>
    Effect.gen(function* () {
      const none = yield* perform(named(1)).pipe(resolving([]).provided)
      const unknown = yield* perform({ url: "https://api.invalid/v1" })
      assert.deepStrictEqual(
        [outcomeOf(none), outcomeOf(unknown)],
        ["NotPerformed never_sent", "NotPerformed never_sent"]
      )
      assert.include(reasonOf(unknown), `"api.invalid" has no address`)
    })
  )
})

describe("a request", () => {
  const base: Http.Options = { url: "https://api.example.com/v1", hosts: ["files.example.com"] }

  const astray: ReadonlyArray<readonly [path: Http.Path, reason: string]> = [
    ["https://evil.example/", "host evil.example is not allowed"],
    ["https://api.example.com./v1/orders", "host api.example.com. is not allowed"],
    ["https://api.example.com:8443/v1/orders", "host api.example.com:8443 is not allowed"],
    ["https://api.example.com@evil.example/", "holds credentials"],
    ["https://ada:secret@api.example.com/v1/orders", "holds credentials"],
    ["https://files.example.com.evil.example/", "is not allowed"],
    ["https://sub.api.example.com/", "is not allowed"],
    [String.raw`\\evil.example/`, "is not allowed"],
    ["https:\\\\evil.example/", "is not allowed"],
    ["http://files.example.com/", "is not https"],
    ["file:///etc/passwd", "is not https"],
    ["../v2/orders", "leaves the provider's URL"],
    ["orders/%2e%2e/%2e%2e/admin", "leaves the provider's URL"],
    [["orders", ".."], "can't be a segment"],
    [["orders", "."], "can't be a segment"],
    [["orders", ""], "can't be a segment"],
    ["https://[fe80::1%25eth0]/", "makes no URL"],
    ["https://256.1.1.1/", "makes no URL"]
  ]
  for (const [path, reason] of astray) {
    it.effect(`to ${JSON.stringify(path)} never leaves`, () =>
      Effect.gen(function* () {
        const resolver = resolving(["127.0.0.1"])
        const result = yield* perform(base, Http.post(path)).pipe(resolver.provided)
        assert.deepStrictEqual([outcomeOf(result), resolver.asked()], ["NotPerformed never_sent", 0])
        assert.include(reasonOf(result), reason)
      })
    )
  }

  for (const path of ["http://api.example.com/v1/orders", "http://api.example.com/admin"]) {
    it.effect(`to ${path} never leaves in the clear, where the provider's URL is https`, () =>
      Effect.gen(function* () {
        const resolver = resolving(["127.0.0.1"])
        const result = yield* perform({ ...base, plaintext: true }, Http.post(path)).pipe(resolver.provided)
        assert.deepStrictEqual([outcomeOf(result), resolver.asked()], ["NotPerformed never_sent", 0])
        assert.include(reasonOf(result), "leaves the provider's URL")
      })
    )
  }

  it.live("goes where its segments say, whatever stands in them", () =>
    Effect.gen(function* () {
      const { heard, port } = yield* answering(answerOf(200))
      yield* perform(local(port), Http.post(["orders", "a/../b?c#d e", "https://evil.example"]))
      assert.match(
        heard().join(""),
        /^POST \/v1\/orders\/a%2F\.\.%2Fb%3Fc%23d%20e\/https%3A%2F%2Fevil\.example HTTP\/1\.1\r\n/
      )
    })
  )
})

describe("options that no request should leave with", () => {
  const bad: ReadonlyArray<readonly [option: string, Partial<Http.Options>]> = [
    ["url", { url: "api.example.com" }],
    ["url", { url: "ftp://api.example.com" }],
    ["url", { url: "http://api.example.com" }],
    ["url", { url: "https://ada:secret@api.example.com" }],
    ["url", { url: "https://api.example.com/?key=secret" }],
    ["networks", { networks: ["10.0.0.0/33"] }],
    ["networks", { networks: ["fe80::1%eth0"] }],
    ["networks", { networks: ["10.0"] }],
    ["headers", { headers: { Host: "evil.example" } }],
    ["headers", { headers: { "X-Tag": "1\r\nX-Evil: 1" } }],
    ["headers", { headers: { "Idempotency-Key": "mine" } }],
    ["key", { key: { name: "Content-Length" } }],
    ["key", { key: { name: "X Key" } }]
  ]
  for (const [option, part] of bad) {
    it.effect(`are refused at start: ${JSON.stringify(part)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Http.make({ url: "https://api.example.com", ...part }))
        assert.deepStrictEqual([error._tag, error.option], ["HttpMisconfigured", option])
        assert.notInclude(error.message, "secret")
      })
    )
  }
})
