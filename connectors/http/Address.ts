/**
 * Address: which machine a request may go to.
 *
 * A name is looked up once, every address that it has is judged, and the connection goes to one of those
 * judged addresses and no other: a name that changes its mind between the look and the connection changes
 * nothing. Private, loopback, link-local and metadata addresses are denied unless the application, which
 * owns this rule, has allowed their network.
 */
import { lookup } from "node:dns"
import { BlockList, isIP, isIPv4 } from "node:net"
import { Context, Effect, Schema } from "effect"

/** An address of a machine, in the form that `node:net` takes. */
export interface Pinned {
  readonly address: string
  readonly family: 4 | 6
}

/** The request may not go there. Nothing was connected; mend the address, or allow it in the options. */
export class AddressDenied extends Schema.TaggedError<AddressDenied>()("AddressDenied", {
  host: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `Requests to ${JSON.stringify(this.host)} are not allowed: ${this.reason}`
  }
}

/** The name has no address. Nothing was connected; it may have one later. */
export class AddressUnknown extends Schema.TaggedError<AddressUnknown>()("AddressUnknown", {
  host: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${JSON.stringify(this.host)} has no address: ${this.reason}`
  }
}

/** Where names are looked up: the system's resolver, unless a test brings its own. */
export const Resolver = Context.Reference<
  (host: string) => Effect.Effect<ReadonlyArray<Pinned>, AddressUnknown>
>("fibric/connectors/http/Resolver", {
  defaultValue: () => (host) =>
    Effect.callback((resume) =>
      lookup(host, { all: true }, (error, found) =>
        resume(
          error
            ? Effect.fail(new AddressUnknown({ host, reason: error.code ?? error.message }))
            : Effect.succeed(found.map(({ address }) => pinned(address)))
        )
      )
    )
})

const pinned = (address: string): Pinned => ({ address, family: isIPv4(address) ? 4 : 6 })

/** What is no public IPv4 address (the IANA registry of special ones), and what clouds tell secrets at. */
const special4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  // Looks public; it is where one cloud answers its machines.
  "168.63.129.16/32"
]

/** Public IPv6 is this; addresses that carry an IPv4 one inside are mostly elsewhere, and denied with the rest. */
const public6 = ["2000::/3"]

/** What is no public address although it lies there: special purposes, examples, and tunnels to IPv4. */
const special6 = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]

const listOf = (networks: ReadonlyArray<string>): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const { address, bits } = parse(network) ?? { address: "", bits: 0 }
    list.addSubnet(address, bits, isIPv4(address) ? "ipv4" : "ipv6")
  }
  return list
}

const parse = (network: string): { readonly address: string; readonly bits: number } | undefined => {
  const [, address = "", digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(network) ?? []
  const version = isIP(address)
  const most = version === 4 ? 32 : 128
  const bits = digits === undefined ? most : Number(digits)
  return version === 0 || bits > most ? undefined : { address, bits }
}

/** Whether it is a network (`10.0.0.0/8`, `fd00::/8`) or one address. */
export const isNetwork = (network: string): boolean => parse(network) !== undefined

const denied4 = listOf(special4)
const allowed6 = listOf(public6)
const denied6 = listOf(special6)

/** Whether the address is one that anybody on the internet could have. */
export const isPublic = (address: string): boolean => {
  // A zone names an interface of this machine, and is read by nothing below.
  if (address.includes("%")) return false
  switch (isIP(address)) {
    case 4:
      return !denied4.check(address, "ipv4")
    case 6:
      return allowed6.check(address, "ipv6") && !denied6.check(address, "ipv6")
    default:
      return false
  }
}

/** Judges addresses: public ones, and those of the networks that the application allows. */
export const judgeOf = (networks: ReadonlyArray<string>): ((address: string) => boolean) => {
  const allowed = listOf(networks)
  const isAllowed = (address: string): boolean =>
    !address.includes("%") && isIP(address) !== 0 && allowed.check(address, isIPv4(address) ? "ipv4" : "ipv6")
  return (address) => isPublic(address) || isAllowed(address)
}

/** At most so many of a name's addresses are tried, in the resolver's order. */
const mostAddresses = 8

/**
 * The addresses that a connection to the host may go to, each of them judged. A name that has one denied
 * address among others is denied: whoever controls the name could choose.
 */
export const pin = Effect.fnUntraced(function* (
  host: string,
  mayConnect: (address: string) => boolean
): Effect.fn.Return<ReadonlyArray<Pinned>, AddressDenied | AddressUnknown> {
  const resolve = yield* Resolver
  const found = isIP(host) === 0 ? yield* resolve(host) : [pinned(host)]
  if (found.length === 0) return yield* new AddressUnknown({ host, reason: "the resolver found none" })
  const denied = found.find(({ address }) => !mayConnect(address))
  if (denied !== undefined) {
    return yield* new AddressDenied({
      host,
      reason: `${denied.address} is in a network that is not public and was not allowed`
    })
  }
  return found.slice(0, mostAddresses)
})
