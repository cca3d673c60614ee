import { setTimeout as sleep } from 'node:timers/promises'
import type { WebhookCheck, WebhookCheckName } from './check-webhook.ts'
import type { Event, Probe, Seen, Signed } from './probe.ts'
import type { DoctorTexts } from './texts.ts'

/** What a check has found. */
export interface Finding extends Pick<WebhookCheck, 'verdict' | 'statuses'> {
  readonly say: (texts: DoctorTexts) => string
}

interface Check {
  readonly name: WebhookCheckName
  readonly make: (probe: Probe) => Promise<Finding>
}

/** What a check has when genuine notifications are refused. */
export const notJudged: Finding = {
  verdict: 'unknown',
  statuses: [],
  say: (t) => t.notJudged,
}

export const CHECKS: readonly Check[] = [
  { name: 'genuine', make: checkGenuine },
  {
    name: 'forged',
    make: async (probe) => expectRefusal(probe, await probe.forge(textOf(probe.event())), 'forged'),
  },
  { name: 'tampered', make: checkTampered },
  { name: 'duplicate-at-once', make: checkAtOnce },
  { name: 'duplicate-later', make: checkLater },
  { name: 'answer-dropped', make: checkDropped },
  { name: 'received-before-sent', make: checkReordered },
  {
    name: 'large-body',
    make: (probe) => expectAccepted(probe, withLargeText(probe.event()), 'large'),
  },
  {
    name: 'formatted-body',
    make: (probe) => expectAccepted(probe, formatted(probe.event()), 'formatted'),
  },
]

async function checkGenuine(probe: Probe): Promise<Finding> {
  const seen = await probe.send(probe.sign(textOf(probe.event())))
  if (isAccepted(seen)) return pass([seen], (t) => t.accepted(answersOf([seen], t)))
  const isKey = seen.status === 401 || seen.status === 403
  if (isKey) return fail([seen], (t) => t.otherKey(answersOf([seen], t)))
  return fail([seen], (t) => t.genuineRefused(answersOf([seen], t)))
}

/** One byte is changed, the amount's if there is one; the signature stays. */
async function checkTampered(probe: Probe): Promise<Finding> {
  const { body, signature } = probe.sign(textOf(probe.event()))
  const text = body.toString('latin1')
  const place = Math.max(text.search(/(?<="amount":)\d/), text.search(/\d/))
  body.write(text[place] === '9' ? '8' : '9', place, 'latin1')
  return expectRefusal(probe, { body, signature }, 'tampered')
}

async function expectRefusal(
  probe: Probe,
  signed: Signed,
  name: 'forged' | 'tampered',
): Promise<Finding> {
  const seen = await probe.send(signed)
  if (isAccepted(seen)) return fail([seen], (t) => t.forgeable[name](answersOf([seen], t)))
  if (seen.status === null) return fail([seen], (t) => t.unanswered(answersOf([seen], t)))
  const isServerError = seen.status >= 500
  return pass([seen], (t) => {
    const answers = answersOf([seen], t)
    return isServerError ? t.refusedByError(answers) : t.refused(answers)
  })
}

async function checkAtOnce(probe: Probe): Promise<Finding> {
  const signed = probe.sign(textOf(probe.event()))
  let seen: readonly Seen[] = []
  const effects = await probe.effectsOf(async () => {
    seen = await Promise.all([probe.send(signed), probe.send(signed)])
    // Both may be refused as busy; Ping++ sends again.
    if (!seen.some(isAccepted)) seen = [...seen, ...(await sendUntilAccepted(probe, signed))]
  })
  if (!seen.some(isAccepted)) return fail(seen, (t) => t.duplicateRefused(answersOf(seen, t)))
  return judgeEffects(seen, effects, 1)
}

async function checkLater(probe: Probe): Promise<Finding> {
  const signed = probe.sign(textOf(probe.event()))
  let first: Seen = NOT_SENT
  // Its effect may come after its answer.
  await probe.effectsOf(async () => {
    first = await probe.send(signed)
  })
  let second: Seen = NOT_SENT
  const effects = await probe.effectsOf(async () => {
    second = await probe.send(signed)
  })
  const seen = [first, second]
  if (!isAccepted(second)) return fail(seen, (t) => t.duplicateRefused(answersOf(seen, t)))
  return judgeEffects(seen, effects, 0)
}

const NOT_SENT: Seen = { status: null, error: '' }

async function checkDropped(probe: Probe): Promise<Finding> {
  const signed = probe.sign(textOf(probe.event()))
  let seen: readonly Seen[] = []
  const effects = await probe.effectsOf(async () => {
    await probe.sendAndLeave(signed)
    seen = await sendUntilAccepted(probe, signed)
  })
  if (!seen.some(isAccepted)) return fail(seen, (t) => t.duplicateRefused(answersOf(seen, t)))
  return judgeEffects(seen, effects, 1)
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
  if (areAccepted) return unknown(seen, (t) => t.anyOrder(answersOf(seen, t)))
  return fail(seen, (t) => t.orderRefused(answersOf(seen, t)))
}

function asSent(object: object): object {
  return { ...object, status: 'sent', received: null }
}

async function expectAccepted(
  probe: Probe,
  text: string,
  name: 'large' | 'formatted',
): Promise<Finding> {
  const seen = await probe.send(probe.sign(text))
  if (isAccepted(seen)) return pass([seen], (t) => t.accepted(answersOf([seen], t)))
  return fail([seen], (t) => t.bodyRefused[name](answersOf([seen], t)))
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

/** Accepted duplicates: only a count shows whether one was applied. */
function judgeEffects(
  seen: readonly Seen[],
  effects: number | undefined,
  expected: number,
): Finding {
  if (effects === undefined) return unknown(seen, (t) => t.effectsUnseen(answersOf(seen, t)))
  if (effects === expected) return pass(seen, (t) => t.appliedOnce(answersOf(seen, t)))
  if (effects < expected) return unknown(seen, (t) => t.notCounted(answersOf(seen, t)))
  const times = effects + 1 - expected
  return fail(seen, (t) => t.appliedTwice(answersOf(seen, t), times))
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

function answersOf(seen: readonly Seen[], { and, noAnswer }: DoctorTexts): string {
  return seen
    .map(({ status, error }) => (status === null ? noAnswer(error) : `${status}`))
    .join(and)
}

function pass(seen: readonly Seen[], say: Finding['say']): Finding {
  return { verdict: 'pass', statuses: seen.map(({ status }) => status), say }
}

function fail(seen: readonly Seen[], say: Finding['say']): Finding {
  return { verdict: 'fail', statuses: seen.map(({ status }) => status), say }
}

function unknown(seen: readonly Seen[], say: Finding['say']): Finding {
  return { verdict: 'unknown', statuses: seen.map(({ status }) => status), say }
}
