/**
 * mail-server: a real SMTP server in a process of its own, so that it stays up while the sender dies.
 *
 * Run as `node demo/parts/mail-server.ts`. It prints one line of JSON, `{"smtpPort":…,"controlPort":…}`,
 * when it listens (127.0.0.1, free ports). It is the one that knows which mails were accepted: they are
 * kept in memory. It ends on SIGTERM, or when its stdin closes, so it can't outlive its parent.
 *
 * Control, over HTTP: `GET /mails` (`?when=idle` waits until no conversation is open), `DELETE /mails`,
 * `PUT /behaviour` with a list of `Behaviour`. `--certificate` and `--key` name PEM files for STARTTLS.
 */
import { readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { parseArgs } from "node:util"
import { simpleParser } from "mailparser"
import { SMTPServer, type SMTPServerOptions } from "smtp-server"
import type { Behaviour, Stage, StoredMail } from "./mail-server-protocol.ts"

// The class of one conversation, as smtp-server holds it; the package does not export its name.
type Conversation = SMTPServer["connections"] extends Set<infer C> ? C : never

let mails: Array<StoredMail> = []
let behaviours: ReadonlyArray<Behaviour> = []
let parsing = 0
const waitingForIdle = new Set<() => void>()

const toldIfIdle = () => {
  if (smtp.connections.size > 0 || parsing > 0) return
  for (const tell of waitingForIdle) tell()
  waitingForIdle.clear()
}

const refusal = (code: number, text: string) => Object.assign(new Error(text), { responseCode: code })

const behaviourAt = (stage: Stage): Behaviour | undefined =>
  behaviours.find((behaviour) => behaviour.stage === stage)

/**
 * Does what is wanted instead of the usual answer. `proceed` goes on with the conversation after an
 * answer; after a drop or in silence nothing goes on.
 */
const misbehave = (behaviour: Behaviour, conversation: Conversation, proceed: () => void): void => {
  if (behaviour.action === "drop") return void conversation._socket.destroy()
  if (behaviour.action === "say") return void conversation._socket.write(behaviour.bytes)
  if (behaviour.action === "silence") return
  conversation.send(behaviour.code, behaviour.text ?? "as the test wants it", false)
  proceed()
}

const stageOf = (command: string): Stage | undefined => {
  const name = command.split(" ")[0]?.toUpperCase()
  if (name === "EHLO" || name === "HELO") return "ehlo"
  if (name === "AUTH" || name === "MAIL" || name === "RCPT" || name === "DATA" || name === "QUIT") {
    // One of five literals in lower case, which is what a stage is.
    return name.toLowerCase() as Stage
  }
  return undefined
}

/** Looks at each command before the server does. The hooks of smtp-server don't cover all of them. */
const interceptCommands = (conversation: Conversation): void => {
  const usual = conversation._onCommand.bind(conversation)
  conversation._onCommand = (command, callback) => {
    const stage = stageOf(command.toString())
    const behaviour = stage === undefined ? undefined : behaviourAt(stage)
    if (behaviour === undefined) return usual(command, callback)
    misbehave(behaviour, conversation, () => setImmediate(() => callback?.()))
  }
}

const conversationOf = (id: string): Conversation | undefined =>
  [...smtp.connections].find((conversation) => conversation.session.id === id)

const store = async (raw: Buffer, envelopeTo: ReadonlyArray<string>): Promise<void> => {
  const parsed = await simpleParser(raw)
  mails.push({
    to: envelopeTo,
    subject: parsed.subject ?? "",
    messageId: parsed.messageId ?? "",
    text: parsed.text ?? "",
    headers: parsed.headerLines.map(({ line }) => line),
    receivedAt: Math.round(performance.timeOrigin + performance.now())
  })
}

const { certificate, key } = parseArgs({
  options: { certificate: { type: "string" }, key: { type: "string" } }
}).values

const options: SMTPServerOptions = {
  // Without one of its own it has smtp-server's published certificate, for a client to distrust.
  ...(certificate === undefined || key === undefined
    ? {}
    : { cert: readFileSync(certificate), key: readFileSync(key) }),
  logger: false,
  banner: "fibric demo",
  disableReverseLookup: true,
  authOptional: true,
  allowInsecureAuth: true,
  closeTimeout: 100,
  onAuth: ({ username, password }, _session, callback) =>
    username === "fibric" && password === "open sesame"
      ? callback(null, { user: username })
      : callback(refusal(535, "wrong user or password")),
  onConnect: ({ id }, callback) => {
    const conversation = conversationOf(id)
    const behaviour = behaviourAt("greeting")
    if (conversation === undefined) return callback()
    interceptCommands(conversation)
    if (behaviour === undefined) return callback()
    if (behaviour.action === "answer") return callback(refusal(behaviour.code, behaviour.text ?? "not now"))
    misbehave(behaviour, conversation, () => {})
  },
  onData: (stream, session, callback) => {
    const behaviour = behaviourAt("data-end")
    const to = session.envelope.rcptTo.map(({ address }) => address)
    const conversation = conversationOf(session.id)
    const chunks: Array<Buffer> = []
    stream.on("data", (chunk: Buffer) => chunks.push(chunk))
    stream.once("end", () => {
      const kept = behaviour === undefined || behaviour.keeps === true
      parsing++
      void (kept ? store(Buffer.concat(chunks), to) : Promise.resolve()).finally(() => {
        parsing--
        if (behaviour === undefined || conversation === undefined) callback(null, "taken")
        else if (behaviour.action === "answer")
          callback(refusal(behaviour.code, behaviour.text ?? "not this one"))
        else misbehave(behaviour, conversation, () => {})
        toldIfIdle()
      })
    })
  },
  onClose: () => setImmediate(toldIfIdle)
}

const smtp = new SMTPServer(options)
// A client that goes away in the middle is what this server is for.
smtp.on("error", () => {})

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const chunk of request) body += String(chunk)
  return body
}

const control = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1")
  const reply = (status: number, body: unknown = null) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
  if (request.method === "GET" && pathname === "/mails") {
    if (searchParams.get("when") === "idle") {
      await new Promise<void>((resolve) => {
        waitingForIdle.add(resolve)
        setImmediate(toldIfIdle)
      })
    }
    return void reply(200, mails)
  }
  if (request.method === "DELETE" && pathname === "/mails") {
    mails = []
    return void reply(200)
  }
  if (request.method === "PUT" && pathname === "/behaviour") {
    // Only the parent writes here, with the type that both sides import.
    behaviours = JSON.parse(await bodyOf(request)) as ReadonlyArray<Behaviour>
    return void reply(200)
  }
  reply(404)
}

const http = createServer((request, response) => {
  control(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
})

process.stdin.resume()
process.stdin.once("close", () => process.exit(0))
process.stdin.once("error", () => process.exit(0))
process.once("SIGTERM", () => process.exit(0))

smtp.listen(0, "127.0.0.1", () => {
  http.listen(0, "127.0.0.1", () => {
    // Only a server on a pipe has an address of another shape.
    const [smtpPort, controlPort] = [smtp.server, http].map(
      (server) => (server.address() as AddressInfo).port
    )
    process.stdout.write(`${JSON.stringify({ smtpPort, controlPort })}\n`)
  })
})
