import { createWebhooks, memoryInbox } from '@hongbao/core'
import { fetchWebhooks } from '@hongbao/core/fetch'
import { createTestKeys } from '@hongbao/core/testing'
import { createVerify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { checkWebhook, type WebhookCheck } from '../src/doctor/check-webhook.ts'

const keys = createTestKeys()
const privateKey = keys.privateKey

type App = (request: Request) => Promise<Response>

describe('an app that uses hongbao', () => {
  it('passes each check, and its effects are counted', async () => {
    let effects = 0
    const webhooks = createWebhooks({
      publicKey: keys.publicKey,
      inbox: memoryInbox(),
      logger: false,
    })
    webhooks.on('*', () => void (effects += 1))
    const target = fetchWebhooks(webhooks)
    const checks = await checkWebhook({ target, privateKey, effects: () => effects })
    expect(verdicts(checks)).toEqual({
      genuine: 'pass',
      forged: 'pass',
      tampered: 'pass',
      'duplicate-at-once': 'pass',
      'duplicate-later': 'pass',
      'answer-dropped': 'pass',
      'received-before-sent': 'unknown',
      'large-body': 'pass',
      'formatted-body': 'pass',
    })
  })
})

describe('an app of its own', () => {
  it('is judged by what can be seen: without a count, duplicates are unknown', async () => {
    const checks = await checkWebhook({ target: receiver(), privateKey })
    expect(verdicts(checks)).toMatchObject({
      genuine: 'pass',
      forged: 'pass',
      'duplicate-at-once': 'unknown',
      'duplicate-later': 'unknown',
      'answer-dropped': 'unknown',
    })
    expect(messageOf(checks, 'duplicate-later')).toContain('From outside it cannot be seen')
  })

  it('fails when a count shows that a duplicate was applied twice', async () => {
    let effects = 0
    const apply = () => void (effects += 1)
    const checks = await checkWebhook({
      target: receiver({ apply }),
      privateKey,
      effects: () => Promise.resolve(effects),
    })
    expect(verdicts(checks)).toMatchObject({
      'duplicate-at-once': 'fail',
      'duplicate-later': 'fail',
      'answer-dropped': 'fail',
    })
    expect(messageOf(checks, 'duplicate-at-once')).toContain('applied 2 times')
  })

  it.each<[string, Partial<Habits>, Partial<Record<WebhookCheck['name'], string>>]>([
    [
      'verifies nothing',
      { verifies: false },
      { forged: 'fail', tampered: 'fail', genuine: 'pass' },
    ],
    [
      'serialises again',
      { reserialises: true },
      { 'formatted-body': 'fail', 'large-body': 'pass' },
    ],
    ['reads 100 kB', { maxBytes: 102_400 }, { 'large-body': 'fail', 'formatted-body': 'pass' }],
    [
      'answers 409 to duplicates',
      { duplicateStatus: 409 },
      { 'duplicate-later': 'fail', 'duplicate-at-once': 'unknown' },
    ],
    ['knows one type', { types: ['red_envelope.sent'] }, { 'received-before-sent': 'fail' }],
    ['answers 500 to forgeries', { refusal: 500 }, { forged: 'pass', tampered: 'pass' }],
  ])('that %s is told so', async (_name, habits, expected) => {
    const checks = await checkWebhook({ target: receiver(habits), privateKey })
    expect(verdicts(checks)).toMatchObject(expected)
  })

  it('is checked with another event type, without the order of red envelopes', async () => {
    const target = receiver({ types: ['charge.succeeded'] })
    const checks = await checkWebhook({ target, privateKey, type: 'charge.succeeded' })
    expect(verdicts(checks)).not.toHaveProperty('received-before-sent')
    expect(verdicts(checks)).toMatchObject({ genuine: 'pass', 'formatted-body': 'pass' })
  })
})

describe('an app that refuses genuine notifications', () => {
  it('has another key: the sentence says so, and nothing else is judged', async () => {
    const other = createTestKeys()
    const checks = await checkWebhook({ target: receiver(), privateKey: other.privateKey })
    const [genuine, ...others] = checks
    expect(genuine).toMatchObject({ verdict: 'fail', statuses: [401] })
    expect(genuine?.message).toContain('hongbao-sandbox env')
    expect(new Set(others.map(({ verdict }) => verdict))).toEqual(new Set(['unknown']))
  })

  it('or does not run: the sentence has the reason', async () => {
    const checks = await checkWebhook({ target: 'http://127.0.0.1:1/webhooks', privateKey })
    expect(checks[0]).toMatchObject({ verdict: 'fail', statuses: [null] })
    expect(checks[0]?.message).toContain('127.0.0.1:1')
  })
})

describe('the sentences', () => {
  it('are in Chinese too', async () => {
    const checks = await checkWebhook({ target: receiver(), privateKey, language: 'zh' })
    expect(messageOf(checks, 'forged')).toBe('已拒绝：401。')
    for (const { title, message } of checks) expect(title + message).toMatch(/[\u4e00-\u9fff]/)
  })
})

/** How an app handles notifications. */
interface Habits {
  readonly apply: () => void
  readonly verifies: boolean
  readonly reserialises: boolean
  readonly maxBytes: number
  readonly duplicateStatus: number
  readonly refusal: number
  readonly types: readonly string[]
}

/** A receiver as a shop may have written it, with `node:crypto`. */
function receiver(habits: Partial<Habits> = {}): App {
  const { apply, verifies = true, reserialises = false, maxBytes = Infinity } = habits
  const { duplicateStatus = 200, refusal = 401, types } = habits
  const seen = new Set<string>()
  return async function receive(request) {
    const text = await request.text()
    if (Buffer.byteLength(text) > maxBytes) return new Response(null, { status: 413 })
    const verified = reserialises ? JSON.stringify(JSON.parse(text)) : text
    const signature = request.headers.get('x-pingplusplus-signature') ?? ''
    const verifier = createVerify('RSA-SHA256').update(verified)
    const isGenuine = !verifies || verifier.verify(keys.publicKey, signature, 'base64')
    if (!isGenuine) return new Response(null, { status: refusal })
    const { id, type } = JSON.parse(text) as { id: string; type: string }
    if (types?.includes(type) === false) return new Response(null, { status: 400 })
    const isDuplicate = seen.has(id)
    seen.add(id)
    apply?.()
    return new Response(null, { status: isDuplicate ? duplicateStatus : 200 })
  }
}

function verdicts(checks: readonly WebhookCheck[]): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]))
}

function messageOf(checks: readonly WebhookCheck[], name: WebhookCheck['name']): string {
  return checks.find((check) => check.name === name)?.message ?? ''
}
