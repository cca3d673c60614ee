import { setTimeout as sleep } from 'node:timers/promises'
import type { Event, Probe, Seen, Signed } from './probe.ts'
import type { DoctorTexts } from './texts.ts'

/** Result of one check. */
export interface WebhookCheck {
  readonly name: WebhookCheckName
  /** `unknown`: what matters cannot be seen from outside, or was not asked. */
  readonly verdict: 'pass' | 'fail' | 'unknown'
  /** What the app answered to each post; null if no answer came. */
  readonly statuses: readonly (number | null)[]
  /** What the check does, in a few words. */
  readonly title: string
  /** What was seen, and what to do about it. */
  readonly message: string
}

export type WebhookCheckName =
  | 'genuine'
  | 'forged'
  | 'tampered'
  | 'duplicate-at-once'
  | 'duplicate-later'
  | 'answer-dropped'
  | 'received-before-sent'
  | 'large-body'
  | 'formatted-body'

/** What a check has found. */
export interface Finding extends Pick<WebhookCheck, 'verdict'> {
  readonly seen: readonly Seen[]
  /** Which sentence says so. */
  readonly sentence: keyof DoctorTexts['sentences']
  /** How often a duplicate was applied, for the sentence. */
  readonly times?: number
}

type Check = (probe: Probe) => Promise<Finding>

/** What a check has when genuine notifications are refused. */
export const NOT_JUDGED: Finding = { verdict: 'unknown', seen: [], sentence: 'notJudged' }

/** The checks, in their order. */
export const CHECKS: readonly (readonly [WebhookCheckName, Check])[] = [
  ['genuine', checkGenuine],
  ['forged', checkForged],
  ['tampered', checkTampered],
  ['duplicate-at-once', checkAtOnce],
  ['duplicate-later', checkLater],
  ['answer-dropped', checkDropped],
  ['received-before-sent', checkReordered],
  ['large-body', checkLarge],
  ['formatted-body', checkFormatted],
]

function checkGenuine(probe: Probe): Promise<Finding> {
  return expectAccepted(probe, textOf(probe.event()), 'genuineRefused', 'otherKey')
}

async function checkForged(probe: Probe): Promise<Finding> {
  return expectRefusal(probe, await probe.forge(textOf(probe.event())), 'forgeable')
}

/** One byte is changed, the amount's if there is one; the signature stays. */
async function checkTampered(probe: Probe): Promise<Finding> {
  const { body, signature } = probe.sign(textOf(probe.event()))
  const text = body.toString('latin1')
  const place = Math.max(text.search(/(?<="amount":)\d/), text.search(/\d/))
  body.write(text[place] === '9' ? '8' : '9', place, 'latin1')
  return expectRefusal(probe, { body, signature }, 'tamperable')
}

async function expectRefusal(
  probe: Probe,
  signed: Signed,
  accepted: Finding['sentence'],
): Promise<Finding> {
  const answer = await probe.send(signed)
  const seen = [answer]
  if (isAccepted(answer)) return { verdict: 'fail', seen, sentence: accepted }
  if (answer.status === null) return { verdict: 'fail', seen, sentence: 'unanswered' }
  const isServerError = answer.status >= 500
  return { verdict: 'pass', seen, sentence: isServerError ? 'refusedByError' : 'refused' }
}

async function expectAccepted(
  probe: Probe,
  text: string,
  refused: Finding['sentence'],
  unauthorized = refused,
): Promise<Finding> {
  const answer = await probe.send(probe.sign(text))
  const seen = [answer]
  if (isAccepted(answer)) return { verdict: 'pass', seen, sentence: 'accepted' }
  const isKey = answer.status === 401 || answer.status === 403
  return { verdict: 'fail', seen, sentence: isKey ? unauthorized : refused }
}

function checkAtOnce(probe: Probe): Promise<Finding> {
  const signed = probe.sign(textOf(probe.event()))
  return expectOnce(probe, async () => {
    const seen = await Promise.all([probe.send(signed), probe.send(signed)])
    // Both may be refused as busy; Ping++ sends again.
    return seen.some(isAccepted) ? seen : [...seen, ...(await sendUntilAccepted(probe, signed))]
  })
}

