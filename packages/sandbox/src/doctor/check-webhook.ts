import type { EventType } from '@hongbao/core'
import { readPrivateKey, type PrivateKeyInput } from '@hongbao/core/internal'
import { createSender, type Target } from '../delivery/target.ts'
import { CHECKS, notJudged, type Finding } from './checks.ts'
import { createProbe } from './probe.ts'
import { DOCTOR_TEXTS } from './texts.ts'

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
  const probe = createProbe({
    sender: createSender(target, allowRemote),
    key,
    type,
    object,
    effects,
    timeoutMs,
  })
  const texts = DOCTOR_TEXTS[language]
  const results: WebhookCheck[] = []
  let isAccepted = true
  for (const { name, make } of CHECKS) {
    if (name === 'received-before-sent' && !type.startsWith('red_envelope.')) continue
    // oxlint-disable-next-line no-await-in-loop -- one check after another: each counts effects
    const finding: Finding = isAccepted ? await make(probe) : notJudged
    const { verdict, statuses, say } = finding
    if (name === 'genuine') isAccepted = verdict === 'pass'
    results.push({ name, verdict, statuses, title: texts.titles[name], message: say(texts) })
  }
  return results
}
