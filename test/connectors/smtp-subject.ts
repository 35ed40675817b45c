/**
 * The SMTP connector as a subject of the laws: against a real mail server, with a login, in the clear and
 * over STARTTLS.
 */
import { readFileSync } from "node:fs"
import { Effect, Layer, Redacted } from "effect"
import * as Laws from "fibric/testing/laws"
import { SMTPServer } from "smtp-server"
import * as Smtp from "../../connectors/smtp/index.ts"

const password = "correct horse battery staple"

/** The server takes no mail for this recipient. */
const unwanted = "unwanted@example.com"

const refusal = (code: number, text: string) => Object.assign(new Error(text), { responseCode: code })

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}.pem`, import.meta.url), "utf8")

/** A mail server in this process, which knows the mails that it took responsibility for. */
const server = Effect.fnUntraced(function* (encryption: Smtp.Encryption) {
  const taken: Array<Laws.Happened> = []
  const smtp = new SMTPServer({
    logger: false,
    disableReverseLookup: true,
    allowInsecureAuth: true,
    ...(encryption === "none"
      ? { disabledCommands: ["STARTTLS"] }
      : { cert: fixture("certificate"), key: fixture("key") }),
    closeTimeout: 100,
    onAuth: (auth, _session, callback) =>
      auth.password === password
        ? callback(null, { user: "shop" })
        : callback(refusal(535, "wrong user or password")),
    onRcptTo: ({ address }, _session, callback) =>
      callback(address === unwanted ? refusal(550, "no such mailbox") : null),
    onData: (stream, _session, callback) => {
      stream.resume()
      stream.once("end", () => {
        // SMTP knows no idempotency key.
        taken.push({ key: undefined })
        callback(null, "taken")
      })
    }
  })
  // A client that goes away in the middle is what this server is for.
  smtp.on("error", () => {})
  const port = yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      smtp.listen(0, "127.0.0.1", () => {
        const address = smtp.server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () => Effect.callback<void>((resume) => smtp.close(() => resume(Effect.void)))
  )
  return { port, effects: Effect.sync(() => [...taken]) }
})

const mail = {
  purpose: "welcome",
  to: "ada@example.com",
  subject: "Welcome",
  text: "It is good to have you.\n\n.\nA line after a lone dot.\n"
}

const ada = Smtp.Recipient.at("ada")

const subject = (name: string, encryption: Smtp.Encryption) =>
  Laws.subject({
    name,
    server: server(encryption),
    connector: ({ host, port }) =>
      Smtp.layerEmail.pipe(
        Layer.provide(
          Smtp.layer({
            host,
            port,
            encryption,
            ca: fixture("certificate"),
            user: "shop",
            password: Redacted.make(password),
            from: "shop@fibric.example"
          })
        )
      ),
    action: Smtp.sendEmail.propose(ada, mail),
    refused: Smtp.sendEmail.propose(ada, { ...mail, to: unwanted }),
    secrets: [password],
    silence: "2 seconds"
  })

export const smtp = subject("smtp", "none")

/** What stands in the packets can't be seen, and their sizes differ a little from trial to trial. */
export const smtpEncrypted = subject("smtp over starttls", "starttls")
