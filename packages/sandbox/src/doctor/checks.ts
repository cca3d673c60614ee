import { setTimeout as sleep } from 'node:timers/promises'
import { escapeUnicode, tamper } from '../events/altered-text.ts'
import type { Event, Probe, Seen, Signed } from './probe.ts'
import type TEXTS from './texts.json'

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

export interface Finding {
  readonly verdict: 'pass' | 'fail' | 'unknown'
  readonly seen: readonly Seen[]
  readonly sentence: Sentence
  /** How often a duplicate was applied, for the sentence. */
  readonly times?: number
}

type Sentence = keyof typeof TEXTS.sentences

/** What a check has when genuine notifications are refused. */
export const NOT_JUDGED: Finding = { verdict: 'unknown', seen: [], sentence: 'notJudged' }

export const CHECKS: Readonly<Record<WebhookCheckName, (probe: Probe) => Promise<Finding>>> = {
  genuine: (probe) => expectAccepted(probe, probe.event(), 'genuineRefused', 'otherKey'),
  forged: async (probe) => expectRefusal(probe, await probe.forge(probe.event()), 'forgeable'),
  tampered(probe) {
    const { body, signature } = probe.sign(probe.event())
    return expectRefusal(probe, { body: tamper(body), signature }, 'tamperable')
  },
  'duplicate-at-once'(probe) {
    const signed = probe.sign(probe.event())
    return expectOnce(probe, async () => {
      const seen = await Promise.all([probe.send(signed), probe.send(signed)])
      // Both may be refused as busy; Ping++ sends again.
      return seen.some(isAccepted) ? seen : [...seen, ...(await sendUntilAccepted(probe, signed))]
    })
  },
  async 'duplicate-later'(probe) {
    const signed = probe.sign(probe.event())
    const send = async (): Promise<readonly Seen[]> => [await probe.send(signed)]
    // Its effect may come after its answer.
    const { result: before } = await probe.effectsOf(send)
    return expectOnce(probe, send, before)
  },
  'answer-dropped'(probe) {
    const signed = probe.sign(probe.event())
    return expectOnce(probe, async () => {
      await probe.sendAndLeave(signed)
      return sendUntilAccepted(probe, signed)
    })
  },
  'received-before-sent': checkReordered,
  'large-body': (probe) => expectAccepted(probe, withLargeText(probe.event()), 'largeRefused'),
  'formatted-body': (probe) => expectAccepted(probe, formatted(probe.event()), 'formattedRefused'),
}

async function expectRefusal(probe: Probe, signed: Signed, accepted: Sentence): Promise<Finding> {
  const answer = await probe.send(signed)
  const seen = [answer]
  if (isAccepted(answer)) return { verdict: 'fail', seen, sentence: accepted }
  if (answer.status === null) return { verdict: 'fail', seen, sentence: 'unanswered' }
  return { verdict: 'pass', seen, sentence: answer.status >= 500 ? 'refusedByError' : 'refused' }
}

async function expectAccepted(
  probe: Probe,
  body: Event | string,
  refused: Sentence,
  unauthorized = refused,
): Promise<Finding> {
  const answer = await probe.send(probe.sign(body))
  if (isAccepted(answer)) return { verdict: 'pass', seen: [answer], sentence: 'accepted' }
  const isKey = answer.status === 401 || answer.status === 403
  return { verdict: 'fail', seen: [answer], sentence: isKey ? unauthorized : refused }
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
  const object = { ...received.data.object, status: 'sent', received: null }
  const first = probe.sign(received)
  const early = await probe.send(first)
  const sent = { ...probe.event('red_envelope.sent'), data: { object } }
  const late = await probe.send(probe.sign(sent))
  const again = isAccepted(early) ? [] : [await probe.send(first)]
  const seen = [early, late, ...again]
  const areAccepted = isAccepted(late) && [early, ...again].some(isAccepted)
  if (areAccepted) return { verdict: 'unknown', seen, sentence: 'anyOrder' }
  return { verdict: 'fail', seen, sentence: 'orderRefused' }
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

/** Of 200,000 bytes and a little more. */
function withLargeText(event: Event): Event {
  const metadata = { note: '红'.repeat(66_667) }
  return { ...event, data: { object: { ...event.data.object, metadata } } }
}

/** Spaces, line breaks and `\uXXXX`: the same value, other bytes than `JSON.stringify` writes. */
function formatted(event: Event): string {
  return escapeUnicode(`${JSON.stringify(event, null, 2)}\n`)
}