async function checkLater(probe: Probe): Promise<Finding> {
  const signed = probe.sign(textOf(probe.event()))
  const send = async (): Promise<readonly Seen[]> => [await probe.send(signed)]
  // Its effect may come after its answer.
  const { result: before } = await probe.effectsOf(send)
  return expectOnce(probe, send, before)
}

function checkDropped(probe: Probe): Promise<Finding> {
  const signed = probe.sign(textOf(probe.event()))
  return expectOnce(probe, async () => {
    await probe.sendAndLeave(signed)
    return sendUntilAccepted(probe, signed)
  })
}

/**
 * Accepted duplicates: only a count shows whether one was applied.
 *
 * @param before answers to the first of them, if it was sent and counted before
 */
async function expectOnce(
  probe: Probe,
  send: () => Promise<readonly Seen[]>,
  before: readonly Seen[] = [],
): Promise<Finding> {
  const { result, effects } = await probe.effectsOf(send)
  const seen = [...before, ...result]
  const expected = before.length === 0 ? 1 : 0
  if (!result.some(isAccepted)) return { verdict: 'fail', seen, sentence: 'duplicateRefused' }
  if (effects === undefined) return { verdict: 'unknown', seen, sentence: 'effectsUnseen' }
  if (effects === expected) return { verdict: 'pass', seen, sentence: 'appliedOnce' }
  if (effects < expected) return { verdict: 'unknown', seen, sentence: 'notCounted' }
  return { verdict: 'fail', seen, sentence: 'appliedTwice', times: effects + 1 - expected }
}

/** One envelope: `received` first, then `sent`; if `received` was put off, once more. */
async function checkReordered(probe: Probe): Promise<Finding> {
  const received = probe.event('red_envelope.received')
  const { object } = received.data
  const sent = { ...probe.event('red_envelope.sent'), data: { object: asSent(object) } }
  const first = probe.sign(textOf(received))
  let seen = [await probe.send(first), await probe.send(probe.sign(textOf(sent)))]
  const [early, late] = seen
  if (early !== undefined && !isAccepted(early)) seen = [...seen, await probe.send(first)]
  const last = seen.at(-1)
  const areAccepted =
    late !== undefined && isAccepted(late) && last !== undefined && isAccepted(last)
  if (areAccepted) return { verdict: 'unknown', seen, sentence: 'anyOrder' }
  return { verdict: 'fail', seen, sentence: 'orderRefused' }
}

function checkLarge(probe: Probe): Promise<Finding> {
  return expectAccepted(probe, withLargeText(probe.event()), 'largeRefused')
}

function checkFormatted(probe: Probe): Promise<Finding> {
  return expectAccepted(probe, formatted(probe.event()), 'formattedRefused')
}

function asSent(object: object): object {
  return { ...object, status: 'sent', received: null }
}

const PAUSES_MS = [0, 300, 1000]

/** Ping++ sends again after seconds and minutes; a claim of a cut request may last a moment. */
async function sendUntilAccepted(probe: Probe, signed: Signed): Promise<readonly Seen[]> {
  const seen: Seen[] = []
  for (const pauseMs of PAUSES_MS) {
    /* oxlint-disable no-await-in-loop -- one after another */
    await sleep(pauseMs)
    const each = await probe.send(signed)
    /* oxlint-enable no-await-in-loop */
    seen.push(each)
    if (isAccepted(each)) break
  }
  return seen
}

function isAccepted({ status }: Seen): boolean {
  return status !== null && status >= 200 && status < 300
}

function textOf(event: Event): string {
  return JSON.stringify(event)
}

/** Of 200,000 bytes and a little more. */
function withLargeText(event: Event): string {
  const metadata = { note: '红'.repeat(66_667) }
  return textOf({ ...event, data: { object: { ...event.data.object, metadata } } })
}

/** Spaces, line breaks and `\uXXXX`: the same value, other bytes than `JSON.stringify` writes. */
function formatted(event: Event): string {
  const spaced = `${JSON.stringify({ ...event }, null, 2)}\n`
  return spaced.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
