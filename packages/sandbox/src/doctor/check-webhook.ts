import type { EventType } from '@hongbao/core'
import { readPrivateKey, type PrivateKeyInput } from '@hongbao/core/internal'
import { createSender, type Target } from '../delivery/target.ts'
import { CHECKS, NOT_JUDGED, type WebhookCheck, type WebhookCheckName } from './checks.ts'
import { createProbe } from './probe.ts'
import { DOCTOR_TEXTS, writeSentence } from './texts.ts'

export type { WebhookCheck, WebhookCheckName }

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
  const probe = createProbe({
    sender: createSender(target, allowRemote),
    key,
    type,
    object,
    effects,
    timeoutMs,
  })
  const results: WebhookCheck[] = []
  for (const [name, make] of CHECKS) {
    if (name === 'received-before-sent' && !type.startsWith('red_envelope.')) continue
    const isJudged = results[0]?.verdict !== 'fail'
    // oxlint-disable-next-line no-await-in-loop -- one check after another: each counts effects
    const { verdict, seen, sentence, times } = isJudged ? await make(probe) : NOT_JUDGED
    const statuses = seen.map(({ status }) => status)
    const title = DOCTOR_TEXTS[language].titles[name]
    const message = writeSentence(sentence, seen, times, language)
    results.push({ name, verdict, statuses, title, message })
  }
  return results
}
