import { ERRORS, type WebhookErrorCode } from './errors.ts'

/** What a host answers with: a status, headers and a short constant body. */
export type Reply = AcceptedReply | RefusedReply

interface ReplyBase {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON with the outcome, and the code if there is one; never an error's text. */
  readonly body: string
}

interface AcceptedReply extends ReplyBase {
  readonly outcome: 'handled' | 'duplicate' | 'unhandled'
}

/** A reply at which Ping++ sends the event again. */
interface RefusedReply extends ReplyBase {
  readonly outcome: 'rejected' | 'failed'
  readonly code: WebhookErrorCode
}

export type ReplyName = AcceptedReply['outcome'] | WebhookErrorCode

/** All replies, each made once: with a status of its own only what the table of errors has. */
const REPLIES: Readonly<Record<ReplyName, Reply>> = createReplies()

export function replyTo(name: ReplyName): Reply {
  return REPLIES[name]
}

/** Every reply, in the order of the tables. */
export function replies(): Reply[] {
  return Object.values(REPLIES)
}

/** The code of a reply; undefined if the event was accepted. */
export function codeOfReply(reply: Reply): WebhookErrorCode | undefined {
  return 'code' in reply ? reply.code : undefined
}

function createReplies(): Readonly<Record<ReplyName, Reply>> {
  const refused = Object.entries(ERRORS).map(([code, { outcome, status }]) => {
    return [code, createReply(status, { outcome, code })]
  })
  const accepted = ['handled', 'duplicate', 'unhandled'].map((outcome) => {
    return [outcome, createReply(200, { outcome })]
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one for every outcome and every code
  return Object.fromEntries([...accepted, ...refused]) as Record<ReplyName, Reply>
}

function createReply(status: number, content: object): object {
  const body = JSON.stringify(content)
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.length),
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'POST' }),
  }
  return Object.freeze({ ...content, status, headers: Object.freeze(headers), body })
}
