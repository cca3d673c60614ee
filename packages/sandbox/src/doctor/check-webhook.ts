import type { EventType } from '@hongbao/core'
import { readPrivateKey, type PrivateKeyInput } from '@hongbao/core/internal'
import { explainNoAnswer } from '../delivery/post-error.ts'
import { createSender, type Target } from '../delivery/target.ts'
import { fill } from '../fill.ts'
import { CHECKS, NOT_JUDGED, type Finding, type WebhookCheckName } from './checks.ts'
import { Probe } from './probe.ts'
import TEXTS from './texts.json' with { type: 'json' }

export type { WebhookCheckName }

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the table
const NAMES = Object.keys(CHECKS) as WebhookCheckName[]

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

/** Options of {@link checkWebhook}. */
export interface CheckWebhookOptions {
  /** The app: a URL, or a function from `Request` to `Response`. */
  readonly target: Target
  /** Signs in Ping++'s place: the app must have its public half. PEM, or `{ path }`. */
  readonly privateKey: PrivateKeyInput
  /** Type of the notifications. Default: `'red_envelope.sent'`. */
  readonly type?: EventType | undefined
  /** Changes to `data.object` of each notification, such as an order that the app knows. Default: none. */
  readonly object?: object | undefined
  /**
   * Returns how often the app has applied an event so far, such as the number of rows that its handler
   * wrote. Without it, whether a duplicate was applied twice cannot be seen. Default: none.
   */
  readonly effects?: (() => number | Promise<number>) | undefined
  /** Language of the sentences. Default: `'en'`. */
  readonly language?: 'en' | 'zh' | undefined
  /** How long the app may take to answer, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number | undefined
  /** Allows a target on another machine. Default: false. */
  readonly allowRemote?: boolean | undefined
}

/**
 * Sends an app what Ping++, or an attacker, may send it, and judges the answers. Works with any app,
 * whatever it verifies signatures with. Takes a few seconds.
 *
 * @returns a result for each check, in the order of {@link WebhookCheckName}; `received-before-sent`
 * only for types of red envelopes. If genuine notifications are refused, the others are `unknown`.
 * @throws SandboxError `target-invalid`, `target-remote`; OptionError `key-…`
 */
export async function checkWebhook(options: CheckWebhookOptions): Promise<readonly WebhookCheck[]> {
  const { target, privateKey, type = 'red_envelope.sent', object, effects } = options
  const { timeoutMs = 10_000, allowRemote = false, language = 'en' } = options
  const key = readPrivateKey(privateKey, 'privateKey', true)
  const sender = createSender(target, allowRemote)
  const probe = new Probe({ sender, key, type, object, effects, timeoutMs })
  const results: WebhookCheck[] = []
  for (const name of NAMES) {
    if (name === 'received-before-sent' && !type.startsWith('red_envelope.')) continue
    const isJudged = results[0]?.verdict !== 'fail'
    // oxlint-disable-next-line no-await-in-loop -- one check after another: each counts effects
    const finding = isJudged ? await CHECKS[name](probe) : NOT_JUDGED
    const statuses = finding.seen.map(({ status }) => status)
    const message = writeMessage(finding, language)
    const title = TEXTS.titles[name][language]
    results.push({ name, verdict: finding.verdict, statuses, title, message })
  }
  return results
}

function writeMessage({ sentence, seen, times = 0 }: Finding, language: 'en' | 'zh'): string {
  const answers = seen.map(({ status, failure }) => {
    if (status !== null) return String(status)
    const reason = failure && explainNoAnswer(failure.code, failure.error, language)
    return fill(TEXTS.noAnswer[language], { reason: reason?.replace(/[.。]$/, '') ?? '' })
  })
  const listed = answers.join(language === 'zh' ? '、' : ', ')
  return fill(TEXTS.sentences[sentence][language], { answers: listed, times })
}
