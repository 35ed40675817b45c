/**
 * fibric/connectors/sms: texts through Twilio's HTTP API with honest outcomes. The public names, nothing else.
 */
export { LookupFailed } from "fibric/connectors/http"
export { type Candidate, type Candidates } from "./Candidates.ts"
export { type Options, Sender } from "./config.ts"
export { PhoneNumber, referenceFor, Sent, Text, TextMessage } from "./TextMessage.ts"
export { layer as layerSendSms, Recipient, sendSms, Texting } from "./SendSms.ts"
export { layer, layerConfig, Sms } from "./Sms.ts"
export { SmsRefused } from "./verdict.ts"
