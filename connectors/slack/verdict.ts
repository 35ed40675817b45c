/**
 * Verdict: what Slack's answer to a post proves.
 *
 * Slack says no with a 200 and a word for the reason. Its documentation says of each word what it means; the
 * ones that are listed here are said before anything is posted. Every other one is unknown: Slack says of
 * `fatal_error` and `internal_error` that some of it may have succeeded, and of a word that is new nobody
 * knows it yet.
 */
import { Effect, Option, Schema } from "effect"
import { NotPerformed, OutcomeUnknown } from "fibric"
import * as Http from "fibric/connectors/http"
import { lineOf, Posted } from "./Message.ts"

/** Slack's definite no to this message: settled, and replayed to whoever asks again. */
export class SlackRefused extends Schema.TaggedError<SlackRefused>()("SlackRefused", {
  /** Slack's word for it, such as `channel_not_found`. */
  code: Schema.String
}) {
  override get message() {
    return `Slack refused the message (${this.code}): nothing was posted, and asking again gets the same answer. Mend the message or the channel, then reopen the key by name.`
  }
}

/** About the message, and the channel that it is for. */
const refusals: ReadonlySet<string> = new Set([
  "attachment_payload_limit_exceeded",
  "cannot_reply_to_message",
  "channel_not_found",
  "invalid_arguments",
  "invalid_blocks",
  "invalid_blocks_format",
  "is_archived",
  "messages_tab_disabled",
  "msg_blocks_too_long",
  "msg_too_long",
  "no_text",
  "restricted_action",
  "restricted_action_non_threadable_channel",
  "restricted_action_read_only_channel",
  "restricted_action_thread_locked",
  "restricted_action_thread_only_channel",
  "slack_connect_canvas_sharing_blocked",
  "slack_connect_file_link_sharing_blocked",
  "slack_connect_lists_sharing_blocked",
  "too_many_attachments",
  "too_many_contact_cards"
])

/**
 * About who asks, how, and when: a token, a scope, a membership, a limit, our own request. All of that is
 * mended outside of the action, and the key is free for when it is.
 */
const denials: ReadonlySet<string> = new Set([
  "access_denied",
  "accesslimited",
  "account_inactive",
  "app_access_restricted",
  "deprecated_endpoint",
  "ekm_access_denied",
  "enterprise_is_restricted",
  "invalid_arg_name",
  "invalid_array_arg",
  "invalid_auth",
  "invalid_charset",
  "invalid_form_data",
  "invalid_metadata_format",
  "invalid_metadata_schema",
  "invalid_post_type",
  "is_bot",
  "message_limit_exceeded",
  "metadata_must_be_sent_from_app",
  "metadata_too_large",
  "method_deprecated",
  "missing_post_type",
  "missing_scope",
  "no_permission",
  "not_allowed_token_type",
  "not_authed",
  "not_in_channel",
  "org_login_required",
  "rate_limited",
  "ratelimited",
  "team_access_not_granted",
  "team_added_to_org",
  "team_not_found",
  "token_expired",
  "token_revoked",
  "two_factor_setup_required",
  "unknown_method"
])

const No = Schema.Struct({ ok: Schema.Literal(false), error: Schema.String })

const decode = Schema.decodeUnknownOption(
  Schema.Union([Schema.Struct({ ok: Schema.Literal(true), ...Posted.fields }), No])
)

const decodeNo = Schema.decodeUnknownOption(No)

/** The status and Slack's word for no. Nothing else: an answer may repeat messages, ours and other people's. */
export const told = ({ json, status }: Http.Answer): string => {
  const no = Option.flatMap(json, decodeNo)
  return Option.isSome(no) && /^\w{1,100}$/.test(no.value.error)
    ? `${status}: ${no.value.error}`
    : String(status)
}

/** Slack's own statuses; any other one is a proxy's, or of a Slack that is out of order. */
const spoken: ReadonlySet<number> = new Set([200, 429])

/** Reads the answer to a post. */
export const verdict: Http.Reading<Posted, SlackRefused> = (answer) =>
  Effect.suspend((): Effect.Effect<Posted, SlackRefused | NotPerformed | OutcomeUnknown> => {
    if (!spoken.has(answer.status)) return Effect.fail(byStatus(answer))
    const said = Option.flatMap(answer.json, decode)
    if (Option.isNone(said)) return Effect.fail(unknown(answer))
    if (said.value.ok) {
      const { channel, ts } = said.value
      return answer.status === 200
        ? Effect.succeed({ channel: lineOf(channel), ts: lineOf(ts) })
        : Effect.fail(unknown(answer))
    }
    const code = said.value.error
    if (refusals.has(code)) return Effect.fail(new SlackRefused({ code }))
    return Effect.fail(denials.has(code) ? denied(answer) : unknown(answer))
  })

/** What the standards say of a status. Slack has said no word about the message: the key stays free at most. */
const byStatus = (answer: Http.Answer): NotPerformed | OutcomeUnknown => {
  const evidence = Http.byStandard(answer)
  return evidence === "refused" || evidence === "not_performed" ? denied(answer) : unknown(answer)
}

const denied = (answer: Http.Answer) =>
  new NotPerformed({ proof: "provider_denies", reason: `Slack answered ${told(answer)}` })

const unknown = (answer: Http.Answer) => new OutcomeUnknown({ reason: `Slack answered ${told(answer)}` })
