/**
 * Scene: what the story is played on. A mail server in a process of its own, a bad network before it, a
 * Postgres, and a second process of the same application. All real, all on this machine, gone afterwards.
 */
import { Context, type Duration, Effect, Layer, Option } from "effect"
import { Identifiers } from "fibric"
import * as FibricEmbedded from "fibric/embedded"
import * as TcpProxy from "../../src/testing/TcpProxy.ts"
import * as MailServer from "./MailServer.ts"
import * as WorkerProcess from "./WorkerProcess.ts"

/** How bad the network is, and how impatient those who ask: the same in every part. */
export const conditions = {
  /** The acknowledgement of a mail comes this late. */
  lateMillis: 1_200,
  /** A silence of this length is read as failure. */
  patienceMillis: 250,
  /** How many loops ask at once; one alone would take a few minutes. */
  loops: 73,
  /** How often each of them asks. */
  asksEach: 9
} as const

/** After 354 the client sends the mail, so what the server says next is the acknowledgement. */
const goAhead = /^354 [^\n]*\n/m

/** What becomes of an acknowledgement on its way back, for the mails from now on. */
export const acknowledgements = {
  late: (by: Duration.Input): TcpProxy.Rule => TcpProxy.delay(by, goAhead),
  lost: TcpProxy.cutWhen("server", goAhead, "after", "swallow")
} as const

export class Scene extends Context.Service<
  Scene,
  {
    /** The way to the mail server: a bad one. */
    readonly network: TcpProxy.TcpProxy
    readonly worker: WorkerProcess.WorkerProcess
    /** The mails that the mail server took for somebody, counted there, with no conversation open. */
    readonly mailsTo: (address: string) => Effect.Effect<ReadonlyArray<MailServer.StoredMail>>
    /** The same while it is going on. */
    readonly mailsSoFarTo: (address: string) => Effect.Effect<ReadonlyArray<MailServer.StoredMail>>
    /** An order's id, which no earlier run in the same ledger has used. */
    readonly order: (number: string) => string
    /** Whether the ledger is in a database that outlives the demo. */
    readonly ledgerStays: boolean
  }
>()("fibric/demo/Scene") {}

/** Sets the scene, and clears it away when it closes. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const run = (yield* Identifiers.token).slice(0, 8)
    const [server, database] = yield* Effect.all([MailServer.make(), FibricEmbedded.database()], {
      concurrency: "unbounded"
    })
    const network = yield* TcpProxy.make(server.smtpPort)
    yield* network.setRule(acknowledgements.late(conditions.lateMillis))
    const worker = yield* WorkerProcess.make(database.url)
    const ledgerStays = Option.isNone(database.server)
    const to = (address: string) => (mails: ReadonlyArray<MailServer.StoredMail>) =>
      mails.filter((mail) => mail.to.includes(address))
    const scene = Scene.of({
      network,
      worker,
      mailsTo: (address) => Effect.map(server.mailsWhenIdle, to(address)),
      mailsSoFarTo: (address) => Effect.map(server.mails, to(address)),
      // A database of our own is new each time; in somebody's there may be the orders of earlier runs.
      order: (number) => (ledgerStays ? `${number}-${run}` : number),
      ledgerStays
    })
    return Layer.merge(Layer.succeed(Scene, scene), FibricEmbedded.layerClient(database.url))
  })
)
