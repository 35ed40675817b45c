/**
 * fibric/connectors/smtp: mail over SMTP with honest outcomes. The public names, nothing else.
 */
export { Email, layer as layerEmail, Recipient, sendEmail } from "./Email.ts"
export { EmailAddress, Mail, Mailbox, messageIdFor } from "./Mail.ts"
export { layer, layerConfig, Sent, Smtp } from "./Smtp.ts"
export { type Encryption, type Options } from "./config.ts"
export { SmtpRefused } from "./verdict.ts"
